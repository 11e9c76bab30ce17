"""The one error that is shown of an event that does not match its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.jsonschemas import SchemaFiles


def check(schema: Any, value: Any) -> Any:
    files = SchemaFiles({"s.json": json.dumps(schema)}.__getitem__)
    found = SchemaCheck(files.file("s.json"))(value)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("schema", "value", "path", "expected", "seen"),
    [
        ({"type": "object"}, [1, 2], "", "object", "an array of 2"),
        ({"type": ["string", "null"]}, True, "", "string or null", "true"),
        ({"required": ["a", "b"]}, {"c": 1}, "", "'a'", "an object with 'c'"),
        ({"properties": {"a": {"const": "x"}}}, {"a": "y"}, "/a", "'x'", "'y'"),
        ({"properties": {"a/b~": {"enum": [1]}}}, {"a/b~": None}, "/a~1b~0", "one of 1", "null"),
        ({"items": {"minimum": 3}}, [5, 2], "/1", "minimum 3", "2"),
        ({"anyOf": [{"type": "string"}], "description": "a word"}, {}, "", "a word",
         "an empty object"),
        (False, 1, "", "one of the alternatives the schema lists", "1"),
    ],
)  # fmt: skip
def test_what_was_expected_and_what_was_seen(
    schema: Any, value: Any, path: str, expected: str, seen: str
) -> None:
    mismatch = check(schema, value)
    assert (mismatch.path, mismatch.seen) == (path, seen)
    assert expected in mismatch.expected


def test_a_match_is_nothing() -> None:
    assert check({"type": "object"}, {}) is None
    assert check(True, 1) is None


def test_long_values_are_cut() -> None:
    mismatch = check({"type": "object"}, "x" * 10_000)
    assert len(mismatch.seen) < 100


def test_a_number_beyond_a_double_is_a_mismatch_not_a_crash() -> None:
    mismatch = check({"multipleOf": 0.5}, 10**400)
    assert mismatch is None or mismatch.seen


def test_a_million_errors_are_not_collected() -> None:
    assert check({"items": {"type": "string"}}, [0] * 200_000).path.startswith("/")
