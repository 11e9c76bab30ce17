"""Which finished recordings are deleted."""

from __future__ import annotations

from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from wsrec.upkeep.retention import Finished, Retention

DAY = 86_400 * 10**9
NOW = 20_000 * DAY

ENDED = st.integers(NOW - 5 * DAY, NOW + DAY)
RECORDINGS = st.lists(st.tuples(st.integers(0, 100), ENDED), max_size=12).map(
    lambda pairs: [Finished(Path(f"{n}.db"), *pair) for n, pair in enumerate(pairs)]
)
RULES = st.builds(
    Retention,
    days=st.none() | st.integers(1, 4),
    max_bytes=st.none() | st.integers(0, 500),
)


def finished(*ended_days_ago: float, size: int = 10) -> list[Finished]:
    return [
        Finished(Path(f"{number}.db"), size, NOW - int(days * DAY))
        for number, days in enumerate(ended_days_ago)
    ]


def test_those_go_that_ended_longer_ago() -> None:
    recordings = finished(1, 3, 2, 2.001)
    gone = Retention(days=2).removed(recordings, NOW)
    assert [each.path.name for each in gone] == ["1.db", "3.db"]


def test_the_oldest_go_until_the_others_are_small_enough() -> None:
    recordings = finished(1, 4, 2, 3)
    gone = Retention(max_bytes=20).removed(recordings, NOW)
    assert [each.path.name for each in gone] == ["1.db", "3.db"]


def test_exactly_as_much_as_allowed_stays() -> None:
    assert not Retention(days=4, max_bytes=40).removed(finished(1, 4, 2, 3), NOW)


def test_one_that_is_too_large_on_its_own_goes() -> None:
    assert len(Retention(max_bytes=9).removed(finished(0), NOW)) == 1


@given(RECORDINGS)
def test_without_a_rule_nothing_goes(recordings: list[Finished]) -> None:
    assert not Retention()
    assert not Retention().removed(recordings, NOW)


@given(RECORDINGS, RULES)
def test_what_stays_is_within_the_rules_and_nothing_went_without_need(
    recordings: list[Finished], rule: Retention
) -> None:
    gone = list(rule.removed(recordings, NOW))
    stay = [each for each in recordings if each not in gone]

    assert sorted([*gone, *stay], key=str) == sorted(recordings, key=str)
    if gone and stay:
        assert max(each.ended_ns for each in gone) <= min(each.ended_ns for each in stay)
    if rule.days is not None:
        assert all(each.ended_ns >= NOW - rule.days * DAY for each in stay)
    if rule.max_bytes is not None:
        assert sum(each.size for each in stay) <= rule.max_bytes
    if gone:
        last = gone[-1]
        old = rule.days is not None and last.ended_ns < NOW - rule.days * DAY
        size = sum(each.size for each in stay) + last.size
        assert old or (rule.max_bytes is not None and size > rule.max_bytes)
    assert not rule.removed(stay, NOW)


@given(RECORDINGS, RULES, st.randoms())
def test_the_order_in_which_they_are_found_does_not_matter(
    recordings: list[Finished], rule: Retention, random: Random
) -> None:
    shuffled = list(recordings)
    random.shuffle(shuffled)
    assert rule.removed(shuffled, NOW) == rule.removed(recordings, NOW)
