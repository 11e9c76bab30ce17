"""The pack for OpenAI's Realtime API, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from support.conversation import SECOND, Line, client, codes, only, server
from support.conversation import judge as judge_lines
from support.mutations import events, mutants
from support.traffic import Talk, judge, talks
from wsrec.checks.outcome import Outcome
from wsrec.schemas.packs import find

PACK = find("openai-realtime")


def said(*lines: Line) -> Outcome:
    """Judge a session that begins as all do; each of the server's events gets an id."""
    numbered: list[Line] = []
    for number, line in enumerate([server("session.created", session={}), *lines]):
        if isinstance(line, tuple) and line[0] == "server" and "event_id" not in line[1]:
            line = "server", {"event_id": f"event_{number}", **line[1]}
        numbered.append(line)
    return judge_lines(numbered, PACK)


def created(key: str = "r1") -> list[Line]:
    return [client("response.create"), server("response.created", response={"id": key})]


def done(status: str = "completed", key: str = "r1") -> Line:
    return server("response.done", response={"id": key, "status": status})


def item(name: str, key: str = "i1", kind: str = "message", **fields: Any) -> Line:
    within = {"response_id": "r1", "output_index": 0, **fields}
    return server(f"response.output_item.{name}", item={"id": key, "type": kind}, **within)


def part(name: str, index: int = 0) -> Line:
    return inside(f"response.content_part.{name}", content_index=index, part={})


def inside(name: str, **fields: Any) -> Line:
    return server(name, response_id="r1", item_id="i1", output_index=0, **fields)


def streamed(
    kind: str = "output_text", final: str = "text", pieces: tuple[str, ...] = ("a", "b")
) -> list[Line]:
    deltas = [inside(f"response.{kind}.delta", content_index=0, delta=each) for each in pieces]
    end = {final: "".join(pieces)} if final else {}
    return [*deltas, inside(f"response.{kind}.done", content_index=0, **end)]


def answer(*content: Line) -> list[Line]:
    body = [item("added"), part("added"), *content, part("done"), item("done")]
    return [*created(), *body, done()]


def test_a_whole_answer_passes() -> None:
    outcome = said(*answer(*streamed()))
    assert codes(outcome) == []
    assert outcome.sessions[0].spans["response"] == 1


@pytest.mark.parametrize(
    ("kind", "final"),
    [("output_text", "text"), ("output_audio_transcript", "transcript"), ("output_audio", "")],
)
def test_what_is_streamed_in_a_part(kind: str, final: str) -> None:
    whole = streamed(kind, final)
    assert codes(said(*answer(*whole))) == []
    found = only(said(*answer(*whole[:-1])))
    assert (found.code, found.event) == ("span.unclosed", f"response.{kind}.delta")
    if final:
        found = only(said(*answer(*whole[1:])))
        assert (found.code, found.event) == ("span.fold", f"response.{kind}.done")


def test_sound_and_its_transcript_side_by_side() -> None:
    sound, words = streamed("output_audio", ""), streamed("output_audio_transcript", "transcript")
    mixed = [line for pair in zip(sound, words, strict=True) for line in pair]
    assert codes(said(*answer(*mixed))) == []


@pytest.mark.parametrize("kind", ["function_call", "mcp_call"])
def test_arguments_add_up(kind: str) -> None:
    pieces = [inside(f"response.{kind}_arguments.delta", delta=each) for each in ('{"a"', ":1}")]
    end = inside(f"response.{kind}_arguments.done", call_id="c1", arguments='{"a":1}')

    def call(*lines: Line) -> list[Line]:
        return [*created(), item("added", kind=kind), *lines, item("done", kind=kind), done()]

    assert codes(said(*call(*pieces, end))) == []
    assert only(said(*call(pieces[1], end))).code == "span.fold"
    assert only(said(*call(*pieces))).code == "span.unclosed"


@pytest.mark.parametrize(
    "old",
    ["text", "audio_transcript", "audio"],
)
def test_names_before_general_availability(old: str) -> None:
    final = {"text": "text", "audio_transcript": "transcript", "audio": ""}[old]
    added = server("conversation.item.created", item={"id": "i0", "type": "message"})
    assert codes(said(added, *answer(*streamed(old, final)))) == []
    if final:
        assert only(said(*answer(*streamed(old, final)[1:]))).code == "span.fold"


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_what_is_open_in_a_response_that_was_broken_off(status: str) -> None:
    opened = [item("added"), part("added"), *streamed()[:1]]
    cancel: list[Line] = [client("response.cancel")] if status == "cancelled" else []
    assert codes(said(*created(), *opened, *cancel, done(status))) == []
    found = only(said(*created(), *opened, done()))
    assert (found.code, found.span) == ("span.unclosed", "item")
    assert "part '0'" in found.message


def test_a_response_that_never_ends() -> None:
    found = only(said(*created(), item("added")))
    assert (found.code, found.span, found.expected) == (
        "span.unclosed",
        "response",
        "response.done",
    )


def test_a_status_that_is_none() -> None:
    found = said(*created(), done("finished")).all_findings()
    assert "event.schema" in {each.code for each in found}


def test_an_item_keeps_its_place() -> None:
    lines = [*created(), item("added"), item("done", output_index=1), done()]
    found = only(said(*lines))
    assert (found.code, found.expected, found.seen) == ("span.differs", "0", "1")


def test_two_responses_at_once() -> None:
    both = [*created(), *created("r2"), item("added"), item("added", "i2", response_id="r2")]
    ends = [item("done", "i2", response_id="r2"), item("done"), done(key="r2"), done()]
    assert codes(said(*both, *ends)) == []
    found = only(said(*both, *ends[1:]))
    assert (found.code, found.key) == ("span.unclosed", "i2")


def test_the_session_is_created_first() -> None:
    updated = [client("session.update"), server("session.updated", session={})]
    greeting = server("session.created", session={})
    rest = [*created(), done()]
    assert codes(said(*updated, *rest)) == []
    # A client need not wait for it.
    assert codes(judge_lines([updated[0], greeting, updated[1], *rest], PACK)) == []
    found = only(judge_lines([*updated, greeting, *rest], PACK))
    assert (found.code, found.event) == ("session.order", "session.updated")
    assert only(judge_lines([*updated, *rest], PACK)).code == "session.missing"
    assert "session.count" in codes(said(greeting, *rest))


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (client("session.update"), server("session.updated", session={})),
        (client("input_audio_buffer.commit"), server("input_audio_buffer.committed")),
        (client("input_audio_buffer.clear"), server("input_audio_buffer.cleared")),
        (client("conversation.item.delete", item_id="i1"),
         server("conversation.item.deleted", item_id="i1")),
        (client("conversation.item.truncate", item_id="i1"),
         server("conversation.item.truncated", item_id="i1")),
        (client("conversation.item.retrieve", item_id="i1"),
         server("conversation.item.retrieved", item={"id": "i1", "type": "message"})),
        (client("conversation.item.create", item={"type": "function_call", "call_id": "c"}),
         server("conversation.item.added", item={"id": "i1", "type": "function_call"})),
    ],
)  # fmt: skip
def test_what_the_client_asks_for_is_answered(asked: Any, answered: Any) -> None:
    rest = [*created(), done()]
    refused = server("error", error={"type": "invalid_request_error", "message": "no"})
    assert codes(said(asked, answered, *rest)) == []
    assert codes(said(asked, refused, *rest)) == []
    found = only(said(asked, *rest))
    assert (found.code, found.event) == ("session.missing", answered[1]["type"])
    found = only(said(asked, 61 * SECOND, answered, *rest))
    assert (found.code, found.severity) == ("latency.responds", "warning")


def test_a_response_that_nobody_asked_for() -> None:
    unasked = [server("response.created", response={"id": "r1"}), done()]
    found = only(said(*unasked))
    assert (found.code, found.event) == ("session.machine", "response.created")
    heard = server("input_audio_buffer.speech_started", item_id="i0")
    assert codes(said(heard, *unasked)) == []


def test_what_the_client_writes_is_added_once_asked() -> None:
    words = {"type": "message", "content": [{"type": "input_text", "text": "hello"}]}
    asked = client("conversation.item.create", item=words)
    added = server("conversation.item.added", item={**words, "id": "i1"})
    other = server("conversation.item.added", item={**words, "id": "i2"})
    rest = [*created(), done()]
    assert codes(said(asked, asked, added, other, *rest)) == []
    found = only(said(asked, added, other, *rest))
    assert (found.code, found.span, found.seq) == ("span.unopened", "put", 4)
    spoken = {"id": "i3", "type": "message", "content": [{"type": "input_audio"}]}
    assert codes(said(server("conversation.item.added", item=spoken), *rest)) == []


def test_an_item_of_the_conversation_may_be_added_without_being_done() -> None:
    added = server("conversation.item.added", item={"id": "i1", "type": "message"})
    finished = server("conversation.item.done", item={"id": "i1", "type": "message"})
    rest = [*created(), done()]
    for lines in ([added], [finished], [added, finished]):
        assert codes(said(*lines, *rest)) == []
    assert only(said(finished, added, *rest)).code == "span.after_close"


def test_what_was_spoken() -> None:
    name = "conversation.item.input_audio_transcription"
    where = {"item_id": "i1", "content_index": 0}
    started = server("input_audio_buffer.speech_started", item_id="i1")
    stopped = server("input_audio_buffer.speech_stopped", item_id="i1")
    committed = server("input_audio_buffer.committed", item_id="i1")
    added = server("conversation.item.added", item={"id": "i1", "type": "message"})
    deltas = [server(f"{name}.delta", item_id="i1", delta=each) for each in ("he", "llo")]
    heard = server(f"{name}.completed", transcript="hello", **where)
    turn = [started, stopped, committed, added]
    assert codes(said(*turn, *deltas, heard)) == []
    assert codes(said(*turn, deltas[0], server(f"{name}.failed", error={}, **where))) == []
    found = only(said(*turn, deltas[1], heard))
    assert (found.code, found.span) == ("span.fold", "heard")
    found = only(said(*turn[:3], *deltas, heard))
    assert (found.code, found.span) == ("span.unclosed", "commit")
    assert only(said(*turn[1:], *deltas, heard)).span == "speech"


def test_ids_of_events_are_used_once() -> None:
    limits = server("rate_limits.updated", event_id="event_x", rate_limits=[])
    assert codes(said(limits, *created(), done())) == []
    assert codes(said(limits, *created(), limits, done())) == ["session.repeated"]


def test_silence_is_a_warning() -> None:
    started = [*created(), item("added")]
    outcome = said(*started, 61 * SECOND, item("done"), done())
    assert (only(outcome).code, outcome.verdict) == ("latency.gap", "pass")
    outcome = said(*started, item("done"), done(), 301 * SECOND, *created("r2"), done(key="r2"))
    assert (only(outcome).code, outcome.verdict) == ("session.idle", "pass")


@pytest.mark.parametrize("lost", ["response_id", "item_id", "content_index", "delta"])
def test_a_delta_says_where_it_belongs(lost: str) -> None:
    delta, *rest = streamed()
    assert isinstance(delta, tuple)
    kept = {key: value for key, value in delta[1].items() if key != lost}
    found = said(*answer(("server", kept), *rest)).all_findings()
    assert (found[0].code, found[0].seq) == ("event.missing_field", 6)


# The recorded conversations, every response event of them.


def _swapped(talk: Talk) -> Iterator[Talk]:
    """Yield the conversation with two neighbouring response events in each other's place."""
    names = events(talk, PACK)
    places = [
        place
        for place, name in names.items()
        if name.startswith("response.") and talk.messages[place].sender == "server"
    ]
    for one, other in pairwise(places):
        said = list(talk.messages)
        first, second = said[one], said[other]
        said[one] = replace(first, data=second.data)
        said[other] = replace(second, data=first.data)
        yield Talk(talk.session, tuple(said))


@pytest.mark.parametrize("number", range(len(talks("openai-realtime"))))
def test_every_lost_repeated_or_swapped_response_event_is_noticed(number: int) -> None:
    talk = talks("openai-realtime")[number]
    changed: list[tuple[str, str, int, Talk]] = [
        (mutant.kind, mutant.event, mutant.seq, mutant.talk)
        for mutant in mutants(talk, PACK)
        if mutant.kind in ("drop", "duplicate") and mutant.event.startswith("response.")
    ]
    changed += [("swap", "response.", 0, each) for each in _swapped(talk)]
    missed = [each[:3] for each in changed if not judge([each[3]], PACK).all_findings()]
    assert missed == []
    dictated = any(name.startswith("response.") for name in events(talk, PACK).values())
    assert bool(changed) is dictated
