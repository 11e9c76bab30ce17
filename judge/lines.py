"""The lines of `wsrec show` and `wsrec tail`: items, findings, verdicts; for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from ..checks.finding import Finding
from ..checks.outcome import Outcome, SessionOutcome
from ..report.listing import (
    frame_json,
    frame_line,
    message_json,
    message_line,
    recording_ended,
    recording_ended_json,
    session_began,
    session_ended,
    session_json,
)
from ..report.live import (
    contract_json,
    contract_line,
    finding_json,
    finding_line,
    verdict_json,
    verdict_line,
)
from ..store.model import Frame, Message
from ..store.news import Began, Ended, RecordingEnded

if TYPE_CHECKING:
    from .choice import Chosen

__all__ = ["Lines", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a recording is shown, and how."""

    format: Literal["text", "json"] = "text"
    """Lines for people, or a line of JSON for each."""
    session_id: int | None = None
    """The only session that is shown; None: all are."""
    frames: bool = False
    """Whether frames are shown as they crossed the wire, instead of messages."""
    width: int | None = None
    """A line's data is cut to so many characters; None: it is not."""


class Lines:
    """Writes a line for each thing it is told."""

    def __init__(self, out: TextIO, view: View, *, numbered: bool = False) -> None:
        """Write to `out`; `numbered`: with the number of the session."""
        self._out = out
        self._json = view.format == "json"
        self._numbered = numbered
        self._width = view.width

    def item(self, item: Began | Ended | RecordingEnded | Message | Frame) -> None:
        """Write what was recorded."""
        if isinstance(item, RecordingEnded):
            self._print(recording_ended_json(item.at) if self._json else recording_ended(item.at))
        elif isinstance(item, Began | Ended):
            began = isinstance(item, Began)
            write = session_began if began else session_ended
            event = "began" if began else "ended"
            self._print(session_json(item.session, event) if self._json else write(item.session))
        elif self._json:
            self._print(message_json(item) if isinstance(item, Message) else frame_json(item))
        elif isinstance(item, Message):
            self._of_session(item.session_id, message_line(item, self._width))
        else:
            self._of_session(item.session_id, frame_line(item, self._width))

    def contract(self, chosen: Chosen) -> None:
        """Write by which contract it is judged, and why by that one."""
        write = contract_json if self._json else contract_line
        self._print(write(chosen.contract, chosen.why))

    def said(self, said: Iterable[Finding | SessionOutcome]) -> None:
        """Write what is said of the recording, as soon as it is."""
        for each in said:
            if isinstance(each, SessionOutcome):
                self.verdict(each)
            elif self._json:
                self._print(finding_json(each))
            else:
                self._of_session(each.session, finding_line(each))

    def verdict(self, outcome: SessionOutcome | Outcome) -> None:
        """Write what has become of a session, or of all."""
        self._print(verdict_json(outcome) if self._json else verdict_line(outcome))

    def _of_session(self, session_id: int | None, line: str) -> None:
        numbered = self._numbered and session_id is not None
        self._print(f"{session_id:5d} {line}" if numbered else line)

    def _print(self, line: str) -> None:
        print(line, file=self._out)
