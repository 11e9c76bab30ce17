"""Small contracts put together from values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.conversation import Line, contract
from wsrec.schemas.model import Contract, Machine, SessionRules, Span

__all__ = ["HEAD", "in_session", "in_span", "machine", "say"]

HEAD = """
events:
  sender: both
  name: /t
  fields: {id: /id, sub: /sub, seq: /seq, delta: /delta, text: /text, user: /user}
  types: {o: , x: , y: , z: , c: , a: , hello: }
"""
SPAN = HEAD + "spans: {s: {key: id, open: o, during: [x, y, z], close: c, abort: a, %s}}\n"


def in_span(rules: str = "", *, span: dict[str, Any] | None = None, **inside: Any) -> Contract:
    """One span `s`, with further rules as text, as values of the span and of its inside."""
    plain = contract(SPAN % (rules or "must_close: true"))
    changed: Span = replace(plain.spans[0], **(span or {}))
    changed = replace(changed, inside=replace(changed.inside, **inside))
    return replace(plain, spans=(changed, *plain.spans[1:]))


def in_session(rules: Contract | None = None, **inside: Any) -> Contract:
    """The contract with more rules about what is inside the session."""
    plain = rules or contract(HEAD)
    session: SessionRules = replace(plain.session, inside=replace(plain.session.inside, **inside))
    return replace(plain, session=session)


def machine(text: str, *end: str) -> Machine:
    """`idle -o-> busy, busy -c-> idle`, starting with the first state."""
    states: dict[str, dict[str, str]] = {}
    for step in text.split(","):
        state, event, target = step.replace("->", "-").replace(" ", "").split("-")
        states.setdefault(state, {})[event] = target
        if target != "error":
            states.setdefault(target, {})
    return Machine(next(iter(states)), states, end)


def say(words: str, **fields: object) -> list[Line]:
    """`o:1 x:1/5 <c` is server's o with id 1, server's x with id 1 and seq 5, client's c."""
    lines: list[Line] = []
    for word in words.split():
        name, _, rest = word.lstrip("<").partition(":")
        key, _, number = rest.partition("/")
        ids: dict[str, object] = {"id": key} if key else {}
        if number:
            ids["seq"] = int(number)
        sender = "client" if word.startswith("<") else "server"
        value = {"t": name, **ids, **fields}
        lines.append(("client", value) if sender == "client" else ("server", value))
    return lines
