"""Reads the `spans` and `session` sections of a contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .mistakes import did_you_mean
from .model import EventRules, Latency, Reconnect, SessionRules, Span, Trigger
from .read_rules import INSIDE_KEYS, Names, read_inside, read_limits, read_triggers
from .reader import Reader
from .source import Node

__all__ = ["SESSION_KEYS", "SPAN_KEYS", "read_session", "read_spans", "rule_names"]

TRIGGER_KEYS: Final = ("open", "during", "close", "abort")
SPAN_KEYS: Final = (
    *TRIGGER_KEYS, "key", "in", "must_close", *INSIDE_KEYS,
    "once", "pair", "after_close", "latency",
)  # fmt: skip
SPAN_LATER: Final = ("machine", "fold", "monotonic", "unique", "nest")
SESSION_KEYS: Final = (
    *INSIDE_KEYS, "close_codes", "closed_by", "idle", "reconnect", "proxy_added",
)  # fmt: skip
SESSION_LATER: Final = ("machine", "max_messages")
LATENCY_KEYS: Final = ("first", "gap", "total")


def _trigger_names(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    for item in node.value if isinstance(node.value, list) else [node]:
        value = item.value
        if isinstance(value, dict) and "event" in value:
            value = value["event"][1].value
        if isinstance(value, str):
            yield value


def rule_names(spans: Node | None, events: EventRules) -> Names:
    """Return the event and field names that rules may use.

    A name is known when `types` or `alias` declares it or a span names it as one
    of its own events; without `types` any name may be an event's.
    """
    known = {*events.types, *events.alias.values()}
    if spans is not None and isinstance(spans.value, dict):
        for _, span in spans.value.values():
            if isinstance(span.value, dict):
                for key in TRIGGER_KEYS:
                    known.update(_trigger_names(span.value.get(key, (None, None))[1]))
    fields = frozenset(events.fields)
    return Names(frozenset(known - {"*"}) if events.types else None, fields)


def _latency(reader: Reader, node: Node | None, what: str, names: Names) -> Latency:
    found = reader.keys(node, what, LATENCY_KEYS)
    first = found.get("first")
    after = None
    if first is not None and isinstance(first.value, dict) and "after" in first.value:
        after = names.event(reader, first.value["after"][1], f"{what}: first: after")
    return Latency(
        read_limits(reader, first, f"{what}: first", "after"),
        after,
        read_limits(reader, found.get("gap"), f"{what}: gap"),
        read_limits(reader, found.get("total"), f"{what}: total"),
    )


def _span(reader: Reader, name: str, node: Node, names: Names, siblings: set[str]) -> Span:
    what = f"span {name!r}"
    found = reader.keys(node, what, SPAN_KEYS, SPAN_LATER)
    triggers = {
        key: read_triggers(reader, found.get(key), f"{key} of {what}", names)
        for key in TRIGGER_KEYS
    }
    if isinstance(node.value, dict):
        if not {"open", "during"} & found.keys():
            reader.wrong(node, f"{what} needs 'open' or 'during': the event that opens it")
        if not {"close", "abort"} & found.keys():
            reader.wrong(node, f"{what} needs 'close': the event that closes it")
        if "key" not in found:
            reader.wrong(node, f"{what} needs 'key': the field that tells it from others")
    _distinct(reader, found, what, triggers)
    parent = None
    if "in" in found:
        parent = reader.known(found["in"], f"'in' of {what}", siblings - {name}, "span") or None
    return Span(
        name,
        tuple(
            reader.known(each, f"key of {what}", names.fields, "field")
            for each in reader.one_or_many(found.get("key"))
        ),
        open=triggers["open"],
        during=triggers["during"],
        close=triggers["close"],
        abort=triggers["abort"],
        parent=parent,
        must_close=reader.boolean(found.get("must_close"), f"must_close of {what}", True),
        inside=read_inside(reader, found, what, names),
        once=reader.boolean(found.get("once"), f"once of {what}", False),
        pair=reader.choice(found.get("pair"), f"pair of {what}", ("key", "fifo"), "key"),
        after_close=reader.choice(
            found.get("after_close"), f"after_close of {what}", ("allow", "forbid"), "allow"
        ),
        latency=_latency(reader, found.get("latency"), f"latency of {what}", names),
    )


def _distinct(
    reader: Reader, found: dict[str, Node], what: str, triggers: dict[str, tuple[Trigger, ...]]
) -> None:
    """An event that plainly opens and closes the same span can do neither."""
    seen: dict[str, str] = {}
    for key in ("open", "close", "abort"):
        for trigger in triggers[key]:
            if trigger.sender is None and trigger.when is None:
                other = seen.setdefault(trigger.event, key)
                if other != key:
                    message = f"{trigger.event!r} is both in {other} and in {key} of {what}"
                    reader.wrong(found[key], message)


def read_spans(reader: Reader, node: Node | None, names: Names) -> tuple[Span, ...]:
    """Return the spans, a parent before what is inside it."""
    entries = reader.entries(node, "spans")
    spans = {
        name: _span(reader, name, item, names, set(entries)) for name, (_, item) in entries.items()
    }
    ordered: dict[str, Span] = {}
    waiting = dict(spans)
    while waiting:
        ready = {n: s for n, s in waiting.items() if s.parent is None or s.parent in ordered}
        if not ready:
            for name, span in waiting.items():
                if span.parent in waiting:
                    reader.wrong(entries[name][0], f"span {name!r} is inside itself")
            break
        ordered.update(ready)
        waiting = {n: s for n, s in waiting.items() if n not in ready}
    return tuple(ordered.values())


def read_session(reader: Reader, node: Node | None, names: Names) -> SessionRules:
    """Return the `session` section."""
    found = reader.keys(node, "session", SESSION_KEYS, SESSION_LATER)
    reconnect = None
    if "reconnect" in found:
        parts = reader.keys(found["reconnect"], "session: reconnect", ("max", "by"))
        if {"max", "by"} <= parts.keys():
            by = reader.known(parts["by"], "session: reconnect: by", names.fields, "field")
            reconnect = Reconnect(reader.duration(parts["max"], "session: reconnect: max"), by)
        elif isinstance(found["reconnect"].value, dict):
            reader.wrong(found["reconnect"], "session: reconnect needs both 'max' and 'by'")
    closers = ("client", "server", "proxy")
    return SessionRules(
        read_inside(reader, found, "session", names),
        tuple(
            reader.integer(each, "a close code", 1000, 4999)
            for each in reader.one_or_many(found.get("close_codes"))
        ),
        tuple(
            reader.choice(each, "session: closed_by", closers, "client")
            for each in reader.one_or_many(found.get("closed_by"))
        ),
        reader.duration(found["idle"], "session: idle") if "idle" in found else None,
        reconnect=reconnect,
        proxy_added=read_limits(reader, found.get("proxy_added"), "session: proxy_added"),
    )


def unknown_code(word: str, codes: set[str]) -> str | None:
    """Return why `word` is neither a finding code nor a prefix of one, or None."""
    prefixes = codes | {code.partition(".")[0] for code in codes}
    if word in prefixes:
        return None
    return f"unknown finding code {word!r} in severity{did_you_mean(word, prefixes)}"
