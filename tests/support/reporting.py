"""Reports on conversations written down in tests, and what a hostile peer would have in them."""

from __future__ import annotations

from collections.abc import Iterator

from support.conversation import (
    Line,
    LinesLike,
    agent_events,
    crashed,
    judge_all,
    run,
    server,
    session,
)
from wsrec.checks.outcome import Outcome
from wsrec.report.model import Judged, Report
from wsrec.schemas.model import Contract

EVIL = "\x1b[2J\u202e[red]x[/red]\n]]>&<b>`|``\\_*@root ::error::no ##[error]\ufffe\x00$x$"
LOST = run()[:4] + run()[5:]
"""A run whose tool was never completed."""


def judged(outcome: Outcome, path: str = "a.db", rules: Contract | None = None) -> Judged:
    return Judged(path, rules or agent_events(), "given with -c", outcome)


def report(*talks: LinesLike) -> Report:
    return Report((judged(judge_all(*talks)),))


def evil() -> Report:
    """A report in which the peer chose every text that it may choose."""
    lines = run(EVIL)
    lines[2] = server(EVIL)
    lines[3:3] = [server("agent_thinking", run_id=f"{EVIL}{n}") for n in range(3)]
    broken: Line = ("server", EVIL + "\ud800")
    known = {"agent_thinking": EVIL, "agent_name": [EVIL]}
    return report(
        ([*lines, broken, server("agent_started", run_id="r9", **known)],
         session(1, target=EVIL, client=EVIL + "\ud800", started_at=EVIL)),
        (LOST, crashed(2)),
    )  # fmt: skip


def all_kinds() -> Iterator[tuple[str, Report]]:
    """Every kind of report that there is, by name."""
    yield "passing", report(*[(run(), session(n)) for n in range(1, 4)])
    yield "failing", report((LOST, session(1)), (run(), session(2)), (LOST, session(3)))
    yield "inconclusive", report((run()[:4], crashed(1)), (run(), session(2)))
    yield "torn", report(([*run()[:3], ("server", "{")], crashed(1)))
    yield "vacuous", report(([], session(1)))
    yield "refused", report(([], session(1, status=503)))
    yield "empty", report()
    yield "evil", evil()
    good, bad = judge_all((run(), session(1))), judge_all((LOST, session(1)))
    yield "several", Report((judged(good), judged(bad, "b.db")))


def many(number: int, name: str = "agent_thinking") -> list[Line]:
    """A session with so many events that belong to no run."""
    return [*run(), *(server(name, run_id=f"x{n}") for n in range(number))]
