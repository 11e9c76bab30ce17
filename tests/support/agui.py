"""Random AG-UI streams: mostly what an agent may send, then a mistake or two."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["streams"]

Event = dict[str, Any]

MESSAGES: Final = ("m1", "m2", "m3")
CALLS: Final = ("c1", "c2", "c3")
SUBAGENTS: Final = ("s1", "s2")
STEPS: Final = ("plan", "act")
ACTIVITIES: Final = ("a1", "a2")


class _Stream:
    """One stream in the making, and what is open in it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.events: list[Event] = []
        self.active = False
        self.open: dict[str, dict[str, str | None]] = {}
        """Kind of entity, and the id and owner of each that is open."""
        self.owners: dict[tuple[str, str], str | None] = {}
        """Owners of this run's entities, closed ones too."""
        self.used: list[str] = []
        """Sub-agents of this run."""

    def say(self, event: str, owner: str | None = None, /, **fields: Any) -> None:
        """Send an event; a tag that agrees with the owner may be left out."""
        self.events.append({"type": event, **fields} | ({"subagentRunId": owner} if owner else {}))

    def who(self) -> str | None:
        """Return whose event the next one is: the parent's or a sub-agent's."""
        live = list(self.open.get("subagent", {}))
        return self.rng.choice([None, *live, *live, *SUBAGENTS[: self.rng.random() < 0.2]])

    def tag(self, owner: str | None) -> str | None:
        """Return an owner's tag, or none: a continuation may leave it out."""
        return None if self.rng.random() < 0.3 else owner

    def run(self) -> None:
        """Begin a run, or end it."""
        rng = self.rng
        if not self.active:
            self.open, self.owners, self.used, self.active = {}, {}, [], True
            self.say("RUN_STARTED", threadId="t", runId=f"r{len(self.events)}")
            return
        if rng.random() < 0.15:
            self.active = False
            self.say("RUN_ERROR", message="no")
            return
        for kind, names in self.open.items():
            for name in list(names):
                self._end(kind, name)
        started = next(e for e in reversed(self.events) if e["type"] == "RUN_STARTED")
        self.say("RUN_FINISHED", threadId="t", runId=started["runId"])
        self.active = False

    def entity(self, kind: str, names: tuple[str, ...]) -> None:
        """Open, continue or close a message, a tool call, a step, a sub-agent, or reasoning."""
        rng, there = self.rng, self.open.setdefault(kind, {})
        name = rng.choice(names)
        if name not in there:
            self._begin(kind, name)
        elif rng.random() < 0.4:
            self._end(kind, name)
        elif kind in _CONTENT:
            field, content = _CONTENT[kind]
            self.say(content, self.tag(there[name]), **{field: name, "delta": rng.choice("xyz")})

    def _begin(self, kind: str, name: str) -> None:
        rng, there = self.rng, self.open[kind]
        if kind == "subagent":
            if name in self.used:
                return
            known = [None, *self.used]
            parent = rng.choice(known)
            more = {} if parent is None else {"parentSubagentRunId": parent}
            self.used.append(name)
            there[name] = None
            self.say("SUBAGENT_STARTED", subagentRunId=name, name="worker", **more)
            return
        shared = "reasoning" if kind in ("reasoning", "thought") else kind
        owner = self.owners.setdefault((shared, name), self.who()) if kind != "step" else self.who()
        start, field = _START[kind]
        there[name] = owner
        more = {"toolCallName": "f"} if kind == "call" else {}
        if kind == "call" and rng.random() < 0.3:
            parents = [m for (k, m), own in self.owners.items() if k == "message" and own == owner]
            more["parentMessageId"] = rng.choice([*parents, "unheard of"])
        self.say(start, owner, **{field: name}, **more)

    def _end(self, kind: str, name: str) -> None:
        owner = self.open[kind].pop(name)
        if kind == "subagent":
            failed = self.rng.random() < 0.2
            more = {"message": "no"} if failed else {}
            self.say(f"SUBAGENT_{'ERROR' if failed else 'FINISHED'}", subagentRunId=name, **more)
            return
        field = _START[kind][1]
        self.say(_END[kind], owner if kind == "step" else self.tag(owner), **{field: name})

    def standalone(self) -> None:
        """Send what opens and closes nothing."""
        rng, owner = self.rng, self.who()
        kind = rng.randrange(11)
        if kind == 0:
            self.say("STATE_SNAPSHOT", owner, snapshot={"n": 1})
        elif kind == 1:
            self.say("STATE_DELTA", owner, delta=[{"op": "replace", "path": "/n", "value": 2}])
        elif kind == 2:
            self.say("CUSTOM", owner, name="note", value=None)
        elif kind == 3:
            self.say("RAW", owner, event={})
        elif kind == 4:
            name = rng.choice(ACTIVITIES)
            self.owners[("activity", name)] = owner
            more = rng.choice(({}, {"replace": True}))
            self.say("ACTIVITY_SNAPSHOT", owner, messageId=name, activityType="p", content={},
                     **more)  # fmt: skip
        elif kind == 5:
            name = rng.choice(ACTIVITIES)
            owner = self.owners.get(("activity", name))
            self.say("ACTIVITY_DELTA", self.tag(owner), messageId=name, activityType="p", patch=[])
        elif kind == 6:
            self.say("TOOL_CALL_RESULT", owner, messageId=f"result {len(self.events)}",
                     toolCallId=rng.choice(CALLS), content="{}")  # fmt: skip
        elif kind == 7:
            entity, owner = rng.choice([*self.owners.items(), (("message", "unheard of"), None)])
            subtype = "tool-call" if entity[0] == "call" else "message"
            if entity[0] in ("message", "call", "reasoning"):
                self.say("REASONING_ENCRYPTED_VALUE", self.tag(owner), subtype=subtype,
                         entityId=entity[1], encryptedValue="x")  # fmt: skip
        elif kind == 8:
            said: list[Event] = [{"id": "u1", "role": "user", "content": "q"}]
            said += [
                {"id": name, "role": "assistant"} | ({"subagentRunId": own} if own else {})
                for (entity, name), own in self.owners.items()
                if entity == "message"
            ]
            self.say("MESSAGES_SNAPSHOT", messages=said)
        elif kind == 9:
            names = ("TEXT_MESSAGE_CHUNK", "TOOL_CALL_CHUNK", "REASONING_MESSAGE_CHUNK")
            name = rng.choice(names)
            field = "toolCallId" if name == "TOOL_CALL_CHUNK" else "messageId"
            self.say(name, owner, **{field: f"chunk {len(self.events)}", "delta": "d"})
        else:
            self.say(rng.choice(("THINKING_START", "THINKING_END")))


_START: Final = {
    "message": ("TEXT_MESSAGE_START", "messageId"),
    "call": ("TOOL_CALL_START", "toolCallId"),
    "step": ("STEP_STARTED", "stepName"),
    "reasoning": ("REASONING_START", "messageId"),
    "thought": ("REASONING_MESSAGE_START", "messageId"),
}
_END: Final = {
    "message": "TEXT_MESSAGE_END",
    "call": "TOOL_CALL_END",
    "step": "STEP_FINISHED",
    "reasoning": "REASONING_END",
    "thought": "REASONING_MESSAGE_END",
}
_CONTENT: Final = {
    "message": ("messageId", "TEXT_MESSAGE_CONTENT"),
    "call": ("toolCallId", "TOOL_CALL_ARGS"),
    "thought": ("messageId", "REASONING_MESSAGE_CONTENT"),
}
_ENTITIES: Final = (
    ("message", MESSAGES),
    ("call", CALLS),
    ("step", STEPS),
    ("reasoning", MESSAGES[:2]),
    ("thought", MESSAGES[:2]),
    ("subagent", SUBAGENTS),
)


def _valid(rng: random.Random) -> list[Event]:
    stream = _Stream(rng)
    for _ in range(rng.randint(1, 18)):
        if not stream.active or rng.random() < 0.06:
            stream.run()
        elif rng.random() < 0.25:
            stream.standalone()
        else:
            stream.entity(*rng.choice(_ENTITIES))
    if stream.active and rng.random() < 0.8:
        stream.run()
    return stream.events


def _drop(rng: random.Random, events: list[Event]) -> None:
    del events[rng.randrange(len(events))]


def _repeat(rng: random.Random, events: list[Event]) -> None:
    events.insert(rng.randrange(len(events) + 1), dict(rng.choice(events)))


def _swap(rng: random.Random, events: list[Event]) -> None:
    place = rng.randrange(len(events))
    events[place - 1], events[place] = events[place], events[place - 1]


def _cut(rng: random.Random, events: list[Event]) -> None:
    del events[rng.randrange(1, len(events) + 1) :]


def _change(rng: random.Random, events: list[Event]) -> None:
    """Give an event another id, tag or name."""
    event = rng.choice(events)
    place = rng.choice([*event, "subagentRunId"])
    pools = {
        "messageId": MESSAGES,
        "toolCallId": CALLS,
        "stepName": STEPS,
        "subagentRunId": SUBAGENTS,
        "parentSubagentRunId": (*SUBAGENTS, "unheard of"),
        "entityId": (*MESSAGES, *CALLS),
        "type": ("RUN_STARTED", "RUN_FINISHED", "RUN_ERROR", "CUSTOM"),
    }
    if place in pools and not (place == "type" and "messages" in event):
        event[place] = rng.choice(pools[place])
        event.update(_NEEDED.get(event["type"], {}))


def _untag(rng: random.Random, events: list[Event]) -> None:
    tagged = [e for e in events if "subagentRunId" in e and not e["type"].startswith("SUBAGENT")]
    if tagged:
        rng.choice(tagged).pop("subagentRunId")


_NEEDED: Final[dict[str, Event]] = {
    "RUN_STARTED": {"threadId": "t", "runId": "another"},
    "RUN_FINISHED": {"threadId": "t", "runId": "another"},
    "RUN_ERROR": {"message": "no"},
    "CUSTOM": {"name": "note", "value": None},
}
"""What an event that was made another needs to be well-formed."""

_MISTAKES: Final[tuple[Callable[[random.Random, list[Event]], None], ...]] = (
    _drop, _repeat, _swap, _cut, _change, _change, _untag,
)  # fmt: skip


def streams(seed: int, count: int) -> Iterator[list[Event]]:
    """Yield streams, a third of which are as an agent may send them."""
    rng = random.Random(seed)
    for number in range(count):
        events = _valid(rng)
        for _ in range(number % 3):
            if events:
                rng.choice(_MISTAKES)(rng, events)
        yield events
