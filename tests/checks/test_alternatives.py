"""What is said of a value that is none of a union's alternatives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.jsonschemas import SchemaFiles


def part(kind: str, **fields: str) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {"type": of} for name, of in fields.items()}
    properties["type"] = {"const": kind}
    return {"type": "object", "properties": properties, "required": ["type", *fields]}


TEXT, IMAGE = part("text", text="string"), part("image", url="string")
NESTED = part("list") | {
    "properties": {"type": {"const": "list"}, "items": {"items": {"anyOf": [TEXT, IMAGE]}}}
}
MANY = [part(f"kind_{number}", value="integer") for number in range(46)]


def told(schema: Any, value: Any) -> tuple[str, str, str]:
    files = SchemaFiles({"s.json": json.dumps(schema)}.__getitem__)
    (mismatch,) = SchemaCheck(files.file("s.json"))(value)
    return mismatch.path, mismatch.expected, mismatch.seen


@pytest.mark.parametrize(
    ("union", "value", "said"),
    [
        ([TEXT, IMAGE], {"type": "text", "text": 5}, ("/text", "string", "5")),
        ([TEXT, IMAGE], {"type": "image", "url": None}, ("/url", "string", "null")),
        ([TEXT, IMAGE], {"type": "txet", "text": ""},
         ("/type", "one of 'text', 'image'", "'txet'")),
        ([IMAGE, TEXT], {"type": "txet"}, ("/type", "one of 'text', 'image'", "'txet'")),
        ([TEXT, IMAGE], {"type": "image"},
         ("", "'url' to be present", "an object with 'type'")),
        ([TEXT, NESTED], {"type": "list", "items": [{"type": "text", "text": 1}]},
         ("/items/0/text", "string", "1")),
        ([TEXT, {"anyOf": [IMAGE, NESTED]}], {"type": "text", "text": []},
         ("/text", "string", "an array of 0")),
        (MANY, {"type": "kind_31", "value": "x"}, ("/value", "integer", "'x'")),
        ([TEXT, {"properties": {"type": {"enum": ["a"]}, "n": {"type": "null"}}}],
         {"type": "a", "n": 1}, ("/n", "null", "1")),
        ([TEXT, {"type": "null"}], {"type": "text", "text": 5}, ("/text", "string", "5")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_the_alternative_that_was_meant(
    keyword: str, union: list[Any], value: Any, said: tuple[str, str, str]
) -> None:
    assert told({keyword: union}, value) == said
    within = {"properties": {"item": {keyword: union, "description": "a part"}}}
    assert told(within, {"item": value}) == (f"/item{said[0]}", *said[1:])


def test_a_union_without_constants_is_what_its_description_says() -> None:
    schema = {
        "description": "a word or a number",
        "anyOf": [{"type": "string"}, {"type": "number"}],
    }
    assert told(schema, None) == ("", "a word or a number", "null")


RESULT = {"properties": {"result": {"type": "integer"}}, "required": ["result"]}
ERROR = {
    "properties": {"error": {"type": "object", "required": ["code"]}},
    "required": ["error"],
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"error": "no"}, ("event.schema", "/error", "object", "'no'")),
        ({"result": None}, ("event.schema", "/result", "integer", "null")),
        ({"error": {}}, ("event.missing_field", "/error", "'code' to be present",
                         "an empty object")),
        ({"id": 1}, ("event.missing_field", "", "'result' to be present", "an object with 'id'")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_the_alternative_that_was_meant_is_the_one_that_lacks_nothing(
    keyword: str, value: Any, said: tuple[str, str, str, str]
) -> None:
    files = SchemaFiles({"s.json": json.dumps({keyword: [RESULT, ERROR]})}.__getitem__)
    (mismatch,) = SchemaCheck(files.file("s.json"))(value)
    assert (mismatch.code, mismatch.path, mismatch.expected, mismatch.seen) == said
