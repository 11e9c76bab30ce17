"""Whatever was recorded, nothing of it acts on the terminal it is shown on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsrec.report.inert import inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/] \\ ü 漢 😀", "plain [bold]text[/] \\ ü 漢 😀"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\nb\tc\rd\0e\x7f", "a\\nb\\tc\\rd\\x00e\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("exe\u202etxt\u2066.\u200b\u200d\ufeff", "exe\\u202etxt\\u2066.\\u200b\\u200d\\ufeff"),
        ("\u2028\u2029\u061c\u00ad", "\\u2028\\u2029\\u061c\\xad"),
        ("\ud800x\udfff", "\\ud800x\\udfff"),
        ("\ue000\U000e0041\ufe0f\u3164", "\\ue000\\U000e0041\\ufe0f\\u3164"),
        (
            "a ##[stop-commands]x ##vso[task] ###[b]",
            "a #\\x23[stop-commands]x #\\x23vso[task] ##\\x23[b]",
        ),
        ("## heading, #[x], ##other[", "## heading, #[x], ##other["),
        (b"ok \xff\x1b", "ok \\xff\\x1b"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text: str | bytes, shown: str) -> None:
    assert inert(text) == shown


@given(st.text() | st.binary())
def test_the_result_is_one_visible_line_that_encodes(text: str | bytes) -> None:
    shown = inert(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    assert inert(shown) == shown


@given(st.text() | st.binary() | st.text("#[vsoteamcity", max_size=60), st.integers(1, 30))
def test_a_limit_holds(text: str | bytes, limit: int) -> None:
    shown = inert(text, limit)
    assert len(shown) <= limit
    whole = inert(text)
    assert shown == (whole if len(whole) <= limit else whole[: limit - 1] + "…")
