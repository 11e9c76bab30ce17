"""Reads typed values out of nodes and collects what is wrong, with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, TypeVar

from .durations import parse_duration
from .mistakes import ContractError, Mistake, did_you_mean, nearest, slip_of
from .pointers import Pointer
from .source import Node

__all__ = ["DECLARED", "Reader"]

MAX_MISTAKES: Final = 200

T = TypeVar("T")
W = TypeVar("W", bound=str)

DECLARED: Final = {
    "event": " (events are declared under events: types)",
    "field": " (fields are declared under events: fields)",
}
"""Where names are made known; behind what is said of an unknown one."""


class Reader:
    """One reading of one contract, with all the files it is made of.

    Each method takes a node and says in `what` how to call it. A wrong node is
    noted and answered with an empty value, so that one reading finds every
    mistake; `finish` raises them all.
    """

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.doubts: list[Mistake] = []
        """What may be meant, but is more likely a mistake; nothing is refused for it."""
        self._meant: dict[str, str | None] = {}

    def wrong(self, node: Node, message: str) -> None:
        """Note a mistake at `node`; raises ContractError at one that nobody would read any more."""
        if len(self.mistakes) >= MAX_MISTAKES:
            message = f"and more: reading ended here, after {MAX_MISTAKES} mistakes"
            self.mistakes.append(Mistake(node.origin, node.line, node.column, message))
            self.finish()
        self.mistakes.append(Mistake(node.origin, node.line, node.column, message))

    def doubt(self, node: Node, message: str) -> None:
        """Note what may be meant, but is more likely a mistake."""
        if len(self.doubts) < MAX_MISTAKES:
            warning = Mistake(node.origin, node.line, node.column, f"warning: {message}")
            self.doubts.append(warning)

    def declared(self, node: Node, word: str, what: str, words: Collection[str]) -> None:
        """Doubt a name that is not declared, but is a declared one but for a slip."""
        # As many as there may be mistakes: a contract may be hostile.
        if word in words or len(self._meant) >= MAX_MISTAKES:
            return
        if word not in self._meant:
            self._meant[word] = slip_of(word, words)
        meant = self._meant[word]
        if meant is not None:
            self.doubt(node, f"{word!r} in {what} is no event of 'types'; did you mean {meant!r}?")

    def finish(self) -> None:
        """Raise ContractError when there was any mistake."""
        if self.mistakes:
            raise ContractError(self.mistakes)

    def entries(self, node: Node | None, what: str) -> dict[str, tuple[Node, Node]]:
        """Return a mapping whose keys are free."""
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.wrong(node, f"{what} must be a mapping, not {node.kind}")
            return {}
        return node.value

    def keys(self, node: Node | None, what: str, known: Iterable[str]) -> dict[str, Node]:
        """Return a mapping whose keys are fixed."""
        known = set(known)
        found: dict[str, Node] = {}
        for name, (key, item) in self.entries(node, what).items():
            if name in known:
                found[name] = item
            else:
                self.wrong(key, f"unknown key {name!r} in {what}{did_you_mean(name, known)}")
        return found

    def items(self, node: Node | None, what: str) -> list[Node]:
        """Return the items of a list."""
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.wrong(node, f"{what} must be a list, not {node.kind}")
            return []
        return node.value

    def one_or_many(self, node: Node | None) -> list[Node]:
        """Return the items of a list, or the node itself as the only item."""
        if node is None:
            return []
        return node.value if isinstance(node.value, list) else [node]

    def text(self, node: Node, what: str) -> str:
        """Return a word; an empty one is a mistake."""
        if isinstance(node.value, str) and node.value:
            return node.value
        self.wrong(node, f"{what} must be a word, not {node.kind}")
        return ""

    def texts(self, node: Node | None, what: str) -> tuple[str, ...]:
        """Return one word or a list of different words."""
        found: list[str] = []
        for item in self.one_or_many(node):
            word = self.text(item, what)
            if word in found:
                self.wrong(item, f"{word!r} is given twice in {what}")
            elif word:
                found.append(word)
        if isinstance(node, Node) and node.value == []:
            self.wrong(node, f"{what} is an empty list")
        return tuple(found)

    def choice(self, node: Node | None, what: str, words: Iterable[W], default: W) -> W:
        """Return one of `words`."""
        words = tuple(words)
        if node is None:
            return default
        if node.value in words:
            return node.value
        guess = nearest(str(node.value), words)
        hint = f"; did you mean {guess!r}?" if guess else ""
        self.wrong(node, f"{what} must be one of {', '.join(words)}, not {node.kind}{hint}")
        return default

    def known(self, node: Node, what: str, words: Iterable[str], kind: str) -> str:
        """Return a word that must be among `words`, which are names of a `kind`."""
        word = self.text(node, what)
        words = tuple(words)
        if word and word not in words:
            hint = did_you_mean(word, words) + DECLARED.get(kind, "")
            self.wrong(node, f"unknown {kind} {word!r} in {what}{hint}")
        return word

    def boolean(self, node: Node | None, what: str, default: bool) -> bool:
        """Return true or false."""
        if node is None or isinstance(node.value, bool):
            return default if node is None else bool(node.value)
        self.wrong(node, f"{what} must be true or false, not {node.kind}")
        return default

    def integer(self, node: Node, what: str, low: int, high: int) -> int:
        """Return an integer between `low` and `high`."""
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong(node, f"{what} must be a whole number from {low} to {high}, not {node.kind}")
        return low

    def duration(self, node: Node, what: str) -> int:
        """Return nanoseconds."""
        return self._parsed(node, f"{what} must be a duration such as 250ms, 2s or 5m", _duration)

    def pointer(self, node: Node, what: str, *, star: bool = False) -> Pointer:
        """Return a JSON Pointer; `*` is allowed with `star` only."""
        pointer = self._parsed(node, f"{what} must be a JSON Pointer such as /data/id", _pointer)
        if "*" in pointer.tokens and not star:
            self.wrong(node, f"'*' is not allowed in {what}, only in decode: each")
        return pointer

    def scalars(self, node: Node, what: str) -> tuple[str | int | float | bool | None, ...]:
        """Return a single value or a list of them."""
        found: list[str | int | float | bool | None] = []
        for item in self.one_or_many(node):
            if isinstance(item.value, dict | list):
                self.wrong(item, f"{what} must be a single value or a list, not {item.kind}")
            else:
                found.append(item.value)
        if node.value == []:
            self.wrong(node, f"{what} is an empty list, so nothing is meant")
        return tuple(found)

    def _parsed(self, node: Node, wanted: str, parse: Callable[[str | None], T]) -> T:
        if not isinstance(node.value, str):
            self.wrong(node, f"{wanted}, not {node.kind}")
            return parse(None)
        try:
            return parse(node.value)
        except ValueError as error:
            self.wrong(node, str(error))
            return parse(None)


def _duration(text: str | None) -> int:
    return 0 if text is None else parse_duration(text)


def _pointer(text: str | None) -> Pointer:
    return Pointer("", ()) if text is None else Pointer.parse(text)
