"""A contract made ready to run: compiled once, shared by all sessions."""

from __future__ import annotations

from ..schemas.event_schema import Aspect
from ..schemas.mistakes import nearest
from ..schemas.model import Contract, EventType
from .decode import Decoder
from .events import Extractor
from .finding import Severities
from .rules import SpanRule, compile_spans, watched
from .schema import SchemaCheck
from .scope import EVERYTHING, Scope

__all__ = ["Compiled"]


def _warned(kind: EventType) -> frozenset[Aspect]:
    unknown: tuple[Aspect, ...] = ("event.unknown_field",)
    missing: tuple[Aspect, ...] = ("event.missing_field",)
    return frozenset(
        (unknown if kind.unknown_fields == "warn" else ())
        + (missing if kind.missing_fields == "warn" else ())
    )


class Compiled:
    """Everything about a contract that does not depend on a session."""

    def __init__(self, contract: Contract, scope: Scope = EVERYTHING) -> None:
        self.contract = contract
        self.scope = scope
        self.decode = Decoder(contract.decode)
        self.extract = Extractor(contract)
        self.names = tuple(sorted(self.extract.names()))
        self.schemas = {
            name: SchemaCheck(kind.schema)
            for name, kind in contract.events.types.items()
            if kind.schema is not None
        }
        self.warned: dict[str, frozenset[Aspect]] = {
            name: _warned(kind) for name, kind in contract.events.types.items()
        }
        """Event and the ways not to match its schema that are worth a warning."""
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

    def nearest(self, name: str | None) -> str | None:
        """Return the event of the contract that `name` was most likely meant to be."""
        return None if name is None else nearest(name, self.names)
