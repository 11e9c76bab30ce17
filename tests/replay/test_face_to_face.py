"""A recording's client half played to its server half: both find all of it."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.golden import FOLDER
from support.mocking import BIG, chat, echo, joined, mocked, recorded_at, say
from support.raw import conversation
from support.recordings import Conversation, contents, recorder_at
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from wsrec.net.upstream import Upstream
from wsrec.replay.replaying import Output, replay
from wsrec.replay.stage import Settings


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


@pytest.mark.parametrize("concurrency", [None, 1])
@pytest.mark.parametrize("path", sorted(FOLDER.glob("v*/*.db")), ids=lambda path: path.stem)
@conversation
async def test_every_recording_that_is_kept_matches(path: Path, concurrency: int | None) -> None:
    async with mocked(path) as mock:
        settings = Settings(concurrency=concurrency)
        replayed = await replay(path, Upstream.parse(mock.url), settings)
        await mock.quiet(5)
        plays = mock.plays

    client, server = (
        {each.session: (each.verdict, each.why, each.excused) for each in those}
        for those in (replayed.sessions, plays.sessions)
    )
    unplayable = {}
    if path.stem == "anomalies":
        why = "its opening handshake is not of WebSocket version 13"
        unplayable[4] = ("unplayed", why, True)
        unplayable[5] = ("unplayed", "its opening handshake was never answered", True)
    assert client == server
    assert client == dict.fromkeys(client, ("matched", None, False)) | unplayable
    assert len(plays.sessions) == len(replayed.sessions)


@conversation
async def test_both_answer_a_close_as_it_was_answered(tmp_path: Path) -> None:
    path, new = tmp_path / "session.db", tmp_path / "new.db"
    with recorder_at(path) as recorder:
        enough, fine = b"\x0f\xa0enough", b"\x03\xe8"
        Conversation(recorder).server(wire(8, enough)).client(wire(8, fine, mask=KEY)).end()
        Conversation(recorder).client(wire(8, enough, mask=KEY)).server(wire(8, fine)).end()

    async with mocked(path) as mock:
        replayed = await replay(path, Upstream.parse(mock.url), output=Output(path=new))
        await mock.quiet(5)

    assert [each.verdict for each in (*replayed.sessions, *mock.plays.sessions)] == ["matched"] * 4
    said = [[each.payload for each in frames] for frames in contents(new).frames]
    assert said == [[enough, fine]] * 2
