"""What part of a recording, and of a contract, a verdict is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["EVERYTHING", "MAX_FINDINGS", "Scope", "SessionRange"]

MAX_FINDINGS: Final = 100
"""Findings of one code kept for one session, unless told otherwise; the rest is counted."""


@dataclass(frozen=True, slots=True)
class SessionRange:
    """Sessions by id, from `first` to `last`, which belongs to it; None: to the latest."""

    first: int
    last: int | None

    def __contains__(self, session_id: int) -> bool:
        return self.first <= session_id and (self.last is None or session_id <= self.last)

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"{self.first}-{'' if self.last is None else self.last}"


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the sessions, of the codes and of the findings; by default all of them."""

    codes: tuple[str, ...] = ()
    """Finding codes and dotted prefixes of them; empty: all codes."""
    sessions: tuple[SessionRange, ...] = ()
    """Empty: all sessions."""
    max_findings: int = MAX_FINDINGS
    """Findings of one code kept for one session."""

    def judges(self, session_id: int) -> bool:
        """Say whether a session is one of those asked about."""
        return not self.sessions or any(session_id in each for each in self.sessions)

    def wants(self, code: str) -> bool:
        """Say whether findings of `code` count. That nothing was judged always does."""
        return (
            not self.codes
            or code == "contract.vacuous"
            or any(code == each or code.startswith(each + ".") for each in self.codes)
        )


EVERYTHING: Final = Scope()
