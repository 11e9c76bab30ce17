"""The JSON Schemas of a contract's events, closed over the contract's own folder.

`$ref` is resolved through an explicit registry that holds the files of the
folder and nothing else: jsonschema on its own would fetch URLs and open files.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import urldefrag, urljoin

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from . import compiled
from .document import Document, DocumentError, one_document
from .folders import MAX_CHARS, Files
from .patterns import PatternError, search
from .places import Growth, GrowthError, schemas_in
from .reference import reference_errors
from .unions import UnionError, alternatives
from .variants import Missing, Unknown, variant

__all__ = ["Aspect", "EventSchema", "SchemaFileError", "SchemaFiles", "split"]

MAX_FILES: Final = 200
MAX_COMPILED: Final = 1_000_000
"""Checks beyond which a schema, its references written out, is left to the bounded reference."""

_PREFIX: Final = re.compile(r"\^[A-Za-z0-9_:/@-]*")
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BASE: Final = "https://contract.invalid/"
"""RFC 6761 keeps `.invalid` from ever naming a host; it only anchors relative references."""


Aspect = Literal["event.schema", "event.missing_field", "event.unknown_field"]
"""Finding codes of an event that does not match its schema."""


class SchemaFileError(Exception):
    """A JSON Schema that cannot be used, in one line."""


@dataclass(frozen=True)
class EventSchema:
    """One event's JSON Schema and all it refers to; what is made of it is made once."""

    uri: str
    registry: Registry[Any]
    dialect: str
    """The `$schema` that it and all it refers to are written for."""
    bounded: bool
    """However a value is made, there is a limit to how often each part of it is checked."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.uri, self.resources(), self.dialect, self.bounded)

    @classmethod
    def of(cls, registry: Registry[Any], uri: str, dialect: str) -> EventSchema:
        """Return the schema at `uri`; raises SchemaFileError when checking it has no bound."""
        found = registry.resolver(urldefrag(uri).url).lookup(uri)
        try:
            _foreseeable(registry[each].contents for each in _reachable(registry, uri))
            growth = Growth(specification_with(dialect, DRAFT202012))
            checks = growth.measure(found.contents, found.resolver)
        except (GrowthError, SchemaFileError) as error:
            raise SchemaFileError(f"{uri.removeprefix(_BASE)}: {error}") from None
        return cls(uri, registry, dialect, checks is not None and checks <= MAX_COMPILED)

    def resources(self) -> dict[str, Any]:
        """Return the schemas that it is made of, by URI."""
        return {uri: self.registry[uri].contents for uri in _reachable(self.registry, self.uri)}

    @property
    def _kind(self) -> Any:
        return validator_for({"$schema": self.dialect}, default=Draft202012Validator)

    @cached_property
    def errors(self) -> Callable[[object], Iterator[ValidationError]]:
        """What yields the errors of a value, see `reference`; without any I/O."""
        return reference_errors(self._kind, {"$ref": self.uri}, self.registry)

    @cached_property
    def accepts(self) -> Callable[[object], bool] | None:
        """What says quickly whether a value matches, see `compiled`; None: only `errors` can."""
        if not self.bounded:
            return None
        return compiled.accepts(self._kind, self.uri, self.resources())

    def document(self) -> Document:
        """Return the schema and all it refers to as one document; raises DocumentError."""
        return one_document(self.registry, self.uri, self.dialect)

    def reading(self, unknown: Unknown, missing: Missing) -> EventSchema:
        """Return the schema that reads fields too many and too few in another way.

        Raises:
            SchemaFileError: `$dynamicRef`, which cannot be followed ahead of a value.
        """
        if (unknown, missing) == ("keep", "keep"):
            return self
        try:
            return _standing(variant(self.document(), unknown, missing))
        except (DocumentError, RecursionError) as error:
            message = str(error) or "nested too deep"
            raise SchemaFileError(f"{self.uri.removeprefix(_BASE)}: {message}") from None

    @cached_property
    def aspects(self) -> tuple[tuple[Aspect, EventSchema], ...]:
        """What an event that does not match can be told apart by, gravest first.

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
        found = alternatives(schema.document(), tokens, alias)
    except (DocumentError, UnionError, RecursionError) as error:
        message = str(error) or "nested too deep"
        raise SchemaFileError(f"{schema.uri.removeprefix(_BASE)}: {message}") from None
    return {name: _standing(document) for name, document in found.items()}


def _standing(document: Document) -> EventSchema:
    """Return a schema that needs no files."""
    uri = f"{_BASE}~"
    bare, dialect = _without_dialect(document)
    registry: Registry[Any] = Registry()
    registry = registry.with_resource(uri, DRAFT202012.create_resource(bare)).crawl()
    return EventSchema.of(registry, uri, dialect)


def _restored(uri: str, resources: dict[str, Any], dialect: str, bounded: bool) -> EventSchema:
    """Return a schema that was sent to another process; a registry itself cannot be."""
    specification: Any = specification_with(dialect, DRAFT202012)
    registry: Registry[Any] = Registry().with_resources(
        (name, specification.create_resource(each)) for name, each in resources.items()
    )
    return EventSchema(uri, registry.crawl(), dialect, bounded)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaFileError(f"duplicate key {twice!r}")
    return found


def _references(schema: object) -> Iterator[str]:
    """Yield every reference in `schema`."""
    for _, each in schemas_in(schema):
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(each.get(keyword), str):
                yield each[keyword]


def _without_dialect(schema: Any) -> tuple[Any, str]:
    """Return a schema without `$schema`, and what that was; raises SchemaFileError for two of them.

    At each schema that names its dialect, jsonschema would go on with a validator of its own
    choice, not with the one it was given.
    """
    bare = copy.deepcopy(schema)
    named = {each.pop("$schema", None) for _, each in schemas_in(bare)} - {None}
    if len(named) > 1:
        raise SchemaFileError(f"more than one $schema: {', '.join(sorted(map(str, named)))}")
    dialect = named.pop() if named else _DIALECT
    return bare, str(dialect).rstrip("#")


def _usable(schema: object) -> None:
    """Do nothing for a schema that is checked as its author means it, in linear time.

    Raises SchemaFileError for patterns that are not, and for what jsonschema cannot resolve.
    """
    for path, each in schemas_in(schema):
        where = f"at {path or 'its top'}"
        for pattern in (each.get("pattern"), *(each.get("patternProperties") or ())):
            if isinstance(pattern, str):
                try:
                    search(pattern)
                except PatternError as error:
                    raise SchemaFileError(f"{where}: {error}") from None
        if "$recursiveRef" in each:
            raise SchemaFileError(f"{where}: $recursiveRef is not supported; expected $ref")


def _foreseeable(schemas: Iterable[object]) -> None:
    """Do nothing for schemas beside which jsonschema itself matches only plain prefixes.

    What `unevaluatedProperties` leaves over it finds with Python's `re`, whatever it is given for
    `patternProperties`.
    """
    below = [(path, each) for schema in schemas for path, each in schemas_in(schema)]
    if any("unevaluatedProperties" in each for _, each in below):
        for path, each in below:
            for pattern in each.get("patternProperties") or ():
                if not _PREFIX.fullmatch(pattern):
                    raise SchemaFileError(
                        f"at {path or 'its top'}: with unevaluatedProperties, a pattern in "
                        f"patternProperties must be a plain prefix such as '^x-', not {pattern!r}"
                    )


def _reachable(registry: Registry[Any], uri: str) -> Iterator[str]:
    """Yield the resources that a schema is made of, its own first."""
    todo, seen = [urldefrag(uri).url], set[str]()
    while todo:
        base = todo.pop()
        if base in seen:
            continue
        seen.add(base)
        yield base
        for reference in _references(registry[base].contents):
            target = urldefrag(reference).url
            for each in (target, urljoin(base, target)):
                if target and each in registry:
                    todo.append(each)


class SchemaFiles:
    """Loads schemas by file name relative to the contract, each file once."""

    def __init__(self, read: Files) -> None:
        """`read` gives the text of a file of the folder; it raises OSError or ValueError."""
        self._read = read
        self._registry: Registry[Any] = Registry()
        self._loaded: set[str] = set()
        self._dialects: dict[str, str] = {}

    def has(self, name: str) -> bool:
        """Say whether there is a file of that name."""
        try:
            self._read(name)
        except (OSError, ValueError):
            return False
        return True

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
        return EventSchema.of(schema.registry, f"{_BASE}{file}#{fragment}", schema.dialect)

    def inline(self, name: str, schema: object) -> EventSchema:
        """Return a schema written in the contract itself; raises SchemaFileError.

        `name` is that of no file; what the schema refers to is relative to it.
        """
        uri = _BASE + name
        self._add(uri, schema)
        return self._checked(uri)

    def union(self, schemas: Sequence[EventSchema]) -> EventSchema:
        """Return what any of these schemas, all from here, accepts."""
        if len(schemas) == 1:
            return schemas[0]
        return self.inline("schemas:", {"anyOf": [{"$ref": each.uri} for each in schemas]})

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
            kind.check_schema(schema, format_checker=None)
            schema, self._dialects[uri] = _without_dialect(schema)
            _usable(schema)
            resource: Any = specification_with(self._dialects[uri], DRAFT202012).create_resource(
                schema
            )
        except SchemaError as error:
            path = "".join(f"/{part}" for part in error.absolute_path)
            raise SchemaFileError(
                f"{where}: not a JSON Schema: at {path or 'its top'}: {error.message[:200]}"
            ) from None
        except SchemaFileError as error:
            raise SchemaFileError(f"{where}: {error}") from None
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
        dialect = self._dialects[uri]
        for base in _reachable(self._registry, uri):
            where = base.removeprefix(_BASE)
            other = self._dialects.get(base, dialect)
            if other != dialect:
                raise SchemaFileError(
                    f"{where}: its $schema is {other}, that of {uri.removeprefix(_BASE)}, which "
                    f"refers to it, is {dialect}; expected one dialect in both"
                )
            for reference in _references(self._registry[base].contents):
                self._lookup(base, reference, f"{where}: $ref")
        return EventSchema.of(self._registry, uri, dialect)

    def _lookup(self, base: str, reference: str, what: str) -> None:
        try:
            self._registry.resolver(base).lookup(reference)
        except Unresolvable:
            raise SchemaFileError(f"{what} {reference!r} leads to nothing") from None
