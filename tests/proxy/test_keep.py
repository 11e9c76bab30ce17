"""Options about rotation and retention: what is refused, in a line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.proxying import wsrec
from wsrec.net.errors import SettingError
from wsrec.proxy.keep import Keep, read_keep
from wsrec.upkeep.retention import Retention

SESSION, DATED = Path("session.db"), Path("rec-%Y%m%d.db")


def test_what_is_said_is_what_is_kept() -> None:
    assert read_keep(SESSION) == Keep()
    assert read_keep(
        SESSION, rotate_size="500m", rotate_every="1d", retain_days=30, max_disk="10g", min_free="0"
    ) == Keep(
        rotate_bytes=500 << 20,
        rotate_seconds=86_400,
        retention=Retention(days=30, max_bytes=10 << 30),
        min_free=0,
    )


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("90m", 5400), ("2w", 1_209_600)])
def test_intervals(text: str, seconds: float) -> None:
    assert read_keep(SESSION, rotate_every=text).rotate_seconds == seconds


def test_retention_needs_recordings_that_end() -> None:
    assert read_keep(DATED, retain_days=1).retention
    assert read_keep(SESSION, retain_days=1, rotate_every="1d").retention
    for wrong in ("session.db", "100%%.db"):
        with pytest.raises(SettingError, match="never finished"):
            read_keep(Path(wrong), retain_days=1)
        with pytest.raises(SettingError, match="never finished"):
            read_keep(Path(wrong), max_disk="1g")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("-o", "rec-%Q.db"), "%Q is not known"),
        (("-o", "%Y/rec.db"), "not in its folder's"),
        (("-o", "."), "directory"),
        (("--rotate-size", "much"), "--rotate-size: 'much' is not a size"),
        (("--rotate-size", "1k"), "--rotate-size: '1k' is less than 1m"),
        (("--rotate-every", "often"), "--rotate-every: 'often' is not a duration"),
        (("--rotate-every", "0s"), "--rotate-every: '0s' leaves no time"),
        (("--rotate-every", "0d"), "leaves no time"),
        (("--retain-days", "0", "--rotate-every", "1d"), "--retain-days"),
        (("--retain-days", "3"), "session.db is never finished"),
        (("--max-disk", "3g"), "session.db is never finished"),
        (("--max-disk", "1k", "--rotate-every", "1d"), "--max-disk: '1k' is less than 1m"),
        (("--max-disk", "1m", "--rotate-size", "2m"), "would be deleted as soon as"),
        (("--min-free", "-1"), "--min-free: '-1' is not a size"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    tmp_path: Path, settings: tuple[str, ...], why: str
) -> None:
    result = wsrec("proxy", "ws://127.0.0.1:9", "-l", "127.0.0.1:0", *settings, cwd=tmp_path)
    assert result.returncode == 2
    assert why in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
