"""The compiled check and its reference say the same: over the packs, and over made-up schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wsrec.schemas.event_schema import EventSchema
from wsrec.schemas.jsonschemas import SchemaFiles
from wsrec.schemas.packs import find, packs
from wsrec.schemas.places import schemas_in

WORDS = ["a", "b", "ab", "type", "", "é", "😀", "x-1", "a\n", "\u0663"]
NUMBERS = [0, -0.0, 1, 1.0, 2, 3, 0.1, 0.3, 2**53, 2**53 + 1, 2.0**53, 2**64, 2.0**64, 10**30, 1e30]
SCALARS = st.sampled_from([None, True, False, *NUMBERS, *WORDS])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=10,
)
HOLDERS: list[Any] = [1, "a", None, {}, []]
POOL: list[Any] = [
    *(None, True, False, [], {}, *NUMBERS, *WORDS),
    *([left, right] for left in NUMBERS for right in NUMBERS if left == right),
    *({word: value} for word in ("a", "é") for value in HOLDERS),
]
"""Held against every schema: what was made at random seldom meets what validators differ about."""
SIZES = st.integers(0, 3)
PATTERNS = st.sampled_from(["^a", "b$", "^.$", r"\d", r"^\w*$", "(a|b)+", r"\s", "[^a]"])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def keyword(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One keyword of those that events are described by, with a value it may have."""
    names = st.sampled_from(WORDS)
    several = st.lists(inner, min_size=1, max_size=3)
    each: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "const": VALUES,
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "properties": st.dictionaries(names, inner, max_size=3),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": st.lists(names, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(names, st.lists(names, max_size=1), max_size=2),
        "dependentSchemas": st.dictionaries(names, inner, max_size=2),
        "items": inner,
        "prefixItems": several,
        "contains": inner,
        "pattern": PATTERNS,
        "uniqueItems": st.booleans(),
        "multipleOf": st.sampled_from([0.1, 1, 3, 2.5]),
        "unevaluatedProperties": inner,
        **{
            f"{end}{what}": SIZES
            for end in ("min", "max")
            for what in ("Items", "Length", "Properties", "Contains")
        },
        **{
            name: st.sampled_from(NUMBERS)
            for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        },
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), several),
        **dict.fromkeys(("not", "if", "then", "else"), inner),
        "$ref": st.just("#/$defs/there"),
    }
    return st.sampled_from(sorted(each)).flatmap(
        lambda name: st.fixed_dictionaries({name: each[name]})
    )


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.just({}),
    lambda inner: st.lists(keyword(inner), min_size=1, max_size=3).map(merged),
    max_leaves=6,
)


def ready(schema: Any) -> EventSchema:
    return SchemaFiles({"s.json": json.dumps(schema)}.__getitem__).file("s.json")


def hold_together(schema: EventSchema, values: list[Any]) -> int:
    """Fail where the two disagree; return how many values the compiled check decided."""
    accepts, errors = schema.accepts, schema.errors
    if accepts is None:
        return 0
    for value in values:
        assert accepts(value) == (next(errors(value), None) is None), value
    return len(values)


def pack_schemas() -> Iterator[Any]:
    for pack in packs():
        for name, kind in find(pack).events.types.items():
            if kind.schema is not None:
                yield pytest.param(kind.schema, id=f"{pack}-{name}")


@pytest.mark.parametrize("schema", list(pack_schemas()))
def test_over_the_packs(schema: EventSchema) -> None:
    names, values = {"type"}, [None, 1, "", "a"]
    for resource in schema.resources().values():
        for _, each in schemas_in(resource):
            names.update(each.get("properties", {}), each.get("required", ()))
            values += [each["const"]] if "const" in each else each.get("enum", [])
    made = st.recursive(
        st.sampled_from([*values, *NUMBERS, True]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(sorted(names)), inner, max_size=6)
        ),
        max_leaves=20,
    )

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(made, min_size=1, max_size=4))
    def check(values: list[Any]) -> None:
        hold_together(schema, values)

    check()


def test_the_default_pack_is_compiled() -> None:
    for kind in find("agent-events").events.types.values():
        assert kind.schema is None or kind.schema.accepts is not None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=5))
def test_over_made_up_schemas(schema: Any, there: Any, values: list[Any]) -> None:
    if isinstance(schema, dict):
        schema = {**schema, "$defs": {"there": json.loads(json.dumps(there).replace("$ref", "x"))}}
        if "unevaluatedProperties" in json.dumps(schema):
            schema = json.loads(json.dumps(schema).replace("patternProperties", "x"))
    hold_together(ready(schema), [*POOL, *values])


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"type": "integer"}, 1.0, True),
        ({"type": "integer"}, 10**400, True),
        ({"maximum": 2**53 - 1}, 2**53, False),
        ({"const": 1}, True, False),
        ({"enum": [[True]]}, [1], False),
        ({"pattern": "^a$"}, "a\n", False),
        ({"pattern": r"\d"}, "\u0663", False),
        ({"maxLength": 1}, "😀", True),
        ({"format": "date"}, "no date", True),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "format": "date"}, "none", True),
    ],
)
def test_values_that_validators_like_to_differ_about(schema: Any, value: Any, valid: bool) -> None:
    assert hold_together(ready(schema), [value]) == 1
    accepts = ready(schema).accepts
    assert accepts is not None
    assert accepts(value) is valid


@pytest.mark.parametrize(
    "schema",
    [
        {"multipleOf": 0.1},
        {"items": {"uniqueItems": True}},
        {"not": {"const": 2**70}},
        {"unevaluatedProperties": False},
        {"$schema": "http://json-schema.org/draft-07/schema#", "contentMediaType": "x/y"},
        {"dependencies": {"a": ["b"]}},
        {"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"},
        {"$defs": {"a": {"$anchor": "b"}}, "$ref": "#b"},
        {"items": {"$ref": "#"}},
    ],
)
def test_what_only_the_reference_may_decide(schema: Any) -> None:
    assert ready(schema).accepts is None
