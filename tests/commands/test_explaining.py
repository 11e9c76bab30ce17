"""`wsrec explain` says of a finding what docs/findings.md says of it."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner, Result
from support.pages import page
from wsrec.cli import main
from wsrec.report.groups import read_on
from wsrec.schemas.codes import CODES

PAGE = page("findings.md")


def wsrec(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="wsrec")


def letters(text: str) -> str:
    """The words of a text, however it is wrapped and marked up."""
    return " ".join(text.replace("**", "").split())


@pytest.mark.parametrize("code", CODES)
def test_a_report_says_how_to_read_on(code: str) -> None:
    name, *words = shlex.split(read_on(code))
    told = wsrec(*words)

    assert (name, told.exit_code, told.stderr) == ("wsrec", 0, "")
    assert told.stdout.startswith(f"{code}\n\n  ")
    assert all(len(line) <= 80 for line in told.stdout.splitlines())
    _, look_at = told.stdout.split("Look at: ")
    if ".md" not in look_at:
        assert letters(look_at) in letters(PAGE)


def test_a_link_is_the_page_that_it_leads_to() -> None:
    assert "docs/durability.md has the rest." in letters(wsrec("explain", "recording.gap").stdout)


def test_several_codes_and_what_several_begin_with() -> None:
    told = wsrec("explain", "span.order", "latency", "span.order", "event.schema,event.unknown")

    heads = [line for line in told.stdout.splitlines() if line and not line.startswith(" ")]
    latency = [code for code in CODES if code.startswith("latency.")]
    assert heads == ["span.order", *latency, "event.schema", "event.unknown"]


def test_all_codes_are_listed_with_a_line_each() -> None:
    told = wsrec("explain")

    lines = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
    assert lines == [[code, each.severity, each.meaning] for code, each in CODES.items()]


def test_a_code_that_there_is_not() -> None:
    told = wsrec("explain", "span.unclosd")

    assert (told.exit_code, told.stdout) == (2, "")
    assert "no finding code 'span.unclosd'; did you mean 'span.unclosed'?" in told.stderr
