"""The Autobahn suite, as kosoku runs it, in a process of its own.

python judging.py client URL AT_ONCE CASE...   # judges the server at URL
python judging.py server CASE...               # says its port; judges the client that comes

The last line it says is a list of `Case`. A process of its own, since kosoku changes the one it
runs in: it replaces `binascii.b2a_hex` and puts modules named `case` and `pkg_resources` in reach.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver

if TYPE_CHECKING:
    from kosoku._kosoku import CaseResult

__all__ = ["Case", "Verdict"]

Verdict = tuple[str, str, int | None]
"""Autobahn's verdict on the messages, that on the close, and the close code of the peer."""


@dataclass(frozen=True)
class Case:
    """What became of one case."""

    id: str
    index: int
    """1.. among the cases of this run."""
    behavior: str
    behavior_close: str
    close_code: int | None
    """What the peer under test closed with."""
    passed: bool
    is_server: bool
    """Autobahn was the server: the peer under test is a client."""
    sent: dict[str, int]
    """Frames that Autobahn has sent, by opcode."""
    received: dict[str, int]
    """Frames that Autobahn has read, by opcode."""
    explanation: str

    @property
    def verdict(self) -> Verdict:
        """What must not depend on a proxy."""
        return self.behavior, self.behavior_close, self.close_code


async def judge_server(url: str, at_once: int, cases: Sequence[str]) -> list[CaseResult]:
    """Run each case at a URL that names it, so that a recording can be told apart by cases."""
    places = asyncio.Semaphore(at_once)

    async def judge(case: str) -> CaseResult:
        async with places:
            run = run_fuzzingclient(f"{url}/?case={case}", [case])
            (result,) = await results(run)
        return result

    return await asyncio.gather(*[judge(case) for case in await names(cases)])


async def judge_client(cases: Sequence[str]) -> list[CaseResult]:
    """Serve the cases until a client has had its reports updated."""
    async with run_fuzzingserver(cases, port=0) as server:
        print(json.dumps(server.port), flush=True)
        judged = await results(server.get_result())
    return judged  # noqa: RET504 - inside the block mypy would miss it: kosoku's may swallow


async def names(patterns: Sequence[str]) -> list[str]:
    """Return the ids of all cases that match: those that fail when nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{nobody.getsockname()[1]}"
        return [result.case_id for result in await results(run_fuzzingclient(url, patterns))]


async def results(run: Awaitable[list[CaseResult]]) -> list[CaseResult]:
    """Return the results also of a run in which cases failed."""
    try:
        return await run
    except FailureError as failure:
        return failure.results


def told(result: CaseResult) -> Case:
    return Case(
        result.case_id,
        result.case_index,
        result.behavior.value,
        result.behavior_close.value,
        result.remote_close_code,
        result.passed,
        result.is_server,
        result.tx_frame_stats,
        result.rx_frame_stats,
        f"{result.result} {result.result_close}",
    )


if __name__ == "__main__":
    if sys.argv[1] == "client":
        judging = judge_server(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        judging = judge_client(sys.argv[2:])
    print(json.dumps([asdict(told(result)) for result in asyncio.run(judging)]), flush=True)
    # kosoku 0.1.0 now and then aborts when the interpreter ends while its threads still run.
    os._exit(0)
