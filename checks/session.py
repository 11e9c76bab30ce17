"""One session folded: messages in, findings out, its state bounded by what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ..schemas.codes import Severity
from ..schemas.model import Contract, Scalar, SenderRule
from . import tell_event
from .cause import lack
from .compiled import Compiled, Known
from .context import Context, SampleSink
from .decode import Undecodable
from .events import Event, meets
from .finding import Finding, Verdict, finding
from .inputs import MessageLike, SessionLike
from .inside import InsideState
from .ledger import Ledger
from .outcome import SessionOutcome
from .session_rules import close_code, closed_by, idle, too_many
from .track import Track

__all__ = ["MAX_NAMES", "SessionJudge"]

MAX_NAMES: Final = 1000
"""Different events counted for one session: where `*` is an event, any name is known."""
MAX_STRANGE: Final = 5
"""Names of events that the contract does not speak of, kept to name them."""
_SEARCHED: Final = 65_536
"""Characters of an unreadable message that are searched for event names."""


class SessionJudge:
    """Judges one session; what it says depends on nothing but the session's own messages."""

    def __init__(self, compiled: Compiled, session: SessionLike, sink: SampleSink) -> None:
        self._compiled = compiled
        self._contract: Contract = compiled.contract
        self._session = session
        self._context = Context(InsideState(self._contract.session.inside, compiled.watched), sink)
        self._tracks = tuple(Track(rule, None) for rule in compiled.spans)
        self._ledger = Ledger(compiled.severities)
        self._findings: list[Finding] = []
        self._numbers: Counter[str] = Counter()
        self._worst: set[Severity] = set()
        self._reasons: list[str] = []
        self._names: Counter[str] = Counter()
        self._last_at = 0
        self.messages = 0
        self.decoded = 0
        """Messages that held at least one event the contract speaks of."""
        self.strange: dict[str, None] = {}
        """The first few names of events that it does not speak of."""
        self.by: Scalar | None = None
        """The value that links this session to its successor."""
        self.broken_off = False
        """A span was open when the session ended."""

    def message(self, message: MessageLike) -> list[Finding]:
        """Take the next message of the session, return what it shows."""
        self.messages += 1
        self._context.end_seq = message.seq
        found: list[Finding] = []
        self._message(message, found)
        return self._keep(self._ledger.sift(found)) if found else []

    def gap(self, seq: int, what: str) -> list[Finding]:
        """Take note that the recording misses frames before frame `seq`."""
        self._context.gaps += 1
        text = f"{what}; what is missing cannot be told from what was lost"
        self._reasons.append(what)
        return self._keep(self._ledger.sift([finding("recording.gap", text, seq=seq)]))

    def close(self, session: SessionLike | None) -> list[Finding]:
        """Take the end of the session, with its final values; None: its end is not known."""
        if session is None:
            self._context.tail_lost = True
        else:
            self._session = session
            self._context.tail_lost = not session.clean
        return self._keep(self._ledger.settle(self._close()))

    # Messages.

    def _message(self, message: MessageLike, found: list[Finding]) -> None:
        rules, compiled = self._contract.session, self._compiled
        if rules.idle is not None:
            found += idle(rules.idle, self._last_at, message)
        if rules.max_messages is not None:
            found += too_many(rules.max_messages, self.messages, message)
        self._last_at = message.at_ns
        extract = compiled.extract
        if message.sender not in extract.senders or message.kind not in compiled.decode.kinds:
            return
        decoded, unique = False, self._context.inside.unique
        for value in compiled.decode(message.data):
            if value.__class__ is Undecodable:
                found.append(self._undecodable(value, message))
                continue
            name, fields, whole = extract.read(value)
            if name is None:
                found += self._unknown(None, message)
                continue
            known = compiled.known(name)
            if known is not None and known.when is not None and not meets(known.when, fields):
                known = None
            if known is None:
                found += self._unknown(name, message)
                if len(self.strange) < MAX_STRANGE:
                    self.strange[name] = None
            elif known.sender not in ("both", message.sender):
                found.append(self._wrong_sender(name, known.sender, message))
                continue
            event = Event(name, message.seq, message.sender, message.at_ns, fields, whole)
            if self.by is None and rules.reconnect is not None:
                self.by = fields.get(rules.reconnect.by)
            if known is None:
                for track in self._tracks:
                    found += track.touch(event, self._context)
                continue
            decoded = True
            if name in self._names or len(self._names) < MAX_NAMES:
                self._names[name] += 1
            if known.check is not None and (mismatches := known.check(value)):
                event.malformed = any(each.code != "event.unknown_field" for each in mismatches)
                found += tell_event.mismatched(event, mismatches, known.lenient)
            if not (unique and self._context.inside.repeats(event, found)):
                self._place(event, known, found)
        self.decoded += decoded

    def _undecodable(self, value: Undecodable, message: MessageLike) -> Finding:
        data, compiled = message.data, self._compiled
        text = data if isinstance(data, str) else data[:_SEARCHED].decode("latin-1")
        mentioned = compiled.named(text[:_SEARCHED])
        if compiled.severities.of("event.undecodable") != "off":
            self._context.hint(mentioned)
        return tell_event.undecodable(message, value.reason, self._contract.decode.codec, mentioned)

    def _unknown(self, name: str | None, message: MessageLike) -> Iterator[Finding]:
        events = self._contract.events
        if name is not None and name in events.types:
            self._context.near(name, message.seq, "does not meet the `when` of its type")
        elif name is not None:
            self._context.stranger(name, message.seq)
        if events.unknown == "allow" or events.sender not in ("both", message.sender):
            return
        found = tell_event.unknown(name, message, events.name, self._compiled.nearest(name))
        yield replace(found, severity="warning") if events.unknown == "warn" else found

    def _wrong_sender(self, name: str, wanted: SenderRule, message: MessageLike) -> Finding:
        self._context.near(name, message.seq, f"was sent by the {message.sender}")
        return tell_event.wrong_sender(name, wanted, message)

    def _place(self, event: Event, known: Known, found: list[Finding]) -> None:
        """Add what an event shows that is no repetition."""
        context = self._context
        for rule in known.awaiting:
            idle = any(each.rule is rule and each.idle for each in self._tracks)
            context.asked(rule, event, idle=idle)
        for track in self._tracks:
            if track.rule in known.spans or not track.idle:
                track.take(event, context, found)
        context.inside.feed(event, found, gaps=context.gaps)

    # The end.

    def _close(self) -> Iterator[Finding]:
        session, context = self._session, self._context
        state, reason = (
            "has no end record: it was still running, or its tail was lost",
            "no end record",
        )
        if session.closed_by == "proxy" and any(not track.idle for track in self._tracks):
            # Neither peer is to blame for what the recorder's own end cut off.
            state, reason = "was ended by the proxy before it was done", "ended by the proxy"
            context.tail_lost = True
        if context.tail_lost:
            self._reasons.append(reason)
            yield finding(
                "recording.unclean",
                f"the session {state}; what never came cannot be told from what was lost",
                seq=context.end_seq,
            )
        self.broken_off = any(not track.idle for track in self._tracks)
        for track in self._tracks:
            yield from track.settle(context)
        if not context.tail_lost and session.ended_ns is not None:
            for rules in self._compiled.awaiting.values():
                for rule in rules:
                    yield from context.unanswered(rule, session.ended_ns)
        yield from self._session_rules()
        if self._tracks and not (self.opened or self.incomplete):
            kinds = " or ".join(span.name for span in self._contract.chief)
            self._reasons.append(f"no {kinds} was opened")
            found = finding("contract.vacuous", f"no {kinds} was opened in this session")
            yield replace(found, severity="warning")

    def _session_rules(self) -> Iterator[Finding]:
        session, context, rules = self._session, self._context, self._contract.session
        partial = context.tail_lost or context.gap
        if not partial:
            for name in context.inside.missing():
                if not context.excuse((name,)):
                    yield finding(
                        "session.missing",
                        f"the session ended without {name}",
                        seq=context.end_seq,
                        event=name,
                        expected=name,
                        nearest=context.nearest([name]),
                        cause=lack([name], 0),
                    )
        yield from context.inside.holes()
        yield from context.inside.settle(context.end_seq, partial=partial)
        if context.tail_lost:
            return
        yield from close_code(session, rules.close_codes, context.end_seq)
        yield from closed_by(session, rules.closed_by, context.end_seq)

    # What is kept.

    def _keep(self, found: Iterable[Finding]) -> list[Finding]:
        scope, kept = self._compiled.scope, []
        for weighed in found:
            if not scope.wants(weighed.code):
                continue  # only now: what is not asked for may still account for what is
            self._worst.add(weighed.severity)
            self._numbers[weighed.code] += 1
            if self._numbers[weighed.code] <= scope.max_findings:
                kept.append(replace(weighed, session=self._session.id, cause=None))
        self._findings += kept
        return kept

    @property
    def opened(self) -> bool:
        """Whether there was any span, or a trace of one."""
        return any(not track.empty for track in self._tracks)

    def outcome(self) -> SessionOutcome:
        """Return the verdict and what it rests on."""
        context, session, limit = self._context, self._session, self._compiled.scope.max_findings
        verdict: Verdict = "pass"
        if "error" in self._worst:
            verdict = "fail"
        elif context.tail_lost or context.gap or (self._tracks and not self.opened):
            verdict = "inconclusive"
        return SessionOutcome(
            session.id,
            session.client,
            session.target,
            session.started_at,
            self._last_at if session.ended_ns is None else session.ended_ns,
            verdict,
            tuple(sorted(self._findings, key=lambda each: (each.seq or 0, each.code))),
            {c: n - limit for c, n in sorted(self._numbers.items()) if n > limit},
            tuple(dict.fromkeys(self._reasons)),
            self.messages,
            dict(self._names),
            {track.rule.name: track.real for track in self._tracks},
        )

    @property
    def incomplete(self) -> bool:
        """Whether the recording lacks a part of the session."""
        return self._context.tail_lost or self._context.gap
