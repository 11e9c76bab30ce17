"""The reference of the contract language, written from its JSON Schema.

`python -m wsrec.schemas.language > docs/contract-reference.md` brings the page up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["SCHEMA", "reference"]

SCHEMA: Final[Mapping[str, Any]] = json.loads(
    (Path(__file__).parent / "contract.schema.json").read_text("utf-8")
)
"""The JSON Schema that editors check contracts with."""

_HEAD: Final = """# Contract reference

Every key of the contract language, version 1, as `schemas/contract.schema.json` has them. How they
go together, and what they are for, is in [contracts.md](contracts.md).
"""
_REF: Final = "#/$defs/"
_SECTIONS: Final = {
    "applies_to": ("mapping", "Which sessions"),
    "step": ("decode step", "A decode step"),
    "events": ("mapping", "Events"),
    "name": ("source", "A source of names"),
    "field": ("place", "A place of fields"),
    "when": ("condition", "A condition"),
    "span": ("span", "A span"),
    "trigger": ("event", "An event of a rule"),
    "count": ("mapping", "Counts"),
    "order": ("list", "Order"),
    "same_field": ("field", "A field that stays the same"),
    "rising": ("field", "A field that rises"),
    "fold": ("fold", "A fold"),
    "machine": ("mapping", "A machine"),
    "first": ("limits", "Limits from an event"),
    "limits": ("limits", "Limits"),
    "session": ("mapping", "The session"),
    "heartbeats": ("list", "Heartbeats"),
}
"""Definitions with a table of their own: what one is called elsewhere, and its title."""

_TYPES: Final = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "object": "mapping", "null": "nothing",
}  # fmt: skip


def reference() -> str:
    """Return the page, in Markdown."""
    alone = SCHEMA["else"]["properties"]
    whole = {name: {**alone.get(name, {}), **each} for name, each in SCHEMA["properties"].items()}
    parts = [_HEAD, _section("The contract", {**SCHEMA, "properties": whole})]
    parts += [_section(title, SCHEMA["$defs"][name]) for name, (_, title) in _SECTIONS.items()]
    return "\n".join(parts)


def _section(title: str, schema: Mapping[str, Any]) -> str:
    lines = [f"## {title}", ""]
    if "description" in schema:
        lines += [schema["description"], ""]
    lines += ["| key | value | meaning |", "|---|---|---|"]
    rows = dict.fromkeys(_rows(schema, ""))  # alternatives have some keys in common
    lines += (f"| `{key}` | {kind} | {meaning} |" for key, kind, meaning in rows)
    return "\n".join(lines) + "\n"


def _rows(schema: Any, prefix: str, one_of: bool = False) -> Iterator[tuple[str, str, str]]:
    """Yield each key of a schema: its path, its kind, its meaning; not what has its own table.

    `one_of`: the schema is an alternative, so its keys are required for that alone.
    """
    for name, value in schema.get("properties", {}).items():
        required = name in schema.get("required", ()) and not one_of
        yield f"{prefix}{name}", _kind(value), _meaning(value, required)
        yield from _rows(value, f"{prefix}{name}.")
    free = schema.get("additionalProperties")
    if isinstance(free, dict):
        yield from _rows(free, f"{prefix}NAME.")
    items = schema.get("items", {})
    for each in (*schema.get("anyOf", ()), *items.get("anyOf", ())):
        if "properties" in each or "additionalProperties" in each:
            yield from _rows(each, prefix, one_of=True)


def _meaning(schema: Mapping[str, Any], required: bool) -> str:
    target = _target(schema)
    text = str(schema.get("description") or target.get("description", ""))
    default = schema.get("default", target.get("default"))
    if default is not None:
        text += f" Without it: `{default if isinstance(default, str) else json.dumps(default)}`."
    if required:
        text += " Required."
    return text.strip().replace("|", "\\|")


def _target(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema
    if "$ref" in schema:
        found = SCHEMA["$defs"][schema["$ref"].removeprefix(_REF)]
    return found


def _kind(schema: Mapping[str, Any], many: bool = False) -> str:
    """Return what a value may be, in few words."""
    name = schema.get("$ref", "").removeprefix(_REF)
    if name in _SECTIONS:
        noun, title = _SECTIONS[name]
        link = re.sub(r"\W+", "-", title.lower())
        return f"[{noun}{'s' if many and noun != 'limits' else ''}](#{link})"
    if name in ("word", "duration", "pointer", "path_pattern", "schema"):
        return str(name).replace("path_", "") + ("s" if many else "")
    if name == "scalars":
        return "value or list of values"
    if name:
        return _kind(_target(schema), many)
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_kind(schema['items'], many=True)}" if "items" in schema else "list"
    if "anyOf" in schema and kind is None:
        kinds = dict.fromkeys(_kind(each, many) for each in schema["anyOf"])
        return " or ".join(each for each in kinds if each != "list")
    types = kind if isinstance(kind, list) else [str(kind)]
    kinds = dict.fromkeys(_TYPES[each] for each in types)
    return " or ".join(f"{each}s" if many else each for each in kinds)


if __name__ == "__main__":
    print(reference(), end="")
