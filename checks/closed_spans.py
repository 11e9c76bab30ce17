"""The spans of one kind in one parent that have closed, found by their keys."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from .instance import Instance
from .rules import Key, SpanRule

__all__ = ["MAX_CLOSED", "MAX_KEYS", "ClosedSpans"]

MAX_CLOSED: Final = 1_000
"""Closed spans kept whole until their parent ends, to tell a late event from a lost one."""
MAX_KEYS: Final = 100_000
"""Keys of older closed spans kept where `once` or `after_close` needs them."""


class ClosedSpans:
    """The last ones in order of closing; of those before, where they are needed, the keys."""

    _old: OrderedDict[Key, int] | None = None
    """Key and closing frame of spans that are not kept; None: there are none."""
    forgot = False
    """Keys were forgotten, too."""

    def __init__(self, rule: SpanRule) -> None:
        self._rule = rule
        self.spans: list[Instance] = []
        self._by_key: dict[Key, Instance] = {}
        """The last one of each key."""

    def add(self, span: Instance) -> Instance | None:
        """Take a span that closes; return the one that is too many, whose parts are all told."""
        self.spans.append(span)
        self._by_key[span.key] = span
        return self._oldest() if len(self.spans) > MAX_CLOSED else None

    def _oldest(self) -> Instance:
        """Let go of the first span, but for its key."""
        span = self.spans.pop(0)
        if self._by_key.get(span.key) is span:
            del self._by_key[span.key]
        rule = self._rule.span
        if span.closed is not None and (rule.once or rule.after_close != "allow"):
            if self._old is None:
                self._old = OrderedDict()
            self._old[span.key] = span.closed.seq
            if len(self._old) > MAX_KEYS:
                self._old.popitem(last=False)
                self.forgot = True
        return span

    def last(self, key: Key) -> Instance | None:
        """Return the last span with this key, if it is still kept."""
        return self._by_key.get(key)

    def frame(self, key: Key) -> int | None:
        """Return the frame that closed the last span with this key, if it is no longer kept."""
        return None if self._old is None else self._old.get(key)
