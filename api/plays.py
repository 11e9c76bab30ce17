"""What came of playing one half of a recording to live peers."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..judge.reports import Wanted
from ..match.difference import Difference
from ..net.amounts import one_of
from ..replay.telling import write_plays
from ..report.plays import Played, Plays, PlaysVerdict

__all__ = ["Difference", "PlayReport", "Played", "report_of"]


@dataclass(frozen=True, slots=True)
class PlayReport:
    """What came of a replay, or of a mock; `str()` is what the command prints of it."""

    path: Path
    """Of the recording that was played."""
    verdict: PlaysVerdict
    """`matched`; or `differs`: a session did, was not played, or none was."""
    exit_code: int
    """Of the command: 0 matched, 1 differs."""
    sessions: tuple[Played, ...]
    """`session`, `verdict`, `differences` and more of each."""
    output: Path | None
    """Where a replay recorded what was said; None: nowhere."""
    _plays: Plays = field(repr=False, compare=False)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Those of all sessions."""
        return tuple(found for session in self.sessions for found in session.differences)

    def report(self, format: Literal["text", "json"] = "text") -> str:  # noqa: A002
        """Return it as the command's `--format` writes it."""
        one_of(format, "format", ("text", "json"))
        out = io.StringIO()
        write_plays(self._plays, Wanted(format, None), out)
        return out.getvalue()

    def __str__(self) -> str:
        return self.report()


def report_of(plays: Plays) -> PlayReport:
    """Return the same as the library has it."""
    return PlayReport(
        Path(plays.recording),
        plays.verdict,
        0 if plays.verdict == "matched" else 1,
        tuple(plays.sessions),
        None if plays.output is None else Path(plays.output),
        plays,
    )
