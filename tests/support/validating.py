"""What `wsrec validate` says of a recording, as its users run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.proxying import wsrec

__all__ = ["passed"]


def passed(recording: Path, pack: str) -> list[dict[str, Any]]:
    """Return the judged sessions of a recording in which a pack must have nothing to find."""
    ended = wsrec("validate", "-c", pack, "--format", "json", str(recording))
    assert ended.stderr == ""
    (judged,) = json.loads(ended.stdout)["recordings"]
    found = [*judged["findings"], *(each for one in judged["sessions"] for each in one["findings"])]
    assert [each["message"] for each in found] == []
    assert (ended.returncode, judged["verdict"], judged["contract"]["name"]) == (0, "pass", pack)
    sessions: list[dict[str, Any]] = judged["sessions"]
    return sessions
