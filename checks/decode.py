"""From a message to the objects in it, as the contract's decode steps say.

Whatever a peer sends, nothing is raised: what cannot be read, or is not
unambiguous JSON (duplicate keys, NaN, lone surrogates, numbers beyond a
double, absurd depth), comes out as an `Undecodable` with the reason.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, NoReturn

import msgpack  # type: ignore[import-untyped]  # it ships no types
import orjson

from ..schemas.model import Decode, Each, Scalar
from ..schemas.pointers import ABSENT, Pointer
from .jsonrpc import from_jsonrpc
from .jupyter import from_jupyter
from .socketio import from_socketio
from .undecodable import Undecodable

__all__ = ["MAX_DEPTH", "Decoder", "Undecodable", "alike"]

MAX_DEPTH: Final = 100
"""Deeper values are refused: a schema check would recurse as deep."""

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ALIKE: Final = bytes.maketrans(b"0123456789[", b"0" * 10 + b"{")
"""Makes every digit a zero, and one sign of both that open something."""
_GREAT: Final = b"0" * 19
"""Digits of the least integer that may not fit into 64 bits."""
_DIGITS: Final = sys.float_info.max_10_exp
"""Digits of integers that all fit into a double."""
_BACKSLASH: Final = ord("\\")
_LONE: Final = re.compile("[\ud800-\udfff]")


class _RefusedError(ValueError):
    """Valid for a lenient parser, but two readers may disagree about it."""


def alike(left: object, right: object) -> bool:
    """Compare as JSON does: true is not 1, but 1 is 1.0."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("the same key twice in one object")
    return found


def _constant(word: str) -> NoReturn:
    raise _RefusedError(f"{word} is not a JSON number")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _RefusedError("a number too large for a double")
    return number


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        _float(digits)
    return int(digits)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _flaw(value: object) -> str | None:
    """Return what is wrong inside a decoded value; iterative, so depth cannot hurt."""
    todo, depth = [value], 0
    while todo:
        depth += 1
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH}"
        below: list[object] = []
        for item in todo:
            if isinstance(item, dict):
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                if not item.isascii() and _LONE.search(item):
                    return "a lone surrogate, which is no character"
            elif isinstance(item, float) and not math.isfinite(item):
                return f"{item} is not a JSON number"
        todo = below
    return None


def _read(text: str | bytes) -> object:
    """Return what the text says, or `Undecodable`; by the fast reader where that is sure to agree.

    That one drops all but the last of equal keys, makes doubles of integers beyond 64 bits, and
    goes deeper. It refuses all else that the strict one refuses.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
        value: object = orjson.loads(data)
    except ValueError:
        return _strict(text)
    signs = data.translate(_ALIKE)
    if (
        signs.count(b"{") > MAX_DEPTH  # first: what is deeper still cannot be written again
        or _GREAT in signs
        # Each key that was dropped takes two quotes with it, and nothing adds any but an escape.
        or orjson.dumps(value).count(b'"') != data.count(b'"')
        or (_BACKSLASH in data and b"\\u0022" in data)
    ):
        return _strict(text)
    return value


def _strict(data: str | bytes) -> object:
    """Return what the text says, or `Undecodable` with the reason."""
    text = _text(data)
    if isinstance(text, Undecodable):
        return text
    try:
        value = _DECODER.decode(text)
        if text.count("{") + text.count("[") > MAX_DEPTH or _SURROGATE.search(text):
            flaw = _flaw(value)
            if flaw is not None:
                return Undecodable(f"not usable JSON: {flaw}")
    except json.JSONDecodeError as error:
        return Undecodable(f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos}")
    except _RefusedError as error:
        return Undecodable(f"not usable JSON: {error}")
    except RecursionError:
        return Undecodable(f"not usable JSON: nested deeper than {MAX_DEPTH}")
    return value


def _text(data: str | bytes) -> str | Undecodable:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Undecodable(f"not valid UTF-8 at byte {error.start}")


def _from_json(data: str | bytes) -> Iterator[object]:
    yield _read(data)


def _from_ndjson(data: str | bytes) -> Iterator[object]:
    text = _text(data)
    if isinstance(text, Undecodable):
        yield text
        return
    for line in text.split("\n"):
        if line.strip(" \t\r"):
            yield _read(line)


def _map(pairs: list[tuple[object, object]]) -> dict[str, object]:
    # Ids are often map keys in msgpack; pointers and schemas know words only.
    return _object([(key if isinstance(key, str) else repr(key), item) for key, item in pairs])


def _from_msgpack(data: str | bytes) -> Iterator[object]:
    if isinstance(data, str):
        yield Undecodable("a text message where msgpack is expected")
        return
    try:
        value = msgpack.unpackb(
            data,
            strict_map_key=False,
            object_pairs_hook=_map,
            ext_hook=lambda code, _: f"ext({code})",
        )
    except Exception as error:  # the unpacker has a zoo of them, some plain ValueError
        yield Undecodable(f"not msgpack: {type(error).__name__} {error}"[:200])
        return
    flaw = _flaw(value)
    yield value if flaw is None else Undecodable(f"not usable msgpack: {flaw}")


_CODECS: Final[Mapping[str, Callable[[str | bytes], Iterator[object]]]] = {
    "json": _from_json,
    "ndjson": _from_ndjson,
    "msgpack": _from_msgpack,
    "jsonrpc": lambda data: (each for value in _from_json(data) for each in from_jsonrpc(value)),
    "socketio": lambda data: iter((from_socketio(data, _read),)),
    "jupyter": lambda data: iter((from_jupyter(data, _read),)),
}


def _pieces(data: str | bytes, separator: str) -> list[str] | list[bytes]:
    """Take a message apart; what stands behind the last separator is a piece unless empty."""
    pieces: list[str] | list[bytes] = (
        data.split(separator) if isinstance(data, str) else data.split(separator.encode())
    )
    return pieces if pieces[-1] or len(pieces) == 1 else pieces[:-1]


def _applies(step: Each, value: object) -> bool:
    for pointer, values in step.when:
        found = pointer.get(value)
        if found not in values or not any(alike(found, wanted) for wanted in values):
            return False
    return value.__class__ is not Undecodable


class _Step(NamedTuple):
    """A step, and what most values fail of its conditions: a member of theirs is none of these."""

    each: Each
    name: str | None = None
    wanted: tuple[Scalar | None, ...] = ()

    @classmethod
    def of(cls, each: Each) -> _Step:
        for pointer, wanted in each.when[:1]:
            if len(pointer.tokens) == 1:
                return cls(each, pointer.tokens[0], wanted)
        return cls(each)


def _split(step: Each, value: object) -> Iterator[object]:
    if not _applies(step, value):
        yield value
        return
    tokens = step.pointer.tokens
    holder = tokens[: tokens.index("*")] if "*" in tokens else tokens
    if step.keep:
        yield value
    elif Pointer("", holder).get(value) is ABSENT:
        yield Undecodable(f"nothing at {step.pointer} to take the events from")
        return
    for name, item in step.pointer.each(value):
        yield {name: item} if step.named and name is not None else item


class Decoder:
    """The compiled decode steps of one contract."""

    def __init__(self, rules: Decode) -> None:
        self._codec = _CODECS[rules.codec]
        self._plain = rules.codec == "json"
        self._each = tuple(map(_Step.of, rules.each))
        self._separator = rules.split
        self.kinds = frozenset(rules.kinds)

    def __call__(self, data: str | bytes) -> list[object]:
        """Return the objects of one message in order, `Undecodable` among them; never raises."""
        values: list[object]
        if self._separator is None:
            values = [_read(data)] if self._plain else list(self._codec(data))
        else:
            pieces = _pieces(data, self._separator)
            values = [value for piece in pieces for value in self._codec(piece)]
        for step, name, wanted in self._each:
            if len(values) == 1:
                value = values[0]
                if name is not None and isinstance(value, dict) and value.get(name) not in wanted:
                    continue
                if not _applies(step, value):
                    continue
            values = [item for value in values for item in _split(step, value)]
        return values
