"""docs/contracts.md: its example loads, finds what the page shows, and no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.conversation import Line, client, judge, only, server
from wsrec.schemas import contract as contract_module
from wsrec.schemas import (
    read_decode,
    read_events,
    read_machine,
    read_rules,
    read_spans,
    read_values,
)
from wsrec.schemas.contract import parse
from wsrec.schemas.mistakes import ContractError

PAGE = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
EXAMPLE = "".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
SHOWN = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


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
