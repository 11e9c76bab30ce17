"""What a frame must have outlived before it is forwarded."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Durability"]


class Durability(StrEnum):
    """When a frame may be forwarded."""

    ASYNC = "async"
    """At once: it is recorded a moment later, unless the recorder is killed before."""
    PROCESS = "process"
    """When the kernel has it: whatever happens to the process, it is recorded."""
    POWER = "power"
    """When the disk has it: whatever happens to the machine, it is recorded."""
