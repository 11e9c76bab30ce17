"""What counts as a changed verdict, and what as a peer that cannot decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .judging import Case
from .runs import Cases, changes


def case(behavior: str, behavior_close: str = "OK", close_code: int | None = 1000) -> Cases:
    return {"3.2": Case("3.2", 1, behavior, behavior_close, close_code, True, False, {}, {}, "why")}


def never() -> tuple[Cases, Cases]:
    raise AssertionError("nothing differs: there is no reason to run again")


def runs(direct: str, through: str) -> Callable[[], tuple[Cases, Cases]]:
    """Return what runs again, round after round."""
    rounds = iter(zip(direct.split(), through.split(), strict=True))

    def again() -> tuple[Cases, Cases]:
        alone, behind = next(rounds)
        return case(alone), case(behind)

    return again


def test_the_same_verdict_is_no_change() -> None:
    assert not changes(case("FAILED"), case("FAILED"), never, rounds=5)


def test_a_verdict_that_the_peer_also_gets_alone_is_no_change() -> None:
    again = runs("OK FAILED", "OK OK")

    assert not changes(case("FAILED"), case("OK"), again, rounds=5)


def test_a_verdict_that_the_peer_never_gets_alone_is_a_change() -> None:
    again = runs("OK NON-STRICT OK", "OK OK OK")

    assert changes(case("FAILED"), case("OK"), again, rounds=3) == {
        "3.2": (("FAILED", "OK", 1000), {("OK", "OK", 1000), ("NON-STRICT", "OK", 1000)})
    }


def test_strictness_that_comes_and_goes_is_no_change() -> None:
    again = runs("OK OK", "NON-STRICT OK")

    assert not changes(case("NON-STRICT"), case("OK"), again, rounds=5)


def test_strictness_that_goes_every_time_is_a_change() -> None:
    again = runs("OK OK", "NON-STRICT NON-STRICT")

    assert changes(case("NON-STRICT"), case("OK"), again, rounds=2)


@pytest.mark.parametrize(
    "through",
    [
        pytest.param(case("OK"), id="better behavior"),
        pytest.param(case("FAILED", "UNCLEAN"), id="another close"),
        pytest.param(case("FAILED", close_code=1001), id="another close code"),
    ],
)
def test_a_change_is_one_in_any_part_and_direction(through: Cases) -> None:
    direct = case("FAILED")

    assert changes(through, direct, lambda: (direct, direct), rounds=2)


def test_a_case_that_is_missing_is_noticed() -> None:
    with pytest.raises(AssertionError):
        changes({}, case("OK"), never, rounds=5)
