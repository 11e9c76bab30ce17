"""What is to be kept out of a recording: rules as they are written, and what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..schemas.pointers import Pointer

__all__ = ["DEFAULT", "Rules", "read_key", "secret_span"]

DEFAULT = "default"
"""How the rules that are in force unless they are switched off are called in a recording."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_SECRET = "secret"  # the group that a pattern marks what it is about with
_LEAST_KEY, _MOST_KEY = 32, 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules in force; made by `Rules.parse`."""

    defaults: bool = True
    """Whether headers and parameters that usually hold secrets are among them."""
    headers: frozenset[str] = frozenset()
    """Names in lower case."""
    query: frozenset[str] = frozenset()
    """Names in lower case, decoded."""
    pointers: tuple[tuple[str, ...], ...] = ()
    """Tokens of JSON Pointers; `*` stands for any member or index."""
    patterns: tuple[re.Pattern[str], ...] = ()
    written: tuple[str, ...] = ()
    """The rules beside the defaults, as they were written."""

    @classmethod
    def parse(cls, written: Iterable[str], *, defaults: bool = True) -> Rules:
        """Read rules.

        Args:
            written: `header:NAME`, `query:NAME`, `json:POINTER` or `regex:PATTERN` each.
            defaults: whether the default rules are in force beside them.

        Raises:
            ValueError: one cannot be used; the message is one line that quotes it.
        """
        headers: list[str] = []
        query: list[str] = []
        pointers: list[tuple[str, ...]] = []
        patterns: list[re.Pattern[str]] = []
        rules = tuple(written)
        for rule in rules:
            kind, colon, what = rule.partition(":")
            if kind == "header" and _NAME.fullmatch(what):
                headers.append(what.lower())
            elif kind == "query" and what:
                query.append(what.lower())
            elif kind == "json" and colon:
                pointers.append(_pointer(rule, what))
            elif kind == "regex" and what:
                patterns.append(_pattern(rule, what))
            else:
                raise ValueError(
                    f"{rule!r} is not a rule: header:NAME, query:NAME, json:/POINTER or"
                    " regex:PATTERN"
                )
        return cls(
            defaults, frozenset(headers), frozenset(query), tuple(pointers), tuple(patterns), rules
        )

    @classmethod
    def kept_by(cls, meta: Mapping[str, str]) -> Rules:
        """Return the defaults, and what a recording's `meta` says of headers and parameters.

        For what is told of live handshakes beside a recording. What cannot be read counts for none.
        """
        try:
            written = json.loads(meta.get("redaction", "[]"))
            return cls.parse(rule for rule in written if rule.startswith(("header:", "query:")))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls.parse(())

    @property
    def about_payloads(self) -> bool:
        """Whether messages have to be looked into."""
        return bool(self.pointers or self.patterns)

    def listed(self) -> list[str]:
        """Return the rules in force as a recording names them."""
        return [*([DEFAULT] if self.defaults else []), *self.written]

    def for_meta(self, before: Mapping[str, str], sessions: int) -> dict[str, str]:
        """Return what `meta` says of the rules in force from now on, and of those before.

        Args:
            before: what it says already.
            sessions: how many there are already.

        Raises:
            ValueError: what it says was not written by a recorder.
        """
        runs = json.loads(before.get("redaction_runs", "[]"))
        try:
            runs = [each for each in runs if each["from_session"] <= sessions]
            if sessions and not runs:  # of a recorder that knew no rules
                runs = [{"from_session": 1, "rules": []}]
            if not runs or runs[-1]["rules"] != self.listed():
                runs.append({"from_session": sessions + 1, "rules": self.listed()})
        except (KeyError, TypeError) as error:
            raise ValueError("its redaction_runs are not what was recorded") from error
        return {"redaction": json.dumps(self.listed()), "redaction_runs": json.dumps(runs)}

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return self.defaults or bool(self.written)


def secret_span(found: re.Match[str]) -> tuple[int, int]:
    """Return where the secret of a match lies: its group `secret`, if there is one."""
    return found.span(_SECRET if _SECRET in found.re.groupindex else 0)


def read_key(path: Path) -> bytes:
    """Return the key for digests that a file holds: all its bytes.

    Raises:
        ValueError: it cannot be read, or its size is none for a key; one line.
    """
    try:
        with path.open("rb") as file:
            key = file.read(_MOST_KEY + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    if not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise ValueError(f"{path}: a key has {_LEAST_KEY} to {_MOST_KEY} bytes")
    return key


def _pointer(rule: str, text: str) -> tuple[str, ...]:
    try:
        return Pointer.parse(text).tokens
    except ValueError as error:
        raise ValueError(f"{rule!r}: {error}") from error


def _pattern(rule: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{rule!r}: not a regular expression: {error}") from error
