"""What becomes of recordings: when another one is begun, and how long former ones are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..net.amounts import interval, size
from ..net.errors import SettingError
from ..store.series import Series
from ..upkeep.retention import Retention

__all__ = ["Keep", "read_keep"]

_ALL = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The defaults are those of the command line: one recording, and nothing is deleted."""

    rotate_bytes: int | None = None
    """New sessions go to another recording once this one has as many, its log included."""
    rotate_seconds: float | None = None
    """They do once it was begun as long ago."""
    retention: Retention = _ALL
    """Which finished recordings of the same output are deleted."""
    min_free: int = 256 << 20
    """Bytes of the file system; with less, the proxy warns."""

    @property
    def rotates(self) -> bool:
        """Whether there will be another recording at some time."""
        return self.rotate_bytes is not None or self.rotate_seconds is not None

    def is_over(self, size: int, age: float) -> bool:
        """Say whether a recording of `size` bytes, begun `age` seconds ago, takes no more."""
        large = self.rotate_bytes is not None and size >= self.rotate_bytes
        return large or (self.rotate_seconds is not None and age >= self.rotate_seconds)


def read_keep(
    output: Path,
    *,
    rotate_size: str | None = None,
    rotate_every: str | None = None,
    retain_days: int | None = None,
    max_disk: str | None = None,
    min_free: str = "256m",
) -> Keep:
    """Return what the command line says; the parameters are its options, word for word.

    Raises:
        SettingError: one of them cannot be used, or not with the others.
    """
    try:
        series = Series(output)
    except ValueError as error:
        raise SettingError(f"-o: {error}") from error
    keep = Keep(
        rotate_bytes=None if rotate_size is None else size(rotate_size, "rotate-size", "1m"),
        rotate_seconds=None if rotate_every is None else interval(rotate_every, "rotate-every"),
        retention=Retention(
            days=retain_days,
            max_bytes=None if max_disk is None else size(max_disk, "max-disk", "1m"),
        ),
        min_free=size(min_free, "min-free", "0"),
    )
    if retain_days is not None and retain_days < 1:
        raise SettingError(f"--retain-days: {retain_days} keeps none")
    if keep.retention and not (keep.rotates or series.dated):
        raise SettingError(
            f"{'--max-disk' if retain_days is None else '--retain-days'} deletes finished"
            f" recordings, but {output} is never finished: give --rotate-size, --rotate-every,"
            " or a name with a date, such as -o rec-%Y%m%d.db"
        )
    most, each = keep.retention.max_bytes, keep.rotate_bytes
    if most is not None and each is not None and most < each:
        raise SettingError(
            f"--max-disk {max_disk} is less than --rotate-size {rotate_size}: each recording"
            " would be deleted as soon as it is finished"
        )
    return keep
