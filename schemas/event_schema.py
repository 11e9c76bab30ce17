"""One event's JSON Schema with all it refers to: checked, read in another way, taken apart."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import urldefrag, urljoin

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.jsonschema import DRAFT202012, specification_with

from . import compiled
from .document import Document, DocumentError, one_document
from .places import Growth, GrowthError, schemas_in
from .reference import reference_errors
from .unions import UnionError, alternatives
from .variants import Missing, Unknown, variant

__all__ = [
    "BASE",
    "Aspect",
    "EventSchema",
    "SchemaFileError",
    "reachable",
    "references",
    "split",
    "without_dialect",
]

MAX_COMPILED: Final = 1_000_000
"""Checks beyond which a schema, its references written out, is left to the bounded reference."""

_PREFIX: Final = re.compile(r"\^[A-Za-z0-9_:/@-]*")
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
BASE: Final = "https://contract.invalid/"
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
            _foreseeable(registry[each].contents for each in reachable(registry, uri))
            growth = Growth(specification_with(dialect, DRAFT202012))
            checks = growth.measure(found.contents, found.resolver)
        except (GrowthError, SchemaFileError) as error:
            raise SchemaFileError(f"{uri.removeprefix(BASE)}: {error}") from None
        return cls(uri, registry, dialect, checks is not None and checks <= MAX_COMPILED)

    def resources(self) -> dict[str, Any]:
        """Return the schemas that it is made of, by URI."""
        return {uri: self.registry[uri].contents for uri in reachable(self.registry, self.uri)}

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
            raise SchemaFileError(f"{self.uri.removeprefix(BASE)}: {message}") from None

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
        raise SchemaFileError(f"{schema.uri.removeprefix(BASE)}: {message}") from None
    return {name: _standing(document) for name, document in found.items()}


def _standing(document: Document) -> EventSchema:
    """Return a schema that needs no files."""
    uri = f"{BASE}~"
    bare, dialect = without_dialect(document)
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


def references(schema: object) -> Iterator[str]:
    """Yield every reference in `schema`."""
    for _, each in schemas_in(schema):
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(each.get(keyword), str):
                yield each[keyword]


def without_dialect(schema: Any) -> tuple[Any, str]:
    """Return a schema without `$schema`, and what that was; raises SchemaFileError for two of them.

    At each schema that names its dialect, jsonschema would go on with a validator of its own
    choice, not with the one it was given.
    """
    bare = copy.deepcopy(schema)
    found = [each.pop("$schema") for _, each in schemas_in(bare) if "$schema" in each]
    if not all(isinstance(each, str) for each in found):
        raise SchemaFileError("a $schema that is no text; expected the URI of a dialect")
    named = set(found)
    if len(named) > 1:
        raise SchemaFileError(f"more than one $schema: {', '.join(sorted(named))}")
    dialect = named.pop() if named else _DIALECT
    return bare, dialect.rstrip("#")


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


def reachable(registry: Registry[Any], uri: str) -> Iterator[str]:
    """Yield the resources that a schema is made of, its own first."""
    todo, seen = [urldefrag(uri).url], set[str]()
    while todo:
        base = todo.pop()
        if base in seen:
            continue
        seen.add(base)
        yield base
        for reference in references(registry[base].contents):
            target = urldefrag(reference).url
            for each in (target, urljoin(base, target)):
                if target and each in registry:
                    todo.append(each)
