"""Sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsrec.schemas.sizes import parse_size, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("17", 17), ("64k", 65_536), ("1 MiB", 1 << 20), ("2GB", 2 << 30), ("3t", 3 << 40)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5g", "1e6", "1x", "1kk", "12345678901", "1\n"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as 64k or 1m"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (10_239, "10,239 bytes"), (10_240, "10.0 KiB"), (1 << 20, "1.0 MiB")],
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert show_size(size) == text


@given(st.integers(0, 1 << 60))
def test_any_size_is_a_number_and_a_unit(size: int) -> None:
    number, unit = show_size(size).split()
    assert float(number.replace(",", "")) >= 0
    assert unit in ("bytes", "KiB", "MiB", "GiB", "TiB")
