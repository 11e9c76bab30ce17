"""JUnit XML: read by a parser that nobody here wrote, and held against what Jenkins takes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Failure, JUnitXml, Skipped
from support.conversation import agent_events, contract, crashed, judge_all, run, session
from support.reporting import LOST, all_kinds, evil, judged, many, report
from wsrec.checks.finding import finding
from wsrec.checks.scope import EVERYTHING, Scope
from wsrec.report.junit import to_junit
from wsrec.report.model import Report
from wsrec.report.rules import Rule, recording_rules, rule_of, session_rules
from wsrec.schemas.codes import CODES, Severity
from wsrec.schemas.model import Fold, Machine, Monotonic

# Elements, their attributes (those that must be there in capitals) and what may be inside,
# as in the file junit-10.xsd of Jenkins' xUnit plugin.
JENKINS = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": (
        "NAME TESTS FAILURES ERRORS group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "properties": ("", "property"),
    "property": ("NAME VALUE", ""),
    "testcase": ("NAME time classname group", "skipped error failure system-out system-err"),
    "failure": ("type message", ""),
    "skipped": ("type message", ""),
    "system-out": ("", ""),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def accepted(element: ET.Element) -> None:
    attributes, inside = JENKINS[element.tag]
    assert set(element.attrib) <= set(attributes.lower().split())
    assert {name.lower() for name in attributes.split() if name.isupper()} <= set(element.attrib)
    if "time" in element.attrib:
        assert TIME.fullmatch(element.attrib["time"])
    for child in element:
        assert child.tag in inside.split()
        accepted(child)


def cases(made: Report, fail_on: Severity = "error") -> Iterator[tuple[str, str, str, str]]:
    """Suite, class, rule, and how it went, as the other parser has it."""
    for suite in JUnitXml.fromstring(to_junit(made, fail_on).encode()):
        for case in suite:
            results = {Failure: "failed", Skipped: "skipped"}
            went = [results[type(each)] for each in case.result] or ["passed"]
            rule, _, where = case.name.partition(" ")
            assert where == f"[{suite.name}]"
            yield suite.name, case.classname, rule, *went


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_every_report_is_read_by_others(name: str) -> None:
    made = dict(all_kinds())[name]
    for fail_on in ("error", "warning", "info"):
        text = to_junit(made, fail_on)
        root = ET.fromstring(text)
        accepted(root)
        parsed = JUnitXml.fromstring(text.encode())
        written = [(each.tests, each.failures, each.skipped) for each in parsed]
        total = parsed.tests, parsed.failures
        parsed.update_statistics()  # type: ignore[no-untyped-call]
        assert written == [(each.tests, each.failures, each.skipped) for each in parsed]
        assert total == (parsed.tests, parsed.failures)
        ids = [(case.classname, case.name) for suite in parsed for case in suite]
        assert len(ids) == len(set(ids))
        assert text == to_junit(dict(all_kinds())[name], fail_on)


def test_a_suite_for_each_session_and_a_case_for_each_rule() -> None:
    made = report((run(), session(1)), (LOST, session(2)))
    found = list(cases(made))
    assert list(dict.fromkeys(each[0] for each in found)) == [
        "a.db", "a.db session 1", "a.db session 2",
    ]  # fmt: skip
    first = [each[1:3] for each in found if each[0] == "a.db session 1"]
    assert first == [each[1:3] for each in found if each[0] == "a.db session 2"]
    assert ("agent-events.tool", "span.unclosed") in first
    assert [each for each in found if each[3] != "passed"] == [
        ("a.db session 2", "agent-events.tool", "span.unclosed", "failed")
    ]


def test_what_a_failure_says() -> None:
    root = ET.fromstring(to_junit(report((many(30), session(1))), "error"))
    [failure] = root.iter("failure")
    assert failure.attrib["type"] == "span.unopened"
    assert failure.attrib["message"].startswith("session 1 frame 7: ")
    assert failure.attrib["message"].endswith(" (and 29 more)")
    lines = (failure.text or "").splitlines()
    assert lines[0].startswith("error: session 1 frame 7: ")
    assert lines[-2] == "and 10 more findings"
    assert lines[-1].endswith(": wsrec explain span.unopened")


def test_times_are_those_of_the_recording() -> None:
    root = ET.fromstring(to_junit(report((run(), session(1)), (run(), session(2))), "error"))
    suites = root.findall("testsuite")
    assert [suite.attrib["time"] for suite in suites] == ["0.000", "60.000", "60.000"]
    assert root.attrib["time"] == "120.000"
    assert suites[1].attrib["timestamp"] == "2026-01-01T00:00:00"


def test_what_was_not_judged_is_skipped() -> None:
    lost = [*run()[:2], *run("r2")[1:2]]
    made = report(
        (lost, crashed(1)),
        ([], session(2, status=503)),
        ([*run()[:3], ("server", "{")], crashed(3)),
    )
    by_suite: dict[str, set[str]] = {}
    for suite, *_, went in cases(made):
        by_suite.setdefault(suite, set()).add(went)
    assert by_suite["a.db session 1"] == {"skipped"}
    assert by_suite["a.db session 2"] == {"skipped"}
    assert by_suite["a.db session 3"] == {"skipped", "failed"}
    assert "the handshake was answered with 503" in to_junit(made, "error")
    assert "not fully judged: no end record" in to_junit(made, "error")


def test_what_is_grave_enough_fails() -> None:
    made = report((run(), crashed(1)))
    unclean = ("a.db session 1", "agent-events.recording", "recording.unclean")
    assert (*unclean, "skipped") in cases(made)
    assert (*unclean, "failed") in cases(made, "warning")
    assert "<system-out>warning: session 1 frame 6: the session has no end" in to_junit(
        made, "error"
    )


def test_nothing_judged_fails_the_recording() -> None:
    assert ("a.db", "agent-events.contract", "contract.vacuous", "failed") in cases(report())


def test_what_was_not_asked_for_is_no_case() -> None:
    scope = Scope(("latency", "span.unclosed"))
    made = Report((judged(judge_all((run(), session(1)))),), scope)
    rules = {rule for _, _, rule, _ in cases(made)}
    assert rules == {
        "latency.first", "latency.gap", "latency.total", "latency.percentile", "span.unclosed",
        "contract.vacuous",
    }  # fmt: skip
    assert '<property name="scope" value="only findings of latency, span.unclosed count"/>' in (
        to_junit(made, "error")
    )


@pytest.mark.parametrize(
    "raw", ["\x1b[2J", "\u202e", "\ud800", "\ufffe", "\x00", "##[error]", "]]>"]
)
def test_recorded_text_is_inert(raw: str) -> None:
    text = to_junit(evil(), "info")
    assert raw not in text
    text.encode("utf-8")


@given(st.text(max_size=40))
def test_whatever_was_recorded_it_is_xml(text: str) -> None:
    talk = (run(text)[:4], session(1, target=text, started_at=text))
    made = Report((judged(judge_all(talk), path=text),))
    root = ET.fromstring(to_junit(made, "error").encode())
    accepted(root)


# Which rules a contract holds.


def test_every_code_is_a_rule_of_some_contract() -> None:
    rules = contract(
        """
events:
  unknown: fail
  fields: {id: /id}
  types: {a: {schema: {type: object}, unknown_fields: warn, missing_fields: warn}}
spans:
  outer:
    key: id
    open: a
    close: z
    during: [m, n]
    requires: m
    count: {m: {max: 2}}
    first: m
    last: m
    order: [{responds: {to: m, with: n, within: 1s}}]
    same: id
    after_close: forbid
    latency: {first: {max: 1s}, gap: {max: 1s}, total: {max: 1s, p95: 1s}}
  inner: {in: outer, key: id, open: b, close: c}
session:
  requires: a
  count: {a: {max: 9}}
  first: a
  last: z
  order: [{before: [a, z]}]
  same: id
  close_codes: [1000]
  closed_by: client
  idle: 9s
  reconnect: {max: 3s, by: id}
  proxy_added: {p99: 1s}
"""
    )
    [outer, inner] = rules.spans
    more: Any = {"machine": Machine("s", {}), "monotonic": (Monotonic("id"),), "unique": ("id",)}
    outer = replace(outer, inside=replace(outer.inside, **more), fold=(Fold("join", "id", "id"),))
    session = replace(rules.session, inside=replace(rules.session.inside, **more), max_messages=9)
    rules = replace(rules, spans=(outer, inner), session=session)
    found = {*session_rules(rules, EVERYTHING), *recording_rules(rules, EVERYTHING)}
    # A limit of the validator's own is no rule of the contract.
    assert {rule.code for rule in found} == set(CODES) - {"span.forgotten"}
    assert ("inner", "span.outside") in found
    assert ("outer", "span.outside") not in found


def test_what_a_contract_does_not_ask_for_is_no_rule() -> None:
    bare = contract("spans: {job: {key: [], open: a, close: z, must_close: false}}")
    assert session_rules(bare, EVERYTHING) == [
        ("event", "event.undecodable"), ("event", "event.sender"), ("job", "span.unopened"),
        ("job", "span.reopened"), ("job", "span.order"), ("recording", "recording.gap"),
        ("recording", "recording.unclean"), ("contract", "contract.vacuous"),
    ]  # fmt: skip
    assert recording_rules(bare, EVERYTHING) == [("contract", "contract.vacuous")]
    off = contract(
        'spans: {job: {key: [], open: a, close: z}}\nseverity: {event: "off", span: "off"}'
    )
    assert {rule.code for rule in session_rules(off, EVERYTHING)} == {
        "recording.gap", "recording.unclean", "contract.vacuous",
    }  # fmt: skip


def test_each_finding_breaks_a_rule_that_the_contract_holds() -> None:
    rules = {
        *session_rules(agent_events(), EVERYTHING),
        *recording_rules(agent_events(), EVERYTHING),
    }
    for name, made in all_kinds():
        assert {rule_of(found) for found in made.findings()} <= rules, name


def test_a_finding_of_no_rule_is_a_case_all_the_same() -> None:
    assert rule_of(finding("span.forgotten", "x", span="run")) == Rule("run", "span.forgotten")
    outcome = judge_all((run(), session(1)))
    [ended] = outcome.sessions
    forgotten = finding("span.forgotten", "more than 3", span="run")
    made = Report((judged(replace(outcome, sessions=(replace(ended, findings=(forgotten,)),))),))
    assert ("a.db session 1", "agent-events.run", "span.forgotten", "passed") in cases(made)
    assert ("a.db session 1", "agent-events.run", "span.forgotten", "failed") in cases(made, "info")
