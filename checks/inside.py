"""Completeness, order and sameness of the events inside a span, or inside a whole session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..schemas.model import Inside
from .cause import END, Cause, at
from .edges import EdgesState
from .events import Event
from .finding import Finding, brief, finding, plain
from .machine import Illegal, MachineState
from .monotonic import MonotonicState, Unsteady
from .order import Broken, OrderState
from .rules import Key, show_key
from .same import Changed, SameState
from .unique import MAX_UNIQUE, UniqueState, repeated

__all__ = ["InsideState"]


class InsideState:
    """What is known of the events inside one place so far."""

    explained: frozenset[str] = frozenset()
    """Events whose absence another finding already tells of."""
    _asked: Event | None = None
    _gaps = 0

    def __init__(
        self,
        rules: Inside,
        watched: Mapping[str, tuple[int, ...]],
        span: str | None = None,
        bare: Key = (),
    ) -> None:
        """Begin; `watched` as `rules` has it, `span` and its key: None, the session."""
        self._rules = rules
        self._span = span
        self.bare = bare
        self._watched = watched
        self._seen: dict[str, int] = {}
        """How often each watched event came."""
        self._beyond: dict[str, int] = {}
        """Where an event came the first time too many."""
        self._orders = list(map(OrderState, rules.order)) if rules.order else ()
        self._same = list(map(SameState, rules.same)) if rules.same else ()
        self._edges = EdgesState(rules.first, rules.last) if rules.first or rules.last else None
        self._rising = list(map(MonotonicState, rules.monotonic)) if rules.monotonic else ()
        self.unique = list(map(UniqueState, rules.unique)) if rules.unique else ()
        """Only where there are any is `repeats` worth asking."""
        self._machine = MachineState(rules.machine) if rules.machine is not None else None
        self._since: int | None = 0 if span is None else None

    @property
    def _scope(self) -> str:
        """The first word of the codes."""
        return "session" if self._span is None else "span"

    @property
    def key(self) -> str | None:
        """Which span, for people."""
        return show_key(self.bare)

    @property
    def _place(self) -> str:
        if self._span is None:
            return "the session"
        return f"{self._span} {brief(self.key)}" if self.key else self._span

    def _found(
        self, code: str, message: str, seq: int | None, event: str | None, *,
        expected: str | None = None, seen: str | None = None, nearest: str | None = None,
        cause: Cause | None = None,
    ) -> Finding:  # fmt: skip
        return finding(
            f"{self._scope}.{code}", message, seq=seq, event=event, span=self._span,
            key=self.key, expected=expected, seen=seen, nearest=nearest, cause=cause,
        )  # fmt: skip

    def repeats(self, event: Event, found: list[Finding]) -> bool:
        """Say whether a value that must not come twice did: the event is then not counted.

        Asked again about the same event, it says no. What it shows is added to `found`.
        """
        if not self.unique or self._asked is event:
            return False
        self._asked = event
        before = repeated(self.unique, event)
        for state in self.unique:
            if state.forgot and not state.told:
                state.told = True
                message = f"more than {MAX_UNIQUE} values of {state.field} in {self._place}"
                text = f"{message}; the oldest are forgotten"
                found.append(finding("span.forgotten", text))
        if before is None:
            return False
        name, value, seq = before
        message = f"{name} is {brief(value)} in {event.name}, as it was in {self._place} at frame"
        again = self._found(
            "repeated",
            f"{message} {seq} already; expected it once",
            event.seq,
            event.name,
            expected=f"another {name}",
            seen=plain(value),
            cause=at(event.seq, event.name),
        )
        found.append(again)
        return True

    def feed(
        self,
        event: Event,
        found: list[Finding],
        *,
        boundary: bool = False,
        late: bool = False,
        over: bool = False,
        plays: bool = True,
        gaps: int = 0,
    ) -> None:
        """Add what an event shows to `found`; a `boundary` one opens or closes the place.

        A `late` one came after the close and was reported for that: it is not missing. When all is
        `over`, it came after the close and may: it is no step of a machine. One that `plays` a part
        here is expected to carry such an event's fields. `gaps`: how often frames were missed.
        """
        name, fields = event.name, event.fields
        if self._since is None:
            self._since = event.seq
        if gaps > self._gaps:
            self._gaps = gaps
            found += self._lost()
        if late:
            self.explained |= {name}
        elif name in self._watched:
            number = self._seen[name] = self._seen.get(name, 0) + 1
            if number in self._watched[name]:
                self._beyond[name] = event.seq
            for order in self._orders:
                for broken in order.feed(name, event.seq, event.at_ns):
                    found.append(self._order(broken))
        if self._edges is not None and not boundary:
            self._edges.feed(event)
        if self._machine is not None and not (late or over):
            found += self._steps(self._machine, event, boundary=boundary)
        if event.malformed:
            return
        for state in self._rising:
            value = fields.get(state.field)
            if value is not None:
                for unsteady in state.feed(value, event.seq, name):
                    found.append(self._unsteady(unsteady))
        for same in self._same:
            value = fields.get(same.field)
            if value is None and same.absent == "ignored":
                continue
            if value is None or value != same.value or value.__class__ is not same.value.__class__:
                changed = same.feed(value, event, plays=plays)
                if changed is not None:
                    found.append(self._changed(same.field, changed, event))

    def _lost(self) -> Iterator[Finding]:
        if self._machine is not None:
            self._machine.lost()
        for state in self._rising:
            for unsteady in state.lost():
                yield self._unsteady(unsteady)

    def _steps(self, machine: MachineState, event: Event, *, boundary: bool) -> Iterator[Finding]:
        if not machine.matters(event.name, boundary=boundary):
            return
        illegal = machine.feed(event.name, event.seq)
        if illegal is not None:
            yield self._illegal(illegal, event.name, event.seq)

    def _illegal(self, illegal: Illegal, event: str | None, seq: int | None) -> Finding:
        state, place, wanted = illegal.state, self._place, illegal.wanted
        if event is None:
            message = f"{place} ended in state {state}; expected it to end in {wanted}"
        else:
            message = f"{event} is not allowed in state {state} of {place}; expected {wanted}"
        return self._found(
            "machine",
            message,
            seq,
            event,
            expected=wanted,
            seen=state if event is None else event,
            cause=illegal.cause(event, seq),
        )

    def _unsteady(self, found: Unsteady) -> Finding:
        return self._found(
            "monotonic",
            f"in {self._place}: {found.message}",
            found.seq,
            found.event,
            expected=found.expected,
            seen=found.seen,
            nearest=found.message,
            cause=found.cause,
        )

    def _changed(self, name: str, changed: Changed, event: Event) -> Finding:
        first, since, value = changed
        expected, seen = ("absent" if each is None else brief(each) for each in (first, value))
        return self._found(
            "differs",
            f"{name} is {seen} in {event.name}, but was {expected} in "
            f"{self._place} since frame {since}",
            event.seq,
            event.name,
            expected=expected if first is None else plain(first),
            seen=seen if value is None else plain(value),
        )

    def _order(self, broken: Broken) -> Finding:
        code = "latency.responds" if broken.kind == "responds" else f"{self._scope}.{broken.kind}"
        return finding(
            code,
            f"in {self._place}: {broken.message}",
            seq=broken.seq,
            event=broken.event,
            span=self._span,
            key=self.key,
            expected=broken.expected,
            cause=broken.cause,
        )

    def missing(self) -> list[str]:
        """Return the required events that did not come and are not yet explained."""
        return [
            name
            for name in self._rules.requires
            if not self._seen.get(name) and name not in self.explained
        ]

    def holes(self) -> Iterator[Finding]:
        """Yield what a rising field left out."""
        for state in self._rising:
            for unsteady in state.settle():
                yield self._unsteady(unsteady)

    def closed(self) -> None:
        """Let go of what a closed place no longer needs."""
        for state in self.unique:
            state.closed()

    def settle(
        self, seq: int | None, *, partial: bool, surplus: bool = False, kin: Iterable[str] = ()
    ) -> Iterator[Finding]:
        """Yield what the end shows, except `missing`.

        `partial`: events may have been lost; `surplus`: some may be of another place. `kin`: the
        loss of one of these may have brought events here that are of another place.
        """
        for count in self._rules.count:
            number = self._seen.get(count.event, 0)
            if count.max is not None and number > count.max and not surplus:
                names = frozenset({count.event, *kin})
                cause = Cause(names, self._since or 0, END, rule=f"max {count.event}")
                yield self._count(
                    count.event, number, f"at most {count.max}", self._beyond[count.event], cause
                )
            unexplained = count.event not in self.explained and not (
                count.event in self._rules.requires and number == 0
            )
            if count.min is not None and number < count.min and unexplained and not partial:
                names = frozenset({count.event})
                cause = Cause(names, self._since or 0, END, rule=f"min {count.event}")
                yield self._count(count.event, number, f"at least {count.min}", seq, cause)
        if partial:
            return
        illegal = self._machine.settle() if self._machine is not None else None
        if illegal is not None:
            yield self._illegal(illegal, None, seq)
        absent = {
            name for name in self._rules.requires if not self._seen.get(name)
        } | self.explained
        for edge in self._edges.settle(absent) if self._edges is not None else ():
            text = f"the {edge.rule} event in {self._place} is {edge.event.name}"
            yield self._found(
                edge.rule, f"{text}; expected {edge.wanted}", edge.event.seq, edge.event.name,
                expected=edge.wanted, seen=edge.event.name, cause=edge.cause,
            )  # fmt: skip
        for order in self._orders:
            for broken in order.settle(absent):
                yield self._order(broken)

    def _count(self, event: str, number: int, bound: str, seq: int | None, cause: Cause) -> Finding:
        message = f"{event} came {number} times in {self._place}; expected {bound}"
        return self._found(
            "count", message, seq, event, expected=bound, seen=str(number),
            cause=cause,
        )  # fmt: skip
