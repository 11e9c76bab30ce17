"""A recording's client half played to its server half: both find all of it."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from support.mocking import BIG, chat, echo, joined, mocked, recorded_at, say
from support.raw import conversation
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from wsrec.net.upstream import Upstream
from wsrec.replay.replaying import replay


def _refuse(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != "/no":
        return None
    response = connection.respond(HTTPStatus.UNAUTHORIZED, "who are you\n")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _talk(url: str) -> None:
    """Have sessions with messages of all kinds, refused ones, and one that breaks off."""
    for _ in range(2):
        async with joined(url + "/all") as socket:
            await say(socket, "", b"", "text", b"\0\xff" * 500, "pieces", "bytes", "big", "x" * BIG)
        with pytest.raises(Exception, match="401"):
            await joined(url + "/no")
        async with joined(url + "/some") as socket:
            await say(socket, "hello", "drop")


@pytest.mark.parametrize("compression", [None, "deflate"])
@conversation
async def test_every_session_matches_on_both_sides(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "session.db"
    backend = recorded_at(path, echo, compression=compression, process_request=_refuse)
    async with backend as url:
        await _talk(url)

    async with mocked(path) as mock:
        replayed = await replay(path, Upstream.parse(mock.url))
        await mock.quiet(5)
        plays = mock.plays

    assert [each.verdict for each in replayed.sessions] == ["matched"] * 6
    assert (plays.verdict, len(plays.sessions)) == ("matched", 6)
    assert {each.session for each in plays.sessions} == set(range(1, 7))


@conversation
async def test_sessions_that_overlapped_match_with_fresh_ids(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    async with recorded_at(path, chat) as url, joined(url) as first, joined(url) as second:
        for socket in (first, second, first):
            await socket.recv()
            await socket.send('{"message_id": "m_8f3ka9d2c1", "text": "hello"}')
            for _ in range(4):
                await socket.recv()

    async with mocked(path, fresh_ids=True) as mock:
        replayed = await replay(path, Upstream.parse(mock.url))
        await mock.quiet(5)
        plays = mock.plays

    assert [each.verdict for each in replayed.sessions] == ["matched"] * 2
    assert [each.verdict for each in plays.sessions] == ["matched"] * 2
    assert all(each.bindings for each in replayed.sessions)
