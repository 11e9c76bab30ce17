"""`wsrec prune`: old sessions taken out of recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

from ..report.inert import inert
from ..schemas.sizes import parse_size
from ..store.errors import RecordingError
from ..store.pruned import Ranges
from .prune import Pruning
from .prune import prune as prune_recording
from .rule import Rule
from .walltime import epoch_ns

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["PRUNED", "REFUSED", "prune", "read_rule"]

PRUNED: Final = 0
REFUSED: Final = 3

Format = Literal["text", "json"]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LEAST: Final = 1 << 20
_SHOWN: Final = 8
"""Stretches of session numbers in a line for people."""


def read_rule(
    older_than: str | None = None,
    before: str | None = None,
    keep_last: int | None = None,
    max_size: str | None = None,
) -> Rule:
    """Return the rule that one option says.

    Raises:
        ValueError: none is given, or several, or it is not to be understood; one line.
    """
    options = (older_than, before, keep_last, max_size)
    if sum(option is not None for option in options) != 1:
        raise ValueError("give one of --older-than, --before, --keep-last and --max-size")
    if older_than is not None:
        now = epoch_ns(datetime.now(UTC).isoformat())
        return Rule(before_ns=now - _age(older_than))
    if before is not None:
        return Rule(before_ns=_date(before))
    if keep_last is not None:
        return Rule(keep_last=keep_last)
    return Rule(max_bytes=_size(max_size or ""))


def prune(
    paths: Iterable[Path],
    rule: Rule,
    out: TextIO,
    format: Format,  # noqa: A002
    *,
    dry_run: bool = False,
    signer: SigningKey | None = None,
) -> int:
    """Remove sessions from each recording and write a line about it; with `json`, an object.

    With `signer`, each has to be sealed by this key, and the end of what is left is.

    What is wrong with one recording does not stop the others; it is left as it is.

    Returns:
        0: every recording was pruned, also where nothing was to be removed.
        3: one is damaged, unreadable, being recorded into, or cannot be written.
    """
    code = PRUNED
    for path in paths:
        try:
            pruning = prune_recording(path, rule, dry_run=dry_run, signer=signer)
        except (RecordingError, OSError) as error:
            what = str(error)
            if isinstance(error, OSError):
                what = f"{error.filename or path}: {error.strerror or error}"
            fields: dict[str, object] = {"recording": str(path), "status": "refused", "what": what}
            line = what
            code = REFUSED
        else:
            fields = _fields(path, pruning, dry_run)
            line = _line(path, pruning, dry_run)
        print(json.dumps(fields) if format == "json" else inert(line), file=out)
    return code


def _fields(path: Path, pruning: Pruning, dry_run: bool) -> dict[str, object]:
    return {
        "recording": str(path),
        "status": "would prune" if dry_run else "pruned",
        "removed": pruning.removed,
        "sessions_removed": pruning.count,
        "sessions_left": pruning.left,
        "bytes_before": pruning.bytes_before,
        "bytes_after": pruning.bytes_after,
        "unsealed": pruning.unsealed,
    }


def _line(path: Path, pruning: Pruning, dry_run: bool) -> str:
    total = _count(pruning.count + pruning.left)
    if not pruning.count:
        return f"{path}: nothing to remove of {total}; {pruning.bytes_before:,} bytes"
    end = "; its end is not sealed any more" if pruning.unsealed else ""
    return (
        f"{path}: {'would remove' if dry_run else 'removed'} {pruning.count:,} of {total}"
        f" ({_ranges(pruning.removed)}); {pruning.bytes_before:,} bytes before,"
        f" {'about ' if dry_run else ''}{pruning.bytes_after:,} after{end}"
    )


def _ranges(ranges: Ranges) -> str:
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_SHOWN]]
    return ", ".join(shown + ["..."] * (len(ranges) > _SHOWN))


def _count(number: int) -> str:
    return f"{number:,} session{'' if number == 1 else 's'}"


def _age(text: str) -> int:
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text)
    if match is None:
        raise ValueError(f"--older-than: {text!r} is not an age such as 12h, 30d or 8w")
    return int(match[1]) * _SECONDS[match[2]] * 10**9


def _date(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return epoch_ns((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat())
    except (ValueError, OverflowError):
        raise ValueError(
            f"--before: {text!r} is not a date such as 2030-01-31 or 2030-01-31T12:00+01:00"
        ) from None


def _size(text: str) -> int:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise ValueError(f"--max-size: {error}") from None
    if size < _LEAST:
        raise ValueError(f"--max-size: {text!r} is less than 1m: nothing would be left")
    return size
