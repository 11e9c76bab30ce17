"""The JSON Schemas of a contract's events, closed over the contract's own folder.

`$ref` is resolved through an explicit registry that holds the files of the
folder and nothing else: jsonschema on its own would fetch URLs and open files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote, urldefrag, urljoin

from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from .bundle import BundleError, Document, bundle
from .unions import UnionError, alternatives
from .variants import Missing, Unknown, variant

__all__ = ["Aspect", "EventSchema", "SchemaFileError", "SchemaFiles", "split"]

MAX_FILES: Final = 200
MAX_CHARS: Final = 8 * 1024 * 1024

_BASE: Final = "https://contract.invalid/"
"""RFC 6761 keeps `.invalid` from ever naming a host; it only anchors relative references."""


Aspect = Literal["event.schema", "event.missing_field", "event.unknown_field"]
"""Finding codes of an event that does not match its schema."""


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

    def reading(self, unknown: Unknown, missing: Missing) -> EventSchema:
        """Return the schema that reads fields too many and too few in another way.

        Raises:
            SchemaFileError: `$dynamicRef`, which cannot be followed ahead of a value.
        """
        if (unknown, missing) == ("keep", "keep"):
            return self
        try:
            return _standing(variant(bundle(self.registry, self.uri), unknown, missing))
        except (BundleError, RecursionError) as error:
            message = str(error) or "nested too deep"
            raise SchemaFileError(f"{self.uri.removeprefix(_BASE)}: {message}") from None

    def aspects(self) -> tuple[tuple[Aspect, EventSchema], ...]:
        """Return what an event that does not match can be told apart by, gravest first.

        Each part is a schema that is lenient in all but one regard; none where a schema cannot
        be taken apart.
        """
        try:
            return (
                ("event.schema", self.reading("drop", "drop")),
                ("event.missing_field", self.reading("drop", "keep")),
                ("event.unknown_field", self.reading("keep", "drop")),
            )
        except SchemaFileError:
            return ()


def split(
    schema: EventSchema, tokens: tuple[str, ...], alias: Mapping[str, str]
) -> dict[str, EventSchema]:
    """Return the alternatives of a union by the constant that each has at `tokens`.

    `alias` gives the names that constants stand for, where they are others.

    Raises:
        SchemaFileError: an alternative without one, or `$dynamicRef`.
    """
    try:
        found = alternatives(bundle(schema.registry, schema.uri), tokens, alias)
    except (BundleError, UnionError, RecursionError) as error:
        message = str(error) or "nested too deep"
        raise SchemaFileError(f"{schema.uri.removeprefix(_BASE)}: {message}") from None
    return {name: _standing(document) for name, document in found.items()}


def _standing(document: Document) -> EventSchema:
    """Return a schema that needs no files."""
    uri = f"{_BASE}~"
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry()
    return EventSchema(uri, registry.with_resource(uri, resource).crawl())


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
        """Return the schema in the file `name`, or at `name#/pointer`; raises SchemaFileError."""
        file, fragment = urldefrag(name)
        if not file:
            raise SchemaFileError(f"{name}: a schema begins with the name of its file")
        self._load(file)
        schema = self._checked(_BASE + file)
        if not fragment:
            return schema
        self._lookup(_BASE + file, f"#{fragment}", file)
        return EventSchema(f"{_BASE}{file}#{fragment}", schema.registry)

    def inline(self, name: str, schema: object) -> EventSchema:
        """Return a schema written in the contract itself; raises SchemaFileError."""
        uri = f"{_BASE}inline:{quote(name, safe='')}"
        self._add(uri, schema)
        return self._checked(uri)

    def union(self, schemas: Sequence[EventSchema]) -> EventSchema:
        """Return what any of these schemas, all from here, accepts."""
        if len(schemas) == 1:
            return schemas[0]
        return self.inline("schemas", {"anyOf": [{"$ref": each.uri} for each in schemas]})

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
                self._load(urljoin(uri, target).removeprefix(_BASE))

    def _checked(self, uri: str) -> EventSchema:
        self._registry = self._registry.crawl()
        todo, seen = [uri], set()
        while todo:
            base = todo.pop()
            if base in seen:
                continue
            seen.add(base)
            for reference in _references(self._registry[base].contents):
                self._lookup(base, reference, f"{base.removeprefix(_BASE)}: $ref")
                target = urljoin(base, urldefrag(reference).url)
                if target in self._registry:
                    todo.append(target)
        return EventSchema(uri, self._registry)

    def _lookup(self, base: str, reference: str, what: str) -> None:
        try:
            self._registry.resolver(base).lookup(reference)
        except Unresolvable:
            raise SchemaFileError(f"{what} {reference!r} leads to nothing") from None
