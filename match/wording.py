"""What is wrong with a live session, as differences with one clear line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..schemas.durations import show_duration
from ..wire.close import parse_close
from ..wire.utterance import Utterance
from .compare import Parsed
from .difference import Change, Difference, DifferenceKind
from .excerpt import excerpt
from .expected import Awaited, Found, Live
from .line import Line, Role
from .shown import kept, shown, shown_apart
from .text import Departure

__all__ = ["Wording"]

_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}


class Wording:
    """Words the differences of one session."""

    def __init__(self, session: int, peer: Role) -> None:
        """`peer`: who is heard."""
        self._session = session
        self._peer = peer
        self._role: Role = "server" if peer == "client" else "client"

    def changed(self, live: Live, found: Found) -> Difference:
        """A message came in the place of a recorded one, with other values."""
        changes = found.comparison.changes
        first, many = changes[0], len(changes)
        where = first.pointer or "it"
        said = f"{where}: {' -> '.join(shown_apart(first.recorded, first.live))}"
        said += f" ({first.note})" if first.note else ""
        what = said if many == 1 else f"{many} values, first {said}"
        came = f"{_recorded(found.awaited)} came as {self._nth(live.number)}"
        message = f"{came} with other values: "
        brief = tuple(map(kept, changes))
        return self._came("changed", message + what, found.awaited, live.number, brief)

    def text(self, departure: Departure) -> Difference:
        """A text in pieces is another than recorded."""
        awaited, number = departure.awaited, departure.number
        if departure.missing:
            return self.missing([awaited])
        told = "" if number is None else self._nth(number)
        if departure.extra:
            return Difference(
                "unexpected",
                f"{told}{_named(awaited.parsed)} adds "
                f"{shown(departure.live)} to a text that has it not, "
                f"near frame {awaited.turn.line.seq}",
                self._session,
                number=number,
                event=awaited.parsed.event,
                nearest=awaited.turn.line.seq,
                after=awaited.turn.line.seq,
            )
        change = Change("", departure.recorded, departure.live)
        came = shown(departure.live) if departure.live else "its end"
        meant = shown(departure.recorded) if departure.recorded else "its end"
        return Difference(
            "changed",
            f"the text of {_recorded(awaited)} differs from its character {departure.at + 1} on: "
            f"{meant} -> {came}" + (f" ({told})" if told else ""),
            self._session,
            awaited.turn.line.seq,
            number,
            awaited.parsed.event,
            (change,),
        )

    def missing(self, run: Sequence[Awaited]) -> Difference:
        """Recorded messages, one behind the other, did not come."""
        first = run[0]
        content = "" if first.parsed.event is None else _quoted(first.parsed.said)
        message = f"{_recorded(first)} did not come" + (f": {content}" if content else "")
        if len(run) > 1:
            to = f"{_recorded(first)} to frame {run[-1].turn.line.seq}"
            message = f"{len(run)} messages did not come, {to}"
            message += f", the first: {content}" if content else ""
        return self._about("missing", message, first)

    def late(self, run: Sequence[Awaited], number: int, late_ns: int) -> Difference:
        """Recorded messages, one behind the other, came after they had been given up.

        `number` and `late_ns` are of the first: when it came, since it was given up.
        """
        first, came, late = run[0], self._nth(number), show_duration(late_ns)
        message = f"{_recorded(first)} came as {came}, {late} after it was given up"
        if len(run) > 1:
            message = f"{len(run)} messages came after they were given up, {_recorded(first)} to"
            message += f" frame {run[-1].turn.line.seq}, the first {late} after, as {came}"
        return self._came("late", message, first, number)

    def unexpected(self, live: Live, nearest: Found | None, after: int) -> Difference:
        """A message came that was not recorded, behind a frame; `nearest` is what comes closest."""
        which = f"{self._nth(live.number)}{_named(live.parsed)}"
        message = f"{which} is not recorded: {_quoted(live.parsed.said)}"
        if nearest is not None:
            message += f"; the nearest is {_recorded(nearest.awaited)}"
        return Difference(
            "unexpected",
            message,
            self._session,
            number=live.number,
            event=live.parsed.event,
            changes=() if nearest is None else tuple(map(kept, nearest.comparison.changes)),
            nearest=nearest.awaited.turn.line.seq if nearest is not None else None,
            after=after,
        )

    def reordered(self, awaited: Awaited, number: int, before: Awaited) -> Difference:
        """A recorded message came behind one that it had come before."""
        came = f"{_recorded(awaited)} came as {self._nth(number)}"
        message = f"{came}, behind {_recorded(before)}"
        return self._came("reordered", message, awaited, number)

    def early(self, awaited: Awaited, number: int, unsaid: Line) -> Difference:
        """A message came before what had led to it was said."""
        came = f"{_recorded(awaited)} came as {self._nth(number)}"
        message = f"{came} before frame {unsaid.seq}, "
        return self._came("early", message + "which it followed, was said", awaited, number)

    def closed(
        self,
        number: int,
        live: Utterance,
        recorded: Line | None,
        missing: Sequence[Awaited],
        unsaid: Sequence[Line],
        *,
        ours: Utterance | None,
        more: bool,
    ) -> Difference:
        """The peer's Close is another one than recorded, or came before the rest was said.

        `ours`: our own Close, which the recorded one only answers, and which has not been said.
        """
        message = f"the {self._peer} closed with {close(live)}"
        if ours is not None:
            message += f", where the {self._role} had closed with {close(ours)},"
        elif recorded is None:
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
            many = _messages(len(missing), self._peer)
            parts.append(f"{least}{many} had come, first {_recorded(missing[0])}")
        if unsaid:
            many = _messages(len(unsaid), self._role)
            was = "was" if len(unsaid) == 1 else "were"
            parts.append(f"{least}{many} {was} said, first frame {unsaid[0].seq}")
        return " before " + ", and ".join(parts) if parts else ""

    def _nth(self, number: int) -> str:
        """Return which message of the peer it is."""
        ending = "th" if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, "th")
        return f"the {self._peer}'s {number}{ending} message"

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


def _recorded(awaited: Awaited) -> str:
    name = _named(awaited.parsed) or f" ({_content(awaited.parsed.said)})"
    return f"frame {awaited.turn.line.seq}{name}"


def _named(parsed: Parsed) -> str:
    return f" ({parsed.event})" if parsed.event is not None else ""


def _messages(number: int, of: Role) -> str:
    return f"{number} {'message' if number == 1 else 'messages'} of the {of}"


def _quoted(said: Utterance) -> str:
    """Return a message as it was said, as far as it is short."""
    if isinstance(said.data, str):
        return excerpt(said.data) if said.data else "an empty text"
    return _content(said)


def _content(said: Utterance) -> str:
    if said.kind == "close":
        return f"close {close(said)}"
    return f"{said.kind} {shown(said.data)}"
