"""What each pack notices when one thing goes wrong in a session that passes; its page says so."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from support.mutations import Kind, Mutant, Share, events, measure, table
from support.traffic import Talk, judge, talks
from wsrec.checks.finding import Finding
from wsrec.schemas.packs import find, packs

PAGES = Path(__file__).parents[2] / "docs" / "packs"
TABLE = re.compile(r"<!-- noticed -->\n(.*?)\n<!-- /noticed -->", re.DOTALL)

SESSIONS = 6
MOST = 80
"""Sessions measured for each pack, each with other events than the others, and the most messages
of one: the cost grows with the square of a session's length."""

PACKS = sorted(packs())
ALMOST_ALL = {"agent-events", "ag-ui", "openai-realtime"}


def chosen(name: str) -> list[Talk]:
    """Return some passing sessions of a pack, of different kinds."""
    contract, kinds, found = find(name), set(), []
    for talk in talks(name):
        kind = tuple(sorted(set(events(talk, contract).values())))
        if kind not in kinds and len(talk.messages) <= MOST:
            kinds.add(kind)
            found.append(talk)
    return found[:SESSIONS]


@cache
def shares(name: str) -> dict[Kind, Share]:
    return measure(chosen(name), find(name))


@pytest.mark.parametrize("name", PACKS)
def test_real_sessions_pass(name: str) -> None:
    outcome = judge(talks(name), find(name))
    found = [f"{each.session}: {each.code}: {each.message}" for each in outcome.all_findings()]
    assert not found, "\n".join(["", *found[:20]])
    assert outcome.verdict == "pass"
    assert {each.verdict for each in outcome.sessions} == {"pass"}


@pytest.mark.parametrize("name", PACKS)
def test_the_page_says_what_is_noticed(name: str) -> None:
    page = PAGES / f"{name}.md"
    assert page.exists(), f"the pack {name} needs a page: docs/packs/{name}.md"
    found = TABLE.search(page.read_text("utf-8"))
    now = table(shares(name))
    assert found is not None, f"docs/packs/{name}.md has no table of what is noticed:\n{now}"
    assert found[1] == now, f"docs/packs/{name}.md should say:\n{now}"


def test_the_list_of_packs_is_whole_and_says_what_their_pages_say() -> None:
    row = re.compile(r"^\| \[`([\w-]+)`\]\(\1\.md\) .*\| ([\d.]+%) \|$", re.MULTILINE)
    rows = dict(row.findall((PAGES / "README.md").read_text("utf-8")))
    assert list(rows) == sorted(packs()), "docs/packs/README.md lists other packs"
    for name, share in rows.items():
        found = TABLE.search((PAGES / f"{name}.md").read_text("utf-8"))
        assert found is not None
        assert f"({share})**" in found[1], f"docs/packs/README.md says {share} of {name}"


@pytest.mark.parametrize("name", PACKS)
def test_one_lost_event_is_one_finding(name: str) -> None:
    contract, measured, orders = find(name), chosen(name), set()
    several = list(shares(name)["drop"].several)
    for talk in talks(name):
        order = tuple(events(talk, contract).values())
        if order not in orders and talk not in measured and len(talk.messages) <= MOST:
            several += measure([talk], contract, ["drop"])["drop"].several
        orders.add(order)
    assert not several, "\n".join(["", *map(_told, several[:10])])


@pytest.mark.parametrize("kind", ["duplicate", "truncate"])
@pytest.mark.parametrize("name", PACKS)
def test_one_repeated_or_broken_event_is_one_finding(name: str, kind: Kind) -> None:
    several = shares(name)[kind].several
    assert not several, "\n".join(["", *map(_told, several[:10])])


def _told(item: tuple[Mutant, tuple[Finding, ...]]) -> str:
    mutant, found = item
    head = (
        f"{mutant.kind} of {mutant.event}, message {mutant.seq} of session {mutant.talk.session.id}"
    )
    return "\n  ".join([head, *(f"{each.code} frame {each.seq}: {each.message}" for each in found)])


@pytest.mark.parametrize("name", sorted(ALMOST_ALL))
def test_nearly_all_is_noticed(name: str) -> None:
    total = sum(share.total for share in shares(name).values())
    assert total > 0
    assert sum(share.noticed for share in shares(name).values()) / total >= 0.95
