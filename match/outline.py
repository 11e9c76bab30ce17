"""A session in a few numbers for each message, so that a long one can be aligned in memory."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from ..checks.inputs import MessageLike
from ..schemas.model import Contract
from ..wire.utterance import Utterance
from .align import Items
from .compare import Comparer, Parsed, Stream
from .contrast import Measure
from .delays import Delays
from .heartbeats import Heartbeat, Watch
from .line import Role
from .rules import Matching
from .skeleton import Skeleton, digest, within

__all__ = ["MAX_OPEN", "Outline", "Outliner", "uttered"]

MAX_OPEN: Final = 10_000
"""Texts that may come in pieces at once; when there are more, the one that was silent longest is
taken for complete."""


def uttered(message: MessageLike) -> Utterance:
    """Return a recorded message as an utterance; how it was cut into frames is not compared."""
    return Utterance(message.kind, message.data)


def _digest() -> blake2b:
    return blake2b(digest_size=16)


@dataclass(slots=True)
class _Text:
    """A text that comes in pieces."""

    item: int
    asked_ns: int
    at_ns: int
    event: str
    key: int
    """Of what the pieces hold beside their text: see `beside`."""
    rest: object
    """Of the last piece."""
    steps_ns: int = 0
    """The sum of the steps to its pieces but the first."""
    hash: blake2b = field(default_factory=_digest)


class Outline:
    """The messages of a session; the pieces of one text are one, where the first of them is."""

    def __init__(self) -> None:
        self.seqs = array("q")
        """The frame that completed each message, or the first piece."""
        self.last_seqs = array("q")
        """That of the last piece."""
        self.pieces = array("q")
        self.keys = array("q")
        self.kinds = array("q")
        self.voices = array("b")
        self.times_ns = array("q")
        self.texts: dict[int, bytes] = {}
        """Digests of what pieces add up to."""
        self.stretches: dict[int, array[int]] = {}
        """Of texts: each piece, but the first, that has something beside its text that the one
        before has not."""
        self.opening = 0
        """The key of the client's first message; 0: it said nothing."""
        self.said = b""
        """Equal for sessions in which the same was said, byte for byte."""
        self.heartbeats = 0
        """How many there were, and answers to them, all of which are left out."""
        self.delays = Delays()

    def __len__(self) -> int:
        return len(self.seqs)

    def items(self, *, any_order: bool) -> Items:
        """Return what the session is aligned by."""
        return Items(self.keys, self.kinds, self.voices, self.times_ns, any_order)


class Outliner:
    """Makes the outline of one session, message by message."""

    def __init__(
        self, matching: Matching, comparer: Comparer, heartbeats: tuple[Heartbeat, ...] = ()
    ) -> None:
        """`heartbeats`: those of the session, which are left out."""
        self._heartbeats = Watch(heartbeats)
        self._skeleton = Skeleton(matching)
        self._comparer = comparer
        self._ends = _ends(matching.contract)
        self._outline = Outline()
        self._open: OrderedDict[tuple[object, ...], _Text] = OrderedDict()
        self._asked_ns = 0
        self._before_ns = 0
        """When the message before was there."""
        self._last: tuple[str, Measure] | None = None
        """What the server said last, since the client spoke."""
        self._said = _digest()

    def add(self, message: MessageLike) -> None:
        """Take the next message."""
        parsed = self._comparer.parse(message.sender, uttered(message))
        if self._heartbeats.take(message.sender, parsed) is not None:
            self._outline.heartbeats += 1
            return
        self._note(message)
        if parsed.stream is None:
            self._end_of(parsed)
            self._item(message, parsed, self._skeleton.key(parsed))
        else:
            self._piece(message, parsed, parsed.stream)
        if message.sender == "client":
            self._end_answer()
            self._asked_ns = message.at_ns
        self._before_ns = message.at_ns

    def outline(self) -> Outline:
        """Return the outline: there are no more messages."""
        while self._open:
            self._complete(next(iter(self._open)))
        self._end_answer()
        self._outline.said = self._said.digest()
        return self._outline

    def _note(self, message: MessageLike) -> None:
        data = message.data
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        self._said.update(f"{message.sender} {message.kind} {len(raw)}\n".encode())
        self._said.update(raw)

    def _item(self, message: MessageLike, parsed: Parsed, key: int) -> None:
        outline = self._outline
        outline.seqs.append(message.seq)
        outline.last_seqs.append(message.seq)
        outline.pieces.append(1)
        outline.keys.append(key)
        outline.kinds.append(_kind(message.sender, parsed.event, parsed.stream is not None))
        outline.voices.append(message.sender == "server")
        outline.times_ns.append(message.at_ns)
        if message.sender == "client":
            outline.opening = outline.opening or key
        elif parsed.event is not None:
            measure: Measure = "step" if parsed.stream is None else "first"
            step_ns, asked_ns = message.at_ns - self._before_ns, message.at_ns - self._asked_ns
            outline.delays.add(parsed.event, measure, step_ns, asked_ns)
            self._last = parsed.event, measure

    def _piece(self, message: MessageLike, parsed: Parsed, stream: Stream) -> None:
        text = self._open.get(stream.key)
        rest = self._comparer.rest(parsed, stream)
        if text is None:
            if len(self._open) >= MAX_OPEN:
                self._complete(next(iter(self._open)))
            key = self._skeleton.key(parsed)
            place = len(self._outline)
            # Only what the server says is timed.
            event = parsed.event if message.sender == "server" else None
            text = _Text(place, self._asked_ns, message.at_ns, event or "", key, rest)
            self._open[stream.key] = text
            self._item(message, parsed, key)
        else:
            self._open.move_to_end(stream.key)
            text.at_ns = message.at_ns
            text.steps_ns += message.at_ns - self._before_ns
            if text.event:
                self._last = text.event, "rest"
            self._outline.pieces[text.item] += 1
            self._outline.last_seqs[text.item] = message.seq
            if not within(rest, text.rest):
                text.key = digest(text.key, rest)
                self._outline.stretches.setdefault(text.item, array("q")).append(message.seq)
            text.rest = rest
        text.hash.update(stream.text.encode("utf-8", "surrogatepass"))

    def _end_of(self, parsed: Parsed) -> None:
        """Complete the texts whose span an event closes: the next one may have the same key."""
        for span in self._ends.get(parsed.event or "", ()):
            ended = [
                key
                for key in self._open
                if key[0] == span and all(each is None or each in parsed.keys for each in key[2:])
            ]
            for key in ended:
                self._complete(key)

    def _complete(self, key: tuple[object, ...]) -> None:
        text = self._open.pop(key)
        outline = self._outline
        outline.texts[text.item] = text.hash.digest()
        outline.keys[text.item] = digest(text.key, text.hash.hexdigest())
        if text.event and outline.pieces[text.item] > 1:
            asked_ns = text.at_ns - text.asked_ns
            outline.delays.add(text.event, "rest", text.steps_ns, asked_ns)

    def _end_answer(self) -> None:
        if self._last is not None:
            self._outline.delays.end(*self._last)
        self._last = None


@lru_cache(4096)
def _kind(sender: Role, event: str | None, piece: bool) -> int:
    return digest(sender, event, piece)


def _ends(contract: Contract | None) -> dict[str, list[str]]:
    """Return which spans of texts each event closes."""
    found: dict[str, list[str]] = {}
    for span in () if contract is None else contract.spans:
        for trigger in (*span.close, *span.abort) if span.fold else ():
            found.setdefault(trigger.event, []).append(span.name)
    return found
