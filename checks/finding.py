"""Findings and verdicts: what the engine says, as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..schemas.codes import CODES, Severity
from .cause import Cause

__all__ = ["Finding", "Severities", "Verdict", "brief", "finding"]

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of a contract, or one reason why a session cannot be judged.

    Its texts may quote what was recorded, so they must be made inert before they
    reach a terminal or a page.
    """

    code: str
    severity: Severity
    message: str
    """One line: what was expected and what was seen."""
    session: int | None = None
    """None: said of the recording as a whole."""
    seq: int | None = None
    """The frame where it shows: the last frame of the message."""
    event: str | None = None
    span: str | None = None
    key: str | None = None
    """Which span of that name, as a person would call it."""
    expected: str | None = None
    seen: str | None = None
    nearest: str | None = None
    """The event that came closest to what was expected."""
    cause: Cause | None = field(default=None, compare=False, repr=False)
    """For the engine alone: what other findings may share with this one."""


def finding(
    code: str,
    message: str,
    *,
    seq: int | None = None,
    event: str | None = None,
    span: str | None = None,
    key: str | None = None,
    expected: str | None = None,
    seen: str | None = None,
    nearest: str | None = None,
    cause: Cause | None = None,
) -> Finding:
    """Return a finding of the code's default severity, with no session yet."""
    severity = CODES[code].severity
    return Finding(
        code, severity, message, None, seq, event, span, key, expected, seen, nearest, cause
    )


def plain(value: object) -> str:
    """Return a recorded value as JSON has it, but a text as it is, and bytes as Python has them."""
    if isinstance(value, bytes):
        return repr(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)


def brief(value: object, limit: int = 60) -> str:
    """Return a recorded value, short enough for a one-line message: a text in quotes, else JSON."""
    text = plain(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text


class Severities:
    """Applies the contract's `severity` to findings."""

    def __init__(self, rules: Sequence[tuple[str, Severity | Literal["off"]]]) -> None:
        self._level: dict[str, Severity | Literal["off"]] = {}
        for code in CODES:
            fitting = [r for r in rules if r[0] == code or code.startswith(r[0] + ".")]
            if fitting:
                self._level[code] = max(fitting, key=lambda rule: len(rule[0]))[1]

    def of(self, code: str) -> Severity | Literal["off"]:
        """Return the severity that findings of `code` get."""
        return self._level.get(code, CODES[code].severity)

    def apply(self, found: Finding) -> Finding | None:
        """Return the finding as the contract weighs it; None when it is off."""
        level = self._level.get(found.code)
        if level is None:
            return found
        return None if level == "off" else replace(found, severity=level)
