"""What the commands say of a recording that is kept for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "outputs"]

FOLDER = Path(__file__).parents[1] / "recordings"
"""A folder for each format, in it a recording and what is expected of it, by name."""


def outputs(path: Path) -> dict[str, Any]:
    """Return what is read from a recording, and how it is judged, by command."""
    verdict = json.loads(_wsrec(path, "validate")[0])
    (judged,) = verdict["recordings"]
    return {
        "sessions": _wsrec(path, "sessions"),
        "messages": _wsrec(path, "show"),
        "frames": _wsrec(path, "show", "--frames"),
        "verify": _wsrec(path, "verify"),
        "verdicts": {str(each["id"]): each["verdict"] for each in judged["sessions"]},
        "verdict": verdict["verdict"],
    }


def _wsrec(path: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "wsrec", *words, path.name, "--format", "json"],
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr, done.stderr
    return [done.stdout] if words == ("validate",) else done.stdout.splitlines()
