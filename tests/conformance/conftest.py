"""A peer and cases of the Autobahn suite for it: run direct, then through the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from support.proxying import stop_all

from .runs import Cases, Run, Suite, judge_client, judge_server

_SERVER = partial(judge_server, at_once=8)
_CLIENTS = {
    library: partial(judge_client, library=library, at_once=8)
    for library in ("aiohttp", "websockets")
}

_SHORT = (
    *("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"),
    # Of the sections that take minutes: 1 MiB whole, in frames of 64 bytes, in small writes and
    # in round trips; a thousand compressed messages in fragments, and each set of parameters.
    *("9.1.3", "9.2.3", "9.4.3", "9.5.3", "9.7.3", "12.1.11"),
    *(f"13.{parameters}.1" for parameters in range(1, 8)),
)
# A run and a recording for each: 18 cases of sections 12 and 13 send up to 3 GB.
_LONG = ("9.*", *(f"12.{n}.*" for n in range(1, 6)), *(f"13.{n}.*" for n in range(1, 8)))


def _runs() -> Iterator[object]:
    short = {"aiohttp server": _SERVER}
    short.update({f"{library} client": client for library, client in _CLIENTS.items()})
    for peer, suite in short.items():
        yield pytest.param((suite, _SHORT, 260), id=peer, marks=pytest.mark.real)
    for peer in ("aiohttp server", "websockets client"):
        for cases in _LONG:
            count = 54 if cases == "9.*" else 18
            marks = [pytest.mark.conformance, pytest.mark.timeout(900)]
            yield pytest.param((short[peer], (cases,), count), id=f"{peer} {cases}", marks=marks)


@pytest.fixture(scope="module", params=_runs())
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Return what became of the cases with and without the proxy, and its recording."""
    suite: Suite
    suite, cases, count = request.param
    folder = tmp_path_factory.mktemp("autobahn")
    recording, other = folder / "session.db", folder / "again.db"

    def again() -> tuple[Cases, Cases]:
        other.unlink(missing_ok=True)
        return suite(cases, None), suite(cases, other)

    try:
        direct = suite(cases, None)
        assert len(direct) == count, "Autobahn has other cases than it had"
        yield Run(again, direct, suite(cases, recording), recording)
    finally:
        stop_all()
        # pytest keeps the folders of the last three runs.
        recording.unlink(missing_ok=True)
        other.unlink(missing_ok=True)
