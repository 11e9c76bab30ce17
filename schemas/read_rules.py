"""Reads what a span and a session have in common: completeness, order, limits."""

from __future__ import annotations

from typing import Final

from .model import Count, Inside, Limits, OrderRule
from .read_machine import read_machine
from .read_names import Names, read_triggers
from .read_values import read_fields, read_monotonic, read_same
from .reader import Reader
from .source import Node

__all__ = ["INSIDE_KEYS", "LIMIT_KEYS", "read_inside", "read_limits"]

INSIDE_KEYS: Final = (
    "requires", "count", "first", "last", "order", "same", "monotonic", "unique", "machine",
)  # fmt: skip
LIMIT_KEYS: Final = ("max", "p50", "p95", "p99", "min_samples")
ORDER_KINDS: Final = ("before", "responds", "never")


def _required(reader: Reader, node: Node | None, what: str, names: Names) -> tuple[str, ...]:
    found: list[str] = []
    for each in reader.one_or_many(node):
        name = names.event(reader, each, what)
        if name and name in found:
            reader.wrong(each, f"event {name!r} is given twice in {what}; 'count' says how often")
        found.append(name)
    return tuple(found)


def _counts(reader: Reader, node: Node | None, what: str, names: Names) -> tuple[Count, ...]:
    found = []
    for name, (key, item) in reader.entries(node, what).items():
        names.event(reader, key, what)
        parts = reader.keys(item, f"{what}: {name}", ("min", "max"))
        bounds = {
            part: reader.integer(bound, f"{what}: {name}: {part}", 0, 10**9)
            for part, bound in parts.items()
        }
        low, high = bounds.get("min"), bounds.get("max")
        if low is not None and high is not None and low > high:
            reader.wrong(item, f"{what}: {name}: min {low} is more than max {high}")
        found.append(Count(name, low, high))
    return tuple(found)


def _order_rule(reader: Reader, node: Node, what: str, names: Names) -> OrderRule | None:
    known = ("before", "responds", "never", "between", "after")
    found = reader.keys(node, f"a rule of {what}", known)
    kinds = [kind for kind in ORDER_KINDS if kind in found]
    if len(kinds) != 1:
        reader.wrong(node, f"a rule of {what} is one of before, responds, never")
        return None

    def several(key: str, least: int, most: int) -> tuple[str, ...]:
        nodes = reader.one_or_many(found[key])
        if not least <= len(nodes) <= most:
            count = f"{least}" if least == most else f"{least} or more"
            reader.wrong(found[key], f"{key} in {what} takes {count} events")
            return ()
        return tuple(names.event(reader, each, f"{what}: {key}") for each in nodes)

    if "before" in found:
        events = several("before", 2, 50)
        return OrderRule("before", events) if events else None
    if "responds" in found:
        parts = reader.keys(found["responds"], f"{what}: responds", ("to", "with", "within"))
        if not {"to", "with"} <= parts.keys():
            reader.wrong(found["responds"], f"{what}: responds needs both 'to' and 'with'")
            return None
        to = names.event(reader, parts["to"], f"{what}: to")
        answers = reader.one_or_many(parts["with"])
        if not answers:
            reader.wrong(parts["with"], f"{what}: responds needs an event in 'with'")
            return None
        events = (to, *(names.event(reader, each, f"{what}: with") for each in answers))
        within = reader.duration(parts["within"], "within") if "within" in parts else None
        return OrderRule("responds", events, within)
    if ("between" in found) == ("after" in found):
        reader.wrong(node, f"'never' in {what} needs either 'between' or 'after' beside it")
        return None
    never = several("never", 1, 1)
    if "between" in found:
        return OrderRule("between", never + several("between", 2, 2))
    return OrderRule("after", never + several("after", 1, 1))


def read_inside(reader: Reader, found: dict[str, Node], what: str, names: Names) -> Inside:
    """Return the rules about the events inside a span or session."""
    order = reader.items(found.get("order"), f"order of {what}")
    rules = (_order_rule(reader, each, f"order of {what}", names) for each in order)
    return Inside(
        _required(reader, found.get("requires"), f"requires of {what}", names),
        _counts(reader, found.get("count"), f"count of {what}", names),
        read_triggers(reader, found.get("first"), f"first of {what}", names),
        read_triggers(reader, found.get("last"), f"last of {what}", names),
        tuple(rule for rule in rules if rule is not None),
        read_same(reader, found.get("same"), f"same of {what}", names.fields),
        read_monotonic(reader, found.get("monotonic"), f"monotonic of {what}", names.fields),
        read_fields(reader, found.get("unique"), f"unique of {what}", names.fields),
        read_machine(reader, found.get("machine"), f"machine of {what}", names),
    )


def read_limits(reader: Reader, node: Node | None, what: str, *extra: str) -> Limits | None:
    """Return max and percentiles; `extra` keys are the caller's."""
    if node is None:
        return None
    found = reader.keys(node, what, (*LIMIT_KEYS, *extra))
    if not found.keys() & {"max", "p50", "p95", "p99"}:
        reader.wrong(node, f"{what} limits nothing; give max, p50, p95 or p99")
    percentiles = tuple(
        (int(key[1:]), reader.duration(found[key], f"{what}: {key}"))
        for key in ("p50", "p95", "p99")
        if key in found
    )
    return Limits(
        reader.duration(found["max"], f"{what}: max") if "max" in found else None,
        percentiles,
        reader.integer(found["min_samples"], "min_samples", 1, 10**9)
        if "min_samples" in found
        else 1,
    )
