"""The pack agent-events where nothing is numbered, and where messages and events are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.conversation import Line, client, codes, judge, only, run, server
from support.mutations import events, measure, table
from support.traffic import Talk, talks
from support.traffic import judge as judge_talks
from wsrec.schemas.packs import find

PAGE = Path(__file__).parents[2] / "docs" / "packs" / "agent-events.md"
PACK = find("agent-events")


def unnumbered() -> list[Talk]:
    return talks("agent-events-unnumbered")


def test_sessions_without_numbers_pass() -> None:
    assert judge_talks(unnumbered(), PACK).all_findings() == ()


def test_the_page_says_what_is_noticed_without_numbers() -> None:
    kinds: dict[tuple[str, ...], Talk] = {}
    for talk in unnumbered():
        kinds.setdefault(tuple(sorted(set(events(talk, PACK).values()))), talk)
    shares = measure(kinds.values(), PACK)
    assert not shares["drop"].several
    found = re.search(r"<!-- unnumbered -->\n(.*?)\n<!-- /unnumbered -->", PAGE.read_text(), re.S)
    now = table(shares)
    assert found is not None
    assert found[1] == now, f"the page should say:\n{now}"


def numbered(lines: list[Line], *left_out: int) -> list[Line]:
    """Number what the server says, with one question and its answer by name."""
    found: list[Line] = []
    number = 0
    for place, line in enumerate(lines):
        assert isinstance(line, tuple)
        sender, said = line
        if sender == "server":
            number += 1
            said = said | {"sequence": number}
            if said["type"] == "agent_started":
                said = said | {"in_reply_to": "m1"}
        else:
            said = said | {"message_id": "m1"}
        if place not in left_out:
            found.append((sender, said))
    return found


@pytest.mark.parametrize(
    ("lost", "code"),
    [(0, "span.unopened"), (1, "span.unopened"), (2, "span.missing"), (4, "span.unclosed"),
     (5, "span.unclosed")],
)  # fmt: skip
def test_each_lost_event_of_a_numbered_run_is_one_finding(lost: int, code: str) -> None:
    assert codes(judge(numbered(run()))) == []
    assert codes(judge(numbered(run(), lost))) == [code]


def test_a_thought_that_is_lost_among_others() -> None:
    lines = run()
    lines.insert(3, server("agent_thinking", run_id="r1", user_id="u1"))
    assert codes(judge([*lines[:3], *lines[4:]])) == []
    assert codes(judge(numbered(lines, 3))) == ["session.monotonic"]


def test_a_question_that_is_asked_twice_or_never_answered() -> None:
    lines = numbered(run())
    assert codes(judge([lines[0], *lines])) == ["span.reopened"]
    assert only(judge([*lines, client("user_message", message_id="m2")])).code == "span.unclosed"
