"""The report for people: what happened, grouped by cause, on 80 columns and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.conversation import (
    LinesLike,
    agent_events,
    contract,
    crashed,
    judge,
    judge_all,
    run,
    server,
    session,
)
from support.reporting import EVIL, LOST, all_kinds, evil, judged, many, report
from wsrec.checks.scope import Scope, SessionRange
from wsrec.report.groups import by_cause, place, ranges
from wsrec.report.inert import inert
from wsrec.report.matrix import MAX_ROWS
from wsrec.report.model import Report
from wsrec.report.text import MAX_CAUSES, MAX_SHOWN, print_report
from wsrec.schemas.codes import CODES


def text(made: Report, width: int = 80, *, terminal: bool = True) -> str:
    out = io.StringIO()
    print_report(made, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    return out.getvalue()


def test_a_pass() -> None:
    shown = text(report(*[(run(), session(n)) for n in range(1, 26)]))
    assert shown.startswith("contract  agent-events, given with -c (a pack of wsrec)\n")
    assert "recording a.db: 25 sessions, 150 messages, 150 events" in shown
    [row] = [line for line in shown.splitlines() if line.rstrip().endswith("pass")][:-1]
    assert row.split() == ["1-25", "(25)", "1", "1", "1", "1", "1", "pass"]
    assert "run total" in shown
    assert "p95 60 s, max 5 m" in shown
    assert "session proxy_added" in shown
    assert shown.rstrip().endswith("verdict   pass")


def test_findings_are_grouped_by_cause() -> None:
    shown = text(report((LOST, session(1)), (run(), session(2)), (LOST, session(3))), 200)
    assert "error span.unclosed tool_executing  x2 in 2 sessions: 1, 3\n" in shown
    assert "  session 3 frame 4: tool 'search' was opened by tool_executing (frame 4)" in shown
    assert f"  = {CODES['span.unclosed'].meaning}: wsrec explain span.unclosed\n" in shown
    assert "look closer: wsrec show a.db 1\n" in shown
    assert "verdict   fail: 2 errors" in shown


def test_what_is_doubtful_in_the_contract_is_told_with_it() -> None:
    rules = contract(
        "events: {types: {start: , done: }}\nspans: {s: {key: [], open: strat, close: done}}"
    )
    made = Report((judged(judge([server("start")], rules), rules=rules),) * 2)
    told = [line for line in text(made, 200).splitlines() if "did you mean" in line]
    said = "'strat' in open of span 's' is no event of 'types'; did you mean 'start'?"
    assert told == [f"  test.yaml:3:28: warning: {said}"]


def test_of_several_recordings_those_that_did_not_pass_are_named_at_the_end() -> None:
    good, bad = judge_all((run(), session(1))), judge_all((LOST, session(1)))
    torn = judge_all((run()[:4], crashed(1)))
    made = Report((judged(good), judged(bad, "b.db"), judged(good, "c.db"), judged(torn, "d.db")))
    assert text(made).endswith(
        "\npassed    2 of 4 recordings\n"
        "  fail b.db: 1 error\n"
        "  inconclusive d.db: 1 warning\n"
        "verdict   fail: 1 error, 1 warning\n"
    )

    crowd = text(Report((judged(bad),) * (MAX_CAUSES + 3)))
    assert crowd.count("  fail a.db: 1 error\n") == MAX_CAUSES
    assert "  … and 3 more\nverdict" in crowd
    assert "passed    " not in text(Report((judged(bad),)))


def test_the_first_findings_shown_are_of_different_sessions() -> None:
    shown = text(report((many(30), session(1)), (many(30), session(2)), (many(1), session(3))), 200)
    [group] = [part for part in shown.split("\n\n") if part.startswith("error span.unopened")]
    lines = group.splitlines()
    assert lines[0] == "error span.unopened agent_thinking  x61 in 3 sessions: 1-3"
    assert [line.split()[1] for line in lines[1 : MAX_SHOWN + 1]] == ["1", "2", "3", "1", "2"]
    assert lines[MAX_SHOWN + 1] == f"  … and {61 - MAX_SHOWN} more"


def test_sessions_that_went_alike_share_a_row() -> None:
    talks: list[LinesLike] = [(run(), session(n)) for n in range(1, 1000)]
    shown = text(report(*talks, (LOST, session(1000)), (LOST, session(1001))))
    rows = [line.split() for line in shown.splitlines() if line.rstrip().endswith(("pass", "fail"))]
    assert rows[0] == ["1-999", "(999)", "1", "1", "1", "1", "1", "pass"]
    assert rows[1] == ["1000-1001", "1", "1", "1", "-", "1", "1", "fail"]


def test_the_one_event_that_closes_a_span_is_promised_too() -> None:
    def head(about: str) -> list[str]:
        rules = contract(f"spans: {{job: {{key: [], open: start, {about}}}}}")
        shown = text(Report((judged(judge([server("start")], rules), rules=rules),)))
        return next(line.split() for line in shown.splitlines() if line.startswith("session"))

    assert head("close: stop") == ["session", "start", "stop", "findings", "verdict"]
    for about in ("close: [stop, cease]", "close: stop, must_close: false"):
        assert head(about) == ["session", "start", "findings", "verdict"]


def test_of_many_rows_those_that_did_not_pass_are_shown() -> None:
    talks: list[LinesLike] = [(run(tools=n), session(n)) for n in range(1, 41)]
    shown = text(report(*talks, (many(7), session(41)), (many(8), session(42))))
    assert len(shown.splitlines()) < 40
    assert "    … and 40 more sessions: pass\n" in shown
    assert shown.index("\n     41 ") < shown.index("\n     42 ")
    failing = [(many(n), session(n)) for n in range(1, 41)]
    assert f"    … and {40 - MAX_ROWS} more sessions: fail\n" in text(report(*failing))


def _long(names: list[str]) -> Report:
    rules = contract(
        "name: long\nspans: {job: {key: [], open: start, close: stop, requires: ["
        + ", ".join(names)
        + "]}}"
    )
    said = [server("start"), *(server(name) for name in names[:-1]), server("stop")]
    return Report((judged(judge(said, rules), "n" * 90 + ".db", rules),))


def test_eighty_columns_are_enough_for_long_names() -> None:
    names = [f"conversation.item.input_audio_transcription.completed_{n:02}" for n in range(30)]
    names += ["averyveryverylongeventnamewithoutanyplacewhereitmightbebroken" + "x" * 40]
    for width in (80, 120):
        lines = text(_long(names), width).splitlines()
        head = next(n for n, line in enumerate(lines) if line.startswith("session"))
        table = [line.rstrip() for line in lines[head : head + 2]]
        assert table[1].endswith("fail")
        assert "averyveryver" in "".join(lines)
        # What is missing is shown before what came; what has no room is named.
        assert "-" in table[1].split()
        assert any(line.startswith("    no room for ") for line in lines)
        folded = [line for line in lines if not line.startswith(("recording", "look closer"))]
        assert [line for line in folded if len(line.rstrip()) > width] == []


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_a_terminal_of_eighty_columns_folds_behind_an_indent(name: str) -> None:
    shown = text(dict(all_kinds())[name])
    for line in shown.splitlines():
        assert len(line.rstrip()) <= 80 or line.startswith(("contract ", "recording ", "look "))


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_a_pipe_gets_a_line_for_each_finding(name: str) -> None:
    made = dict(all_kinds())[name]
    shown = text(made, 120, terminal=False).splitlines()
    for found in list(made.findings())[:MAX_SHOWN]:
        assert [line for line in shown if place(found) + inert(found.message, 600) in line]
    # The log of a CI job obeys lines that begin with `::`.
    assert [line for line in shown if line.lstrip().startswith(("::", "##"))] == []


def test_many_causes_are_named_in_a_line_each() -> None:
    talk = [server(f"strange_{n}") for n in range(MAX_CAUSES + 10)]
    rules = contract("name: strict\nevents: {unknown: fail, types: {a: }}\n")
    shown = text(Report((judged(judge(talk, rules), rules=rules),)))
    assert shown.count(f"  = {CODES['event.unknown'].meaning}") == MAX_CAUSES - 1  # and one other
    assert shown.count("event.unknown strange_") == MAX_CAUSES + 10


def test_what_was_not_judged_is_told() -> None:
    shown = text(report((run(), crashed(1)), ([], session(2, status=503)), ([], session(3))))
    assert "1 session not fully judged (1): no end record" in shown
    assert "1 session skipped (2): the handshake was answered with 503" in shown
    assert "1 session not fully judged (3): no run was opened" in shown
    nothing = text(report(([], session(1))))
    assert "nothing was validated: no message was an event of the contract\n" in nothing


def test_of_the_wrong_contract_it_says_which_events_there_were() -> None:
    lines = [server(f"else_{n}") for n in (1, 1, *range(2, 9))]
    shown = text(report((lines, session(2)), ([server("other")], session(3))), 300)
    names = ", ".join(f"'else_{n}'" for n in range(1, 6))
    assert f"no message was an event of the contract; there were {names}: see wsrec" in shown
    assert "'other'" not in shown.split("nothing was validated:")[1]


def test_what_was_not_kept_is_counted() -> None:
    shown = text(report((many(150), session(1)), (many(150), session(2))), 200)
    assert "100 more span.unopened not kept: beyond the first 100 of a session\n" in shown


def test_what_was_not_asked_for_is_told() -> None:
    scope = Scope(("latency", "span.unclosed"), (SessionRange(3, 7), SessionRange(9, None)))
    made = Report((judged(judge_all((run(), session(3)))),), scope)
    assert text(made, 200).endswith(
        "part      only findings of latency, span.unclosed count\n"
        "part      only sessions 3-7, 9- were judged; percentiles and reconnects are of them"
        " alone\nverdict   pass\n"
    )


def test_each_recording_says_which_contract_judged_it() -> None:
    outcome = judge_all((run(), session(1)))
    made = Report(tuple(
        judged(outcome, path).__class__(path, agent_events(), chosen, outcome)
        for path, chosen in (
            ("a.db", "stored in the recording"),
            ("b.db", "stored in the recording"),
            ("c.db", "the default"),
        )
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


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\ud800", "\ufffe", "\x00", "##[error]"])
def test_recorded_text_is_inert(raw: str) -> None:
    for terminal in (True, False):
        shown = text(evil(), 500, terminal=terminal)
        assert raw in EVIL + "\ud800"
        assert raw not in shown
        assert "[red]x[/red]" in shown


def test_causes_are_in_one_order() -> None:
    made = report((many(2), crashed(1)), (LOST, session(2)))
    found = by_cause(reversed(list(made.findings())))
    assert [(each.severity, each.code) for each in found] == [
        ("error", "span.unclosed"), ("error", "span.unopened"), ("warning", "recording.unclean"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        ([], ""),
        ([4], "4"),
        ([1, 2, 3, 7], "1-3, 7"),
        (list(range(0, 40, 2)), "0, 2, 4, 6, 8, 10, …"),
    ],
)
def test_ranges(ids: list[int], shown: str) -> None:
    assert ranges(ids) == shown
