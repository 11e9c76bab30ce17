"""docs/matching.md: its lists are those of the code, and its examples are true."""

from __future__ import annotations

import re

import pytest
from support.matching import Half
from support.pages import page
from wsrec.match.heartbeats import usual_for
from wsrec.match.usual import COUNTERS, DURATIONS, IDS, NOISE, PIECES, TIMES
from wsrec.match.walk import MAX_CHANGES

PAGE = page("matching.md")


def _rows(header: str) -> list[list[list[str]]]:
    """What is in code marks, for each row and cell of the table with this header."""
    table = PAGE.split(header, 1)[1].split("\n\n", 1)[0]
    lines = table.splitlines()[2:]
    return [[re.findall("`([^`]+)`", cell) for cell in line.split("|")[1:-1]] for line in lines]


def test_the_usual_names_are_those_of_the_code() -> None:
    rows = _rows("| names | ignored where both are |")
    assert [set(names) for names, _ in rows] == [TIMES, DURATIONS, IDS, COUNTERS, NOISE]
    ((names, _),) = _rows("| names | ignored in the pieces of a text |")
    assert set(names) == PIECES
    assert f"at most {MAX_CHANGES}\nchanges" in PAGE


@pytest.mark.parametrize("row", _rows("| told by | heartbeat | answer |")[:-1])
def test_what_is_a_heartbeat(row: list[list[str]]) -> None:
    ((told, *_), (ask,), answer) = row
    (kind,) = usual_for(told, "/") or usual_for(None, f"/websocket?{told}=4")
    assert str(kind) == "=".join([ask, *answer])


@pytest.mark.parametrize("row", _rows("| recorded | live | differs at |"))
def test_what_differs(row: list[list[str]]) -> None:
    ((recorded,), (live,), pointers) = row
    assert Half().hears(recorded, live) == pointers


@pytest.mark.parametrize("row", _rows("| recorded | live | bound |"))
def test_what_is_bound(row: list[list[str]]) -> None:
    ((recorded,), (live,), bound) = row
    half = Half()
    assert half.hears(recorded, live) == (
        [] if bound else [half.compare(recorded, live).changes[0].pointer]
    )
    assert [each for both in half.bound.items() for each in both] == bound
