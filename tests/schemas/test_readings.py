"""Schemas as one document, unions taken apart, and lenient and strict readings of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.contract import parse
from wsrec.schemas.event_schema import EventSchema, SchemaFileError, split
from wsrec.schemas.jsonschemas import SchemaFiles


def schema_of(schema: Any, **files: Any) -> EventSchema:
    texts = {"s.json": json.dumps(schema)} | {
        f"{name}.json": json.dumps(each) for name, each in files.items()
    }
    return SchemaFiles(texts.__getitem__).file("s.json")


def codes(schema: EventSchema, value: object) -> list[str]:
    return [mismatch.code for mismatch in SchemaCheck(schema)(value)]


def const(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"type": {"const": name}, **more}, "required": ["type"]}


UNION = {
    "$defs": {
        "A": const("a", n={"type": "integer"}),
        "B": {"allOf": [{"$ref": "other.json#/$defs/B"}]},
        "More": {"oneOf": [{"$ref": "#/$defs/C"}, {"$ref": "other.json#/$defs/C2"}]},
        "C": const("c", x={"type": "string"}),
    },
    "anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}, {"$ref": "#/$defs/More"}],
    "discriminator": {"propertyName": "type"},
}
OTHER = {
    "$defs": {
        "B": {"properties": {"type": {"$ref": "#/$defs/b"}}, "required": ["type", "y"]},
        "b": {"enum": ["b"]},
        "C2": const("c", x={"type": "integer"}),
    }
}


def test_a_union_is_split_by_its_constant() -> None:
    found = split(schema_of(UNION, other=OTHER), ("type",), {"a": "alpha"})
    assert list(found) == ["alpha", "b", "c"]
    assert codes(found["alpha"], {"type": "a", "n": 1}) == []
    assert codes(found["alpha"], {"type": "a", "n": "1"}) == ["event.schema"]
    assert codes(found["b"], {"type": "b"}) == ["event.missing_field"]
    assert codes(found["c"], {"type": "c", "x": 1}) == []
    assert codes(found["c"], {"type": "c", "x": "1"}) == []
    assert codes(found["c"], {"type": "c", "x": None}) == ["event.schema"]


def test_what_stands_beside_a_union_holds_for_its_alternatives() -> None:
    union = {"anyOf": [const("a"), const("b")], "required": ["id"]}
    found = split(schema_of(union), ("type",), {})
    assert codes(found["a"], {"type": "a"}) == ["event.missing_field"]


def test_an_event_is_held_against_its_own_alternative() -> None:
    text = json.dumps({"wsrec": 1, "events": {"schemas": ["u.json#/$defs/More", const("d")],
        "types": {"d": {"schema": {"required": ["z"]}}, "e": None}}})  # fmt: skip
    files = {"u.json": json.dumps(UNION), "other.json": json.dumps(OTHER)}
    types = parse(text, "c.json", files.__getitem__).events.types
    assert list(types) == ["c", "d", "e"]
    assert types["d"].schema is not None
    assert codes(types["d"].schema, {"type": "no"}) == ["event.missing_field"]
    assert types["e"].schema is None


def test_a_union_that_is_endless_has_no_alternatives() -> None:
    with pytest.raises(SchemaFileError, match="refers to itself"):
        split(schema_of({"anyOf": [{"$ref": "#"}]}), ("type",), {})


PERSON = {
    "type": "object",
    "properties": {
        "type": {"const": "a"},
        "name": {"type": "string"},
        "item": {"anyOf": [const("x", n={}), const("y", m={"type": "integer"}), {"type": "null"}]},
        "free": {"type": "object"},
        "extra": {"properties": {"k": {}}, "additionalProperties": True},
    },
    "required": ["type", "name"],
}


@pytest.mark.parametrize(
    ("value", "strict", "lenient"),
    [
        ({}, ["event.missing_field"], []),
        ({"name": 5}, ["event.schema"], ["event.schema"]),
        ({"z": 1, "name": "n"}, ["event.unknown_field"], []),
        ({"z": 1}, ["event.missing_field", "event.unknown_field"], []),
        ({"name": "n", "free": {"z": 1}}, [], []),
        ({"name": "n", "extra": {"z": 1}}, ["event.unknown_field"], []),
        ({"name": "n", "item": {"type": "y", "z": 1}}, ["event.unknown_field"], []),
        ({"name": "n", "item": {"type": "y", "m": ""}}, ["event.schema"], ["event.schema"]),
        ({"name": "n", "item": {"n": 1}}, ["event.missing_field"], ["event.missing_field"]),
    ],
)
def test_strict_and_lenient(value: dict[str, Any], strict: list[str], lenient: list[str]) -> None:
    value = {"type": "a"} | value
    assert codes(schema_of(PERSON).reading("close", "keep"), value) == strict
    assert codes(schema_of(PERSON).reading("drop", "constants"), value) == lenient


def test_the_field_itself_is_named() -> None:
    strict = schema_of(PERSON).reading("close", "keep")
    value = {"type": "a", "item": {"type": "y", "z": 1}}
    missing, unknown = SchemaCheck(strict)(value)
    assert (missing.path, missing.expected) == ("", "'name' to be present")
    assert (unknown.path, unknown.seen) == ("/item", "'z'")


@pytest.mark.parametrize(
    ("schema", "fits", "too_many"),
    [
        ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}, {"a": 1, "b": 1}, "c"),
        ({"properties": {"a": {}}, "$ref": "#/$defs/B"}, {"a": 1, "b": 1}, "c"),
        ({"properties": {"a": {}}, "anyOf": [{"required": ["a"]}, {"required": ["z"]}]},
         {"a": 1}, "b"),
        ({"properties": {"a": {}}, "patternProperties": {"^x": {}}}, {"a": 1, "xx": 1}, "c"),
        ({"if": {"properties": {"a": {"const": 1}}}, "then": {"properties": {"b": {}}},
          "properties": {"a": {}}}, {"a": 1, "b": 1}, "c"),
        ({"not": {"required": ["z"]}, "properties": {"a": {}}}, {"a": 1}, "c"),
        ({"$ref": "#/$defs/T"}, {"n": {"n": {}}}, "m"),
    ],
)  # fmt: skip
def test_composed_objects_are_closed_as_a_whole(
    schema: dict[str, Any], fits: dict[str, Any], too_many: str
) -> None:
    definitions = {
        "B": {"properties": {"b": {}}},
        "T": {"properties": {"n": {"$ref": "#/$defs/T"}}},
    }
    strict = schema_of({"$defs": definitions, **schema}).reading("close", "keep")
    assert codes(strict, fits) == []
    assert codes(strict, fits | {too_many: 1}) == ["event.unknown_field"]
    assert codes(strict.reading("drop", "keep"), fits | {too_many: 1}) == []


def test_what_must_not_be_is_not_read_leniently() -> None:
    schema = {"not": {"$ref": "#/$defs/E"}, "$defs": {"E": {"required": ["error"]}}}
    lenient = schema_of(schema).reading("drop", "drop")
    assert codes(lenient, {}) == []
    assert codes(lenient, {"error": 1}) == ["event.schema"]


NAMES = st.sampled_from("ab")
LEAF = st.sampled_from([True, {"type": "integer"}, {"const": 1}, {"type": "object"}, {}])
REFER = st.just({"$ref": "#/$defs/r"})


def _schemas(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(below, min_size=1, max_size=2)
    keywords: Mapping[str, st.SearchStrategy[Any]] = {
        "properties": st.dictionaries(NAMES, below, max_size=2),
        "required": st.lists(NAMES, max_size=2, unique=True),
        "additionalProperties": below | st.booleans(),
        "unevaluatedProperties": st.booleans(),
        "allOf": some,
        "anyOf": some,
        "oneOf": some,
        "not": below,
        "if": below,
        "then": below,
        "contains": below,
        "maxContains": st.integers(1, 2),
        "dependentRequired": st.just({"a": ["b"]}),
    }
    return st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


REFERRED = st.recursive(LEAF, _schemas, max_leaves=5)
SCHEMAS = st.recursive(LEAF | REFER, _schemas, max_leaves=8)
VALUES = st.recursive(
    st.integers(0, 2) | st.none(),
    lambda below: (
        st.dictionaries(st.sampled_from("abc"), below, max_size=3) | st.lists(below, max_size=2)
    ),
    max_leaves=6,
)


def accepts(schema: EventSchema, value: object) -> bool:
    return next(schema.errors(value), None) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, REFERRED, st.lists(VALUES, max_size=4))
def test_a_lenient_reading_accepts_what_the_schema_accepts(
    root: Any, referred: Any, values: list[Any]
) -> None:
    schema = schema_of({"allOf": [root], "$defs": {"r": referred}})
    readings = [schema.reading("drop", "drop"), schema.reading("drop", "keep"),
                schema.reading("keep", "drop"), schema.reading("keep", "constants")]  # fmt: skip
    document = Draft202012Validator(schema.document())
    for value in values:
        accepted = accepts(schema, value)
        assert document.is_valid(value) == accepted
        if accepted:
            assert all(accepts(reading, value) for reading in readings)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, REFERRED, st.lists(VALUES, max_size=4))
def test_a_strict_reading_accepts_nothing_else(root: Any, referred: Any, values: list[Any]) -> None:
    # Where one of several must fit, to be stricter about one is to be laxer about the whole.
    assume("oneOf" not in str((root, referred)))
    schema = schema_of({"allOf": [root], "$defs": {"r": referred}})
    strict = schema.reading("close", "keep")
    for value in values:
        if accepts(strict, value):
            assert accepts(schema, value)


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (Draft4Validator, {"minimum": 1, "exclusiveMinimum": True}),
        (Draft4Validator, {"maximum": 1, "exclusiveMaximum": False}),
        (Draft7Validator, {"items": [{"type": "integer"}], "additionalItems": {"const": 2}}),
        (Draft7Validator, {"dependencies": {"a": ["b"], "b": {"required": ["c"]}}}),
        (Draft7Validator, {"properties": {"a": {"$ref": "#/definitions/n", "minimum": 2}},
                           "definitions": {"n": {"type": "integer"}}}),
    ],
)  # fmt: skip
@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_older_drafts_mean_the_same_as_one_document(
    kind: Any, schema: dict[str, Any], value: object
) -> None:
    whole = {"$schema": kind.META_SCHEMA.get("$schema"), **schema}
    document = schema_of(whole).document()
    assert Draft202012Validator(document).is_valid(value) == kind(whole).is_valid(value)
