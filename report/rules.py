"""Which rules a contract holds: what can be found, and therefore what can pass.

A rule is a finding code at a place: a span, or one of the words that codes begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from ..checks.finding import Finding, Severities
from ..checks.scope import Scope
from ..schemas.model import Contract, Inside, Limits, Span

__all__ = ["Rule", "recording_rules", "rule_of", "session_rules"]


class Rule(NamedTuple):
    """One thing that a contract asks for."""

    place: str
    """A span's name, or `event`, `session`, `recording`, `contract`."""
    code: str


def session_rules(contract: Contract, scope: Scope) -> list[Rule]:
    """Return the rules that each session is judged by."""
    return _active(_session_rules(contract), contract, scope)


def recording_rules(contract: Contract, scope: Scope) -> list[Rule]:
    """Return the rules that a recording is judged by when all of its sessions are."""
    return _active(_recording_rules(contract), contract, scope)


def rule_of(found: Finding) -> Rule:
    """Return the rule that a finding says is broken."""
    return Rule(found.span or found.code.partition(".")[0], found.code)


def _active(rules: Iterator[Rule], contract: Contract, scope: Scope) -> list[Rule]:
    severities = Severities(contract.severity)
    return [rule for rule in rules if scope.wants(rule.code) and severities.of(rule.code) != "off"]


_INSIDE: Final[Mapping[str, Callable[[Inside], object]]] = {
    "missing": lambda inside: inside.requires,
    "count": lambda inside: inside.count,
    "first": lambda inside: inside.first,
    "last": lambda inside: inside.last,
    "order": lambda inside: inside.order,
    "machine": lambda inside: inside.machine,
    "differs": lambda inside: inside.same,
    "monotonic": lambda inside: inside.monotonic,
    "repeated": lambda inside: inside.unique,
}
_SPAN: Final[Mapping[str, Callable[[Span], object]]] = {
    "span.unopened": lambda span: span.open and span.must_open,
    "span.unclosed": lambda span: span.must_close and span.close,
    "span.reopened": lambda span: span.open,
    "span.outside": lambda span: span.parent,
    "span.ambiguous": lambda span: span.key,
    "span.order": lambda span: span.open and span.close and not span.inside.order,
    "span.fold": lambda span: span.fold,
    "span.after_close": lambda span: span.after_close == "forbid",
    "latency.first": lambda span: span.latency.first,
    "latency.gap": lambda span: span.latency.gap,
    "latency.total": lambda span: span.latency.total,
}


def _session_rules(contract: Contract) -> Iterator[Rule]:
    events, rules = contract.events, contract.session
    checked = [each for each in events.types.values() if each.schema is not None]
    about_events: Mapping[str, object] = {
        "event.undecodable": True,
        "event.unknown": events.unknown != "allow",
        "event.schema": checked,
        "event.unknown_field": any(each.unknown_fields == "warn" for each in checked),
        "event.missing_field": any(each.missing_fields == "warn" for each in checked),
        "event.sender": True,
    }
    yield from (Rule("event", code) for code, asked in about_events.items() if asked)
    for span in contract.spans:
        yield from (Rule(span.name, code) for code, asked in _SPAN.items() if asked(span))
        yield from _inside("span", span.name, span.inside)
    yield from _inside("session", "session", rules.inside)
    about_session: Mapping[str, object] = {
        "session.close_code": rules.close_codes,
        "session.closed_by": rules.closed_by,
        "session.idle": rules.idle,
        "session.max_messages": rules.max_messages,
    }
    yield from (Rule("session", code) for code, asked in about_session.items() if asked)
    yield Rule("recording", "recording.gap")
    yield Rule("recording", "recording.unclean")
    if contract.spans:
        yield Rule("contract", "contract.vacuous")


def _inside(scope: str, place: str, inside: Inside) -> Iterator[Rule]:
    for name, asked in _INSIDE.items():
        if asked(inside):
            yield Rule(place, f"{scope}.{name}")
    if any(rule.within is not None for rule in inside.order):
        yield Rule(place, "latency.responds")


def _recording_rules(contract: Contract) -> Iterator[Rule]:
    for span in contract.spans:
        latency = span.latency
        limits: tuple[Limits | None, ...] = (latency.first, latency.gap, latency.total)
        if any(each is not None and each.percentiles for each in limits):
            yield Rule(span.name, "latency.percentile")
    if contract.session.reconnect is not None:
        yield Rule("session", "session.reconnect")
    if contract.session.proxy_added is not None:
        yield Rule("session", "session.proxy_added")
    yield Rule("contract", "contract.vacuous")
