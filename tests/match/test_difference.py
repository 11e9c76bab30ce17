"""In which order the differences of a session are reported."""

from __future__ import annotations

from support.conversation import contract
from support.dialogues import Half, close, event, script
from wsrec.match.difference import Difference, in_order
from wsrec.match.rules import Matching

FOLDED = Matching(
    contract(
        """
events: {name: /type, fields: {job: /job, text: /text}}
spans:
  job:
    key: job
    open: begin
    during: delta
    close: end
    fold: {join: text, equals: text}
"""
    )
)


def test_a_text_that_ends_late_stands_before_what_came_of_it() -> None:
    begin, end = event("begin", job="j1"), event("end", job="j1", text="Hello")
    talk = [begin, event("delta", job="j1", text="Hello"), end, event("bye", n=1)]
    side = Half(script(*(("S", each) for each in talk), ("S", close())), matching=FOLDED)
    side.hears(
        begin,
        event("hint"),
        event("delta", job="j1", text="Hallo"),
        event("end", job="j1", text="Hallo"),
        event("what"),
        event("bye", n=2),
        close(),
    )
    told = [(each.kind, each.seq, each.number) for each in side.found]
    listed = [(each.kind, each.seq, each.number) for each in in_order(side.found)]
    assert listed == [
        ("unexpected", None, 2),
        ("changed", 2, 3),
        ("changed", 3, 4),
        ("unexpected", None, 5),
        ("changed", 4, 6),
    ]
    assert told != listed
    assert sorted(told, key=str) == sorted(listed, key=str)


def test_the_handshake_is_first_and_the_end_is_last() -> None:
    lost, frame, handshake = (
        Difference("lost", "it ended", 1),
        Difference("missing", "it did not come", 1, seq=7),
        Difference("handshake", "it was refused", 1),
    )
    assert in_order([lost, frame, handshake]) == [handshake, frame, lost]
