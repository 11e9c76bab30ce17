"""Schemas and values that would keep a validator busy for ever: refused with the place, or cut."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.contract import load
from wsrec.schemas.event_schema import SchemaFileError
from wsrec.schemas.jsonschemas import SchemaFiles
from wsrec.schemas.mistakes import ContractError
from wsrec.schemas.places import MAX_CHECKS


def ready(schema: Any) -> SchemaCheck:
    return SchemaCheck(SchemaFiles({"s.json": json.dumps(schema)}.__getitem__).file("s.json"))


def doubling(times: int) -> dict[str, Any]:
    """A few lines that say, written out, two to the power of `times` schemas."""
    names = [f"n{number}" for number in range(times)]
    below = itertools.pairwise(names)
    defs = {name: {"allOf": [{"$ref": f"#/$defs/{next_}"}] * 2} for name, next_ in below}
    return {"$defs": {**defs, names[-1]: {"type": "string"}}, "$ref": "#/$defs/n0"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, "at /properties/a: '(?=a)b' is not a reg"),
        ({"pattern": r"(a)\1"}, "at its top: '(a)"),
        ({"patternProperties": {"(?<!x)y": {}}}, "at its top: '(?<!x)y' is not a reg"),
        ({"pattern": "(a{1000}){1000}"}, "no huge repetitions"),
        ({"pattern": "("}, "at its top: '(' is not a reg"),
        ({"$ref": "#"}, "it refers to itself without going deeper into the value"),
        ({"anyOf": [{"type": "string"}, {"not": {"$ref": "#"}}]}, "it refers to itself"),
        ({"items": {"$ref": "#/items"}}, "it refers to itself"),
        (doubling(30), f"held against more than {MAX_CHECKS:,} schemas"),
        ({"$recursiveRef": "#"}, "$recursiveRef is not supported; expected $ref"),
        (
            {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False},
            "must be a plain prefix such as '^x-'",
        ),
        (
            {"$defs": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}},
             "$schema": "https://json-schema.org/draft/2020-12/schema"},
            "more than one $schema",
        ),
        ({"$schema": 5}, "a $schema that is no text"),
        ({"$schema": {"a": 1}}, "a $schema that is no text"),
        ({"$ref": "#/x/y", "x": 5}, "$ref '#/x/y' leads to nothing"),
        ({"$ref": "#/x/y", "x": [5]}, "$ref '#/x/y' leads to nothing"),
        ({"$ref": "#/x", "x": 5}, "$ref '#/x' leads to what is no schema"),
        ({"$ref": "#/const", "const": {"$ref": "http://x"}}, "'#/const' leads to what is no schem"),
        ({"$ref": "#/properties", "properties": {"type": {}}}, "leads to what is no schema"),
        (
            {"$ref": "#/x", "x": {"items": {"type": "strin"}}},
            "$ref '#/x' leads to what is not a JSON Schema: at /items/type: 'strin' is not valid",
        ),
        (
            {"$schema": "http://json-schema.org/draft-03/schema#", "extends": {"$ref": "#/x"}},
            "it cannot be read; use a newer $schema",
        ),
        ({"properties": {"\ud800": {}}}, "s.json: a lone surrogate, which is no character"),
        ({"$ref": "http://127.0.0.1:9/x.json"}, "never fetched"),
        ({"$ref": "file:///etc/passwd"}, "never fetched"),
    ],
)  # fmt: skip
def test_refused_when_it_is_read(schema: Any, message: str) -> None:
    with pytest.raises(SchemaFileError) as raised:
        ready(schema)

    assert message in str(raised.value)
    assert len(str(raised.value)) < 300


def test_a_reference_may_lead_to_a_schema_under_a_keyword_of_the_author() -> None:
    check = ready(
        {"$ref": "#/components/schemas/A", "components": {"schemas": {"A": {"const": 1}}}}
    )

    assert check(1) == ()
    assert check(2)


def test_a_constant_deeper_than_the_compiled_check_goes() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]

    assert ready({"const": deep})([])


@pytest.mark.timeout(10)
def test_of_very_many_keys_the_one_that_comes_twice() -> None:
    text = "{" + ", ".join(f'"k{number}": 1' for number in [*range(40_000), 39_999]) + "}"

    with pytest.raises(SchemaFileError, match="duplicate key 'k39999'"):
        SchemaFiles({"s.json": text}.__getitem__).file("s.json")


def test_two_dialects_in_one_schema(tmp_path: Path) -> None:
    files = {
        "new.json": {"$ref": "old.json"},
        "old.json": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
    }
    with pytest.raises(SchemaFileError, match=r"old\.json: its \$schema is .*expected one dialect"):
        SchemaFiles({name: json.dumps(text) for name, text in files.items()}.__getitem__).file(
            "new.json"
        )


def test_a_contract_says_where(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"properties": {"id": {"pattern": "(?!x)"}}}')
    (tmp_path / "c.yaml").write_text(
        "wsrec: 1\nevents:\n  name: /type\n  types:\n    a: {schema: s.json}\n"
        "spans: {run: {key: [], open: a}}\n"
    )
    with pytest.raises(ContractError) as raised:
        load(tmp_path / "c.yaml")

    assert "c.yaml:5:17" in str(raised.value)
    assert "s.json: at /properties/id: '(?!x)'" in str(raised.value)


TREE = {
    "anyOf": [
        {"properties": {"a": {"$ref": "#"}}, "required": ["b"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["c"]},
    ]
}
"""Each level of a value is looked at twice as often as the one above."""


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 50_000 + "b"),
        ({"pattern": "^(a|a)*$", "multipleOf": 1}, "a" * 50_000 + "b"),
        ({"patternProperties": {"^(a+)+$": False}, "additionalProperties": False}, {"a" * 999: 1}),
        ({"uniqueItems": True}, [*({"n": number} for number in range(50_000)), {"n": 0}]),
        (TREE, nested(90)),
        ({"items": {"type": "string"}}, [0] * 500_000),
        ({"contains": {"const": 1}, "uniqueItems": False}, [[]] * 50_000),
    ],
)
def test_cut_when_it_is_checked(schema: Any, value: Any) -> None:
    assert ready(schema)(value)


def test_what_has_no_end_is_a_mismatch_that_says_so() -> None:
    (mismatch,) = ready(TREE)(nested(90))

    assert mismatch.expected == "a value the schema can be checked on"
    assert mismatch.seen == "BudgetError"


def test_a_large_value_that_is_as_it_should_be_is_within_the_budget() -> None:
    schema = {"items": {"properties": {"n": {"multipleOf": 1}, "s": {"type": "string"}}}}

    assert ready(schema)([{"n": 1, "s": "x"}] * 20_000) == ()


def test_recursion_that_goes_deeper_is_fine() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}

    assert ready(tree)({"left": {"right": {}}}) == ()
    (mismatch,) = ready(tree)({"left": {"right": 3}})
    assert mismatch.path == "/left/right"
