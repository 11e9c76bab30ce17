"""What a message, or a part of one, is when no event can be read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["JsonReader", "Undecodable"]


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a message, or a part of it, is not an event."""

    reason: str


JsonReader = Callable[[str], object]
"""Reads one JSON text strictly: the value, or `Undecodable`; never raises."""
