"""Reads the JSON Schemas that a contract names: `schema` of an event, `schemas` of them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from .event_schema import EventSchema, SchemaFileError, split
from .folders import inside
from .jsonschemas import SchemaFiles
from .keywords import misspelt
from .model import Fields, NameSource
from .models import Models, frozen_name, is_model
from .pointers import Pointer
from .reader import Reader
from .source import Node
from .variants import Missing, Unknown

__all__ = ["FIELDS", "Schemas", "Strictness", "adapted", "strictness"]

FIELDS: Final[tuple[Fields, ...]] = ("schema", "allow", "warn", "fail")
_UNKNOWN: Final[Mapping[Fields, Unknown]] = {
    "schema": "keep", "allow": "drop", "warn": "close", "fail": "close",
}  # fmt: skip
_MISSING: Final[Mapping[Fields, Missing]] = {
    "schema": "keep", "allow": "constants", "warn": "keep", "fail": "keep",
}  # fmt: skip

Strictness = tuple[Fields, Fields]
"""What becomes of unknown fields and of missing ones."""


def strictness(
    reader: Reader, found: Mapping[str, Node], what: str, default: Strictness
) -> Strictness:
    """Return `unknown_fields` and `missing_fields`, each `default` where not given."""
    unknown, missing = default
    return (
        reader.choice(found.get("unknown_fields"), f"unknown_fields of {what}", FIELDS, unknown),
        reader.choice(found.get("missing_fields"), f"missing_fields of {what}", FIELDS, missing),
    )


class Schemas:
    """Finds the schemas that a contract names, each in the folder of the file that names it."""

    def __init__(
        self, files: SchemaFiles, folders: Mapping[str, str], models: Models | None
    ) -> None:
        """`folders` has for the origin of each node where the files are that it names.

        Without `models`, a type of the user's code has the schema that it was frozen to.
        """
        self._files = files
        self._folders = folders
        self._models = models

    def read(self, reader: Reader, name: str, node: Node) -> EventSchema | None:
        """Return the schema in a file, at a place in one, or written in the contract itself."""
        folder = self._folders[node.origin]
        try:
            if not isinstance(node.value, str):
                place = f"{folder}inline:{quote(name, safe='')}"
                schema = self._files.inline(place, node.plain())
                for word, keyword in misspelt(node):
                    message = "is no keyword of JSON Schema, so it says nothing"
                    reader.doubt(word, f"{word.value!r} {message}; did you mean {keyword!r}?")
                return schema
            if is_model(node.value):
                return self._model(node.value, folder)
            file, hash_, pointer = node.value.partition("#")
            return self._files.file(inside(folder, file) + hash_ + pointer)
        except (SchemaFileError, ValueError) as error:
            reader.wrong(node, str(error))
            return None

    def _model(self, reference: str, folder: str) -> EventSchema:
        """Return the schema of a type; raises SchemaFileError or ModelError."""
        if self._models is not None:
            return self._files.inline(folder + reference, self._models(reference, folder))
        frozen = frozen_name(reference)
        if not self._files.has(folder + frozen):
            raise SchemaFileError(
                f"{reference} is code, and there is no {frozen}: freeze it with `wsrec contract "
                "freeze --trust-code`, or import it each time with --trust-code"
            )
        return self._files.file(folder + frozen)

    def read_union(
        self,
        reader: Reader,
        node: Node | None,
        sources: tuple[NameSource, ...],
        alias: Mapping[str, str],
    ) -> dict[str, EventSchema]:
        """Return the alternatives of `schemas`, one or a list, by the name each is for."""
        if node is None:
            return {}
        if isinstance(node.value, list) and not node.value:
            reader.wrong(node, "events: schemas is an empty list")
        plain = next((source for source in sources if isinstance(source, Pointer)), None)
        if plain is None:
            message = "events: schemas needs a pointer in events: name, to tell events apart"
            reader.wrong(node, message)
            return {}
        found = [
            self.read(reader, f"schemas-{number}", item)
            for number, item in enumerate(reader.one_or_many(node), 1)
        ]
        schemas = [schema for schema in found if schema is not None]
        if not schemas or len(schemas) < len(found):
            return {}
        try:
            return split(self._files.union(schemas), plain.tokens, alias)
        except SchemaFileError as error:
            reader.wrong(node, f"events: schemas: {error}")
            return {}


def adapted(
    reader: Reader, node: Node, schema: EventSchema | None, strict: Strictness
) -> EventSchema | None:
    """Return the schema as strict as the contract asks for; `node` is what asks."""
    if schema is None:
        return None
    unknown, missing = strict
    try:
        return schema.reading(_UNKNOWN[unknown], _MISSING[missing])
    except SchemaFileError as error:
        reader.wrong(node, str(error))
        return None
