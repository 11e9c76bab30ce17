"""Which session is played to whom: handshakes, and a largest matching of what clients say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wsrec.match.compare import Comparer
from wsrec.match.ids import Ids
from wsrec.match.rules import Matching
from wsrec.replay.casting import Casting, MiscastError, Order
from wsrec.replay.fitting import Asked, Fit, Fitting, subprotocol
from wsrec.schemas.pointers import Pointer
from wsrec.store.model import Session

UUIDS = "0b9f6a1e-7c1d-4a7e-9f0e-2f6f1f0a9c11", "5f0e8a4c-3b6d-4d1b-8a55-7c3b7f9e2d10"


FITTING = Fitting(Comparer(Matching()))


def session(
    number: int = 1,
    target: str = "/ws",
    *,
    offered: str | None = None,
    chosen: str | None = None,
    status: int = 101,
    extensions: str | None = None,
) -> Session:
    return Session(
        id=number,
        started_at="2026-01-01T00:00:00.000000Z",
        started_ns=number,
        client=None,
        target=target,
        request_headers=tuple(
            (name, value)
            for name, value in (
                ("Sec-WebSocket-Protocol", offered),
                ("Sec-WebSocket-Extensions", extensions),
            )
            if value is not None
        ),
        status=status,
        response_headers=(),
        subprotocol=chosen,
        extensions=None,
        ended_ns=None,
        close_code=None,
        close_reason=None,
        closed_by=None,
        clean=True,
        client_frames=0,
        client_bytes=0,
        server_frames=0,
        server_bytes=0,
    )


_PIECES = st.sampled_from(["ws", "a", "7", *UUIDS, *(f"the {each} one" for each in UUIDS)])
_TARGETS = st.builds(
    lambda path, query: f"/{'/'.join(path)}?{'&'.join(f'u={each}' for each in query)}",
    st.lists(_PIECES, max_size=3),
    st.lists(_PIECES, max_size=2),
)


@given(recorded=_TARGETS, live=_TARGETS)
@example(*(f"/the {each} one?u={each}" for each in UUIDS))
def test_a_path_that_cannot_fit_is_seen_without_the_query(recorded: str, live: str) -> None:
    found = Comparer(Matching()).compare_target(recorded, live, Ids())
    fits = not any(each.pointer.startswith("/path") for each in found.changes)
    assert (FITTING.fit(session(target=recorded), Asked(live)) is not None) == fits


@pytest.mark.parametrize(
    ("recorded", "live", "expected"),
    [
        ("/ws", "/ws", Fit.SAME),
        ("/ws", "/ws?", Fit.SAME),
        ("/ws?a=1&b=2", "/ws?b=2&a=1", Fit.SAME),
        ("/ws?a=1&a=2", "/ws?a=2&a=1", Fit.QUERY),
        ("/ws?a=1", "/ws", Fit.QUERY),
        ("/ws", "/ws/", None),
        ("/ws", "/WS", None),
        ("/v1", "/v2", None),
        ("/room/1", "/room/2", None),
        (f"/room/{UUIDS[0]}", f"/room/{UUIDS[1]}", Fit.IDS),
        (f"/ws?t={UUIDS[0]}&v=1", f"/ws?v=1&t={UUIDS[1]}", Fit.IDS),
        (f"/ws?t={UUIDS[0]}&v=1", f"/ws?v=2&t={UUIDS[1]}", Fit.QUERY),
        ("/ws?thread_id=7", "/ws?thread_id=8", Fit.IDS),
        ("/ws?page=7", "/ws?page=8", Fit.QUERY),
        ("/ws?token=redacted:0123456789abcdef", "/ws?token=s3cret", Fit.IDS),
        ("/ws?token=redacted:0123456789abcdef", "/ws", Fit.IDS),
    ],
)
def test_a_target_fits_exactly_or_but_for_ids_and_secrets(
    recorded: str, live: str, expected: Fit | None
) -> None:
    assert FITTING.fit(session(target=recorded), Asked(live)) == expected


def test_ids_in_a_target_stand_for_each_other() -> None:
    recorded = session(target=f"/r/{UUIDS[0]}?thread_id=7&v=1&token=redacted:0123456789abcdef")
    live = Asked(f"/r/{UUIDS[1]}?v=2&thread_id=8&token=secret")

    found = [(each.recorded, each.live, each.pointer) for each in FITTING.ids(recorded, live)]

    assert found == [
        (UUIDS[0], UUIDS[1], "/path/1"),
        ("7", "8", "/query/thread_id"),
    ]


@pytest.mark.parametrize(
    ("offered", "chosen", "live", "expected"),
    [
        (None, None, (), (True, None)),
        ("a, b", "b", ("b", "c"), (True, "b")),
        ("a, b", "b", ("a",), (False, "b")),
        ("a", None, ("a",), (True, None)),
        ("a", None, (), (True, None)),
        (None, None, ("a",), (False, None)),
        ("a, redacted:0123456789abcdef", "redacted:0123456789abcdef", ("a", "x"), (True, "x")),
    ],
)
def test_a_subprotocol_is_answered_if_it_was_offered(
    offered: str | None,
    chosen: str | None,
    live: tuple[str, ...],
    expected: tuple[bool, str | None],
) -> None:
    assert subprotocol(session(offered=offered, chosen=chosen), Asked("/ws", live)) == expected


def test_a_refusal_has_no_subprotocol() -> None:
    assert subprotocol(session(status=403), Asked("/ws", ("any",))) == (True, None)


class Client:
    """A client that may mean some of the sessions; as it speaks, fewer of them."""

    def __init__(self, casting: Casting, alike: Sequence[Session]) -> None:
        self.alike = [each.id for each in alike]
        self.means = set(self.alike)
        self.session = 0
        self._casting = casting

    def begins(self, session: int) -> None:
        self.session = session
        self._casting.begin(session, self)

    def audition(self, session: int) -> Callable[[], None] | None:
        return (lambda: setattr(self, "session", session)) if session in self.means else None


def cast(casting: Casting, target: str = "/ws") -> int:
    """Return the session that a client gets that says nothing more."""
    found, alike = casting.cast(Asked(target))
    Client(casting, alike).begins(found.id)
    return found.id


def refusal(casting: Casting, target: str = "/ws") -> tuple[int, str]:
    with pytest.raises(MiscastError) as caught:
        casting.cast(Asked(target))
    return caught.value.status, str(caught.value)


def test_the_same_query_goes_before_the_recorded_order() -> None:
    casting = Casting([session(1, "/ws?a=1"), session(2, "/ws?a=2")], FITTING, "any", loop=False)

    assert [cast(casting, "/ws?a=2"), cast(casting, "/ws?a=2")] == [2, 1]
    assert refusal(casting, "/ws?a=2") == (
        503,
        "no session of /ws is left: each is played once without --loop",
    )


def test_who_offers_to_compress_gets_first_what_somebody_got_who_did() -> None:
    sessions = [session(1), session(2, extensions="x, permessage-deflate; client_max_window_bits")]
    casting = Casting(sessions, FITTING, "any", loop=True)

    assert casting.cast(Asked("/ws", compresses=True))[0].id == 2
    assert casting.cast(Asked("/ws"))[0].id == 1
    casting.begin(2, None)
    assert casting.cast(Asked("/ws", compresses=True))[0].id == 1  # nobody had it yet
    casting.begin(1, None)
    assert casting.cast(Asked("/ws", compresses=True))[0].id == 2


def test_in_recorded_order_another_session_is_not_played() -> None:
    sessions = [session(1, "/a"), session(2, "/b")]
    casting = Casting(sessions, FITTING, "recorded", loop=False)

    assert refusal(casting, "/b") == (409, "session 1, /a, is next in recorded order")
    assert [cast(casting, "/a"), cast(casting, "/b")] == [1, 2]
    assert refusal(casting, "/a") == (503, "no session is left: each is played once without --loop")


@pytest.mark.parametrize(
    ("order", "expected"),
    [("any", [1, 2, 1, 1]), ("round-robin", [1, 2, 1, 2]), ("recorded", [1, 2, 1, 2])],
)
def test_with_loop_sessions_are_played_again(order: Order, expected: list[int]) -> None:
    casting = Casting([session(1), session(2)], FITTING, order, loop=True)

    found = []
    for _ in expected:
        found.append(cast(casting))
        casting.end(found[-1])

    assert found == expected


def test_with_loop_what_nobody_has_goes_first() -> None:
    casting = Casting([session(1), session(2), session(3)], FITTING, "any", loop=True)

    assert [cast(casting) for _ in range(4)] == [1, 2, 3, 1]


def test_with_loop_who_is_given_another_session_leaves_the_first() -> None:
    casting = Casting([session(1), session(2)], FITTING, "any", loop=True)
    client = Client(casting, casting.cast(Asked("/ws"))[1])
    client.begins(1)
    client.means = {2}

    assert casting.recast(client, 1)
    assert client.session == 2
    assert cast(casting) == 1


def test_a_path_that_is_in_no_session_is_answered_with_those_that_are() -> None:
    sessions = [session(number, f"/{'abcdefg'[number - 1]}?x={number}") for number in range(1, 8)]

    assert refusal(Casting(sessions, FITTING, "any", loop=False), "/nope?x=1") == (
        404,
        "/nope is in no session; recorded: /a, /b, /c, /d, /e, and 2 more",
    )


@pytest.mark.parametrize("target", ["/a" * 14_000, "/" * 28_000, "/" + "a" * 28_000])
def test_a_path_however_long_is_in_no_session_and_is_not_said_back(target: str) -> None:
    sessions = [session(number, f"/room/{number}") for number in range(1, 10)]

    status, why = refusal(Casting(sessions, FITTING, "any", loop=False), target)

    assert status == 404
    assert why.startswith(f"{target[:199]}… is in no session; recorded: /room/1, /room/2,")


def test_segments_that_are_added_are_told_unless_they_are_ignored() -> None:
    recorded, live = session(target="/a?b=1"), Asked("/a" + "/x" * 100 + "?b=1")
    lenient = Fitting(Comparer(Matching(ignore=(Pointer.parse("/path/*"),))))

    assert FITTING.fit(recorded, live) is None
    assert lenient.fit(recorded, live) is Fit.SAME


def test_a_subprotocol_that_was_not_offered_is_named() -> None:
    casting = Casting([session(offered="chat", chosen="chat")], FITTING, "any", loop=False)

    assert refusal(casting) == (
        400,
        "/ws was recorded with subprotocol chat, and the client offers no subprotocol",
    )


@given(st.data())
def test_everybody_gets_a_session_that_fits_if_there_is_a_way(data: st.DataObject) -> None:
    """However clients come, each says in turn what it means; nobody is left who need not be."""
    count = data.draw(st.integers(1, 5))
    numbers = range(1, count + 1)
    means = [data.draw(st.sets(st.sampled_from(numbers), min_size=1)) for _ in numbers]
    casting = Casting([session(number) for number in numbers], FITTING, "any", loop=False)
    clients = []
    for _ in numbers:
        found, alike = casting.cast(Asked("/ws"))
        clients.append(Client(casting, alike))
        clients[-1].begins(found.id)

    told: list[Client] = []
    for client, meant in zip(clients, means, strict=True):
        client.means = meant
        told.append(client)
        if client.session not in meant and not casting.recast(client, client.session):
            told.remove(client)
            client.means = {client.session}  # it stays, with its difference

    assert sorted(each.session for each in clients) == list(numbers)
    assert all(each.session in each.means for each in clients)
    if any(all(s in m for s, m in zip(way, means, strict=True)) for way in permutations(numbers)):
        assert len(told) == count
