"""The JSON Schemas of a contract's events, closed over the contract's own folder.

`$ref` is resolved through an explicit registry that holds the files of the
folder and nothing else: jsonschema on its own would fetch URLs and open files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urldefrag

from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

__all__ = ["EventSchema", "SchemaFileError", "SchemaFiles"]

MAX_FILES: Final = 200
MAX_CHARS: Final = 8 * 1024 * 1024

_BASE: Final = "https://contract.invalid/"
"""RFC 6761 keeps `.invalid` from ever naming a host; it only anchors relative references."""


class SchemaFileError(Exception):
    """A JSON Schema that cannot be used, in one line."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One event's JSON Schema and all it refers to."""

    uri: str
    registry: Registry[Any]

    def validator(self) -> Any:
        """Return a jsonschema validator; it resolves references without any I/O."""
        contents = self.registry[self.uri].contents
        kind: Any = validator_for(contents, default=Draft202012Validator)
        return kind({"$ref": self.uri}, registry=self.registry)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaFileError(f"duplicate key {twice!r}")
    return found


def _references(schema: object) -> Iterator[str]:
    """Yield every `$ref` and `$dynamicRef` below `schema`, without recursion."""
    todo = [schema]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            for key, item in value.items():
                if key in ("$ref", "$dynamicRef") and isinstance(item, str):
                    yield item
                elif key not in ("const", "enum", "default", "examples"):
                    todo.append(item)
        elif isinstance(value, list):
            todo.extend(value)


class SchemaFiles:
    """Loads schemas by file name relative to the contract, each file once."""

    def __init__(self, read: Callable[[str], str]) -> None:
        """`read` gives the text of a file of the folder; it raises OSError or ValueError."""
        self._read = read
        self._registry: Registry[Any] = Registry()
        self._loaded: set[str] = set()

    def file(self, name: str) -> EventSchema:
        """Return the schema in the file `name`; raises SchemaFileError."""
        self._load(name)
        return self._checked(_BASE + name)

    def inline(self, name: str, schema: object) -> EventSchema:
        """Return a schema written in the contract itself; raises SchemaFileError."""
        uri = f"{_BASE}inline:{name}"
        self._add(uri, schema)
        return self._checked(uri)

    def _load(self, name: str) -> None:
        if name in self._loaded:
            return
        if len(self._loaded) >= MAX_FILES:
            raise SchemaFileError(f"more than {MAX_FILES} schema files")
        self._loaded.add(name)
        try:
            text = self._read(name)
            if len(text) > MAX_CHARS:
                raise SchemaFileError(f"{name}: longer than {MAX_CHARS} characters")
            schema = json.loads(text, object_pairs_hook=_no_duplicates)
        except OSError as error:
            raise SchemaFileError(f"{name}: {error.strerror or error}") from None
        except json.JSONDecodeError as error:
            raise SchemaFileError(f"{name}:{error.lineno}:{error.colno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise SchemaFileError(f"{name}: {error}") from None
        except SchemaFileError as error:
            raise SchemaFileError(f"{name}: {error}") from None
        self._add(_BASE + name, schema)

    def _add(self, uri: str, schema: object) -> None:
        where = uri.removeprefix(_BASE)
        if not isinstance(schema, Mapping | bool):
            raise SchemaFileError(f"{where}: a JSON Schema is an object or a boolean")
        try:
            kind: Any = validator_for(schema, default=Draft202012Validator)
            kind.check_schema(schema)
            resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        except SchemaError as error:
            path = "".join(f"/{part}" for part in error.absolute_path)
            raise SchemaFileError(
                f"{where}: not a JSON Schema: at {path or 'its top'}: {error.message[:200]}"
            ) from None
        except (RecursionError, ValueError) as error:
            raise SchemaFileError(f"{where}: not a JSON Schema: {error}") from None
        self._registry = self._registry.with_resource(uri, resource)
        if isinstance(schema, Mapping) and isinstance(schema.get("$id"), str):
            self._registry = self._registry.with_resource(schema["$id"], resource)
        for reference in _references(schema):
            target = urldefrag(reference).url
            if target and target not in self._registry:
                if "//" in target or ":" in target or target.startswith("/"):
                    raise SchemaFileError(
                        f"{where}: $ref {reference!r} leads out of the contract's folder; "
                        "references are never fetched"
                    )
                self._load(target)

    def _checked(self, uri: str) -> EventSchema:
        self._registry = self._registry.crawl()
        todo, seen = [uri], set()
        while todo:
            base = todo.pop()
            if base in seen:
                continue
            seen.add(base)
            resolver = self._registry.resolver(base)
            for reference in _references(self._registry[base].contents):
                try:
                    resolver.lookup(reference)
                except Unresolvable:
                    where = base.removeprefix(_BASE)
                    raise SchemaFileError(f"{where}: $ref {reference!r} leads to nothing") from None
                target = urldefrag(reference).url
                if target and _BASE + target in self._registry:
                    todo.append(_BASE + target)
        return EventSchema(uri, self._registry)
