"""Proxies started in one of the modes of durability, and what is done after their death."""

from __future__ import annotations

from pathlib import Path

from .proxying import ProxyProcess, start, wsrec

__all__ = ["MODES", "recover", "start_in"]

MODES = ("async", "process", "power")


def start_in(mode: str, upstream: str, recording: Path, *settings: str) -> ProxyProcess:
    """Start `wsrec proxy` in a mode."""
    return start(upstream, recording, "--durability", mode, *settings)


def recover(mode: str, recording: Path) -> None:
    """Bring what a killed proxy has left into the recording; in async there is nothing to do."""
    if mode == "async":
        return
    done = wsrec("recover", str(recording))
    assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stderr)
    assert done.stdout.count("\n") == 1, done.stdout
