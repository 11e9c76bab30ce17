"""A report as JUnit XML: a suite for each session, a case for each rule of the contract.

The elements and attributes are those that Jenkins' `junit-10.xsd` knows. What was found is inert,
which leaves no character that XML 1.0 has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ..checks.finding import Finding
from ..checks.outcome import SessionOutcome
from ..schemas.codes import CODES, Severity, at_least
from .groups import details, place, plural, read_on
from .inert import inert
from .model import Judged, Report
from .rules import Rule, recording_rules, rule_of, session_rules

__all__ = ["to_junit"]

_SHOWN: Final = 20
"""Findings of one case written out."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One rule: broken, not judged, or kept; and what was found that is not grave enough."""

    rule: Rule
    failures: Sequence[Finding]
    remarks: Sequence[Finding]
    beyond: int
    """Findings of that code that were not kept."""
    skipped: str
    """Why it was not judged; empty: it was."""


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    properties: Sequence[tuple[str, str]]
    cases: Sequence[_Case]
    lasted_ns: int = 0
    began: str = ""

    @property
    def failures(self) -> int:
        return sum(bool(case.failures) for case in self.cases)

    @property
    def skipped(self) -> int:
        return sum(bool(case.skipped) for case in self.cases)


def to_junit(report: Report, fail_on: Severity) -> str:
    """Return the report as XML; a case fails by a finding at least as grave as `fail_on`."""
    suites = [suite for judged in report.recordings for suite in _suites(judged, report, fail_on)]
    return "\n".join(_document(suites)) + "\n"


# What the suites and cases are.


def _suites(judged: Judged, report: Report, fail_on: Severity) -> Iterator[_Suite]:
    outcome, contract, scope = judged.outcome, judged.contract, report.scope
    about = [
        ("contract", contract.name),
        ("contract.origin", contract.origin),
        ("contract.chosen", judged.chosen),
        *(("scope", part) for part in report.limits()),
    ]
    rules = recording_rules(contract, scope)
    yield _Suite(
        judged.path,
        [("verdict", outcome.verdict), *about],
        list(_cases(rules, outcome.findings, fail_on)),
    )
    rules = session_rules(contract, scope)
    skipped = {each.id: each.reason for each in outcome.skipped}
    judged_sessions = {session.id: session for session in outcome.sessions}
    for number in sorted({*skipped, *judged_sessions}):
        name = f"{judged.path} session {number}"
        if number in skipped:
            cases = list(_cases(rules, (), fail_on, skipped=skipped[number]))
            yield _Suite(name, [("verdict", "skipped"), *about], cases)
        else:
            yield _session_suite(name, judged_sessions[number], rules, about, fail_on)


def _session_suite(
    name: str,
    session: SessionOutcome,
    rules: Sequence[Rule],
    about: Sequence[tuple[str, str]],
    fail_on: Severity,
) -> _Suite:
    reason = f"not fully judged: {', '.join(session.reasons)}" if session.reasons else ""
    properties = [("verdict", session.verdict), ("target", session.target), *about]
    cases = _cases(rules, session.findings, fail_on, session.suppressed, skipped=reason)
    return _Suite(name, properties, list(cases), session.lasted_ns, session.started_at)


def _cases(
    rules: Iterable[Rule],
    findings: Iterable[Finding],
    fail_on: Severity,
    suppressed: Mapping[str, int] = MappingProxyType({}),
    *,
    skipped: str = "",
) -> Iterator[_Case]:
    """Yield a case for each rule, and for each finding of another rule."""
    found: dict[Rule, list[Finding]] = {rule: [] for rule in rules}
    for each in findings:
        found.setdefault(rule_of(each), []).append(each)
    for rule, group in found.items():
        grave = [each for each in group if at_least(each.severity, fail_on)]
        rest = [each for each in group if not at_least(each.severity, fail_on)]
        yield _Case(rule, grave, rest, suppressed.get(rule.code, 0), "" if grave else skipped)


# How they are written.


def _document(suites: Sequence[_Suite]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield _tag(
        "testsuites",
        name="wsrec",
        time=_seconds(sum(suite.lasted_ns for suite in suites)),
        tests=sum(len(suite.cases) for suite in suites),
        failures=sum(suite.failures for suite in suites),
        errors=0,
    )
    for suite in suites:
        yield from _suite(suite)
    yield "</testsuites>"


def _suite(suite: _Suite) -> Iterator[str]:
    name = suite.name
    began = {"timestamp": suite.began[:19]} if _MOMENT.match(suite.began) else {}
    yield _tag(
        "testsuite",
        name=name,
        tests=len(suite.cases),
        failures=suite.failures,
        errors=0,
        skipped=suite.skipped,
        time=_seconds(suite.lasted_ns),
        **began,
    )
    yield "<properties>"
    for key, value in suite.properties:
        yield _tag("property", "/", name=key, value=value)
    yield "</properties>"
    contract = dict(suite.properties)["contract"]
    for case in suite.cases:
        yield from _case(case, contract, name)
    yield "</testsuite>"


def _case(case: _Case, contract: str, suite: str) -> Iterator[str]:
    # Some servers keep one case of a name in a whole file, whatever suite it is in.
    names = {
        "classname": f"{contract}.{case.rule.place}",
        "name": f"{case.rule.code} [{suite}]",
    }
    if not (case.failures or case.remarks or case.skipped):
        yield _tag("testcase", "/", **names)
        return
    yield _tag("testcase", **names)
    if case.failures:
        first, *others = case.failures
        more = f" (and {len(others) + case.beyond:,} more)" if others or case.beyond else ""
        message = place(first) + first.message + more
        yield _tag("failure", type=case.rule.code, message=message) + _text(case.failures, case)
        yield "</failure>"
    elif case.skipped:
        yield _tag("skipped", "/", message=case.skipped)
    if case.remarks:
        yield f"<system-out>{_text(case.remarks, case)}"
        yield "</system-out>"
    yield "</testcase>"


def _text(findings: Sequence[Finding], case: _Case) -> str:
    lines = []
    for found in findings[:_SHOWN]:
        lines.append(f"{found.severity}: {place(found)}{inert(found.message, 600)}")
        lines += [f"    {name}: {inert(text, 200)}" for name, text in details(found)]
    left = len(findings) - len(findings[:_SHOWN]) + case.beyond
    lines += [f"and {plural(left, 'more finding')}"] if left else []
    lines.append(f"= {CODES[case.rule.code].meaning}: {read_on(case.rule.code)}")
    return escape("\n".join(lines))


def _tag(tag: str, end: str = "", /, **attributes: str | int) -> str:
    parts = (f" {key}={quoteattr(inert(str(value)))}" for key, value in attributes.items())
    return f"<{tag}{''.join(parts)}{end}>"


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.3f}"


_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
