"""Sequences of numbers held against each other: who is whose partner, and who is alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from wsrec.match.align import NOBODY, Alignment, Items, align
from wsrec.match.common import common

FEW = st.lists(st.integers(0, 3), max_size=12)
OFTEN = st.lists(st.integers(0, 9), max_size=40)
ONCE = st.lists(st.integers(0, 1000), unique=True, min_size=2, max_size=40)


def unlike(_: int, __: int) -> float:
    return 0.0


def aligned(
    left: Sequence[int],
    right: Sequence[int],
    kind: Callable[[int], int] = lambda key: key % 10,
    likeness: Callable[[int, int], float] = unlike,
) -> Alignment:
    """Items whose keys end in the same digit are of one kind."""
    ours, theirs = (Items(each, [kind(key) for key in each]) for each in (left, right))
    return align(ours, theirs, likeness)


def told(left: Sequence[int], right: Sequence[int], made: Alignment) -> list[str]:
    """What differs, in words: `-3` is missing, `+3` extra, `3~13` changed, `>3` moved."""
    words = []
    for i, j in made.rows():
        if i is None:
            words += [f"+{right[j]}"] if j is not None and made.right[j] == NOBODY else []
        elif made.left[i] == NOBODY:
            words.append(f"-{left[i]}")
        elif i in made.moved:
            words.append(f">{left[i]}")
        elif left[i] != right[made.left[i]]:
            words.append(f"{left[i]}~{right[made.left[i]]}")
    return words


def differences(left: Sequence[int], right: Sequence[int]) -> list[str]:
    return told(left, right, aligned(left, right))


def longest(left: Sequence[int], right: Sequence[int]) -> int:
    """The plain table of all prefixes."""
    row = [0] * (len(right) + 1)
    for item in left:
        above = row
        row = [0]
        for j, other in enumerate(right):
            row.append(above[j] + 1 if item == other else max(row[j], above[j + 1]))
    return row[-1]


@given(FEW, FEW, st.sampled_from([1, 30, 10_000]))
def test_what_is_common_is_in_both_and_the_longest(
    left: list[int], right: list[int], effort: int
) -> None:
    found, sure = common(left, right, effort)
    assert all(left[i] == right[j] for i, j in found)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))
    assert sure or effort < 10_000
    if sure:
        assert len(found) == longest(left, right)


@given(OFTEN)
def test_a_sequence_is_itself(items: list[int]) -> None:
    made = aligned(items, items)
    assert list(made.rows()) == [(n, n) for n in range(len(items))]
    assert not made.moved
    assert made.exact


@given(OFTEN, OFTEN, st.sampled_from([1, 10_000]), st.booleans())
def test_every_item_is_in_one_pair_or_alone(
    left: list[int], right: list[int], effort: int, turns: bool
) -> None:
    sides = [
        Items(each, [key % 5 for key in each], [key % 2 for key in each], any_order=turns)
        for each in (left, right)
    ]
    made = align(sides[0], sides[1], unlike, effort)
    assert all(j == NOBODY or made.right[j] == i for i, j in enumerate(made.left))
    assert all(i == NOBODY or made.left[i] == j for j, i in enumerate(made.right))
    rows = list(made.rows())
    assert [i for i, _ in rows if i is not None] == list(range(len(left)))
    assert [j for _, j in rows if j is not None] == list(range(len(right)))
    assert made.moved <= made.aside
    for i, j in enumerate(made.left):
        if j != NOBODY:
            assert left[i] % 5 == right[j] % 5
            assert i not in made.moved or left[i] == right[j]
    again = align(sides[0], sides[1], unlike, effort)
    assert (again.left, again.moved) == (made.left, made.moved)


@given(OFTEN.filter(bool), st.data())
def test_one_removed_is_one_missing(items: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(items) - 1))
    less = items[:place] + items[place + 1 :]
    assert differences(items, less) == [f"-{items[place]}"]
    assert differences(less, items) == [f"+{items[place]}"]


@given(ONCE, st.data())
def test_two_swapped_are_one_moved(items: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(items) - 2))
    first, second = items[place : place + 2]
    swapped = [*items[:place], second, first, *items[place + 2 :]]
    assert differences(items, swapped) in ([f">{first}"], [f">{second}"])


@given(ONCE, st.data())
def test_one_moved_is_one_moved(items: list[int], data: st.DataObject) -> None:
    taken = data.draw(st.integers(0, len(items) - 1))
    rest = items[:taken] + items[taken + 1 :]
    place = data.draw(st.integers(0, len(rest)).filter(lambda each: abs(each - taken) > 1))
    moved = [*rest[:place], items[taken], *rest[place:]]
    assert differences(items, moved) == [f">{items[taken]}"]


@given(OFTEN.filter(bool), st.data())
def test_one_changed_is_one_changed(items: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(items) - 1))
    changed = [*items[:place], items[place] + 10, *items[place + 1 :]]
    assert differences(items, changed) == [f"{items[place]}~{items[place] + 10}"]


def test_what_is_of_another_kind_is_another() -> None:
    assert differences([1, 2, 3], [1, 4, 3]) == ["-2", "+4"]


def test_of_several_the_most_alike_are_the_same() -> None:
    left, right = [0, 111, 211, 9], [0, 221, 311, 9]
    hundreds = aligned(left, right, likeness=lambda i, j: float(left[i] // 100 == right[j] // 100))
    assert told(left, right, hundreds) == ["111~221", "211~311"]  # two pairs before one that fits
    left, right = [0, 111, 211, 9], [0, 221, 9]
    hundreds = aligned(left, right, likeness=lambda i, j: float(left[i] // 100 == right[j] // 100))
    assert told(left, right, hundreds) == ["-111", "211~221"]


def test_too_many_of_a_kind_are_paired_in_their_order() -> None:
    def never(_: int, __: int) -> float:
        raise AssertionError("this would take too long")

    left, right = [1000 + 10 * n for n in range(30)], [5000 + 10 * n for n in range(40)]
    made = aligned(left, right, likeness=never)
    assert list(made.left) == list(range(30))
    assert list(made.right[30:]) == [NOBODY] * 10


def test_in_any_order_between_two_of_the_other() -> None:
    def turns(keys: list[int]) -> Items:
        kinds, voices = [key % 10 for key in keys], [key // 100 for key in keys]
        return Items(keys, kinds, voices, any_order=True)

    left, right = turns([101, 1, 2, 3, 102, 4]), turns([101, 3, 12, 1, 102, 4])
    made = align(left, right, unlike)
    assert told(left.keys, right.keys, made) == ["2~12"]
    assert not made.moved
    made = align(left, turns([101, 2, 3, 102, 1, 4]), unlike)
    assert [left.keys[i] for i in made.moved] == [1]


def talk(*said: tuple[float, int]) -> Items:
    """What two voices say: seconds, and a number above 100 for one of them."""
    keys = [key for _, key in said]
    times = [round(seconds * 1e9) for seconds, _ in said]
    return Items(keys, keys, [key // 100 for key in keys], times)


def moved(left: Items, right: Items) -> list[int]:
    return sorted(left.keys[i] for i in align(left, right, unlike).moved)


def test_what_two_say_at_nearly_the_same_time_may_cross() -> None:
    asked_first = talk((0, 101), (0.004, 1), (0.005, 2))
    asked_later = talk((0, 1), (0.5, 101), (0.6, 2))
    assert moved(asked_first, talk((0, 1), (0.001, 101), (0.01, 2))) == []
    assert moved(asked_first, asked_later) == []  # in one of them they were near
    assert moved(asked_later, asked_first) == []
    assert moved(asked_later, talk((0, 101), (0.3, 1), (0.4, 2))) == [1]
    assert moved(asked_first, talk((0, 1), (0, 2), (0, 101))) == []


def test_what_crosses_may_be_changed() -> None:
    def kinds(items: Items) -> Items:
        return Items(items.keys, [key % 10 for key in items.keys], items.voices, items.times_ns)

    def seen(left: Items, right: Items) -> list[str]:
        return told(left.keys, right.keys, align(kinds(left), kinds(right), unlike))

    asked_first = talk((0, 101), (0.004, 1), (0.005, 2))
    assert seen(asked_first, talk((0, 11), (0.001, 101), (0.01, 2))) == ["1~11"]
    assert seen(talk((0, 11), (0.001, 101), (0.01, 2)), asked_first) == ["11~1"]
    late = talk((0, 11), (0.5, 101), (0.6, 2))
    assert seen(talk((0, 101), (0.3, 1), (0.4, 2)), late) == ["+11", "-1"]


def test_what_one_says_does_not_cross() -> None:
    assert moved(talk((0, 1), (0, 2), (0, 3)), talk((0, 1), (0, 3), (0, 2))) == [2]
    assert len(moved(talk((0, 101), (0, 102), (0, 1), (0, 2), (0, 3)),
                     talk((0, 1), (0, 2), (0, 3), (0, 102), (0, 101)))) == 1  # fmt: skip


def test_long_sequences_take_bounded_effort() -> None:
    size = 100_000
    left = [n % 7 for n in range(size)]
    right = [n % 11 % 7 for n in range(size)]
    found, sure = common(left, right, 100_000)
    assert not sure
    assert len(found) > size / 4
    strange = [*range(50_000), *range(60_000, 110_000)]
    assert len(common(range(size), strange).pairs) == 90_000


def test_where_the_effort_ends_what_is_there_once_stands_fast() -> None:
    noise = [n * n % 13 for n in range(400)]
    left = [*noise[:200], 100, *noise[200:]]
    right = [*noise[7:300], 100, *noise[3:90]]
    found, sure = common(left, right, 50)
    assert not sure
    assert (200, 293) in found
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    assert len(found) > sum(block.size for block in blocks) / 3
