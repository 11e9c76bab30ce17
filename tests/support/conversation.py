"""Sessions written down as conversations, judged, and the codes of what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from wsrec.checks.finding import Finding
from wsrec.checks.judge import Judge
from wsrec.checks.outcome import Outcome
from wsrec.schemas.contract import parse
from wsrec.schemas.model import Contract
from wsrec.schemas.packs import find
from wsrec.store.model import Message, Sender, Session

MS = 1_000_000
SECOND = 1000 * MS
STEP = 50 * MS
"""Between two messages, unless a pause is put between them."""

Said = tuple[Sender, Any]
Line = Said | int
"""What a peer says: text, bytes, or a value sent as JSON; or a pause in nanoseconds."""


@cache
def agent_events() -> Contract:
    return find("agent-events")


def contract(text: str) -> Contract:
    return parse("wsrec: 1\n" + text, "test.yaml")


def session(number: int = 1, **changes: Any) -> Session:
    ended = Session(
        id=number,
        started_at="2026-01-01T00:00:00.000000Z",
        started_ns=0,
        client="127.0.0.1:50000",
        target="/ws",
        request_headers=(),
        status=101,
        response_headers=(),
        subprotocol=None,
        extensions=None,
        ended_ns=60 * SECOND,
        close_code=1000,
        close_reason="",
        closed_by="client",
        clean=True,
        client_frames=0,
        client_bytes=0,
        server_frames=0,
        server_bytes=0,
    )
    return replace(ended, **changes)


def crashed(number: int = 1) -> Session:
    return session(number, ended_ns=None, close_code=None, closed_by=None, clean=False)


def messages(lines: Iterable[Line], number: int = 1) -> list[Message]:
    found: list[Message] = []
    at = 0
    for line in lines:
        if isinstance(line, int):
            at += line
            continue
        sender, said = line
        at += STEP
        data = said if isinstance(said, str | bytes) else json.dumps(said)
        kind: Any = "text" if isinstance(data, str) else "binary"
        seq = len(found) + 1
        found.append(Message(number, seq, seq, sender, at, at + MS // 10, kind, data, ()))
    return found


def judge(
    lines: Sequence[Line],
    rules: Contract | str | None = None,
    ending: Session | None = None,
) -> Outcome:
    """Judge one session, by the agent-events pack unless told otherwise."""
    if isinstance(rules, str):
        rules = contract(rules)
    engine = Judge(rules or agent_events())
    ending = ending or session()
    engine.open(ending)
    for message in messages(lines, ending.id):
        engine.message(ending.id, message)
    engine.close(ending)
    return engine.finish()


def codes(outcome: Outcome) -> list[str]:
    return [found.code for found in outcome.all_findings()]


def only(outcome: Outcome) -> Finding:
    found = outcome.all_findings()
    assert len(found) == 1, found
    return found[0]


def server(name: str, **fields: Any) -> Said:
    return "server", {"type": name, **fields}


def client(name: str, **fields: Any) -> Said:
    return "client", {"type": name, **fields}


def run(key: str | None = "r1", user: str = "u1", tools: int = 1, call: bool = False) -> list[Line]:
    """A whole run of an agent in the flat shape, the user's message first."""
    ids: dict[str, Any] = {"user_id": user} | ({} if key is None else {"run_id": key})
    lines: list[Line] = [
        client("user_message", user_id=user),
        server("agent_started", **ids),
        server("agent_thinking", **ids),
    ]
    for number in range(tools):
        tool = {"tool_name": "search"} | ({"execution_id": f"c{number}"} if call else {})
        lines += [server("tool_executing", **ids, **tool), server("tool_completed", **ids, **tool)]
    return [*lines, server("agent_completed", **ids)]


LinesLike = tuple[Sequence[Line], Session]


def judge_all(*talks: LinesLike) -> Outcome:
    """Judge several sessions, one after the other, by the agent-events pack."""
    engine = Judge(agent_events())
    for lines, ending in talks:
        engine.open(ending)
        for message in messages(lines, ending.id):
            engine.message(ending.id, message)
        engine.close(ending)
    return engine.finish()
