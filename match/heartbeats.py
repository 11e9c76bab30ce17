"""Messages that only say that somebody is there: which they are, and what answers them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from ..wire.utterance import Utterance
from .line import Role
from .parse import Objects, Parsed, parse_plainly

__all__ = ["Beat", "Exchange", "Heartbeat", "Watch", "answer_to", "read_heartbeat", "usual_for"]

_OPEN: Final = 64
"""Heartbeats whose answers are waited for at once; an answer to an older one is a message."""
_MS: Final = 1_000_000


class Exchange(NamedTuple):
    """A heartbeat, and what answered it."""

    ask: Utterance
    answer: Utterance


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One kind of them."""

    ask: str
    """The name of its event, or the whole text of the message."""
    answer: str | None = None
    """The same of what answers it; None: nothing does."""
    texts: bool = False
    """Whether these are whole texts only, and no names."""
    example: Exchange | None = None
    """How it is answered where the recording does not tell."""
    interval: str | None = None
    """The server asks, every so many milliseconds as this member of its first message says."""

    def __str__(self) -> str:
        return self.ask if self.answer is None else f"{self.ask}={self.answer}"

    def asks(self, parsed: Parsed) -> bool:
        """Whether a message may be one."""
        return self._is(self.ask, parsed)

    def answers(self, parsed: Parsed) -> bool:
        """Whether a message may be an answer to one."""
        return self.answer is not None and self._is(self.answer, parsed)

    def every_ns(self, opening: Utterance) -> int | None:
        """Return how far apart the server's are as its first message says; None: it does not."""
        value = _object(opening)
        found = value.get(self.interval) if isinstance(value, Mapping) else None
        return found * _MS if type(found) is int and found > 0 else None

    def _is(self, name: str, parsed: Parsed) -> bool:
        return parsed.said.data == name or (parsed.event == name and not self.texts)


_SUBPROTOCOLS: Final[Mapping[str, Heartbeat]] = {
    "graphql-transport-ws": Heartbeat("ping", "pong"),
    "graphql-ws": Heartbeat("ka"),  # of subscriptions-transport-ws
    "mcp": Heartbeat("ping", "response"),
}
_ENGINE_IO_3: Final = Heartbeat("2", "3", texts=True)
_ENGINE_IO_4: Final = replace(_ENGINE_IO_3, interval="pingInterval")
_PHOENIX: Final = Heartbeat(
    "heartbeat",
    "phx_reply",
    example=Exchange(
        Utterance("text", '[null,"1","phoenix","heartbeat",{}]'),
        Utterance("text", '[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]'),
    ),
)


def usual_for(subprotocol: str | None, target: str) -> tuple[Heartbeat, ...]:
    """Return the heartbeats of the protocol that a session speaks, where that is certain.

    Args:
        subprotocol: that was agreed to.
        target: what was asked for: Engine.IO's clients say `EIO=`, those of Phoenix `vsn=`.
    """
    known = _SUBPROTOCOLS.get(subprotocol or "")
    if known is not None:
        return (known,)
    path, _, query = target.partition("?")
    given = dict(parse_qsl(query))
    if "EIO" in given:
        return (_ENGINE_IO_3 if given["EIO"] == "3" else _ENGINE_IO_4,)
    return (_PHOENIX,) if "vsn" in given and path.endswith("/websocket") else ()


def read_heartbeat(text: str) -> Heartbeat:
    """Return what `text` names: `ASK`, or `ASK=ANSWER`.

    Raises:
        ValueError: it is neither; the message says why.
    """
    ask, sign, answer = text.partition("=")
    if not ask or (sign and not answer):
        raise ValueError(f"{text!r} is no EVENT and no EVENT=ANSWER")
    return Heartbeat(ask, answer or None)


class Beat(NamedTuple):
    """A message that is a heartbeat, or the answer to one."""

    kind: Heartbeat
    asks: bool
    to: Utterance | None = None
    """What it answers; None: it asks, or nobody has asked."""


class _Asked(NamedTuple):
    kind: Heartbeat
    sender: Role
    reference: str | int | None
    said: Utterance


class Watch:
    """Tells the heartbeats of one session, recorded or live, from its other messages.

    An answer that has an `id` (of JSON-RPC), or a `ref` (of Phoenix), is one if a heartbeat of the
    other peer had it. So where both have the same name, the second is the answer to the first.
    """

    def __init__(self, kinds: tuple[Heartbeat, ...]) -> None:
        self._kinds = kinds
        self._asked: deque[_Asked] = deque(maxlen=_OPEN)

    def take(self, sender: Role, parsed: Parsed) -> Beat | None:
        """Take the next message of the session; None: it is no heartbeat."""
        if not parsed.said.is_message or parsed.stream is not None:
            return None
        reference = _reference(parsed)
        for kind in self._kinds:
            if kind.answers(parsed):
                asked = self._answered(kind, sender, reference)
                if asked is not None:
                    self._asked.remove(asked)
                    return Beat(kind, asks=False, to=asked.said)
            if kind.asks(parsed):
                self._asked.append(_Asked(kind, sender, reference, parsed.said))
                return Beat(kind, asks=True)
            if reference is None and kind.answers(parsed):
                return Beat(kind, asks=False)
        return None

    def _answered(
        self, kind: Heartbeat, sender: Role, reference: str | int | None
    ) -> _Asked | None:
        for asked in self._asked:
            known = reference is None or reference == asked.reference
            if asked.kind is kind and asked.sender != sender and known:
                return asked
        return None


def answer_to(
    ask: Utterance,
    kind: Heartbeat,
    recorded: Exchange | None,
    rewrite: Callable[[Utterance], Utterance],
) -> Utterance | None:
    """Return what answers a heartbeat now, as `recorded` was answered; None: nothing does.

    What the recorded answer had of its heartbeat, such as an id or a time, the new one has of its
    own; `rewrite` puts live ids into the rest. Where nothing is recorded, it is the heartbeat
    itself with the other name.
    """
    exchange = recorded or kind.example
    if exchange is None:
        return None if kind.answer is None else _plain_answer(ask, kind.ask, kind.answer)
    ours = rewrite(exchange.answer)
    before, answer, rewritten, now = map(_object, (exchange.ask, exchange.answer, ours, ask))
    echoed = _echo(before, answer, rewritten, now)
    return ours if echoed == rewritten else _with(ours, echoed)


def _plain_answer(ask: Utterance, name: str, answer: str) -> Utterance | None:
    """Return a heartbeat as its own answer: with the other name, or as a result of JSON-RPC."""
    if ask.data == name:
        return Utterance(ask.kind, answer)
    value = _object(ask)
    if not isinstance(value, Mapping):
        return None
    if value.get("method") == name and "id" in value:
        kept = {key: each for key, each in value.items() if key in ("jsonrpc", "id")}
        return _with(ask, {**kept, "result": {}})
    if name not in value.values():
        return None
    return _with(ask, {key: answer if each == name else each for key, each in value.items()})


def _echo(before: object, answer: object, ours: object, now: object) -> object:
    """Return our answer with what is asked now where the recorded one had what was asked then."""
    if answer == before:
        return now
    match before, answer, ours, now:
        case list(), list(), list(), list() if len(before) == len(answer) == len(now):
            return [_echo(*each) for each in zip(before, answer, ours, now, strict=True)]
        case dict(), dict(), dict(), dict():
            return {
                name: _echo(before[key], answer[key], value, now[key]) if key in before else value
                for key, (name, value) in zip(answer, ours.items(), strict=True)
                if key in now or key not in before
            }
    return ours


def _object(said: Utterance) -> object:
    """Return the JSON of a text, or the text itself."""
    value = parse_plainly(said).value
    return value[0] if isinstance(value, Objects) and len(value) == 1 else value


def _with(said: Utterance, value: object) -> Utterance:
    """Return the same message with another object in it; one that is no text stays as it was."""
    if not isinstance(said.data, str) or isinstance(value, bytes):
        return said
    if isinstance(value, str):
        return Utterance(said.kind, value)
    prefix = parse_plainly(said).beside
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Utterance(said.kind, f"{prefix!s}{text}")


def _reference(parsed: Parsed) -> str | int | None:
    """Return by which an answer says what it answers; None: nothing."""
    value = parsed.value[0] if isinstance(parsed.value, Objects) and parsed.value else None
    found: object = None
    if isinstance(value, Mapping):
        found = value.get("id", value.get("ref"))
    elif isinstance(value, list) and len(value) == 5:  # of Phoenix
        found = value[1]
    return found if isinstance(found, str | int) else None
