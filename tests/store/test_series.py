"""The names of recordings that follow one another."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsrec.store.series import Series

NOON = datetime(2026, 1, 31, 12, 5, 9)
PIECES = st.sampled_from(
    [
        *("%Y", "%m", "%d", "%H", "%M", "%S", "%j", "%y", "%F", "%G", "%V", "%%"),
        *("rec", "-", "2", ".", "_", "a b", "[x]", "*", "(", "ü", "db"),
    ]
)
PATTERNS = (
    st.lists(PIECES, min_size=1, max_size=8).map("".join).filter(lambda name: name.strip("."))
)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1))


def names(series: Series, now: datetime, count: int) -> list[str]:
    """Return the names that so many recordings begun at one time get, one after the other."""
    made: list[str] = []
    for _ in range(count):
        made.append(series.following(now, made).name)
    return made


@pytest.mark.parametrize(
    ("output", "made"),
    [
        ("session.db", ["session.db", "session-2.db", "session-3.db"]),
        ("session", ["session", "session-2", "session-3"]),
        ("rec-%Y%m%d.db", ["rec-20260131.db", "rec-20260131-2.db", "rec-20260131-3.db"]),
        ("%H:%M:%S", ["12:05:09", "12:05:09-2", "12:05:09-3"]),
        ("a.%j.db", ["a.031.db", "a.031-2.db", "a.031-3.db"]),
        ("100%%.db", ["100%.db", "100%-2.db", "100%-3.db"]),
    ],
)
def test_names_by_date_and_number(output: str, made: list[str]) -> None:
    assert names(Series(Path(output)), NOON, 3) == made


def test_the_folder_stays() -> None:
    series = Series(Path("/var/lib/100%/rec-%d.db"))
    assert series.first(NOON) == Path("/var/lib/100%/rec-31.db")


@pytest.mark.parametrize("output", ["rec-%Q.db", "rec-%", "%-d.db", "%Y/rec.db", "%c", "%s.db"])
def test_what_is_no_date_is_refused_in_one_line(output: str) -> None:
    with pytest.raises(ValueError, match="%") as raised:
        Series(Path(output))
    assert "\n" not in str(raised.value)


@given(PATTERNS, TIMES, st.integers(1, 5))
def test_what_it_has_made_is_its_own(pattern: str, now: datetime, count: int) -> None:
    series = Series(Path(pattern))
    made = names(series, now, count)
    assert len(set(made)) == count
    assert all(map(series.matches, made))
    last = series.last(now, made)
    assert last is not None
    assert last.name == made[-1]


@given(PATTERNS, TIMES, st.lists(st.text(max_size=20)))
def test_no_name_is_given_that_is_taken(pattern: str, now: datetime, others: list[str]) -> None:
    series = Series(Path(pattern))
    taken = others + names(series, now, 2)
    assert series.following(now, taken).name not in taken


@given(st.text(max_size=12), TIMES)
def test_nothing_but_a_number_stands_for_a_date(other: str, now: datetime) -> None:
    """However short the pattern, no name of letters is taken for one of its recordings."""
    if any(character not in "0123456789-" for character in other):
        assert not Series(Path("%Y")).matches(other)


@pytest.mark.parametrize(
    "name",
    [
        *("session-1.db", "session-0.db", "session-02.db", "session-2.db-wal", "session-2.db.lock"),
        *("session-.db", "session-2-3.db", "my-session.db", "session.db.old", "session-2db"),
        *("session-\u0662.db", "session-2.db\n", "Session.db", "session.db-unfinished"),
    ],
)
def test_names_that_are_like_its_own(name: str) -> None:
    assert not Series(Path("session.db")).matches(name)


@pytest.mark.parametrize(
    "name", ["rec-20261301.db", "rec-20260100.db", "rec-2026011.db", "rec-20260101-1.db"]
)
def test_dates_that_are_none(name: str) -> None:
    assert not Series(Path("rec-%Y%m%d.db")).matches(name)


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-journal", ".lock", "-unfinished"])
def test_what_is_left_of_another_recording_keeps_its_name_taken(beside: str) -> None:
    series = Series(Path("session.db"))
    taken = [f"session-4.db{beside}"]
    assert series.following(NOON, taken).name == "session-5.db"
    assert series.last(NOON, taken) is None


def test_numbers_go_up_where_former_recordings_are_gone() -> None:
    assert Series(Path("session.db")).following(NOON, ["session-7.db"]).name == "session-8.db"
