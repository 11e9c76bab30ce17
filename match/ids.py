"""Ids that are others than recorded, and what stands for what in one session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final
from urllib.parse import quote, unquote

from ..wire.utterance import Utterance
from .inside import Outline, in_json, in_text, members
from .reading import is_lines, is_vast, leaves, read_json
from .shape import LONG, is_id, kind, renewed

__all__ = ["Binding", "Id", "Ids"]

Id = str | int

KNOWN_AROUND: Final = 16
"""Ids of so many characters that one session binds are known to all of a run."""
MAX_OURS: Final = 100_000
"""Ids that we said which are remembered, so that an echo of one is known as such."""

_PIECE: Final = re.compile(r"[^/?&=;#]+")


@dataclass(frozen=True, slots=True)
class Binding:
    """A recorded id, and the one that the live peer uses in its place."""

    recorded: Id
    live: Id
    """The recorded one, where the peer was heard to use that itself: then nothing else may stand
    for it."""
    pointer: str
    """Where it was seen first."""
    seq: int
    """The recorded frame in which it was seen first."""

    @property
    def name(self) -> str:
        """The name of the member where it was seen."""
        return self.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


_Key = str | tuple[str, int]


class Ids:
    """What stands for what in one session; what is not in it, in the sessions around it.

    A text stands for a text wherever it is found. A number stands for a number only in members
    of the name under which it was bound: small numbers mean something else elsewhere.
    """

    def __init__(self, around: Ids | None = None, fresh: Random | None = None) -> None:
        """`around`: of the whole run; long ids that one session binds are known to all.

        `fresh`: `renew` takes new ids from it; None: it makes none.
        """
        self._around = around
        self._fresh = fresh
        self._bound: dict[_Key, Binding] = {}
        self._back: dict[_Key, Id] = {}
        self._long = Outline()
        """Of ids that are others than recorded, those that are also looked for inside texts."""
        self._changed = False
        """Whether any is another than recorded."""
        self._ours: set[_Key] = set()

    # What stands for what.

    def live(self, recorded: Id, name: str | None = None) -> Id | None:
        """Return what stands for a recorded id; None: it is not bound.

        `name`: of the member, for a number; None: whatever stands for it under any name.
        """
        found = self.own(recorded, name)
        if found is None and self._around is not None and _is_long(recorded, KNOWN_AROUND):
            return self._around.own(recorded)
        return found

    def own(self, recorded: Id, name: str | None = None) -> Id | None:
        """Return what stands for a recorded id in this session alone; None: it is not bound."""
        if isinstance(recorded, int) and name is None:
            bound = self._bound.values()
            return next((each.live for each in bound if each.recorded == recorded), None)
        found = self._bound.get(_key(recorded, name))
        return None if found is None else found.live

    def recorded(self, live: Id, name: str | None = None) -> Id | None:
        """Return which recorded id a live one stands for in this session; None: for none."""
        if isinstance(live, int) and name is None:
            bound = self._bound.values()
            return next((each.recorded for each in bound if each.live == live), None)
        return self._back.get(_key(live, name))

    def ours(self, recorded: Id, name: str | None = None) -> bool:
        """Say whether it was said by us: what the peer says in its place is no new id."""
        return _key(recorded, name) in self._ours

    def take(self, bindings: Iterable[Binding]) -> None:
        """Bind; what is bound already stays as it is."""
        for each in bindings:
            key, back = _key(each.recorded, each.name), _key(each.live, each.name)
            if key in self._bound or back in self._back:
                continue
            self._bound[key] = each
            self._back[back] = each.recorded
            if each.recorded == each.live:
                continue
            self._note(each)
            if self._around is not None and _is_long(each.recorded, KNOWN_AROUND):
                self._around.learn(each)

    def learn(self, binding: Binding) -> None:
        """Take what a session inside this run has bound; what it bound last counts."""
        self._bound[_key(binding.recorded, binding.name)] = binding
        self._note(binding)

    def _note(self, binding: Binding) -> None:
        self._changed = True
        if isinstance(binding.recorded, str) and len(binding.recorded) >= LONG:
            self._long.add(binding.recorded)

    def __iter__(self) -> Iterator[Binding]:
        """Yield the bindings of this session, in the order in which they were made."""
        return (each for each in self._bound.values() if each.recorded != each.live)

    # What we say.

    def unheard(self, said: Utterance) -> Iterator[str]:
        """Yield the texts in what we would say that look like ids, and that nobody has said yet."""
        if said.is_message and isinstance(said.data, str) and not is_vast(said.data):
            for each in members(said.data):
                if not isinstance(each, str) or kind(each) is None:
                    continue
                if self.live(each) is None and not self.ours(each):
                    yield each

    def unknown(self, target: str) -> list[str]:
        """Return what looks like an id in a request target, and stands for nothing yet.

        Only what other sessions can have bound: see `KNOWN_AROUND`.
        """
        pieces = map(unquote, _PIECE.findall(target))
        return [
            each
            for each in pieces
            if _is_long(each, KNOWN_AROUND) and kind(each) is not None and self.live(each) is None
        ]

    def rewrite(self, said: Utterance) -> Utterance:
        """Return what we say, with live ids where recorded ones stood.

        Only the ids change: spaces, the order of members and escapes stay as recorded. In binary
        data that is no JSON an id is replaced by one of the same length only: there may be
        lengths in it. The ids in it are known as ours from now on.
        """
        if not said.is_message:
            return said
        data = said.data
        if isinstance(data, str):
            new: str | bytes = self._rewritten(data)
        else:
            try:
                text = "" if is_vast(data) else data.decode("utf-8")
            except UnicodeDecodeError:
                text = ""
            if read_json(text) is not None or is_lines(text):
                found = self._rewritten(text)
                new = data if found is text else found.encode()
            else:
                new = self._in_bytes(data)
        return said if new is data else replace(said, data=new)

    def rewrite_target(self, target: str) -> str:
        """Return a request target with live ids in the place of recorded ones."""
        self._add_ours(unquote(each) for each in _PIECE.findall(target))
        return _PIECE.sub(self._in_piece, target) if self.any else target

    def replacing(self, more: Iterable[Binding]) -> Callable[[str], str]:
        """Return what puts live ids in the place of long ones in a recorded text.

        `more` counts as bound, too.
        """
        new = {
            each.recorded: each.live
            for each in more
            if isinstance(each.recorded, str) and isinstance(each.live, str)
            if len(each.recorded) >= LONG and each.recorded != each.live
        }
        if not new and not self.any:
            return lambda text: text
        outline = self._outline() | Outline(new) if new else self._outline()
        return lambda text: in_text(text, outline, lambda each: new.get(each) or self._text(each))

    @property
    def any(self) -> bool:
        """Whether any id is another than recorded."""
        return self._changed or (self._around is not None and self._around.any)

    def _rewritten(self, text: str) -> str:
        read = read_json(text)
        if read is None and not is_lines(text):
            return in_text(text, self._outline(), self._text) if self.any else text
        self._add_ours(members(text))
        if not self.any:
            return text
        # A request is numbered by whoever sends it, whatever the peer's requests are numbered.
        asks = read is not None and isinstance(read[1], dict) and {"id", "method"} <= read[1].keys()

        def number(name: str, recorded: int) -> int | None:
            found = None if asks and name == "id" else self.own(recorded, name)
            return found if isinstance(found, int) else None

        new = in_json(text, self._outline(), self._text, number)
        return text if new == text else new

    def _in_bytes(self, data: bytes) -> bytes:
        if not self.any:
            return data
        text = data.decode("latin-1")

        def same_length(each: str) -> str | None:
            new = self._text(each)
            return new if new is not None and new.isascii() and len(new) == len(each) else None

        new = in_text(text, self._outline(), same_length)
        return data if new is text else new.encode("latin-1")

    def _in_piece(self, found: re.Match[str]) -> str:
        piece = found[0]
        whole = self._text(unquote(piece))
        return in_text(piece, self._outline(), self._text) if whole is None else quote(whole, "")

    def _outline(self) -> Outline:
        around = self._around
        return self._long if around is None or not around.any else self._long | around._long

    def _text(self, recorded: str) -> str | None:
        found = self.live(recorded)
        return found if isinstance(found, str) and found != recorded else None

    def _add_ours(self, said: Iterable[str | tuple[str, int]]) -> None:
        if len(self._ours) < MAX_OURS:
            self._ours.update(each for each in said if isinstance(each, tuple) or is_id(each))

    # Fresh ids, for who plays the peer that made them up.

    def renew(self, said: Utterance, seq: int) -> Utterance:
        """Return what we say with new ids where it has some for the first time.

        These are texts that look random and that nobody has said before in this session; what
        else is bound is rewritten. Without `fresh` it is `rewrite`.
        """
        read = None if self._fresh is None else read_json(said.data)
        if self._fresh is not None and read is not None:
            self.take(
                Binding(value, renewed(value, self._fresh), pointer, seq)
                for pointer, value in leaves(read[1])
                if isinstance(value, str)
                and kind(value) is not None
                and self.live(value) is None
                and not self.ours(value)
            )
        return self.rewrite(said)


def _key(value: Id, name: str | None) -> _Key:
    return value if isinstance(value, str) else (name or "", value)


def _is_long(value: Id, length: int) -> bool:
    return isinstance(value, str) and len(value) >= length
