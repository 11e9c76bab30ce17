"""Reads `machine`: a table of states, events and the states they lead to."""

from __future__ import annotations

from typing import Final

from .mistakes import did_you_mean
from .model import Machine
from .read_names import Names
from .reader import Reader
from .source import Node

__all__ = ["ERROR", "RESERVED", "read_machine"]

RESERVED: Final = ("start", "end")
"""Words of the table itself, so no state can have their names."""

ERROR: Final = "error"
"""A target, not a state: the event is not allowed here."""


def _target(
    reader: Reader, node: Node, what: str, states: set[str], *, error: bool = False
) -> str | None:
    """Return a known state (or `error`), or None after noting a mistake."""
    word = reader.text(node, what)
    if word in states or (error and word == ERROR):
        return word
    if word:
        known = {*states, ERROR} if error else states
        reader.wrong(node, f"unknown state {word!r} in {what}{did_you_mean(word, known)}")
    return None


def read_machine(reader: Reader, node: Node | None, what: str, names: Names) -> Machine | None:
    """Return the table, or None when there is none or it cannot be used.

    States are the rows and what `end` lists; a state without a row is one that no event leaves.
    """
    if node is None:
        return None
    entries = reader.entries(node, what)
    if not isinstance(node.value, dict):
        return None
    rows = {name: pair for name, pair in entries.items() if name not in RESERVED}
    if ERROR in rows:
        message = f"a state of {what} cannot be named 'error': that is what no event may lead to"
        reader.wrong(rows.pop(ERROR)[0], message)
    ends = reader.texts(entries["end"][1], f"end of {what}") if "end" in entries else ()
    if ERROR in ends:
        reader.wrong(entries["end"][1], f"end of {what} lists 'error', which is no state")
    states = {*rows, *ends} - {ERROR}
    table = {
        name: _row(reader, item, f"state {name!r} of {what}", states, names)
        for name, (_, item) in rows.items()
    }
    table.update({name: {} for name in ends if name not in table})
    if "start" not in entries:
        reader.wrong(node, f"{what} needs 'start': the state it begins in")
        return None
    start = _target(reader, entries["start"][1], f"start of {what}", states)
    if start is None:
        return None
    reached = _reached(start, table)
    for name, (key, _) in rows.items():
        if name not in reached:
            reader.wrong(key, f"state {name!r} of {what} is never reached from {start!r}")
    for name in ends:
        if name not in reached and name not in rows:
            reader.wrong(entries["end"][1], f"state {name!r} in end of {what} is never reached")
    return Machine(start, table, ends)


def _row(reader: Reader, node: Node, what: str, states: set[str], names: Names) -> dict[str, str]:
    if node.value is None:
        return {}
    found: dict[str, str] = {}
    for event, (key, item) in reader.entries(node, what).items():
        if event != "*":
            names.event(reader, key, what)
        target = _target(reader, item, what, states, error=True)
        if target is not None:
            found[event] = target
    return found


def _reached(start: str, table: dict[str, dict[str, str]]) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for target in table.get(todo.pop(), {}).values():
            if target != ERROR and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen
