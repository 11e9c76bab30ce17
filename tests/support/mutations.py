"""One thing at a time goes wrong in a session that passes: which share of it is noticed?

The changes are a peer's, not the recorder's: frames are numbered as they came, and nothing says
that one is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from support.conversation import SECOND
from support.traffic import Talk, judge
from wsrec.checks.compiled import Compiled
from wsrec.checks.decode import Undecodable
from wsrec.checks.finding import Finding
from wsrec.schemas.model import Contract
from wsrec.store.model import Message

Kind = Literal["drop", "duplicate", "swap", "delay", "truncate"]
KINDS: Final[tuple[Kind, ...]] = ("drop", "duplicate", "swap", "delay", "truncate")

DELAY: Final = 600 * SECOND
"""An event that is delayed comes ten minutes later, and all behind it too."""


@dataclass(frozen=True)
class Mutant:
    """A session with one change."""

    kind: Kind
    event: str
    """The event it was done to."""
    seq: int
    number: int
    """How many events its message holds: so many may be told of."""
    talk: Talk


@dataclass
class Share:
    """How much of one kind of change was noticed."""

    total: int = 0
    noticed: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    """Events whose change was not noticed."""
    several: list[tuple[Mutant, tuple[Finding, ...]]] = field(default_factory=list)
    """Changes that gave more findings than events were changed."""

    def __str__(self) -> str:
        return f"{self.noticed}/{self.total}"


def events(talk: Talk, contract: Contract) -> dict[int, str]:
    """Return the place of each message that holds events, and the name of its first one."""
    return {place: names[0] for place, names in _held(talk, contract).items()}


def _held(talk: Talk, contract: Contract) -> dict[int, list[str]]:
    compiled = Compiled(contract)
    found: dict[int, list[str]] = {}
    for place, message in enumerate(talk.messages):
        if (
            message.kind not in compiled.decode.kinds
            or message.sender not in compiled.extract.senders
        ):
            continue
        for value in compiled.decode(message.data):
            name = None if isinstance(value, Undecodable) else compiled.extract.read(value)[0]
            if name is not None:
                found.setdefault(place, []).append(name)
    return found


def _with(talk: Talk, messages: Iterable[Message], later: int = 0) -> Talk:
    again = tuple(
        replace(message, seq=seq, first_seq=seq) for seq, message in enumerate(messages, start=1)
    )
    ended = talk.session.ended_ns
    return Talk(replace(talk.session, ended_ns=None if ended is None else ended + later), again)


def _moved(message: Message, to: Message) -> Message:
    """Return the message at the moment of another."""
    return replace(message, at_ns=to.at_ns, forwarded_ns=to.forwarded_ns)


def _later(message: Message) -> Message:
    forwarded = message.forwarded_ns
    return replace(
        message,
        at_ns=message.at_ns + DELAY,
        forwarded_ns=None if forwarded is None else forwarded + DELAY,
    )


def mutants(talk: Talk, contract: Contract) -> Iterator[Mutant]:
    """Yield each change of each event of a session.

    - drop: it never came
    - duplicate: it came twice, one right behind the other
    - swap: it changed places with the next event of its sender, if they differ
    - delay: it came ten minutes late, and so did all behind it
    - truncate: its message was cut in half
    """
    names = _held(talk, contract)
    said = list(talk.messages)
    for place, held in names.items():
        message, before, behind = said[place], said[:place], said[place + 1 :]

        def made(kind: Kind, messages: list[Message], later: int = 0, *, at: int = place,
                 inside: list[str] = held) -> Mutant:  # fmt: skip
            return Mutant(kind, inside[0], at + 1, len(inside), _with(talk, messages, later))

        yield made("drop", before + behind)
        yield made("duplicate", [*before, message, message, *behind])
        after = next((p for p in names if p > place and said[p].sender == message.sender), None)
        if after is not None and said[after].data != message.data:
            swapped = list(said)
            swapped[place] = _moved(said[after], message)
            swapped[after] = _moved(message, said[after])
            yield made("swap", swapped)
        yield made("delay", before + [_later(each) for each in said[place:]], DELAY)
        if len(message.data) > 1:
            half = replace(message, data=message.data[: len(message.data) // 2])
            yield made("truncate", [*before, half, *behind])


def measure(
    talks: Iterable[Talk], contract: Contract, kinds: Iterable[Kind] = KINDS
) -> dict[Kind, Share]:
    """Judge every change of every session, each session by itself."""
    shares = {kind: Share() for kind in kinds}
    compiled = Compiled(contract)
    for talk in talks:
        for mutant in mutants(talk, contract):
            share = shares.get(mutant.kind)
            if share is None:
                continue
            found = judge([mutant.talk], contract, compiled).all_findings()
            share.total += 1
            share.noticed += bool(found)
            if not found:
                share.missed[mutant.event] += 1
            if len(found) > mutant.number:
                share.several.append((mutant, found))
    return shares


def table(shares: dict[Kind, Share]) -> str:
    """Return the shares as a table for a page."""
    rows = ["| change | noticed | not noticed |", "|---|---|---|"]
    for kind, share in shares.items():
        part = share.noticed / share.total if share.total else 1
        missed = ", ".join(f"`{name}` {n}" for name, n in sorted(share.missed.items()))
        rows.append(f"| {kind} | {share.noticed} of {share.total} ({part:.1%}) | {missed or '–'} |")
    total = sum(share.total for share in shares.values())
    noticed = sum(share.noticed for share in shares.values())
    rows.append(f"| **all** | **{noticed} of {total} ({noticed / total:.1%})** | |")
    return "\n".join(rows)
