"""The JSON Schemas of a contract's events, closed over the contract's own folder.

`$ref` is resolved through an explicit registry that holds the files of the
folder and nothing else: jsonschema on its own would fetch URLs and open files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

from jsonschema.exceptions import SchemaError
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from .event_schema import (
    BASE,
    EventSchema,
    SchemaFileError,
    reachable,
    references,
    without_dialect,
)
from .folders import MAX_CHARS, Files
from .mistakes import did_you_mean
from .patterns import PatternError, search
from .places import schemas_in

__all__ = ["SchemaFiles"]

MAX_FILES: Final = 200


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = Counter(name for name, _ in pairs)
        raise SchemaFileError(f"duplicate key {names.most_common(1)[0][0]!r}")
    return found


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


class SchemaFiles:
    """Loads schemas by file name relative to the contract, each file once."""

    def __init__(self, read: Files) -> None:
        """`read` gives the text of a file of the folder; it raises OSError or ValueError."""
        self._read = read
        self._registry: Registry[Any] = Registry()
        self._loaded: set[str] = set()
        self._broken: dict[str, str] = {}
        self._dialects: dict[str, str] = {}
        self._places: dict[int, object] = {}
        """All that stands where a schema may, by identity."""
        self._aims: set[int] = set()
        """Those that a reference leads to, and that are schemas."""

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
        schema = self._checked(BASE + file)
        if not fragment:
            return schema
        self._lookup(BASE + file, f"#{fragment}", file)
        return EventSchema.of(schema.registry, f"{BASE}{file}#{fragment}", schema.dialect)

    def inline(self, name: str, schema: object) -> EventSchema:
        """Return a schema written in the contract itself; raises SchemaFileError.

        `name` is that of no file; what the schema refers to is relative to it.
        """
        uri = BASE + name
        self._add(uri, schema)
        return self._checked(uri)

    def union(self, schemas: Sequence[EventSchema]) -> EventSchema:
        """Return what any of these schemas, all from here, accepts."""
        if len(schemas) == 1:
            return schemas[0]
        return self.inline("schemas:", {"anyOf": [{"$ref": each.uri} for each in schemas]})

    def _load(self, name: str) -> None:
        if name in self._broken:
            raise SchemaFileError(self._broken[name])
        if name in self._loaded:
            return
        if len(self._loaded) >= MAX_FILES:
            raise SchemaFileError(f"more than {MAX_FILES} schema files")
        self._loaded.add(name)
        try:
            self._add(BASE + name, self._json(name))
        except SchemaFileError as error:
            self._broken[name] = str(error)
            raise

    def _json(self, name: str) -> object:
        try:
            text = self._read(name)
            if len(text) > MAX_CHARS:
                raise SchemaFileError(f"{name}: longer than {MAX_CHARS} characters")
            schema: object = json.loads(text, object_pairs_hook=_no_duplicates)
            json.dumps(schema, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise SchemaFileError(f"{name}: a lone surrogate, which is no character") from None
        except OSError as error:
            raise SchemaFileError(f"{name}: {error.strerror or error}") from None
        except json.JSONDecodeError as error:
            raise SchemaFileError(f"{name}:{error.lineno}:{error.colno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise SchemaFileError(f"{name}: {error}") from None
        except SchemaFileError as error:
            raise SchemaFileError(f"{name}: {error}") from None
        return schema

    def _add(self, uri: str, schema: object) -> None:
        where = uri.removeprefix(BASE)
        if not isinstance(schema, Mapping | bool):
            raise SchemaFileError(f"{where}: a JSON Schema is an object or a boolean")
        try:
            schema, self._dialects[uri] = without_dialect(schema)
            _check(schema, self._dialects[uri])
            _usable(schema)
            self._places.update((id(each), each) for _, each in schemas_in(schema))
            resource: Any = specification_with(self._dialects[uri], DRAFT202012).create_resource(
                schema
            )
        except SchemaFileError as error:
            raise SchemaFileError(f"{where}: {error}") from None
        except (RecursionError, ValueError) as error:
            raise SchemaFileError(f"{where}: not a JSON Schema: {error}") from None
        self._registry = self._registry.with_resource(uri, resource)
        if isinstance(schema, Mapping) and isinstance(schema.get("$id"), str):
            self._registry = self._registry.with_resource(schema["$id"], resource)
        for reference in references(schema):
            target = urldefrag(reference).url
            if target and target not in self._registry:
                if "//" in target or ":" in target or target.startswith("/"):
                    raise SchemaFileError(
                        f"{where}: $ref {reference!r} leads out of the contract's folder; "
                        "references are never fetched"
                    )
                self._load(urljoin(uri, target).removeprefix(BASE))

    def _checked(self, uri: str) -> EventSchema:
        try:
            self._registry = self._registry.crawl()
        except (AttributeError, TypeError):  # of draft 3, referencing reads some keywords as others
            where = uri.removeprefix(BASE)
            raise SchemaFileError(f"{where}: it cannot be read; use a newer $schema") from None
        dialect = self._dialects[uri]
        for base in reachable(self._registry, uri):
            where = base.removeprefix(BASE)
            other = self._dialects.get(base, dialect)
            if other != dialect:
                raise SchemaFileError(
                    f"{where}: its $schema is {other}, that of {uri.removeprefix(BASE)}, which "
                    f"refers to it, is {dialect}; expected one dialect in both"
                )
            for reference in references(self._registry[base].contents):
                self._lookup(base, reference, f"{where}: $ref")
        return EventSchema.of(self._registry, uri, dialect)

    def _lookup(self, base: str, reference: str, what: str) -> None:
        """Do nothing for a reference that leads to a schema; raises SchemaFileError for others."""
        try:
            found = self._registry.resolver(base).lookup(reference).contents
        except (Unresolvable, TypeError, ValueError):
            raise SchemaFileError(f"{what} {reference!r} leads to nothing") from None
        if isinstance(found, bool) or id(found) in self._aims:
            return
        if id(found) not in self._places:
            raise SchemaFileError(f"{what} {reference!r} leads to what is no schema")
        try:  # under a keyword of the author's own, nothing has checked it yet
            _check(found, self._dialects.get(base, ""))
        except SchemaFileError as error:
            raise SchemaFileError(f"{what} {reference!r} leads to what is {error}") from None
        self._aims.add(id(found))


def _check(schema: Any, dialect: str) -> None:
    """Do nothing for a JSON Schema; raises SchemaFileError for anything else."""
    kind: Any = validator_for({"$schema": dialect}, default=Draft202012Validator)
    try:
        kind.check_schema(schema, format_checker=None)
    except SchemaError as error:
        path = "".join(f"/{part}" for part in error.absolute_path)
        message = f"at {path or 'its top'}: {error.message[:200]}{_hint(error)}"
        raise SchemaFileError(f"not a JSON Schema: {message}") from None


def _hint(error: SchemaError) -> str:
    """Return what a misspelt word of a schema was meant to be, with what leads to it."""
    for each in (error, *(error.context or ())):
        if each.validator == "enum" and isinstance(each.instance, str):
            return did_you_mean(each.instance, map(str, each.validator_value))
    return ""
