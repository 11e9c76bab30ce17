"""A contract with the packs and files underneath it, merged to one tree.

Mappings merge key by key; lists and single values replace; nothing (`null`) takes away what was
inherited. Every node keeps the name of the file it stands in.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .folders import PACK, Files, inside
from .mistakes import ContractError
from .models import is_model
from .reader import Reader
from .source import Node, read

__all__ = ["Source", "Tree", "merged", "resolved"]

MAX_LEVELS: Final = 8
MAX_FILES: Final = 50
"""Readings of files in all; one that is underneath several others counts for each."""

_OWN: Final = ("wsrec", "name", "description", "extends")
"""Keys that speak of their own file, and are not inherited."""
_SUFFIXES: Final = (".yaml", ".yml", ".json")


class Source(NamedTuple):
    """The text of one file."""

    origin: str
    """What messages call it."""
    text: str
    name: str = ""
    """Its name among the contract's files; empty for the contract itself."""

    @property
    def folder(self) -> str:
        """Where the files that it names are: empty, or with a slash at its end."""
        head = posixpath.dirname(self.name)
        return f"{head}/" if head else ""

    def base(self, word: str, files: Files) -> Source:
        """Return the pack or the file that `extends` names; raises OSError or ValueError."""
        if "/" in word or word.endswith(_SUFFIXES):
            name = inside(self.folder, word)
            place = posixpath.join(posixpath.dirname(self.origin), word)
        else:
            name, place = f"{PACK}{word}/contract.yaml", f"pack {word}/contract.yaml"
        return Source(place, files(name).removeprefix("\ufeff"), name)


@dataclass(slots=True)
class Tree:
    """What came of the files."""

    root: Node
    folders: dict[str, str] = field(default_factory=dict)
    """For the origin of each node, the folder of the files that it names."""
    bases: tuple[str, ...] = ()
    """The origins of what is underneath, the lowest first."""


def merged(reader: Reader, source: Source, files: Files) -> Tree:
    """Return a contract and all it extends as one tree; mistakes are noted in `reader`.

    Raises:
        ContractError: the contract itself is no tree at all.
    """
    merger = _Merger(reader, files)
    tree = Tree(merger.tree(source, ()), merger.folders)
    tree.bases = tuple(dict.fromkeys(merger.bases))
    return tree


class _Merger:
    def __init__(self, reader: Reader, files: Files) -> None:
        self._reader = reader
        self._files = files
        self._readings = 0
        self.folders: dict[str, str] = {}
        self.bases: list[str] = []

    def tree(self, source: Source, above: tuple[Source, ...]) -> Node:
        """Return a source merged over what it extends; `above` is what extends it."""
        self.folders[source.origin] = source.folder
        top = read(source.text, source.origin)
        if not isinstance(top.value, dict):
            self._reader.wrong(top, f"the contract must be a mapping, not {top.kind}")
            return Node(top.line, top.column, {}, top.origin)
        self._version(top, top.value)
        words = top.value.get("extends")
        under: Node | None = None
        for item in self._reader.one_or_many(words[1]) if words else []:
            base = self._base(item, source, above)
            if base is not None:
                under = base if under is None else _over(under, base)
        return top if under is None else _over(under, top)

    def _version(self, node: Node, found: dict[str, tuple[Node, Node]]) -> None:
        if "wsrec" not in found:
            message = "a contract starts with 'wsrec: 1', the version of its language"
            self._reader.wrong(node, message)
            return
        version = found["wsrec"][1]
        if version.value != 1 or isinstance(version.value, bool):
            message = f"this version reads contracts of 'wsrec: 1', not {version.kind}"
            self._reader.wrong(version, message)

    def _base(self, item: Node, source: Source, above: tuple[Source, ...]) -> Node | None:
        word = self._reader.text(item, "extends")
        if not word:
            return None
        self._readings += 1
        if self._readings > MAX_FILES or len(above) + 1 >= MAX_LEVELS:
            limit = f"{MAX_FILES} files" if self._readings > MAX_FILES else f"{MAX_LEVELS} levels"
            self._reader.wrong(item, f"extends {word!r}: more than {limit}")
            self._reader.finish()
        try:
            base = source.base(word, self._files)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._reader.wrong(item, f"extends {word!r}: {reason}")
            return None
        line = (*above, source)
        if base.name in [each.name for each in line] or base.origin == line[0].origin:
            names = " extends ".join([*(each.origin for each in line), base.origin])
            self._reader.wrong(item, f"a circle: {names}")
            return None
        try:
            tree = self.tree(base, line)
        except ContractError as error:
            self._reader.mistakes.extend(error.mistakes)
            return None
        self.bases.append(base.origin)
        assert isinstance(tree.value, dict)  # anything else was noted and made one
        rest = {key: pair for key, pair in tree.value.items() if key not in _OWN}
        return Node(tree.line, tree.column, rest, tree.origin)


def _over(under: Node, top: Node, path: tuple[str, ...] = ()) -> Node:
    """Return `top` merged over `under`; as deep as a contract may be."""
    if not isinstance(under.value, dict) or not isinstance(top.value, dict):
        return top
    found = dict(under.value)
    for name, (key, item) in top.value.items():
        if name not in found:
            found[name] = key, item
        elif item.value is not None:
            found[name] = key, _over(found[name][1], item, (*path, name))
        elif path != ("events", "types"):  # there it declares the event, as it is
            del found[name]
    return Node(top.line, top.column, found, top.origin)


def resolved(tree: Tree) -> Node:
    """Return a merged contract as one that extends nothing, and finds its schemas from there."""
    value = tree.root.value
    assert isinstance(value, dict)  # `merged` gives nothing else
    found = {key: value[key] for key in (*_OWN, *value) if key in value and key != "extends"}
    if "events" in found:
        key, events = found["events"]
        found["events"] = key, _moved(events, tree.folders)
    return Node(tree.root.line, tree.root.column, found, tree.root.origin)


def _moved(events: Node, folders: dict[str, str]) -> Node:
    """Return `events` with the files of its schemas as the contract itself would name them."""
    if not isinstance(events.value, dict):
        return events
    found = dict(events.value)
    if "schemas" in found:
        found["schemas"] = found["schemas"][0], _renamed(found["schemas"][1], folders)
    types = found.get("types", (None, events))[1].value if "types" in found else None
    if isinstance(types, dict):
        moved = {}
        for name, (key, kind) in types.items():
            if isinstance(kind.value, dict) and "schema" in kind.value:
                schema = kind.value["schema"]
                rules = {**kind.value, "schema": (schema[0], _renamed(schema[1], folders))}
                kind = Node(kind.line, kind.column, rules, kind.origin)
            moved[name] = key, kind
        key, node = found["types"]
        found["types"] = key, Node(node.line, node.column, moved, node.origin)
    return Node(events.line, events.column, found, events.origin)


def _renamed(schema: Node, folders: dict[str, str]) -> Node:
    value = schema.value
    if isinstance(value, list):
        value = [_renamed(each, folders) for each in value]
    elif isinstance(value, str) and not value.startswith(PACK) and not is_model(value):
        value = folders[schema.origin] + value
    return Node(schema.line, schema.column, value, schema.origin)
