"""The modes of durability, and what the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from support.modes import MODES
from support.proxying import stop_all

_USUAL = "process"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return where a test records to."""
    return tmp_path / "session.db"


def params(modes: Sequence[str]) -> list[ParameterSet]:
    """Return the modes; all but the usual one are left to the long run."""
    return [pytest.param(name, marks=[pytest.mark.faults] * (name != _USUAL)) for name in modes]


@pytest.fixture(params=params(MODES))
def mode(request: pytest.FixtureRequest) -> str:
    """Return each mode of durability."""
    name: str = request.param
    return name


@pytest.fixture(params=params(MODES[1:]))
def safe(request: pytest.FixtureRequest) -> str:
    """Return each mode in which nothing is forwarded that is not kept."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    stop_all()
