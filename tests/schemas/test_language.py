"""The JSON Schema of the language, its reference page, and the loader say the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from wsrec.schemas.contract import parse
from wsrec.schemas.language import SCHEMA, reference
from wsrec.schemas.mistakes import ContractError

VALIDATOR = Draft202012Validator(SCHEMA)
PAGE = Path(__file__).parents[2] / "docs" / "contract-reference.md"

WHOLE: dict[str, Any] = {
    "wsrec": 1,
    "name": "whole",
    "description": "all of it",
    "applies_to": {"path": ["/ws/*", "/chat"], "subprotocol": "json", "host": "*.example"},
    "decode": [
        {"split": "\x1e"},
        "json",
        {"each": "/events/*", "when": {"/kind": ["batch"]}, "keep": True},
        {"each": "/x/*", "named": True},
        {"kinds": ["text"]},
    ],
    "events": {
        "sender": "both",
        "name": [
            "/type",
            {"only_key": True},
            {"join": ["/a", "/b"], "with": "."},
            {"literal": "z"},
        ],
        "alias": {"aa": "a"},
        "fields": {"id": "/id", "n": ["/n", {"json": "/m"}], "w": {"literal": "w"}},
        "schemas": {"anyOf": [{"properties": {"type": {"const": "a"}}}]},
        "types": {
            "a": None,
            "b": {"sender": "client", "schema": {"type": "object"}, "when": {"has": "id", "n": 1}},
            "c": {"unknown_fields": "warn", "missing_fields": "allow"},
        },
        "unknown": "warn",
        "unknown_fields": "fail",
        "missing_fields": "schema",
    },
    "spans": {
        "run": {
            "key": ["id", "n"],
            "open": "a",
            "during": ["d", {"event": "e", "sender": "server", "when": {"id": [1, None]}}],
            "close": {"event": "b", "sender": "other"},
            "abort": "x",
            "must_open": False,
            "must_close": True,
            "requires": ["a", "b"],
            "count": {"a": {"min": 1, "max": 2}},
            "first": "d",
            "last": ["e"],
            "order": [
                {"before": ["a", "b"]},
                {"responds": {"to": "a", "with": "b", "within": "2s"}},
                {"never": "a", "between": ["b", "c"]},
                {"never": "a", "after": "b"},
            ],
            "same": ["id", {"field": "n", "absent": "differs"}],
            "monotonic": ["id", {"n": {"by": 1}}],
            "unique": "id",
            "machine": {"start": "i", "end": ["o"], "i": {"a": "i", "b": "o", "*": "error"}},
            "fold": [{"join": "id", "equals": "n"}, {"sum": "n", "equals": "n"}],
            "once": True,
            "nest": False,
            "pair": "fifo",
            "after_close": "forbid",
            "latency": {
                "first": {"after": "c", "max": "2s", "p99": "1s", "min_samples": 3},
                "gap": {"max": "250ms"},
                "total": {"p50": "1m"},
            },
        },
        "part": {"in": "run", "key": [], "during": "d", "close": "e"},
    },
    "session": {
        "requires": "a",
        "order": [],
        "monotonic": {"n": {}},
        "close_codes": [1000, 4000],
        "closed_by": "client",
        "idle": "5m",
        "max_messages": 100,
        "reconnect": {"max": "3s", "by": "id"},
        "proxy_added": {"p99": "50ms"},
    },
    "severity": {"span": "warning", "event.schema": "off"},
}


def loads(contract: object) -> str | None:
    """Return None, or the first mistake."""
    try:
        parse(json.dumps(contract), "c.json")
    except ContractError as error:
        return str(error.mistakes[0])
    return None


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == reference()


def test_a_contract_of_all_keys_is_accepted_by_both() -> None:
    assert loads(WHOLE) is None
    VALIDATOR.validate(WHOLE)


def test_a_contract_over_others_may_leave_out_and_take_away() -> None:
    text = {"spans": {"run": {"requires": None, "latency": {"gap": None}}, "tool": None}}
    contract = {"wsrec": 1, "extends": "agent-events", **text}
    assert loads(contract) is None
    VALIDATOR.validate(contract)
    contract["spans"] = {"run": {"require": None}}
    assert loads(contract) is not None
    assert not VALIDATOR.is_valid(contract)


@pytest.mark.parametrize(("section", "name"), [("events", "events"), ("session", "session")])
def test_the_keys_over_others_are_those_of_a_whole_one(section: str, name: str) -> None:
    over = SCHEMA["then"]["properties"]
    whole = SCHEMA["$defs"]
    assert over[section]["propertyNames"]["enum"] == list(whole[name]["properties"])
    spans = over["spans"]["additionalProperties"]["propertyNames"]["enum"]
    assert spans == list(whole["span"]["properties"])


def _keys(schema: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield f"{where}/{name}", value
        for key, value in schema.items():
            yield from _keys(value, f"{where}/{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from _keys(value, f"{where}/{number}")


def test_every_key_has_a_description() -> None:
    bare = [
        where
        for where, value in _keys(SCHEMA, "")
        if not where.startswith(("/then/", "/else/"))
        and "description" not in value
        and "const" not in value
        and "description" not in SCHEMA["$defs"].get(value.get("$ref", "/").split("/")[-1], {})
    ]
    assert bare == []


PLACES: list[tuple[Any, ...]] = []


def _places(value: Any, path: tuple[Any, ...]) -> None:
    PLACES.append(path)
    if isinstance(value, dict):
        for key, below in value.items():
            _places(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _places(below, (*path, index))


_places(WHOLE, ())
ODD: list[Any] = [
    None, True, 0, -1, 1.5, "", "x", "/x", "a", "5 parsecs", [], ["a", "a"], [[]], {}, {"x": 1},
    {"each": "/a"}, "json", "server", 10**13,
]  # fmt: skip
CHANGES = ("drop", "rename", "replace")
JSON_SCHEMAS = ("schemas", "schema")
"""Below these the language's schema says nothing: they are schemas of their own."""


def changed(path: tuple[Any, ...], change: str, odd: Any) -> Any:
    """Return the whole contract with one place taken away, replaced or renamed."""
    whole = copy.deepcopy(WHOLE)
    if not path:
        return odd
    here = whole
    for step in path[:-1]:
        here = here[step]
    if change == "drop" or (change == "rename" and isinstance(here, list)):
        del here[path[-1]]
    elif change == "rename":
        here[f"{path[-1]}x"] = here.pop(path[-1])
    else:
        here[path[-1]] = copy.deepcopy(odd)
    return whole


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(PLACES), st.sampled_from(("drop", "rename", "replace")), st.sampled_from(ODD)
)
def test_what_the_loader_accepts_the_schema_accepts(
    path: tuple[Any, ...], change: str, odd: Any
) -> None:
    contract = changed(path, change, odd)
    if loads(contract) is None:
        error = next(VALIDATOR.iter_errors(contract), None)
        assert error is None, (path, change, odd, error.message)


@pytest.mark.parametrize("change", ["rename", "replace"])
def test_what_only_the_loader_can_tell_is_few(change: str) -> None:
    """The loader knows names, circles and sums; of all else the schema tells it, too."""
    told_by_one = set()
    for path in PLACES:
        if any(word in path for word in JSON_SCHEMAS) or not path:
            continue
        contract = changed(path, change, 1.5)
        mistake = loads(contract)
        if mistake is not None and VALIDATOR.is_valid(contract):
            told_by_one.add(mistake)
    known = ("unknown event", "unknown field", "unknown span", "unknown state", "unknown finding")
    rest = {each for each in told_by_one if not any(word in each for word in known)}
    assert {each.partition(": ")[2] for each in rest} <= {
        "state 'ix' of machine of span 'run' is never reached from 'i'",
        "events: schemas needs a pointer in events: name, to tell events apart",
    }
