"""Which sessions a client may mean, as long as it is not clear."""

from __future__ import annotations

from wsrec.match.compare import Comparer
from wsrec.match.line import Line, Role
from wsrec.match.rules import Matching
from wsrec.replay.audition import Audition
from wsrec.replay.trial import BYTES, LINES, Beginning
from wsrec.wire.utterance import Utterance

COMPARER = Comparer(Matching())
SENDERS: dict[str, Role] = {"<": "client", ">": "server"}


def audition(alike: list[int], **sessions: str) -> Audition:
    """Audition sessions that were read: `_1="<a >b"` has the client say a, the server b."""
    read = {int(name[1:]): beginning(script.split()) for name, script in sessions.items()}
    return Audition(alike, read.get, COMPARER)


def beginning(script: list[str]) -> Beginning:
    lines = [
        Line(seq, SENDERS[text[0]], seq * 1_000_000, Utterance("text", text[1:]))
        for seq, text in enumerate(script, 1)
    ]
    return Beginning(lines, COMPARER, whole=True)


def note(part: Audition, text: str, lead: int = 1) -> bool:
    return part.note(SENDERS[text[0]], Utterance("text", text[1:]), 0, lead)


def fitting(part: Audition, *sessions: int) -> list[int]:
    return [each for each in sessions if part.trial(each) is not None]


def test_what_does_not_fit_the_session_that_leads_may_fit_another_and_must_from_its_start() -> None:
    part = audition([1, 2, 3], _1="<a >b <c", _2="<a >b <d", _3="<x >b <d")

    assert note(part, "<a")
    assert note(part, ">b")
    assert not note(part, "<d")
    assert fitting(part, 1, 2, 3) == [2]


def test_a_session_that_was_not_read_does_not_fit_yet() -> None:
    part = audition([1, 2], _1="<a")

    assert fitting(part, 1, 2) == [1]


def test_where_one_session_may_be_meant_nothing_is_held_against_it() -> None:
    part = audition([1], _1="<a")

    assert note(part, "<x")
    assert not part.alike
    assert not part.transcript


def test_nothing_is_looked_for_once_it_is_over() -> None:
    part = audition([1, 2], _1="<a", _2="<b")
    assert note(part, "<a")
    part.end()

    assert note(part, "<x")
    assert not part.alike
    assert not part.transcript


def test_after_so_many_messages_the_session_that_leads_is_the_one() -> None:
    part = audition([1, 2], _1="<a " * (LINES + 1), _2="<a " * (LINES + 1))

    assert all(note(part, "<a") and part.alike for _ in range(LINES))
    assert note(part, "<a")
    assert not part.alike


def test_after_so_many_bytes_it_is_too() -> None:
    long = f"<{'a' * BYTES}"
    part = audition([1, 2], _1=f"{long} <b", _2=f"{long} <c")

    assert note(part, long)
    assert part.alike
    assert note(part, "<b")
    assert not part.alike
