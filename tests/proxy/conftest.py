"""What the tests of the proxy share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.proxying import stop_all


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return where a test records to."""
    return tmp_path / "session.db"


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    stop_all()
