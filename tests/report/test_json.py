"""The report for machines, and the JSON Schema that documents it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.conversation import run, session
from support.reporting import EVIL, all_kinds, evil, judged, report
from wsrec.checks.scope import Scope, SessionRange
from wsrec.report.json import to_json
from wsrec.report.model import Report

SCHEMA: Any = json.loads((files("wsrec.report") / "report.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", ["report", "plays", "diff"])
def test_the_schema_is_one_and_leaves_nothing_open(kind: str) -> None:
    text = (files("wsrec.report") / f"{kind}.schema.json").read_text("utf-8")
    schema: Any = json.loads(text)
    Draft202012Validator.check_schema(schema)
    for each in schema["$defs"].values():
        if "properties" in each:
            assert each["additionalProperties"] is False
            assert each["required"] == list(each["properties"])


def test_every_name_is_explained() -> None:
    for part, each in SCHEMA["$defs"].items():
        for name, value in each.get("properties", {}).items():
            assert "description" in value or "$ref" in value, f"{part}: {name}"


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_every_report_is_as_documented(name: str) -> None:
    made = dict(all_kinds())[name]
    Draft202012Validator(SCHEMA).validate(json.loads(to_json(made)))
    assert to_json(made) == to_json(dict(all_kinds())[name])


def test_what_is_there_comes_in_the_order_of_the_schema() -> None:
    value: Any = json.loads(to_json(report((run()[:4], session(1)), ([], session(2, status=403)))))
    defs = SCHEMA["$defs"]
    [recording] = value["recordings"]
    [first] = recording["sessions"]
    [found] = first["findings"]
    for name, part in (("report", value), ("recording", recording), ("session", first),
                       ("finding", found), ("latency", recording["latency"][0])):  # fmt: skip
        assert list(part) == list(defs[name]["properties"]), name
    assert recording["contract"] == {
        "name": "agent-events", "origin": "a pack of wsrec", "chosen": "given with -c",
    }  # fmt: skip
    assert first["lasted_ns"] == 60_000_000_000
    assert first["events"] == {
        "agent_started": 1, "agent_thinking": 1, "tool_executing": 1, "user_message": 1,
    }  # fmt: skip
    assert (found["code"], found["severity"], found["session"], found["seq"], found["key"]) == (
        "span.unclosed", "error", 1, 2, "r1",
    )  # fmt: skip
    assert recording["skipped"] == [{"id": 2, "reason": "the handshake was answered with 403"}]
    assert recording["latency"][0]["p50_ns"] > 0


def test_it_says_what_was_asked_for() -> None:
    [whole] = report((run(), session(1))).recordings
    asked = Scope(("latency",), (SessionRange(3, 3), SessionRange(5, None)), 7)
    made = Report((judged(whole.outcome),), asked)
    value = json.loads(to_json(made))
    Draft202012Validator(SCHEMA).validate(value)
    assert value["scope"] == {"rules": ["latency"], "sessions": ["3", "5-"], "max_findings": 7}
    everything = json.loads(to_json(report()))["scope"]
    assert everything == {"rules": None, "sessions": None, "max_findings": 100}


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\ud800", "\x00", "##[error]"])
def test_recorded_text_is_inert(raw: str) -> None:
    machine = to_json(evil())
    assert raw in EVIL + "\ud800"
    assert raw not in machine
    assert raw not in str(json.loads(machine))
    machine.encode("ascii")
