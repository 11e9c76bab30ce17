"""Proxies started in one of the modes of durability, and what is done after their death."""

from __future__ import annotations

from pathlib import Path

from .proxying import ProxyProcess, start, wsrec

__all__ = ["MODES", "recover", "start_in"]

_HAS_MODES = "--durability" in wsrec("proxy", "--help").stdout
MODES = ("async", "process", "power") if _HAS_MODES else ("async",)


def start_in(mode: str, upstream: str, recording: Path, *settings: str) -> ProxyProcess:
    """Start `wsrec proxy` in a mode."""
    chosen = ("--durability", mode) if _HAS_MODES else ()
    return start(upstream, recording, *chosen, *settings)


def recover(mode: str, recording: Path) -> None:
    """Bring what a killed proxy has left into the recording; in async there is nothing to do."""
    if mode == "async":
        return
    done = wsrec("recover", str(recording))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1, done.stdout
