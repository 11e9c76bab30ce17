"""When the proxy says that room is short, and that it is not any more."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from wsrec.proxy.headroom import Headroom

PATH, HERE = Path("session.db"), Path()


def free(headroom: Headroom, *values: int) -> list[str]:
    return [notice.event for value in values for notice in headroom.look({PATH: 0}, HERE, value)]


def logs(headroom: Headroom, *values: int | None) -> list[str]:
    sizes: list[dict[Path, int]] = [{} if value is None else {PATH: value} for value in values]
    return [notice.event for size in sizes for notice in headroom.look(size, HERE, None)]


def test_space_is_told_of_once_and_once_again() -> None:
    assert free(Headroom(800), 800, 799, 500, 0, 850, 900, 5000) == ["space_low", "space_ok"]


def test_a_mark_of_nothing_is_never_reached() -> None:
    assert free(Headroom(0), 1, 0) == []


def test_a_log_is_told_of_once_and_once_again() -> None:
    headroom = Headroom(0, max_log=100)
    assert logs(headroom, 100, 101, 200, 90, 101, 50, 101) == ["log_large", "log_ok", "log_large"]


def test_a_log_that_is_gone_is_over() -> None:
    assert logs(Headroom(0, max_log=100), 101, None, None) == ["log_large", "log_ok"]


def test_a_line_names_the_file_and_its_size() -> None:
    (notice,) = Headroom(0).look({PATH: 65 << 20}, HERE, None)
    assert "session.db-wal" in notice.text
    assert "65.0 MiB" in notice.text
    assert notice.fields == {"recording": "session.db", "size": 65 << 20}


@given(st.lists(st.integers(0, 2000)), st.integers(0, 1000))
def test_lines_about_space_take_turns(values: list[int], mark: int) -> None:
    events = free(Headroom(mark), *values)
    assert all(one != other for one, other in pairwise(events))
    assert events[:1] in ([], ["space_low"])


@given(st.lists(st.none() | st.integers(0, 200)))
def test_lines_about_a_log_take_turns(values: list[int | None]) -> None:
    events = logs(Headroom(0, max_log=100), *values)
    assert all(one != other for one, other in pairwise(events))
    assert events[:1] in ([], ["log_large"])
