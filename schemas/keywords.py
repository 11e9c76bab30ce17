"""The keywords of a JSON Schema that a contract holds itself: one that is misspelt says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jsonschema.validators import Draft4Validator, Draft202012Validator

from .document import LISTS, MAPS, SINGLES
from .mistakes import nearest
from .source import Node

__all__ = ["misspelt"]

_VALIDATORS: Final[dict[str, Any]] = {
    **Draft4Validator.VALIDATORS, **Draft202012Validator.VALIDATORS,
}  # fmt: skip
_KNOWN: Final = frozenset(_VALIDATORS) | {
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "$vocabulary",
    "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions", "deprecated",
    "description", "discriminator", "else", "example", "examples", "id", "maxContains",
    "minContains", "readOnly", "then", "title", "writeOnly",
}  # fmt: skip
_NAMED: Final = MAPS | {"$defs", "definitions"}
_LIKE: Final = 0.75
"""How much a word has of the keyword that it is taken for: authors add keywords of their own."""
_COMPARED: Final = 200
"""Words that are compared with all keywords: a contract may be hostile."""


def misspelt(schema: Node) -> Iterator[tuple[Node, str]]:
    """Yield the place of each word that is most likely a misspelt keyword, and that keyword."""
    meant: dict[str, str | None] = {}
    for each in _schemas(schema):
        assert isinstance(each.value, dict)
        for word, (key, _) in each.value.items():
            if word not in _KNOWN and word not in meant and len(meant) < _COMPARED:
                meant[word] = nearest(word, _KNOWN, _LIKE)
            keyword = meant.get(word)
            if keyword is not None:
                yield key, keyword


def _schemas(node: Node) -> Iterator[Node]:
    """Yield a schema and those inside it; what is no mapping holds no keywords."""
    if not isinstance(node.value, dict):
        return
    yield node
    for keyword, (_, item) in node.value.items():
        inner: list[Node] = []
        if keyword in _NAMED and isinstance(item.value, dict):
            inner = [each for _, each in item.value.values()]
        elif keyword in SINGLES | LISTS:
            inner = item.value if isinstance(item.value, list) else [item]
        for each in inner:
            yield from _schemas(each)
