"""Reads the `spans` and `session` sections of a contract."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from .mistakes import did_you_mean
from .model import Latency, Reconnect, SessionRules, Span, Trigger
from .read_names import TRIGGER_KEYS, Names, read_triggers
from .read_rules import INSIDE_KEYS, read_inside, read_limits
from .read_values import read_fields, read_folds
from .reader import Reader
from .source import Node

__all__ = ["SESSION_KEYS", "SPAN_KEYS", "read_session", "read_spans", "unknown_code"]

SPAN_KEYS: Final = (
    *TRIGGER_KEYS, "key", "in", "must_open", "must_close", *INSIDE_KEYS,
    "fold", "once", "nest", "pair", "after_close", "latency",
)  # fmt: skip
SESSION_KEYS: Final = (
    *INSIDE_KEYS, "close_codes", "closed_by", "idle", "max_messages", "reconnect", "proxy_added",
)  # fmt: skip
LATENCY_KEYS: Final = ("first", "gap", "total")


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


def _span(reader: Reader, name: str, node: Node, names: Names, spans: Collection[str]) -> Span:
    what = f"span {name!r}"
    found = reader.keys(node, what, SPAN_KEYS)
    triggers = {
        key: read_triggers(reader, found.get(key), f"{key} of {what}", names)
        for key in TRIGGER_KEYS
    }
    if isinstance(node.value, dict):
        if not (triggers["open"] or triggers["during"]):
            reader.wrong(node, f"{what} needs 'open' or 'during': the event that opens it")
        endless = "must_close" in found and found["must_close"].value is False
        if not (triggers["close"] or triggers["abort"] or endless):
            reader.wrong(
                node, f"{what} needs 'close', the event that closes it, or 'must_close: false'"
            )
        if "key" not in found:
            reader.wrong(node, f"{what} needs 'key': the field that tells it from others")
    _distinct(reader, found, what, triggers)
    _consistent(reader, found, what)
    parent = None
    if "in" in found:
        others = [each for each in spans if each != name]
        parent = reader.known(found["in"], f"'in' of {what}", others, "span") or None
    return Span(
        name,
        read_fields(reader, found.get("key"), f"key of {what}", names.fields),
        open=triggers["open"],
        during=triggers["during"],
        close=triggers["close"],
        abort=triggers["abort"],
        parent=parent,
        must_open=reader.boolean(found.get("must_open"), f"must_open of {what}", True),
        must_close=reader.boolean(found.get("must_close"), f"must_close of {what}", True),
        inside=read_inside(reader, found, what, names),
        fold=read_folds(reader, found.get("fold"), f"fold of {what}", names.fields),
        once=reader.boolean(found.get("once"), f"once of {what}", False),
        nest=reader.boolean(found.get("nest"), f"nest of {what}", False),
        pair=reader.choice(found.get("pair"), f"pair of {what}", ("key", "fifo", "lifo"), "key"),
        after_close=reader.choice(
            found.get("after_close"),
            f"after_close of {what}",
            ("allow", "forbid", "crossing"),
            "allow",
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


def _consistent(reader: Reader, found: dict[str, Node], what: str) -> None:
    """Keys that take each other's meaning away, or have none without another."""

    def says(key: str, value: object) -> bool:
        return key in found and found[key].value == value

    if "fold" in found and not {"during", "close"} <= found.keys():
        message = f"fold of {what} needs 'during' (what adds up) and 'close' (what it adds up to)"
        reader.wrong(found["fold"], message)
    if says("nest", True):
        if says("once", True):
            message = f"nest of {what} opens a key again while open, which 'once' forbids"
            reader.wrong(found["nest"], message)
        if says("pair", "fifo"):
            message = f"nest of {what} closes the innermost first, 'pair: fifo' the oldest"
            reader.wrong(found["nest"], message)
        if "open" not in found:
            reader.wrong(found["nest"], f"nest of {what} needs 'open': what opens it again")
    if says("pair", "lifo") and says("key", []):
        message = f"'pair: lifo' of {what} needs a key; 'nest: true' lets several open without one"
        reader.wrong(found["pair"], message)


def read_spans(reader: Reader, node: Node | None, names: Names) -> tuple[Span, ...]:
    """Return the spans, a parent before what is inside it."""
    entries = reader.entries(node, "spans")
    spans = {name: _span(reader, name, item, names, entries) for name, (_, item) in entries.items()}
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
    found = reader.keys(node, "session", SESSION_KEYS)
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
        reader.integer(found["max_messages"], "session: max_messages", 1, 10**12)
        if "max_messages" in found
        else None,
        reconnect=reconnect,
        proxy_added=read_limits(reader, found.get("proxy_added"), "session: proxy_added"),
    )


def unknown_code(word: str, codes: set[str]) -> str | None:
    """Return why `word` is neither a finding code nor a prefix of one, or None."""
    prefixes = codes | {code.partition(".")[0] for code in codes}
    if word in prefixes:
        return None
    return f"unknown finding code {word!r} in severity{did_you_mean(word, prefixes)}"
