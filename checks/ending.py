"""What the end of a span shows: what never came, and which absence accounts for which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from . import tell_span
from .cause import END, Cause, lack
from .context import Context
from .finding import Finding
from .rules import SpanRule, common, compatible

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["settle", "strays"]


def settle(span: Instance, context: Context) -> Iterator[Finding]:
    """Yield what can be said now that nothing more can come."""
    yield from span.inside.holes()
    if span.opened is None and not span.rule.span.must_open:
        return
    for track in span.inner:
        yield from track.settle(context)
    if span.aborted:
        # An abort may come where nothing began; other events before it may not.
        if span.opened is None and span.closed != span.first:
            yield from _opening(span, context)
        return
    if span.resolved and span.opened is None:
        return
    if span.opened is None or span.opened_late:
        yield from _opening(span, context)
    if span.opened is None and span.closed == span.first:
        return  # a close and nothing else: most likely it came twice
    if span.never_closed:
        yield from _unclosed(span, context)
        return
    if span.closed is None and context.tail_lost:
        return
    if not context.gap:
        yield from _missing(span, context)
    seq = span.closed.seq if span.closed is not None else context.end_seq
    surplus = span.told or span.reopened is not None
    yield from span.inside.settle(seq, partial=context.gap, surplus=surplus, kin=span.rule.opens)


def strays(rule: SpanRule, closed: list[Instance], still: list[Instance]) -> Iterator[Finding]:
    """Yield the closings that came before their openings, or with another key: one cause.

    `closed` are all spans of a kind that closed, `still` those that are open, oldest first.
    """
    unopened = [span for span in closed if span.opened is None]
    if not unopened:
        return
    alone = len(unopened) == 1 and sum(span.opened is not None for span in still) == 1
    needed = rule.span.must_open and rule.span.must_close
    for span in still:
        if span.opened is None:
            continue
        for stray in unopened:
            early = stray.number < span.number and compatible(stray.key, span.key)
            near = needed and stray.number > span.number
            near = near and (alone or common(stray.key, span.key) > 0)
            if not (early or near) or stray.first.name not in rule.closes:
                continue
            span.resolved = stray.resolved = True
            unopened.remove(stray)
            yield (tell_span.swapped if early else tell_span.differing)(rule, span, stray)
            break


def _explain(span: Instance, names: Iterable[str], context: Context) -> None:
    """Tell everything around that the absence of these events is accounted for."""
    known = frozenset(names)
    place: Instance | None = span
    while place is not None:
        place.inside.explained |= known
        place = place.parent
    context.inside.explained |= known


def _opening(span: Instance, context: Context) -> Iterator[Finding]:
    _explain(span, span.rule.opens, context)
    if span.resolved or context.gap or _unopened_with_its_parent(span):
        return
    opens = " or ".join(span.rule.opens).replace("*", "an event that opens it")
    if span.opened is not None:
        yield span.say(
            "span.order",
            f"{span.first.name} came before {span.opened.name} (frame {span.opened.seq}), "
            f"which opens {span.label}",
            (span.first.seq, span.first.name),
            expected=f"{span.opened.name} first",
            seen=span.first.name,
            cause=Cause(
                frozenset({span.first.name, span.opened.name}), span.first.seq, span.opened.seq
            ),
        )
    elif not context.excuse(span.rule.opens):
        # Without a whole key it may as well be late, of a span that had closed.
        late = (span.first.name,) if _nameless(span) else ()
        yield span.say(
            "span.unopened",
            f"{span.first.name} belongs to {span.label}, which is not open; "
            f"expected {opens} before it",
            (span.first.seq, span.first.name),
            expected=opens,
            seen=span.first.name,
            nearest=context.nearest(span.rule.opens, _start(span), span.first.seq, span.rule.name),
            cause=lack((*span.rule.opens, *late), _start(span), span.first.seq),
        )


def _unopened_with_its_parent(span: Instance) -> bool:
    """One event named both, and neither was open: what is said of the parent is enough."""
    parent = span.parent
    return parent is not None and parent.opened is None and parent.first.seq == span.first.seq


def _start(span: Instance) -> int:
    """The frame before which nothing of it can have come."""
    return _beginning(span) if span.opened is None else span.opened.seq


def _nameless(span: Instance) -> bool:
    """Say whether nothing but their order tells it from others of its kind."""
    return span.rule.nameless(span.rule.bare(span.key))


def _beginning(span: Instance) -> int:
    """The frame in which what it is inside begins."""
    return 0 if span.parent is None else span.parent.first.seq


def _until(span: Instance) -> int:
    """The frame after which nothing of it should come."""
    if span.closed is not None:
        return span.closed.seq
    return END if span.parent is None or span.parent.closed is None else span.parent.closed.seq


def _unclosed(span: Instance, context: Context) -> Iterator[Finding]:
    silent = (
        span.resolved
        or context.tail_lost
        or context.gap
        or span.opened is None  # a phantom was reported already
        or (span.parent is not None and span.parent.cut)
        or (span.outer is not None and span.outer.closed is None)
        or span.in_doubt(span.rule.closes)
        or context.excuse(span.rule.closes)
    )
    missing = [name for name in span.inside.missing() if name not in span.rule.closes]
    _explain(span, (*span.rule.closes, *missing), context)
    if silent or span.opened is None:
        return
    closes = " or ".join(span.rule.closes) or "its end"
    end = "the session ended"
    if span.parent is not None and span.parent.closed is not None:
        end = f"{span.parent.label} ended (frame {span.parent.closed.seq})"
    message = (
        f"{span.label} was opened by {span.opened.name} (frame {span.opened.seq}) and never "
        f"closed; expected {closes} before {end}"
    )
    # Without a whole key, what is lost may have been meant to end one before, and others moved up.
    since = _beginning(span) if _nameless(span) else span.opened.seq
    yield span.say(
        "span.unclosed",
        message + _besides(span, missing),
        (span.opened.seq, span.opened.name),
        expected=closes,
        nearest=context.nearest(span.rule.closes, span.opened.seq, _until(span), span.rule.name),
        cause=lack((*_ends(span), *missing), since, _until(span), 1 + len(missing)),
    )


def _ends(span: Instance) -> Iterable[str]:
    """Return the events of which one may be lost or wrong when it never ended."""
    # Another one inside it may be the same, opened twice.
    again = span.rule.opens if span.rule.span.nest else ()
    return (*span.rule.closes, *span.rule.aborts, *again)


def _besides(span: Instance, missing: list[str]) -> str:
    """Return what else is missing for the same reason."""
    text = f"; not seen either: {', '.join(missing)}" if missing else ""
    still = [
        span.label
        for track in span.inner
        if track.rule.span.must_close
        for span in track.unclosed()
    ]
    return text + (f"; still open inside: {', '.join(still[:5])}" if still else "")


def _missing(span: Instance, context: Context) -> Iterator[Finding]:
    missing = [name for name in span.inside.missing() if not context.excuse((name,))]
    if not missing:
        return
    _explain(span, missing, context)
    seq = span.closed.seq if span.closed is not None else context.end_seq
    end = f"closed by {span.closed.name} (frame {seq})" if span.closed else "over"
    instead = next((n for n in missing if n in span.rule.closes), None)
    if instead is not None and span.closed is not None and span.closed.name != instead:
        rest = [name for name in missing if name != instead]
        yield span.say(
            "span.missing",
            f"{span.label} was {end} without {instead}" + _besides(span, rest),
            (seq, instead),
            expected=instead,
            seen=span.closed.name,
            nearest=context.nearest([instead], _start(span), _until(span), span.rule.name),
            cause=lack(missing, span.possible, _until(span), len(missing)),
        )
        return
    for names in _together(span, missing):
        yield span.say(
            "span.missing",
            f"{span.label} was {end} without {' and '.join(names)}",
            (seq, names[0]),
            expected=", ".join(names),
            nearest=context.nearest(names, _start(span), _until(span), span.rule.name),
            cause=lack(names, span.possible, _until(span), len(names)),
        )


def _together(span: Instance, missing: list[str]) -> Iterator[list[str]]:
    """Group the events of a span that never was: that it never was is one cause."""
    rest = list(missing)
    for child in span.rule.children:
        track = span.tracks.get(child)
        own = [n for n in rest if n in child.opens or n in child.closes]
        if (track is None or track.empty) and len(own) > 1:
            rest = [name for name in rest if name not in own]
            yield own
    for name in rest:
        yield [name]
