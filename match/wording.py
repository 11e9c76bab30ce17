"""What is wrong with a live session, as differences with one clear line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..schemas.pointers import ABSENT
from ..wire.close import parse_close
from ..wire.utterance import Utterance
from .compare import Parsed
from .difference import Change, Difference, DifferenceKind
from .expected import Awaited, Found, Live
from .line import Line, Role
from .text import Departure

__all__ = ["Cut", "Wording", "shown"]

_LONG: Final = 60
_KEPT: Final = 2000
"""Characters of a value that are kept with a difference: a server may say megabytes, and often."""


class Cut(str):
    """How a value is shown, as far as it is kept at all."""

    __slots__ = ()


class Wording:
    """Words the differences of one session."""

    def __init__(self, session: int, peer: Role) -> None:
        """`peer`: who is heard."""
        self._session = session
        self._peer = peer

    def changed(self, live: Live, found: Found) -> Difference:
        """A message came in the place of a recorded one, with other values."""
        changes = found.comparison.changes
        first, many = changes[0], len(changes)
        where = first.pointer or "it"
        said = f"{where}: {shown(first.recorded)} -> {shown(first.live)}"
        said += f" ({first.note})" if first.note else ""
        what = said if many == 1 else f"{many} values, first {said}"
        message = f"{_recorded(found.awaited)} came as message {live.number} with other values: "
        kept = tuple(map(_kept, changes))
        return self._came("changed", message + what, found.awaited, live.number, kept)

    def text(self, departure: Departure) -> Difference:
        """A text in pieces is another than recorded."""
        awaited, number = departure.awaited, departure.number
        if departure.missing:
            return self._about("missing", f"{_recorded(awaited)} did not come", awaited)
        if departure.extra:
            return Difference(
                "unexpected",
                f"message {number}{_named(awaited.parsed)} adds "
                f"{shown(departure.live)} to a text that has it not, "
                f"near frame {awaited.turn.line.seq}",
                self._session,
                number=number,
                event=awaited.parsed.event,
                nearest=awaited.turn.line.seq,
            )
        change = Change("", departure.recorded, departure.live)
        came = shown(departure.live) if departure.live else "its end"
        meant = shown(departure.recorded) if departure.recorded else "its end"
        return Difference(
            "changed",
            f"the text of {_recorded(awaited)} differs from its character {departure.at + 1} on: "
            f"{meant} -> {came}" + (f" (message {number})" if number is not None else ""),
            self._session,
            awaited.turn.line.seq,
            number,
            awaited.parsed.event,
            (change,),
        )

    def missing(self, run: Sequence[Awaited]) -> Difference:
        """Recorded messages, one behind the other, did not come."""
        if len(run) == 1:
            return self._about("missing", f"{_recorded(run[0])} did not come", run[0])
        last = run[-1].turn.line.seq
        message = f"{len(run)} messages did not come, {_recorded(run[0])} to frame {last}"
        return self._about("missing", message, run[0])

    def unexpected(self, live: Live, nearest: Found | None) -> Difference:
        """A message came that was not recorded; `nearest` is what comes closest."""
        message = f"message {live.number}{_named(live.parsed)} is not recorded"
        if nearest is not None:
            message += f"; the nearest is {_recorded(nearest.awaited)}"
        else:
            message += f": {_content(live.parsed.said)}"
        return Difference(
            "unexpected",
            message,
            self._session,
            number=live.number,
            event=live.parsed.event,
            changes=() if nearest is None else tuple(map(_kept, nearest.comparison.changes)),
            nearest=nearest.awaited.turn.line.seq if nearest is not None else None,
        )

    def reordered(self, awaited: Awaited, number: int, before: Awaited) -> Difference:
        """A recorded message came behind one that it had come before."""
        message = f"{_recorded(awaited)} came as message {number}, behind {_recorded(before)}"
        return self._came("reordered", message, awaited, number)

    def early(self, awaited: Awaited, number: int, unsaid: Line) -> Difference:
        """A message came before what had led to it was said."""
        message = f"{_recorded(awaited)} came as message {number} before frame {unsaid.seq}, "
        return self._came("early", message + "which it followed, was said", awaited, number)

    def closed(
        self,
        number: int,
        live: Utterance,
        recorded: Line | None,
        missing: Sequence[Awaited],
        unsaid: Sequence[Line],
        *,
        more: bool,
    ) -> Difference:
        """The peer's Close is another one than recorded, or came before the rest was said."""
        message = f"the {self._peer} closed with {close(live)}"
        if recorded is None:
            message += "" if more else ", where none of it is recorded,"
        elif recorded.said.data != live.data:
            message += f" instead of {close(recorded.said)}"
        message = (message + self._left(missing, unsaid, more)).rstrip(",")
        seq = missing[0].turn.line.seq if missing else unsaid[0].seq if unsaid else None
        if seq is None and recorded is not None:
            seq = recorded.seq
        event = missing[0].parsed.event if missing else None
        return Difference("close", message, self._session, seq, number, event)

    def not_closed(self, recorded: Awaited) -> Difference:
        """The peer did not close, as it had."""
        said = recorded.parsed.said
        message = f"the {self._peer} did not close, as it had with {close(said)}"
        return self._about("close", message, recorded)

    def lost(
        self, how: str, missing: Sequence[Awaited], unsaid: Sequence[Line], *, more: bool
    ) -> Difference:
        """The connection ended while more was recorded."""
        message = f"the connection ended ({how})" + self._left(missing, unsaid, more)
        seq = missing[0].turn.line.seq if missing else unsaid[0].seq if unsaid else None
        event = missing[0].parsed.event if missing else None
        return Difference("lost", message, self._session, seq, None, event)

    def _left(self, missing: Sequence[Awaited], unsaid: Sequence[Line], more: bool) -> str:
        least = "at least " if more else ""
        parts = []
        if missing:
            noun = "message of it" if len(missing) == 1 else "messages of it"
            parts.append(f"{least}{len(missing)} {noun} had come, first {_recorded(missing[0])}")
        if unsaid:
            noun = "line of ours was" if len(unsaid) == 1 else "lines of ours were"
            parts.append(f"{least}{len(unsaid)} {noun} said, first frame {unsaid[0].seq}")
        return " before " + ", and ".join(parts) if parts else ""

    def _about(self, kind: DifferenceKind, message: str, awaited: Awaited) -> Difference:
        return Difference(
            kind, message, self._session, awaited.turn.line.seq, event=awaited.parsed.event
        )

    def _came(
        self,
        kind: DifferenceKind,
        message: str,
        awaited: Awaited,
        number: int,
        changes: tuple[Change, ...] = (),
    ) -> Difference:
        seq, event = awaited.turn.line.seq, awaited.parsed.event
        return Difference(kind, message, self._session, seq, number, event, changes)


def close(said: Utterance) -> str:
    """Return a Close as its code and reason."""
    code, reason, _ = parse_close(said.data if isinstance(said.data, bytes) else b"")
    if code is None:
        return "no code"
    return f"{code} {shown(reason)}" if reason else str(code)


def shown(value: object, most: int = _LONG) -> str:
    """Return a value as JSON text, cut after about so many characters."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, Cut):
        end = '…"' if value.startswith('"') else "…"
        return value if len(value) <= most else value[: most + len(end) - 1] + end
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[:16].hex()}" + ("…" if len(value) > 16 else "")
    if isinstance(value, str) and len(value) > most:
        return json.dumps(value[:most], ensure_ascii=False)[:-1] + '…"'
    text = json.dumps(_beginning(value, [most]), ensure_ascii=False, default=repr)
    return text if len(text) <= most or isinstance(value, str) else text[:most] + "…"


def _beginning(value: Any, room: list[int]) -> Any:
    """Return of a value what begins in the first `room` characters of its JSON text, or more."""
    room[0] -= 1
    if isinstance(value, str | bytes):
        kept = value[: max(room[0], 0) + 1]
        room[0] -= len(kept)
        return kept
    if isinstance(value, list):
        items = []
        for each in value:
            if room[0] < 0:
                break
            items.append(_beginning(each, room))
        return items
    if isinstance(value, dict):
        members = {}
        for name, each in value.items():
            if room[0] < 0:
                break
            begun = _beginning(name, room)
            members[begun] = _beginning(each, room)
        return members
    return value


def _kept(change: Change) -> Change:
    """Return a change that holds no more of either value than is ever shown."""
    recorded, live = _brief(change.recorded), _brief(change.live)
    if recorded is change.recorded and live is change.live:
        return change
    return replace(change, recorded=recorded, live=live)


def _brief(value: object) -> object:
    if isinstance(value, str | bytes):
        return value if len(value) <= _KEPT else Cut(shown(value, _KEPT))
    if isinstance(value, list | dict):
        text = shown(value, _KEPT)
        return value if len(text) <= _KEPT else Cut(text)
    return value


def _recorded(awaited: Awaited) -> str:
    name = _named(awaited.parsed) or f" ({_content(awaited.parsed.said)})"
    return f"frame {awaited.turn.line.seq}{name}"


def _named(parsed: Parsed) -> str:
    return f" ({parsed.event})" if parsed.event is not None else ""


def _content(said: Utterance) -> str:
    if said.kind == "close":
        return f"close {close(said)}"
    return f"{said.kind} {shown(said.data)}"
