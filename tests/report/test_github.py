"""Annotations as a runner reads them, and a summary as a page renders it."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from support.conversation import crashed, judge_all, run, session
from support.reporting import LOST, all_kinds, evil, judged, many, report
from wsrec.checks.scope import Scope
from wsrec.report.github import MAX_ANNOTATIONS, to_annotations
from wsrec.report.markdown import code, to_markdown
from wsrec.report.model import Report

MIB = 1024 * 1024


class Annotation(NamedTuple):
    level: str
    properties: dict[str, str]
    message: str


def unescaped(text: str, *more: tuple[str, str]) -> str:
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(escape, char)
    return text


def obeyed(made: Report) -> list[Annotation]:
    """What a runner makes of the lines: those that begin with `::` are commands."""
    found = []
    for line in to_annotations(made).splitlines():
        assert "##[" not in line
        match = re.match(r"\s*::([a-z]+)(?: (.*?))?::(.*)", line)
        if match is None:
            assert line.startswith("wsrec: ")
            continue
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        colon, comma = ("%3A", ":"), ("%2C", ",")
        properties = {key: unescaped(value, colon, comma) for key, value in pairs}
        found.append(Annotation(match[1], properties, unescaped(match[3])))
    return found


def test_a_finding_is_an_annotation() -> None:
    made = report((LOST, session(1)), (run(), crashed(2)))
    first, second = obeyed(made)
    assert first.level == "error"
    assert first.properties == {"title": "span.unclosed tool_executing", "file": "a.db"}
    assert first.message.startswith("session 1 frame 4: tool 'search' was opened by")
    assert (second.level, second.properties["title"]) == ("warning", "recording.unclean")
    assert to_annotations(made).endswith(
        "\nwsrec: a.db: fail, 1 error, 1 warning, contract agent-events, given with -c"
        " (a pack of wsrec)\n"
    )


def test_a_pass_annotates_nothing() -> None:
    assert obeyed(report((run(), session(1)))) == []


def test_no_more_than_a_step_may_have_and_the_rest_is_counted() -> None:
    talks = [
        (many(15), session(1)),
        (LOST, session(2)),
        *((run(), crashed(n)) for n in range(3, 15)),
    ]
    found = obeyed(report(*talks))
    for level, left in (("error", 7), ("warning", 3)):
        of_level = [each for each in found if each.level == level]
        assert len(of_level) == MAX_ANNOTATIONS
        assert of_level[-1].message == f"{left} more findings of severity {level} not shown here"
    # A finding of each cause before the second of any.
    assert [each.properties["title"] for each in found[:2]] == [
        "span.unclosed tool_executing", "span.unopened agent_thinking",
    ]  # fmt: skip
    exactly = obeyed(report((many(MAX_ANNOTATIONS), session(1))))
    assert len(exactly) == MAX_ANNOTATIONS
    assert all("more findings" not in each.message for each in exactly)


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_every_report_says_the_same_twice(name: str) -> None:
    first, second = dict(all_kinds())[name], dict(all_kinds())[name]
    assert to_annotations(first) == to_annotations(second)
    assert to_markdown(first, MIB) == to_markdown(second, MIB)


@given(st.text() | st.text("%:,\r\n=0AD", max_size=20))
def test_escapes_are_those_that_the_runner_takes_back(text: str) -> None:
    made = Report((judged(judge_all((LOST, session(1))), path=text),))
    [only] = obeyed(made)
    assert list(only.properties) == ["title", "file"]
    assert code(only.properties["file"]) == code(text)


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\ud800", "\x00", "##[error]"])
def test_recorded_text_is_inert(raw: str) -> None:
    for text in (to_annotations(evil()), to_markdown(evil(), MIB)):
        assert raw not in text
        text.encode("utf-8")


# The summary.

PAGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in PAGE.parse(markdown):
        found += token.children if token.children else [token]
    return found


HARMLESS = {
    "text", "code_inline", "softbreak", "heading_open", "heading_close", "paragraph_open",
    "paragraph_close", "bullet_list_open", "bullet_list_close", "list_item_open",
    "list_item_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open",
    "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close", "inline",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, _ in all_kinds()])
def test_a_page_shows_recorded_text_as_code_only(name: str) -> None:
    found = tokens(to_markdown(dict(all_kinds())[name], MIB))
    assert {token.type for token in found} <= HARMLESS
    prose = " ".join(token.content for token in found if token.type == "text")
    for part in ("@", "<", "[", "$", "|", "#", "*", "://", "x$"):
        assert part not in prose


@given(st.text() | st.text("`| \\<", max_size=12))
def test_a_code_span_holds_any_text(text: str) -> None:
    [paragraph] = [token for token in PAGE.parse(f"a {code(text)} b") if token.type == "inline"]
    first, span, last = paragraph.children or []
    assert (first.content, span.type, last.content) == ("a ", "code_inline", " b")
    cells = [
        token.children[0].content
        for token in PAGE.parse("| a |\n|---|\n| " + code(text).replace("|", "\\|") + " |\n")
        if token.type == "inline" and token.children
    ]
    assert cells == ["a", span.content]


def test_what_a_summary_says() -> None:
    scope = Scope(("span",))
    outcome = judge_all((many(12), session(1)), ([], session(2, status=503)))
    text = to_markdown(Report((judged(outcome),), scope), MIB)
    assert text.startswith("## wsrec: fail, 12 errors\n")
    assert "\nA part only: `only findings of span count`\n" in text
    assert "\n### `a.db`: fail\n" in text
    assert "1 session, 18 messages, 18 events; contract `agent-events`, `given with -c`" in text
    assert "\n1 session `skipped: the handshake was answered with 503`: 2\n" in text
    assert "\n#### error `span.unopened` `agent_thinking` ×12\n" in text
    assert "\n- … and 2 more\n" in text
    assert "| `run total` | 1 |" in text


def test_a_summary_has_a_limit() -> None:
    made = evil()
    whole = len(to_markdown(made, MIB).encode())
    assert to_markdown(made, whole) == to_markdown(made, MIB)
    for limit in (0, 99, *range(100, whole)):
        text = to_markdown(made, limit)
        assert len(text.encode()) <= limit
        assert ("had no room" in text) is (limit >= 100)


def test_a_hundred_thousand_findings_fit_a_page() -> None:
    talks = [(many(99), session(n)) for n in range(1, 11)]
    made = report(*talks)
    assert len(to_markdown(made, MIB).encode()) < 10_000
