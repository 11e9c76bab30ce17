"""The modes of durability, and what the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.modes import MODES
from support.proxying import stop_all

_USUAL = "process"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return where a test records to."""
    return tmp_path / "session.db"


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Return each mode of durability."""
    name: str = request.param
    return name


@pytest.fixture(params=MODES[1:])
def safe(request: pytest.FixtureRequest) -> str:
    """Return each mode in which nothing is forwarded that is not kept."""
    name: str = request.param
    return name


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.faults] * (name != _USUAL)) for name in MODES]
)
def any_mode(request: pytest.FixtureRequest) -> str:
    """Return the usual mode; in the long run the others too."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    stop_all()
