"""The secrets of messages, replaced: JSON values by pointer, text by pattern."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # its stub leaves it out
from typing import Final, NamedTuple

from .marks import PREFIX, Marker, replace_spans
from .rules import Rules, secret_span

__all__ = ["LARGEST", "TOO_LARGE", "UNREADABLE", "Held", "PayloadRedactor", "Stored"]

LARGEST: Final = 1 << 20
"""Bytes of a message beyond which it is not looked into, and not stored."""
TOO_LARGE: Final = "too large to look into"
UNREADABLE: Final = "cannot be looked into"

_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers stay text: no digit is lost, and none is too many to convert.
_scan = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str).scan_once  # type: ignore[attr-defined]

Pointers = tuple[tuple[str, ...], ...]


class Stored(NamedTuple):
    """What is stored in a payload's or a message's place."""

    data: bytes | bytearray
    mark: str | None
    """What says so among the row's anomalies; None: it is the original."""


class Held:
    """A message that comes in pieces: its data while that is little, its digest in any case."""

    __slots__ = ("_digest", "data", "size")

    def __init__(self, mark: Marker) -> None:
        self._digest = mark.digest()
        self.size = 0
        self.data: bytearray | None = bytearray()
        """None: it is more than `LARGEST` bytes."""

    def add(self, piece: bytes | bytearray) -> None:
        """Take the next piece."""
        self.size += len(piece)
        self._digest.update(piece)
        if self.size > LARGEST:
            self.data = None
        elif self.data is not None:
            self.data += piece

    def drop(self) -> None:
        """Hold no data any more."""
        self.data = None

    def digest(self) -> str:
        """Return the keyed digest of all pieces."""
        return self._digest.hexdigest()[:32]


class PayloadRedactor:
    """Applies rules to payloads and messages; what cannot be looked into is withheld."""

    def __init__(self, rules: Rules, mark: Marker) -> None:
        self._pointers = [(pointer, _needles(pointer)) for pointer in rules.pointers]
        self._patterns = rules.patterns
        self.mark = mark

    def redact(self, data: bytes | bytearray) -> Stored:
        """Return a payload without what the rules are about; the same object if that is nothing.

        It is looked into as text, whatever it is: bytes that are no UTF-8 stay as they are.
        """
        if len(data) > LARGEST:
            return self._withhold(len(data), self.mark.whole(data), "redacted", TOO_LARGE)
        text = data.decode("utf-8", "surrogateescape")
        try:
            kept = self._apply(text)
        except RecursionError:
            return self._withhold(len(data), self.mark.whole(data), "redacted", UNREADABLE)
        if kept == text:
            return Stored(data, None)
        out = kept.encode("utf-8", "surrogateescape")
        if len(out) > LARGEST:
            return self._withhold(len(data), self.mark.whole(data), "redacted", TOO_LARGE)
        return Stored(out, f"redacted:{len(data)}:{self.mark.whole(data)}")

    def redact_close(self, body: bytes | bytearray) -> Stored:
        """Return the body of a Close frame: its code stays."""
        kept, mark = self.redact(body[2:])
        if mark is None:
            return Stored(body, None)
        return Stored(bytes(body[:2]) + kept, f"redacted:{len(body)}:{self.mark.whole(body)}")

    def redact_held(self, held: Held, *, opaque: bool) -> Stored:
        """Return a message that came in pieces; `opaque`: these are not what was meant."""
        if held.data is None or opaque:
            why = UNREADABLE if opaque else TOO_LARGE
            return self._withhold(held.size, held.digest(), "redacted", why)
        return self.redact(held.data)

    def withhold(self, payload: bytes | bytearray, *, keep: int = 0) -> Stored:
        """Return what stands in the place of a frame's whole payload but for `keep` bytes."""
        if len(payload) <= keep:
            return Stored(payload, None)
        stored = self._withhold(len(payload), self.mark.whole(payload), "withheld")
        return Stored(bytes(payload[:keep]) + stored.data, stored.mark)

    def withhold_held(self, held: Held) -> Stored:
        """Return what stands in the place of a payload that came in pieces."""
        return self._withhold(held.size, held.digest(), "withheld")

    def _withhold(self, size: int, digest: str, name: str, why: str = "") -> Stored:
        text = f"{PREFIX}{digest[:16]}{' ' if why else ''}{why}"
        return Stored(text.encode(), f"{name}:{size}:{digest}")

    def _apply(self, text: str) -> str:
        pointers = tuple(
            pointer
            for pointer, needles in self._pointers
            # Without escapes, a message in which a name does not occur has no such member.
            if "\\" in text or all(needle in text for needle in needles)
        )
        if pointers:
            text = _redact_json(text, pointers, self.mark)
        for pattern in self._patterns:
            spans = [secret_span(found) for found in pattern.finditer(text)]
            if spans:
                text = replace_spans(text, spans, self.mark)
        return text


def _needles(pointer: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the text of any JSON holds that has a value there, and no escapes."""
    return tuple(f'"{step}"' for step in pointer if step.isalnum() and not step.isdecimal())


def _redact_json(text: str, pointers: Pointers, mark: Marker) -> str:
    """Replace the values that pointers lead to; the rest stays, character by character.

    Values may follow each other, as in NDJSON; what is no JSON ends the search.
    """
    out: list[str] = []
    done = 0
    at = 1 if text.startswith("\ufeff") else 0
    try:
        while (at := _skip(text, at)) < len(text):
            _, after = _scan(text, at)
            for start, end in _spans(text, at, pointers):
                if start >= done:
                    out += text[done:start], json.dumps(_mark_of(text, start, mark))
                    done = end
            at = after
    except (StopIteration, ValueError):
        pass
    return "".join((*out, text[done:])) if out else text


def _mark_of(text: str, start: int, mark: Marker) -> str:
    """Return the mark of the JSON value at `start`; of a string, that of what it says."""
    value, _ = _scan(text, start)
    if isinstance(value, str):
        return mark(value) or value
    return mark(json.dumps(value, sort_keys=True, separators=(",", ":")))


def _spans(text: str, at: int, pointers: Pointers) -> Iterator[tuple[int, int]]:
    """Yield where the values lie that pointers lead to from the value at `at`, in order."""
    if () in pointers:
        yield at, _scan(text, at)[1]
    elif text[at] == "{":
        at = _skip(text, at + 1)
        while text[at] != "}":
            key, colon = scanstring(text, at + 1, False)
            value = _skip(text, _skip(text, colon) + 1)
            if inside := _beyond(pointers, key):
                yield from _spans(text, value, inside)
            at = _next(text, value)
    elif text[at] == "[":
        at = _skip(text, at + 1)
        index = 0
        while text[at] != "]":
            if inside := _beyond(pointers, str(index)):
                yield from _spans(text, at, inside)
            at = _next(text, at)
            index += 1


def _beyond(pointers: Pointers, step: str) -> Pointers:
    return tuple(each[1:] for each in pointers if each[0] == step or each[0] == "*")


def _next(text: str, value: int) -> int:
    """Return where the member behind the value begins, or the bracket that ends them."""
    at = _skip(text, _scan(text, value)[1])
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
