"""Findings by cause: what every format says of a group of them, in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ..checks.finding import Finding
from ..schemas.codes import CODES, SEVERITIES, Severity

__all__ = ["Group", "by_cause", "details", "place", "plural", "ranges", "read_on", "tally"]


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one severity, one code and one event."""

    severity: Severity
    code: str
    event: str
    """Empty where the findings are about no event."""
    findings: tuple[Finding, ...]
    """Of different sessions first, so that the first few show how it differs between them."""

    @property
    def sessions(self) -> list[int]:
        """The sessions concerned, by id."""
        return sorted({found.session for found in self.findings if found.session is not None})

    @property
    def meaning(self) -> str:
        """What the code means, in one line."""
        return CODES[self.code].meaning


def by_cause(findings: Iterable[Finding]) -> list[Group]:
    """Return findings by cause, the gravest first, then by code and event."""
    groups: dict[tuple[int, str, str], list[Finding]] = {}
    for found in findings:
        key = SEVERITIES.index(found.severity), found.code, found.event or ""
        groups.setdefault(key, []).append(found)
    return [
        Group(SEVERITIES[rank], code, event, tuple(_spread(group)))
        for (rank, code, event), group in sorted(groups.items())
    ]


def _spread(group: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first finding of each session, then the second of each, and so on."""
    turns: dict[int, list[Finding]] = {}
    so_far: dict[int | None, int] = {}
    for found in group:
        turn = so_far[found.session] = so_far.get(found.session, 0) + 1
        turns.setdefault(turn, []).append(found)
    for turn in sorted(turns):
        yield from turns[turn]


def details(found: Finding) -> Iterator[tuple[str, str]]:
    """Yield what the finding's message does not say already: a word for it, and the text."""
    for name in ("expected", "seen", "nearest"):
        text: str | None = getattr(found, name)
        if text and text not in found.message and f"{name} " not in found.message:
            yield name, text


def place(found: Finding) -> str:
    """Return where a finding shows, with a colon behind it; nothing for a whole recording."""
    if found.session is None:
        return ""
    frame = "" if found.seq is None else f" frame {found.seq}"
    return f"session {found.session}{frame}: "


def read_on(code: str) -> str:
    """Return the command that says more about a finding code."""
    return f"wsrec explain {code}"


def plural(number: int, word: str) -> str:
    """Return `1 session` or `1,000 sessions`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def tally(findings: Iterable[Finding]) -> str:
    """Return `2 errors, 1 warning`; empty for no findings."""
    numbers = dict.fromkeys(SEVERITIES, 0)
    for found in findings:
        numbers[found.severity] += 1
    words = {"error": "error", "warning": "warning", "info": "remark"}
    return ", ".join(plural(number, words[each]) for each, number in numbers.items() if number)


def ranges(ids: Iterable[int], limit: int = 6) -> str:
    """Return sorted ids as `1-3, 7`; of more than `limit` parts the first and an ellipsis."""
    parts = []
    for _, run in groupby(enumerate(ids), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        first, last = numbers[0], numbers[-1]
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ", ".join([*parts[:limit], *["…"] * (len(parts) > limit)])
