"""Two recordings of nearly the same conversations: real ones, edited, recorded again."""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from support.conversation import Line, messages, session
from support.frames import KEY, wire
from support.recordings import recorder_at
from support.traffic import Talk
from wsrec.checks.scope import Scope
from wsrec.match.compare import Comparer
from wsrec.match.contrast import Contrast, Divergence, SessionContrast
from wsrec.match.outline import uttered
from wsrec.match.rules import Matching
from wsrec.match.shape import kind, renewed
from wsrec.replay.diff import Wish, diff
from wsrec.store.model import Message

__all__ = [
    "Fresh",
    "changed",
    "contrast",
    "divergence",
    "joined",
    "kinds",
    "only",
    "recorded",
    "talk",
    "without",
]

_STRING = re.compile(r'"([!#-~]{8,128})"')


def talk(lines: Sequence[Line], number: int = 1, **ending: Any) -> Talk:
    """A conversation written down, a message every 50 ms but for its pauses."""
    return Talk(session(number, **ending), tuple(messages(lines, number)))


def recorded(path: Path, *talks: Talk, contract: str | None = None) -> Path:
    """Record conversations at their own times, by the real recorder."""
    path.parent.mkdir(exist_ok=True)
    with recorder_at(path, meta={} if contract is None else {"contract": contract}) as recorder:
        for each in talks:
            about = each.session
            began = time.monotonic_ns()
            tap = recorder.session(about.client, about.target, about.request_headers)
            tap.answered(about.status or 0, (), about.subprotocol, None)
            for message in each.messages:
                mask = KEY if message.sender == "client" else None
                data = message.data.encode() if isinstance(message.data, str) else message.data
                opcode = 1 if message.kind == "text" else 2
                at = began + message.at_ns
                tap.stream(message.sender)(at, at + 1, wire(opcode, data, mask=mask))
            if about.closed_by in ("client", "server"):
                mask = KEY if about.closed_by == "client" else None
                reason = (about.close_reason or "").encode()
                body = b"" if about.close_code is None else struct.pack(">H", about.close_code)
                at = began + (about.ended_ns or 0)
                close = wire(8, body + reason, mask=mask)
                sender: Any = about.closed_by
                tap.stream(sender)(at, at + 1, close)
            if about.clean:
                tap.ended()
    return path


def contrast(
    a: Path, b: Path, matching: Matching | None = None, scope: Scope | None = None, **wish: Any
) -> Contrast:
    asked = Wish(scope or Scope(), **wish)
    return diff(a, b, lambda _path, _meta: matching or Matching(), asked)


def only(made: Contrast) -> SessionContrast:
    [found] = made.sessions
    return found


def kinds(made: Contrast) -> list[str]:
    """What differs, by kind, of all sessions."""
    return [each.kind for session in made.sessions for each in session.divergences]


def divergence(made: Contrast) -> Divergence:
    [found] = only(made).divergences
    return found


def changed(each: Talk, change: Callable[[Any], Any], *places: int) -> Talk:
    """Return the talk with JSON messages at these places (or all) changed; None: left out."""

    def all_of() -> Iterator[Message]:
        for place, message in enumerate(each.messages):
            if places and place not in places:
                yield message
                continue
            new = change(json.loads(message.data))
            if new is not None:
                yield replace(message, data=json.dumps(new))

    return replace(each, messages=tuple(all_of()))


def without(each: Talk, place: int) -> Talk:
    return replace(each, messages=each.messages[:place] + each.messages[place + 1 :])


class Fresh:
    """Ids for ids: the same one in the place of the same."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)
        self.known: dict[str, str] = {}

    def __call__(self, each: Talk) -> Talk:
        said = tuple(
            replace(message, data=_STRING.sub(self._string, message.data))
            if isinstance(message.data, str)
            else message
            for message in each.messages
        )
        return replace(each, messages=said)

    def _string(self, found: re.Match[str]) -> str:
        text = found[1]
        if kind(text) is None:
            return found[0]
        if text not in self.known:
            self.known[text] = renewed(text, self._random)
        return f'"{self.known[text]}"'


def joined(each: Talk, matching: Matching) -> tuple[Talk, int]:
    """Return the talk with each piece put to the one right before it, if it is of the same text."""
    comparer = Comparer(matching)
    joint = [each.messages[0]]
    number = 0
    for message in each.messages[1:]:
        before, now = (
            comparer.parse(one.sender, uttered(one)).stream for one in (joint[-1], message)
        )
        if before is None or now is None or before.key != now.key:
            joint.append(message)
            continue
        old, new = json.dumps(before.text)[1:-1], json.dumps(before.text + now.text)[1:-1]
        data = joint[-1].data
        assert isinstance(data, str)
        text = data.replace(f'"{old}"', f'"{new}"')
        if text == data:  # it is written with other escapes
            joint.append(message)
            continue
        joint[-1] = replace(joint[-1], data=text)
        number += 1
    return replace(each, messages=tuple(joint)), number
