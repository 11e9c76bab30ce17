"""The same outcome for people and for machines; nothing recorded reaches either raw."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console
from support.conversation import (
    LinesLike,
    agent_events,
    crashed,
    judge_all,
    run,
    server,
    session,
)
from wsrec.report.json import to_json
from wsrec.report.model import Judged, Report
from wsrec.report.text import MAX_ROWS, print_report

EVIL = "\x1b[2J\u202e[red]x[/red]\n"


def report(*talks: LinesLike) -> Report:
    return Report((Judged("a.db", agent_events(), "given with -c", judge_all(*talks)),))


def text(made: Report, width: int = 80) -> str:
    out = io.StringIO()
    print_report(made, Console(file=out, width=width, force_terminal=True, color_system=None))
    return out.getvalue()


def test_a_pass_for_people() -> None:
    shown = text(report(*[(run(), session(n)) for n in range(1, 26)]))
    assert shown.startswith("contract  agent-events, given with -c (a pack of wsrec)\n")
    assert "recording a.db: 25 sessions, 150 messages, 150 events" in shown
    assert shown.count("pass") == 26
    assert "run total" in shown
    assert "p95 60 s, max 5 m" in shown
    assert "session proxy_added" in shown
    assert shown.rstrip().endswith("verdict   pass")
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines())


def test_findings_are_grouped_by_cause() -> None:
    lost = run()[:4] + run()[5:]
    shown = text(report((lost, session(1)), (run(), session(2)), (lost, session(3))))
    assert "error span.unclosed tool_executing  x2" in shown
    assert "  session 3 frame 4: tool 'search' was opened by tool_executing (frame 4)" in shown
    assert "verdict   fail: 2 errors" in shown


def test_a_thousand_sessions_are_folded() -> None:
    lost = run()[:4] + run()[5:]
    talks: list[LinesLike] = [(run(), session(n)) for n in range(1, 1000)]
    shown = text(report(*talks, (lost, session(1000))))
    assert "… and 999 more: pass" in shown
    assert len(shown.splitlines()) < MAX_ROWS
    assert "session 1000 frame 4" in shown
    many = text(report(*[(lost, session(n)) for n in range(1, 101)]))
    assert "… and 70 more: fail" in many
    assert "… and 90 more" in many


def test_what_was_not_judged_is_told() -> None:
    shown = text(report((run(), crashed(1)), ([], session(2, status=503)), ([], session(3))))
    assert "1 session not fully judged, no end record: 1" in shown
    assert "1 session skipped, the handshake was answered with 503: 2" in shown
    assert "1 session not fully judged, no run was opened: 3" in shown
    nothing = text(report(([], session(1))))
    assert "nothing was validated: no message was an event of the contract" in nothing


def _evil() -> Report:
    lines = run(EVIL)
    lines[2] = server(EVIL)
    lines.append(("server", EVIL + "\ud800"))
    return report((lines, session(1, target=EVIL, client=EVIL + "\ud800")))


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\ud800"])
def test_recorded_text_is_inert_in_both(raw: str) -> None:
    shown, machine = text(_evil()), to_json(_evil())
    assert raw not in shown
    assert raw not in machine
    assert raw not in str(json.loads(machine))
    assert "[red]x[/red]" in shown
    machine.encode("ascii")


def test_json_has_the_documented_names() -> None:
    value: Any = json.loads(to_json(report((run()[:4], session(1)), ([], session(2, status=403)))))
    assert list(value) == ["wsrec", "verdict", "recordings"]
    [recording] = value["recordings"]
    assert list(recording) == [
        "path", "contract", "verdict", "vacuous", "messages", "events", "sessions", "skipped",
        "findings", "latency",
    ]  # fmt: skip
    assert recording["contract"] == {
        "name": "agent-events", "origin": "a pack of wsrec", "chosen": "given with -c",
    }  # fmt: skip
    [first] = recording["sessions"]
    assert first["events"] == {
        "agent_started": 1, "agent_thinking": 1, "tool_executing": 1, "user_message": 1,
    }  # fmt: skip
    [found] = first["findings"]
    assert (found["code"], found["severity"], found["session"], found["seq"], found["key"]) == (
        "span.unclosed", "error", 1, 2, "r1",
    )  # fmt: skip
    assert recording["skipped"] == [{"id": 2, "reason": "the handshake was answered with 403"}]
    assert recording["latency"][0]["p50_ns"] > 0
    assert to_json(report((run(), session(1)))) == to_json(report((run(), session(1))))


def test_each_recording_says_which_contract_judged_it() -> None:
    def judged(path: str, chosen: str) -> Judged:
        return Judged(path, agent_events(), chosen, judge_all((run(), session(1))))

    made = Report((
        judged("a.db", "stored in the recording"),
        judged("b.db", "stored in the recording"),
        judged("c.db", "the default"),
    ))  # fmt: skip
    heads = [
        line.split(":")[0]
        for line in text(made).splitlines()
        if line.startswith(("contract", "recording"))
    ]
    assert heads == [
        "contract  agent-events, stored in the recording (a pack of wsrec)",
        "recording a.db",
        "recording b.db",
        "contract  agent-events, the default (a pack of wsrec)",
        "recording c.db",
    ]
