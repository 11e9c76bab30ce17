"""The findings about a span's place among others: in words, apart from how they are noticed."""

from __future__ import annotations

from collections.abc import Sequence

from .cause import Cause, at
from .events import Event
from .finding import Finding, brief, finding
from .instance import Instance
from .rules import Key, SpanRule, show_key

__all__ = [
    "after_close", "ambiguous", "closed_again", "closes_outside", "differing", "forgotten",
    "opens_outside", "reopened", "swapped",
]  # fmt: skip


def _label(rule: SpanRule, key: Key) -> str:
    shown = show_key(rule.bare(key))
    return f"{rule.name} {brief(shown)}" if shown else rule.name


def _about(
    rule: SpanRule, key: Key, event: Event, code: str, message: str, expected: str,
    cause: Cause | None = None,
) -> Finding:  # fmt: skip
    return finding(
        code,
        message,
        seq=event.seq,
        event=event.name,
        span=rule.name,
        key=show_key(rule.bare(key)),
        expected=expected,
        seen=event.name,
        cause=cause or at(event.seq, event.name),
    )


def ambiguous(rule: SpanRule, event: Event, spans: Sequence[Instance]) -> Finding:
    """Several open spans may be meant."""
    labels = ", ".join(span.label for span in spans[:5])
    fields = " and ".join(rule.span.key)
    message = (
        f"{event.name} could belong to any of {len(spans)} open spans ({labels}); "
        f"expected {fields} to tell them apart"
    )
    return _about(rule, (), event, "span.ambiguous", message, fields)


def after_close(rule: SpanRule, key: Key, event: Event, closed_seq: int) -> Finding:
    """An event carries the key of a closed span, and the contract forbids that."""
    label = _label(rule, key)
    message = f"{event.name} came after {label} had closed (frame {closed_seq})"
    expected = f"no event of {label} after its close"
    # It may also be the first of another such span, whose opening was lost.
    names = frozenset({event.name, *rule.closes, *rule.opens})
    cause = Cause(names, closed_seq, event.seq)
    text = message + "; expected no more"
    return _about(rule, key, event, "span.after_close", text, expected, cause)


def closed_again(rule: SpanRule, span: Instance, event: Event) -> Finding:
    """A closing event for a span that is closed."""
    by = f"{span.closed.name} had closed (frame {span.closed.seq})" if span.closed else "closed"
    message = f"{event.name} closes {span.label}, which {by}; expected it once"
    expected = " or ".join(rule.opens)
    since = span.closed.seq if span.closed else 0
    if rule.span.nest:  # what was lost may as well have opened one around it, or inside
        since = 0 if span.parent is None else span.parent.first.seq
    cause = Cause(frozenset({event.name, *rule.opens}), since, event.seq)
    return _about(rule, span.key, event, "span.unopened", message, expected, cause)


def reopened(rule: SpanRule, key: Key, event: Event, state: str, since: int) -> Finding:
    """An opening event for a span that is open, or may be used only once."""
    message = f"{event.name} opens {_label(rule, key)} again, which was {state}; expected it once"
    cause = Cause(frozenset({event.name, *rule.closes}), since, event.seq)
    return _about(rule, key, event, "span.reopened", message, "one opening", cause)


def opens_outside(rule: SpanRule, key: Key, event: Event, parent: Instance) -> Finding:
    """A span opens after its parent had closed."""
    closed = parent.closed.seq if parent.closed else 0
    message = f"{event.name} opens {_label(rule, key)} after {parent.label} had closed"
    expected = f"{rule.name} inside {parent.rule.name}"
    text = f"{message} (frame {closed}); expected it inside"
    names = frozenset({event.name, *parent.rule.closes, *parent.rule.opens})
    cause = Cause(names, closed, event.seq)
    return _about(rule, key, event, "span.outside", text, expected, cause)


def closes_outside(rule: SpanRule, span: Instance, event: Event, parent: Instance) -> Finding:
    """A span outlives its parent."""
    name, seq = (parent.closed.name, parent.closed.seq) if parent.closed else ("", 0)
    message = f"{event.name} closes {span.label} after {parent.label} had closed (frame {seq})"
    expected = f"{event.name} before {name}"
    text = message + "; expected it before"
    cause = Cause(frozenset({event.name, *parent.rule.closes}), seq, event.seq)
    return _about(rule, span.key, event, "span.outside", text, expected, cause)


def forgotten(rule: SpanRule, what: str, limit: int) -> Finding:
    """More spans than are remembered."""
    message = f"more than {limit} {what} spans {rule.name!r}; the oldest are forgotten"
    return finding("span.forgotten", message, span=rule.name)


def swapped(rule: SpanRule, span: Instance, stray: Instance) -> Finding:
    """A closing event that came before its opening event."""
    opened = span.opened or span.first
    return finding(
        "span.order",
        f"{stray.first.name} came before {opened.name} (frame {opened.seq}), "
        f"which opens {span.label}",
        seq=stray.first.seq,
        event=stray.first.name,
        span=rule.name,
        key=span.inside.key,
        expected=f"{opened.name} first",
        seen=stray.first.name,
        cause=Cause(frozenset({stray.first.name, opened.name}), stray.first.seq, opened.seq),
    )


def differing(rule: SpanRule, span: Instance, stray: Instance) -> Finding:
    """A closing event that has only a part of the span's key."""
    opened = span.opened or span.first
    pairs = zip(rule.span.key, rule.bare(span.key), rule.bare(stray.key), strict=True)
    names = [name for name, ours, theirs in pairs if ours != theirs] or ["its sender"]
    near = f"{stray.first.name} at frame {stray.first.seq} differs in {' and '.join(names)}"
    closes = " or ".join(rule.closes)
    return finding(
        "span.unclosed",
        f"{span.label} was opened by {opened.name} (frame {opened.seq}) and never closed; "
        f"expected {closes}; {near}",
        seq=opened.seq,
        event=opened.name,
        span=rule.name,
        key=span.inside.key,
        expected=closes,
        nearest=near,
        cause=Cause(frozenset({*rule.closes, stray.first.name}), opened.seq, stray.first.seq),
    )
