"""A contract made ready to run: compiled once, shared by all sessions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..schemas.event_schema import Aspect
from ..schemas.mistakes import nearest
from ..schemas.model import Condition, Contract, EventType, SenderRule
from .decode import Decoder
from .events import Extractor, mentioned
from .finding import Severities
from .rules import SpanRule, compile_spans, watched
from .schema import SchemaCheck
from .scope import EVERYTHING, Scope

__all__ = ["Compiled", "Known"]


def _lenient(kind: EventType) -> frozenset[Aspect]:
    unknown: tuple[Aspect, ...] = ("event.unknown_field",)
    missing: tuple[Aspect, ...] = ("event.missing_field",)
    return frozenset(
        (unknown if kind.unknown_fields == "warn" else ())
        + (missing if kind.missing_fields == "warn" else ())
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a contract says of the events of one name."""

    sender: SenderRule
    when: Condition | None
    """What their fields must meet, or they are other events."""
    check: SchemaCheck | None
    lenient: frozenset[Aspect]
    """The ways not to match the schema that are worth a warning."""
    awaiting: tuple[SpanRule, ...]
    """The spans whose `first` is measured from them."""
    spans: frozenset[SpanRule]
    """The outermost spans to which, or to those inside, they can matter."""


class Compiled:
    """Everything about a contract that does not depend on a session."""

    def __init__(self, contract: Contract, scope: Scope = EVERYTHING) -> None:
        self.contract = contract
        self.scope = scope
        self.decode = Decoder(contract.decode)
        self.extract = Extractor(contract)
        self.spans = compile_spans(contract.spans)
        self.watched = watched(contract.session.inside)
        """Events whose number in a whole session must be known."""
        self.severities = Severities(contract.severity)
        self.awaiting: dict[str, list[SpanRule]] = {}
        """Event and the spans whose `first` is measured from it."""
        todo = list(self.spans)
        while todo:
            rule = todo.pop()
            todo.extend(rule.children)
            latency = rule.span.latency
            if latency.first is not None and latency.after is not None:
                self.awaiting.setdefault(latency.after, []).append(rule)
        names = mentioned(contract)
        self.names = tuple(sorted(names - {"*"}))
        self._known = {name: self._of(name) for name in names}
        self._other = self._of(None) if "*" in names else None

    def _of(self, name: str | None) -> Known:
        rules = self.contract.events
        spans = frozenset(rule for rule in self.spans if rule.mentions(name))
        kind = None if name is None else rules.types.get(name)
        awaiting = () if name is None else tuple(self.awaiting.get(name, ()))
        if kind is None:
            return Known(rules.sender, None, None, frozenset(), awaiting, spans)
        check = None if kind.schema is None else SchemaCheck(kind.schema)
        return Known(kind.sender, kind.when, check, _lenient(kind), awaiting, spans)

    def known(self, name: str) -> Known | None:
        """Return what the contract says of the events of a name; None: it does not know them."""
        return self._known.get(name, self._other)

    def nearest(self, name: str | None) -> str | None:
        """Return the event of the contract that `name` was most likely meant to be."""
        return None if name is None else nearest(name, self.names)

    def named(self, text: str) -> list[str]:
        """Return the events whose names, or aliases, stand in a text, whole."""
        words = {name: name for name in self.names} | dict(self.contract.events.alias)
        found = (
            name
            for word, name in words.items()
            if word in text and re.search(rf"(?<![\w./-]){re.escape(word)}(?![\w./-])", text)
        )
        return list(dict.fromkeys(found))
