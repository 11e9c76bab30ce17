"""Runs of the Autobahn suite: direct, through the proxy, and what differs between them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.peers import peer_process
from support.proxying import proxy_process

from . import echoes, judging
from .judging import Case, Verdict

__all__ = ["Cases", "Run", "Suite", "changes", "judge_client", "judge_server"]

Cases = dict[str, Case]
"""What became of the cases, by id."""

Suite = Callable[[Sequence[str], Path | None], Cases]
"""Runs some cases: direct, or through a proxy that records to the path given."""

_AUTOBAHN = [sys.executable, str(judging.__file__)]
_ECHO = [sys.executable, str(echoes.__file__)]
_PATIENCE = 1700.0  # seconds; the tests have limits of their own, and shorter ones


@dataclass(frozen=True)
class Run:
    """Both runs of some cases with a peer."""

    again: Callable[[], tuple[Cases, Cases]]
    """Runs them once more: direct, and through the proxy."""
    direct: Cases
    through: Cases
    recording: Path


def judge_server(cases: Sequence[str], recording: Path | None, *, at_once: int) -> Cases:
    """Have Autobahn's client judge aiohttp's server."""
    with (
        peer_process([*_ECHO, "server"], patience=_PATIENCE) as server,
        _reached(server.says(), recording) as url,
        peer_process(
            [*_AUTOBAHN, "client", url, str(at_once), *cases], patience=_PATIENCE
        ) as fuzzer,
    ):
        return _cases(fuzzer.says())


def judge_client(
    cases: Sequence[str], recording: Path | None, *, library: str, at_once: int
) -> Cases:
    """Have Autobahn's server judge the client of a library."""
    with (
        peer_process([*_AUTOBAHN, "server", *cases], patience=_PATIENCE) as fuzzer,
        _reached(fuzzer.says(), recording) as url,
        peer_process([*_ECHO, library, url, str(at_once)], patience=_PATIENCE) as client,
    ):
        count = client.says()
        judged = _cases(fuzzer.says())
        assert len(judged) == count
        return judged


def changes(
    through: Cases, direct: Cases, again: Callable[[], tuple[Cases, Cases]], *, rounds: int
) -> dict[str, tuple[Verdict, set[Verdict]]]:
    """Return the verdicts that the peer alone does not get, with those that it gets.

    When a case differs, all run `again`, direct and through the proxy, up to `rounds` times, until
    the direct runs have shown the verdict in question. One difference is excused also when the
    proxy's runs have shown the direct verdict: that between OK and NON-STRICT. In a dozen cases
    Autobahn takes both, as the peer may answer what came before an error or not get round to it.
    Which, is up to the scheduler; a proxy that changes it does so every time.
    """
    assert through.keys() == direct.keys()
    alone = {name: {case.verdict} for name, case in direct.items()}
    behind = {name: {case.verdict} for name, case in through.items()}

    def changed(name: str) -> bool:
        here, there = through[name].verdict, direct[name].verdict
        if {here[0], there[0]} == {"OK", "NON-STRICT"} and here[1:] == there[1:]:
            return alone[name].isdisjoint(behind[name])
        return here not in alone[name]

    for _ in range(rounds):
        if not any(map(changed, through)):
            break
        more_direct, more_through = again()
        for name in through:
            alone[name].add(more_direct[name].verdict)
            behind[name].add(more_through[name].verdict)
    return {name: (through[name].verdict, alone[name]) for name in through if changed(name)}


@contextlib.contextmanager
def _reached(port: int, recording: Path | None) -> Iterator[str]:
    url = f"ws://127.0.0.1:{port}"
    if recording is None:
        yield url
    else:
        with proxy_process(url, recording) as proxy:
            yield proxy.url


def _cases(said: list[dict[str, Any]]) -> Cases:
    return {case.id: case for case in (Case(**each) for each in said)}
