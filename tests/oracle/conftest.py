"""The stage that the tests of a file share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("oracle.peers", "oracle.stage")
from oracle.stage import Stage  # noqa: E402
from support.raw import LOOPS  # noqa: E402
from wsrec.store.durability import Durability  # noqa: E402

USUAL = Durability.PROCESS
SLOW = 0.004
"""Seconds that a sync takes at least: what waits for it really does."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Perform on each event loop that wsrec runs on; and in each mode, where that matters."""
    if "stage" in metafunc.fixturenames:
        stages = [(loop, USUAL) for loop in LOOPS]
        if getattr(metafunc.module, "IN_EVERY_MODE", False):
            stages += [(next(iter(LOOPS)), mode) for mode in Durability if mode is not USUAL]
            stages += [(loop, Durability.POWER) for loop in list(LOOPS)[1:]]
        names = ["-".join(stage) for stage in stages]
        metafunc.parametrize("stage", stages, ids=names, indirect=True, scope="module")


def slow_sync(fd: int) -> None:
    """Sync a file to a slow disk."""
    time.sleep(SLOW)
    os.fsync(fd)


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Return a stage."""
    loop, mode = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.store.writer._NAP", 0.0002)  # a test asks after each session
        patch.setattr("wsrec.proxy.tunnels._LOOK", 0.02)
        patch.setattr("wsrec.store.spool._sync", slow_sync)
        recording = tmp_path_factory.mktemp("oracle") / "session.db"
        with Stage.built(recording, LOOPS[loop], mode) as built:
            yield built
