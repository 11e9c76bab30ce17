"""Recorded conversations of real peers as text, one JSON object a line, and back as sessions.

`conn` tells connections apart, `t` is monotonic nanoseconds, `k` what happened:

- `open`: `path` the request line, `sub` the chosen subprotocol, `host` the Host header
- `msg`: `d` the sender (`c` or `s`), and `text`, or `b64` for a binary message
- `close`: `d` who sent the Close frame, `code` (null: none), `reason`

Other keys and kinds are for people.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from support.conversation import MS, session
from wsrec.checks.compiled import Compiled
from wsrec.checks.judge import Judge
from wsrec.checks.outcome import Outcome
from wsrec.schemas.model import Contract
from wsrec.store.model import Message, Session
from wsrec.store.reader import Recording

TRAFFIC = Path(__file__).parents[1] / "packs" / "traffic"

_SENDERS: dict[str, Literal["client", "server"]] = {"c": "client", "s": "server"}


@dataclass(frozen=True)
class Talk:
    """One session, and what was said in it."""

    session: Session
    messages: tuple[Message, ...]


def talks(name: str) -> list[Talk]:
    """Return the sessions of one file, or of all files in one folder, numbered from 1."""
    place = TRAFFIC / name
    files = sorted(place.glob("*.jsonl")) if place.is_dir() else [place]
    found: list[Talk] = []
    for file in files:
        lines: dict[int, list[dict[str, Any]]] = {}
        for line in file.read_text("utf-8").splitlines():
            said = json.loads(line)
            lines.setdefault(said["conn"], []).append(said)
        start = min(each[0]["t"] for each in lines.values())
        for each in lines.values():
            found.append(_talk(each, len(found) + 1, start))
    assert found, place
    return found


def _talk(lines: list[dict[str, Any]], number: int, start: int) -> Talk:
    opened, closes = lines[0], [line for line in lines if line["k"] == "close"]
    first = closes[0] if closes else {}
    messages: list[Message] = []
    for line in lines:
        if line["k"] == "msg":
            data = line["text"] if "text" in line else base64.b64decode(line["b64"])
            kind: Literal["text", "binary"] = "text" if "text" in line else "binary"
            at, seq = line["t"] - opened["t"], len(messages) + 1
            messages.append(
                Message(number, seq, seq, _SENDERS[line["d"]], at, at + MS // 10, kind, data, ())
            )
    ending = session(
        number,
        target=opened["path"].split(" ")[1],
        request_headers=(("Host", opened["host"]),) if "host" in opened else (),
        subprotocol=opened.get("sub"),
        started_ns=opened["t"] - start,
        ended_ns=max(line["t"] for line in lines) - opened["t"] + MS,
        close_code=first.get("code"),
        close_reason=first.get("reason"),
        closed_by=_SENDERS[first["d"]] if first else None,
    )
    return Talk(ending, tuple(messages))


def judge(talks: Iterable[Talk], contract: Contract, compiled: Compiled | None = None) -> Outcome:
    """Judge sessions, one after the other."""
    engine = Judge(contract, compiled=compiled)
    for talk in talks:
        engine.open(talk.session)
        for message in talk.messages:
            engine.message(talk.session.id, message)
        engine.close(talk.session)
    return engine.finish()


def lines(path: Path) -> Iterator[str]:
    """Yield a recording as such lines, to be kept as a file of traffic."""
    with Recording.open(path) as recording:
        for each in recording.sessions():
            if each.status != 101:
                continue
            about = {"conn": each.id, "t": each.started_ns}
            host = {k.lower(): v for k, v in each.request_headers}.get("host")
            yield _line(about | {"k": "open", "path": f"GET {each.target}", "sub": each.subprotocol}
                        | ({} if host is None else {"host": host}))  # fmt: skip
            for message in recording.messages(each.id):
                said = {"text": message.data} if isinstance(message.data, str) else {
                    "b64": base64.b64encode(message.data).decode()
                }  # fmt: skip
                at = each.started_ns + message.at_ns
                yield _line(about | {"t": at, "k": "msg", "d": message.sender[0]} | said)
            if each.closed_by in ("client", "server"):
                at = each.started_ns + (each.ended_ns or 0)
                yield _line(about | {"t": at, "k": "close", "d": each.closed_by[0]}
                            | {"code": each.close_code, "reason": each.close_reason})  # fmt: skip


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
