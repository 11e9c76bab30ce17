"""Two sessions held against each other, read again while they are: no session is in memory."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final, Literal

from ..judge.progress import Tick
from ..match.align import NOBODY, align
from ..match.compare import Comparer, Parsed
from ..match.contrast import KINDS, Changed, Divergence, Kind, Recut, Row, SessionContrast
from ..match.difference import Change
from ..match.envelope import Envelope
from ..match.excerpt import excerpts
from ..match.ids import Ids
from ..match.line import Line
from ..match.reading import leaves
from ..match.rules import Matching
from ..schemas.pointers import Pointer
from .half import Half, Heard

__all__ = ["Pair"]

Alone = Literal["missing", "extra"]

_AROUND: Final = 3
"""Messages shown before and after the first that differs."""
_OF_SERIES: Final = 3
"""Messages shown of several that are missing, or extra, one behind the other."""
_EFFORT: Final = 20_000
"""Messages of one session compared to find out which of several are most alike."""
_TEXT: Final = 1 << 20
"""Characters of a text in pieces among which the first that differs is looked for."""
_TICK: Final = 500


class Pair:
    """Two sessions that are held against each other."""

    def __init__(
        self, a: Half, b: Half, matching: Matching, comparer: Comparer, around: Ids, most: int
    ) -> None:
        """`around`: ids of all sessions; `most`: differences of one kind that are kept."""
        self._a = a
        self._b = b
        self._matching = matching
        self._comparer = comparer
        self._ids = Ids(around)
        self._most = most
        self._effort = _EFFORT
        self._equal = 0
        self._counts: Counter[Kind] = Counter()
        self._kept: list[Divergence] = []
        self._series: dict[Alone, list[range]] = {"missing": [], "extra": []}
        """Items of A, and of B, that are alone; those without a gap between them are one."""
        self._recut: list[Recut] = []
        self._tail = 0
        """Items of A from here on have no partner."""

    def contrast(self, tick: Tick) -> SessionContrast:
        """Return what differs; raises RecordingError."""
        a, b = self._a, self._b
        envelope = Envelope(self._matching, a.session, b.session)
        self._ids.take(envelope.bindings())
        notes: list[str] = []
        first: tuple[Row, ...] = ()
        if a.outline.said == b.outline.said:
            self._equal = len(a.outline)
        else:
            first = self._messages(notes, tick)
        alone = *self._alone("missing", a), *self._alone("extra", b)
        messages, self._kept = [*self._kept, *alone], []
        self._around("handshake", envelope.handshake(self._ids))
        handshake, self._kept = self._kept, []
        self._around("close", envelope.close())
        for name, half in (("A", a), ("B", b)):
            if not half.session.clean:
                notes.append(f"no end was recorded in {name}: compared as far as it went")
            gap = half.gap()
            if gap is not None:
                notes.append(f"{name} lacks frames from {gap} on: what they said counts as missing")
        return SessionContrast(
            a.session.id,
            b.session.id,
            a.session.target,
            self._equal,
            {kind: self._counts[kind] for kind in KINDS},
            (*handshake, *sorted(messages, key=_kept_order), *self._kept),
            first,
            tuple(self._ids),
            tuple(self._recut),
            (a.outline.heartbeats, b.outline.heartbeats),
            tuple(notes),
        )

    def _around(self, kind: Kind, changes: Iterator[Change]) -> None:
        found = tuple(map(_changed, changes))
        if found:
            self._counts[kind] += 1
            self._kept.append(Divergence(kind, changes=found))

    def _messages(self, notes: list[str], tick: Tick) -> tuple[Row, ...]:
        """Compare the messages; return the first difference with what is around it."""
        any_order = self._matching.any_order
        ours, theirs = (half.outline.items(any_order=any_order) for half in (self._a, self._b))
        made = align(ours, theirs, self._likeness)
        if not made.exact:
            notes.append("too different to be aligned exactly: fewer messages may be missing")
        self._tail = max((i for i, j in enumerate(made.left, 1) if j != NOBODY), default=0)
        before: deque[tuple[Kind | None, int | None, int | None]] = deque(maxlen=_AROUND)
        context: list[tuple[Kind | None, int | None, int | None]] = []
        for number, (i, j) in enumerate(made.rows()):
            if not number % _TICK:
                tick(_TICK)
            kind: Kind | None
            if i is None:
                if j is None or made.right[j] != NOBODY:
                    continue  # it is told where its partner is
                kind = self._count("extra", j)
            elif made.left[i] == NOBODY:
                kind = None if self._spared(i) else self._count("missing", i)
            else:
                partner = made.left[i]
                other = self._b.find(partner) if j is None else self._b.take(partner)
                kind = self._both(i, partner, self._a.take(i), other, moved=i in made.moved)
                j = partner
            if context:
                if len(context) < len(before) + 1 + _AROUND:
                    context.append((kind, i, j))
            elif kind is None:
                before.append((kind, i, j))
            else:
                context = [*before, (kind, i, j)]
        return tuple(
            Row(
                kind,
                None if i is None else self._a.said(i),
                None if j is None else self._b.said(j),
            )
            for kind, i, j in context
        )

    def _likeness(self, i: int, j: int) -> float:
        if self._effort <= 0:
            return 0.0
        self._effort -= 1
        ours, theirs = self._a.find(i), self._b.find(j)
        line = _line(ours)
        return self._comparer.compare(line, ours.parsed, theirs.parsed, self._ids).likeness

    def _spared(self, i: int) -> bool:
        """Return whether an item of A may be missing."""
        allowed = self._matching.unconsumed
        return bool(allowed) and i >= self._tail and self._a.find(i).parsed.event in allowed

    def _count(self, kind: Alone, item: int) -> Kind:
        """Take an item that is alone."""
        self._counts[kind] += 1
        found = self._series[kind]
        if found and found[-1].stop == item:
            found[-1] = range(found[-1].start, item + 1)
        elif len(found) < self._most:
            found.append(range(item, item + 1))
        return kind

    def _alone(self, kind: Alone, half: Half) -> Iterator[Divergence]:
        """Yield each series of what is missing, or extra, as one."""
        for items in self._series[kind]:
            first, *then = map(half.said, items[:_OF_SERIES])
            last = half.said(items[-1]) if then else None
            a, b = (first, None) if kind == "missing" else (None, first)
            yield Divergence(kind, a, b, count=len(items), then=tuple(then), last=last)

    def _both(self, i: int, j: int, ours: Heard, theirs: Heard, *, moved: bool) -> Kind | None:
        """Compare two messages that are partners."""
        a, b = self._a.outline, self._b.outline
        found = self._comparer.compare(_line(ours), ours.parsed, theirs.parsed, self._ids)
        if moved and found.changes:  # they differ in ids that are known: it is another message
            self._count("extra", j)
            return None if self._spared(i) else self._count("missing", i)
        self._ids.take(found.bindings)
        beside = () if found.changes else self._beside(i, j, ours, theirs)
        recut = a.texts.get(i) != b.texts.get(j)
        if not (found.changes or beside or recut or moved):
            self._equal += 1
            if a.pieces[i] != b.pieces[j] and len(self._recut) < self._most:
                place = ours.message.seq, a.pieces[i], theirs.message.seq, b.pieces[j]
                self._recut.append(Recut(ours.parsed.event, *place))
            return None
        kind: Kind = "reordered" if moved else "changed"
        self._counts[kind] += 1
        if self._counts[kind] <= self._most:
            changes = list(map(_changed, (*found.changes, *beside)))
            if recut:
                pointer = _place_of_text(ours.parsed)
                texts = self._a.text(i, _TEXT), self._b.text(j, _TEXT)
                changes.append(_changed(Change(pointer, *texts)))
            kept = Divergence(kind, self._a.said(i), self._b.said(j), tuple(changes))
            self._kept.append(kept)
        return kind

    def _beside(self, i: int, j: int, ours: Heard, theirs: Heard) -> tuple[Change, ...]:
        """Compare what the pieces of two texts hold beside them, up to the first that differs."""
        for left, right in zip_longest(self._a.stretches(i), self._b.stretches(j)):
            # Where one has more of them, its next is another than the last that both have.
            ours, theirs = left or ours, right or theirs
            found = self._comparer.compare(_line(ours), ours.parsed, theirs.parsed, self._ids)
            if found.changes:
                return found.changes
            self._ids.take(found.bindings)
        return ()


def _kept_order(kept: Divergence) -> int:
    said = kept.a or kept.b
    return 0 if said is None else said.seq


def _line(heard: Heard) -> Line:
    message = heard.message
    return Line(message.seq, message.sender, message.at_ns, heard.parsed.said)


def _changed(change: Change) -> Changed:
    return Changed(change.pointer, *excerpts(change.recorded, change.live), change.note)


def _place_of_text(parsed: Parsed) -> str:
    """Return where the text of a piece is."""
    stream, value = parsed.stream, parsed.value
    if stream is None or not isinstance(value, tuple):
        return ""
    for place, each in leaves(value[0]):
        if each == stream.text and Pointer.parse(place).get(stream.rest) != each:
            return place
    return ""
