"""Whether there is room to record on: a log that grows without end, a disk that gets full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..schemas.sizes import show_size

__all__ = ["MAX_LOG", "Headroom", "Notice"]

MAX_LOG = 64 << 20
"""Bytes of a -wal: sixteen times of what the recorder writes between two checkpoints."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the operator ought to know, for people and for machines."""

    event: str
    text: str
    """One line."""
    fields: Mapping[str, str | int] = field(default_factory=dict)
    """What is said in it; sizes are in bytes."""


class Headroom:
    """Says once that something is short, and once that it is not any more.

    Pure: it is told what there is. It is over only when there is clearly more room than at the
    mark; around the mark there would be a line every second.
    """

    def __init__(self, min_free: int, max_log: int = MAX_LOG) -> None:
        """Both in bytes; `min_free` of 0: any space is enough."""
        self._min_free = min_free
        self._max_log = max_log
        self._large: set[Path] = set()
        self._low = False

    def look(self, logs: Mapping[Path, int], folder: Path, free: int | None) -> Iterator[Notice]:
        """Yield what is new.

        Args:
            logs: the sizes of the logs of all recordings that are open.
            folder: where they are.
            free: bytes that are left there; None if nobody can tell.
        """
        for path, size in logs.items():
            if size > self._max_log and path not in self._large:
                self._large.add(path)
                yield _large(path, size)
        for path in sorted(self._large):
            size = logs.get(path, 0)
            if size <= self._max_log // 2:
                self._large.discard(path)
                yield _small(path, size)
        if free is not None and self._low != (free < self._mark()):
            self._low = not self._low
            yield self._space(folder, free)

    def _mark(self) -> int:
        return self._min_free + (self._min_free // 8 if self._low else 0)

    def _space(self, folder: Path, free: int) -> Notice:
        fields: dict[str, str | int] = {
            "folder": str(folder),
            "free": free,
            "min_free": self._min_free,
        }
        if self._low:
            return Notice(
                "space_low",
                f"{folder}: {show_size(free)} are free, less than --min-free"
                f" {show_size(self._min_free)}: on a full disk nothing can be recorded",
                fields,
            )
        return Notice("space_ok", f"{folder}: there is room again: {show_size(free)} free", fields)


def _large(path: Path, size: int) -> Notice:
    return Notice(
        "log_large",
        f"{path}-wal: grown to {show_size(size)}: another program has been reading {path.name}"
        " for long, so that its log cannot be written back",
        {"recording": str(path), "size": size},
    )


def _small(path: Path, size: int) -> Notice:
    return Notice(
        "log_ok",
        f"{path}-wal: written back, {show_size(size)} now",
        {"recording": str(path), "size": size},
    )
