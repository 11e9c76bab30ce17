"""docs/contracts.md: its examples load, find what the page shows, and no key is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.conversation import Line, client, judge, only, server
from wsrec.checks.finding import Finding
from wsrec.report.groups import details, place
from wsrec.schemas import contract as contract_module
from wsrec.schemas import (
    read_decode,
    read_events,
    read_machine,
    read_rules,
    read_spans,
    read_values,
)
from wsrec.schemas.contract import load, parse
from wsrec.schemas.durations import parse_duration
from wsrec.schemas.mistakes import ContractError

PAGE = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
FENCES: list[tuple[str, str]] = re.findall(
    r"^```([\w-]*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
)
EXAMPLE = "".join(text for kind, text in FENCES[:4] if kind == "yaml")
SHOWN = [text for kind, text in FENCES if kind == "text"]
LAID_OVER = [
    (FENCES[at - 1], FENCES[at][1], FENCES[at + 1])
    for at in range(1, len(FENCES) - 1)
    if FENCES[at][0] == "messages"
]


def said(line: str) -> Line:
    """Read a line of an example: what a peer says, or `... 3s`, a pause."""
    mark, _, rest = line.partition(" ")
    if mark == "...":
        return parse_duration(rest)
    return {"→": "client", "←": "server"}[mark], json.loads(rest)  # type: ignore[return-value]


def told(found: Finding) -> str:
    words = [found.severity, found.code, found.event, f"{place(found)}{found.message}"]
    words += [f"{name}: {text}" for name, text in details(found)]
    return " ".join(word for word in words if word)


@pytest.mark.parametrize(("rules", "talk", "shown"), LAID_OVER)
def test_an_example_laid_over_it(
    tmp_path: Path, rules: tuple[str, str], talk: str, shown: tuple[str, str]
) -> None:
    assert (rules[0], shown[0]) == ("yaml", "text")
    (tmp_path / "jobs.yaml").write_text(EXAMPLE, "utf-8")
    over = tmp_path / "over.yaml"
    over.write_text(f"wsrec: 1\nextends: jobs.yaml\n{rules[1]}", "utf-8")
    outcome = judge([said(line) for line in talk.splitlines()], load(over))
    assert "\n".join(map(told, outcome.all_findings())) == " ".join(shown[1].split())


def test_there_are_examples_of_what_needs_one() -> None:
    rules = " ".join(rules for (_, rules), _, _ in LAID_OVER)
    for key in ("fold", "monotonic", "machine", "nest", "order", "same", "latency", "in"):
        assert f"{key}: " in rules or f"{key}:\n" in rules
    assert len(LAID_OVER) == sum(kind == "messages" for kind, _ in FENCES)


def test_a_contract_over_another_loads(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "limits.yaml").write_text("wsrec: 1\nsession: {idle: 1m}\n", "utf-8")
    over = tmp_path / "over.yaml"
    over.write_text(next(text for kind, text in FENCES if kind == "yaml-over"), "utf-8")
    assert load(over).session.idle == parse_duration("1m")


def test_the_example_finds_what_the_page_shows() -> None:
    lines: list[Line] = [
        client("job", job=16),
        client("job", job=17),
        client("noise"),
        server("job_started", job=17),
        server("job_progress", job=17),
    ]
    jobs = parse(EXAMPLE, "jobs.yaml")
    found = [f for f in judge(lines, jobs).all_findings() if f.code == "span.unclosed"]
    assert found[0].message in " ".join(SHOWN[0].split())
    assert only(judge(lines[1:], jobs)).code == "span.unclosed"


def test_the_example_mistake_is_told_as_shown() -> None:
    with pytest.raises(ContractError) as caught:
        parse(EXAMPLE.replace("requires:", "requires_all:"), "jobs.yaml")
    assert str(caught.value) == SHOWN[1].strip()


def test_every_key_is_on_the_page() -> None:
    words = set(re.findall(r"[a-z_0-9]+", PAGE))
    for keys in (
        contract_module.CONTRACT_KEYS,
        read_events.EVENTS_KEYS,
        read_decode.APPLIES_KEYS,
        read_decode.CODECS,
        read_decode.STEP_KEYS,
        read_events.TYPE_KEYS,
        read_rules.LIMIT_KEYS,
        read_rules.INSIDE_KEYS,
        read_spans.SPAN_KEYS,
        read_spans.SESSION_KEYS,
        read_values.FOLD_KEYS,
        read_machine.RESERVED,
    ):
        assert set(keys) <= words
