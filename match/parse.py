"""From an utterance to what is compared of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..checks.decode import Decoder
from ..checks.events import Extractor, meets
from ..checks.undecodable import Undecodable
from ..schemas.model import Contract, Fold, Scalar, Span, Trigger
from ..schemas.pointers import Pointer
from ..wire.close import parse_close
from ..wire.utterance import Utterance
from .ids import Id
from .line import Role
from .reading import MAX_VALUES, event_name, is_vast, read_json

__all__ = ["Contracted", "Objects", "Parsed", "Stream", "parse_plainly"]

_JUPYTER_BUFFERS: Final = 5
"""Which part of a kernel message in binary is the first that is no JSON."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a message adds to a text that comes in pieces, as a contract's `fold` says.

    A model cuts its answers anew each time: pieces of one stream are compared by what they add
    up to, not one by one.
    """

    key: tuple[object, ...]
    """Of which span and key it is a piece, and of which event: equal for all of one text.
    Recorded and live ones may differ in ids: ask `Comparer.same_stream`."""
    text: str
    rest: object
    """The message without its piece: what else must be equal."""


class Objects(tuple[object, ...]):
    """The decoded objects of a message, as opposed to a value that is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """An utterance as it is compared."""

    said: Utterance
    event: str | None
    """The name of its event (the first one's, if it holds several), None: it has none."""
    value: object
    """Its decoded objects, if it can be decoded, as `Objects`; else its text or bytes."""
    stream: Stream | None = None
    beside: str | bytes = ""
    """What it holds beside its objects: a prefix, or the buffers of a kernel message."""
    keys: frozenset[Id] = field(default=frozenset())
    """Values of the contract's key fields in it."""


def parse_plainly(said: Utterance) -> Parsed:
    """Read an utterance without a contract."""
    if said.kind == "close" and isinstance(said.data, bytes):
        code, reason, _ = parse_close(said.data)
        return Parsed(said, None, Objects(({"code": code, "reason": reason or ""},)))
    if not said.is_message:
        return Parsed(said, None, said.data)
    read = read_json(said.data)
    if read is None:
        return Parsed(said, None, said.data)
    prefix, value = read
    return Parsed(said, event_name(value), Objects((value,)), None, prefix)


class Contracted:
    """Reads utterances as a contract says."""

    def __init__(self, contract: Contract) -> None:
        decode = contract.decode
        self._codec = decode.codec
        self._whole = Decoder(replace(decode, each=()))
        self._events = Decoder(decode) if decode.each else None
        self._extractor = Extractor(contract)
        self._fields = contract.events.fields
        answers = {
            name
            for inside in (contract.session.inside, *(span.inside for span in contract.spans))
            for rule in inside.order
            if rule.kind == "responds"
            for name in rule.events[1:]
        }
        self._keys = answers.union(*(span.key for span in contract.spans))
        self._folds: tuple[tuple[Span, Trigger, Fold], ...] = tuple(
            (span, trigger, fold)
            for span in contract.spans
            for trigger in span.during
            for fold in span.fold
            if fold.how == "join"
        )

    def parse(self, sender: Role, said: Utterance) -> Parsed:
        """Read an utterance; what the contract cannot decode is read without it."""
        known = said.is_message and said.kind in self._whole.kinds
        if not known or is_vast(said.data):
            return parse_plainly(said)
        whole = self._whole(said.data)
        if not whole or any(isinstance(each, Undecodable) for each in whole):
            return parse_plainly(said)
        if self._codec == "socketio" and isinstance(said.data, bytes):
            return Parsed(said, "attachment", said.data)  # of it only the size is decoded
        if self._codec == "msgpack" and _hold_too_many(whole):
            return Parsed(said, None, said.data)
        events = whole if self._events is None else self._events(said.data)
        read = [self._extractor.read(each) for each in events if not isinstance(each, Undecodable)]
        event = next((name for name, _, _ in read if name is not None), None)
        stream = None
        if event is None:
            event = event_name(whole[0])
        elif len(whole) == 1 and events == whole:
            stream = self._stream(sender, event, read[0][1], whole[0])
        keys = frozenset(value for _, fields, _ in read for value in self._ids_in(fields))
        beside: str | bytes = ""
        if self._codec == "jupyter" and isinstance(said.data, bytes):
            beside = _buffers(said.data)
        return Parsed(said, event, Objects(whole), stream, beside, keys)

    def _ids_in(self, fields: dict[str, Scalar]) -> Iterator[Id]:
        for name in self._keys & fields.keys():
            value = fields[name]
            if isinstance(value, str | int) and not isinstance(value, bool):
                yield value

    def key_paths(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return where each key field of a span is, or its name: the first of several places."""
        key = next(span.key for span, _, _ in self._folds if span.name == name)
        sources = [self._fields.get(each, (None,))[0] for each in key]
        return tuple(
            source.tokens if isinstance(source, Pointer) else (each,)
            for each, source in zip(key, sources, strict=True)
        )

    def _stream(
        self, sender: Role, event: str, fields: dict[str, Scalar], value: object
    ) -> Stream | None:
        for span, trigger, fold in self._folds:
            if trigger.event not in (event, "*") or trigger.sender not in (sender, "other", None):
                continue
            if not meets(trigger.when, fields):
                continue
            for source in self._fields.get(fold.field, ()):
                text = source.get(value)
                if isinstance(source, Pointer) and isinstance(text, str):
                    key = (span.name, event, *(fields.get(name) for name in span.key))
                    return Stream(key, text, _without(value, source.tokens))
        return None


def _without(value: Any, tokens: tuple[str, ...]) -> Any:
    """Return a value without one of its members: the rest is shared, not copied."""
    first, *others = tokens
    if isinstance(value, list):
        place = int(first)
        inner = [_without(value[place], tuple(others))] if others else []
        return [*value[:place], *inner, *value[place + 1 :]]
    if others:
        return {**value, first: _without(value[first], tuple(others))}
    return {name: each for name, each in value.items() if name != first}


def _hold_too_many(values: Sequence[object]) -> bool:
    """Say whether values that take a byte each hold more of them than are compared."""
    count = 0
    todo: list[Iterable[object]] = [values]
    while todo:
        for each in todo.pop():
            count += 1
            if count > MAX_VALUES:
                return True
            if isinstance(each, dict):
                todo.append(each.values())
            elif isinstance(each, list):
                todo.append(each)
    return False


def _buffers(data: bytes) -> bytes:
    """Return the parts of a kernel message that are no JSON."""
    (count,) = struct.unpack_from("<Q", data)
    if count <= _JUPYTER_BUFFERS + 1:
        return b""
    (start,) = struct.unpack_from("<Q", data, 8 * (1 + _JUPYTER_BUFFERS))
    return data[start:]
