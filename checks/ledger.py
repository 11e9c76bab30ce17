"""One cause, one finding: of findings that may speak of the same event the most specific stays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ..schemas.codes import SEVERITIES, Severity
from .cause import Cause
from .finding import Finding, Severities

__all__ = ["Ledger"]

_Rule = tuple[str, str | None, str]
"""A code, the kind of span, and which rule of that code."""

MAX_HELD: Final = 1_000
"""Findings kept back in one session; beyond, the oldest is said without waiting longer."""
MAX_TOLD: Final = 1_000
"""Findings said that later ones are compared with."""

_RANK: Final = {
    "missing": 2, "fold": 3, "order": 4, "count": 4, "first": 5, "last": 5, "machine": 6,
    "monotonic": 7,
}  # fmt: skip
"""The last word of a code, and how little it says about what went wrong; others: 1."""
_HELD: Final = frozenset({"fold", "machine", "monotonic"})
"""What shows at once, but waits for what only the end shows: a span that nobody opened."""
_SURPLUS: Final = frozenset({"span.after_close", "span.reopened", "span.unopened"})
"""What is said of an event that came once more than it should."""
_AGAIN: Final = frozenset({"span.reopened", "span.unclosed"})
"""What is said of one that opened a span again, which then had one end too few."""


def _rank(found: Finding) -> int:
    scope, _, rule = found.code.partition(".")
    if found.cause is not None and found.cause.rule:
        rule = "order"
    return 0 if scope == "event" else _RANK.get(rule, 1)


def _weight(found: Finding) -> tuple[int, int]:
    return _rank(found), SEVERITIES.index(found.severity)


def _waits(found: Finding) -> bool:
    """Say whether what only the end shows may account for it: that an event `between` is lost."""
    cause = found.cause
    return cause is not None and (
        found.code.partition(".")[2] in _HELD or cause.rule.startswith("between ")
    )


def _rule(found: Finding) -> _Rule:
    return found.code, found.span, "" if found.cause is None else found.cause.rule


@dataclass(slots=True)
class _Told:
    cause: Cause
    rule: _Rule
    about: tuple[int | None, str | None]
    """Frame and name of the event at which it is shown."""
    rank: int
    key: str | None
    severity: Severity
    place: int | None = None
    """Where it stands among what is said at the end."""
    used: dict[_Rule, int] = field(default_factory=dict)
    """How many events it has accounted for, by the rule that missed them."""

    def echoes(self, found: Finding) -> bool:
        """Say whether a finding says the same of the same event, perhaps for another span."""
        codes = {self.rule[0], found.code}
        alike = len(codes) == 1 or codes <= _SURPLUS or codes == _AGAIN
        return alike and self.about == (found.seq, found.event)

    def joins(self, found: Finding) -> bool:
        """Say whether one event would have closed what this lacks and opened what that lacks."""
        ours, theirs = self.cause.names, None if found.cause is None else found.cause.names
        return (
            {self.rule[0], found.code} == {"span.unclosed", "span.unopened"}
            and ours is not None
            and theirs is not None
            and (ours <= theirs or theirs <= ours)
        )


class Ledger:
    """What was said of one session, and what waits to be said."""

    def __init__(self, severities: Severities) -> None:
        self._severities = severities
        self._told: deque[_Told] = deque(maxlen=MAX_TOLD)
        self._held: deque[Finding] = deque()

    def sift(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """Yield, as the contract weighs it, what need not wait."""
        for each in found:
            weighed = self._severities.apply(each)
            if weighed is None:
                continue
            if not _waits(weighed):
                yield from self._say(weighed)
                continue
            self._held.append(weighed)
            if len(self._held) > MAX_HELD:
                yield from self._say(self._held.popleft())

    def settle(self, found: Iterable[Finding]) -> list[Finding]:
        """Return what the end of the session shows, and what waited for it."""
        last = [self._severities.apply(each) for each in found]
        pool = [*self._held, *(each for each in last if each is not None)]
        self._held.clear()
        said: list[Finding] = []
        for each in sorted(pool, key=_weight):
            said.extend(self._say(each, said))
        return said

    def _say(self, found: Finding, said: list[Finding] | None = None) -> list[Finding]:
        reasons = self._reasons(found)
        if reasons is None:
            self._note(found, None if said is None else len(said))
            return [found]
        # What else follows from the same event may show more of this than of what was said.
        self._note(found, reasons[0].place)
        for place in (told.place for told in reasons):
            if said is not None and place is not None and found.nearest is not None:
                known = said[place].nearest
                if known is not None and found.nearest in known:
                    continue
                near = f"{known}; {found.nearest}" if known else found.nearest
                said[place] = replace(said[place], nearest=near)
        return []

    def _note(self, found: Finding, place: int | None = None) -> None:
        if found.cause is not None:
            rule, about, rank = _rule(found), (found.seq, found.event), _rank(found)
            told = _Told(found.cause, rule, about, rank, found.key, found.severity, place)
            self._told.append(told)

    def _reasons(self, found: Finding) -> list[_Told] | None:
        """Return what was said that accounts for a finding; None: not all of it is."""
        cause, rank, rule = found.cause, _rank(found), _rule(found)
        if cause is None or rank == 0:
            return None
        wanted, reasons = cause.number, []
        for told in self._told:
            if (
                told.rule == rule  # what comes by the thousand is all of one rule
                or not told.cause.meets(cause)
                # Two spans of a kind are two things.
                or (told.rule[1] == found.span is not None and told.key != found.key)
                # What is lacking is told by what is lacking; only a bad event tells more of it,
                # or the same being lacked by two kinds of span that one event began, or joined.
                or (
                    told.rank > (0 if rank <= 2 else rank)
                    and not told.echoes(found)
                    and not told.joins(found)
                )
                or SEVERITIES.index(told.severity) > SEVERITIES.index(found.severity)
            ):
                continue
            left = told.cause.number - told.used.get(rule, 0)
            if left > 0:
                reasons.append((told, min(left, wanted)))
                wanted -= reasons[-1][1]
            if wanted <= 0:
                for each, number in reasons:
                    each.used[rule] = each.used.get(rule, 0) + number
                return [each for each, _ in reasons]
        return None
