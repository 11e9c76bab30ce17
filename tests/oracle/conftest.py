"""The stage that the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("oracle.peers", "oracle.stage")
from oracle.stage import Stage  # noqa: E402
from support.raw import LOOPS  # noqa: E402


@pytest.fixture(scope="module", params=list(LOOPS))
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Return the stage, on each event loop that wsrec runs on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.store.writer._NAP", 0.0002)  # a test asks after each session
        patch.setattr("wsrec.proxy.tunnels._LOOK", 0.02)
        recording = tmp_path_factory.mktemp("oracle") / "session.db"
        with Stage.built(recording, LOOPS[request.param]) as built:
            yield built
