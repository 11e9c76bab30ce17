"""Clients that are not those that were recorded: each gets a clear answer, and nobody waits."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.frames import KEY, wire
from support.mocking import Told, chat, joined, mocked, recorded_at
from support.raw import Peer, conversation, upgrade
from support.recordings import recorder_at
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from wsrec.match.difference import Difference
from wsrec.match.rules import Matching, Pacing, Patience
from wsrec.net.errors import SettingError
from wsrec.replay.mock import Mock
from wsrec.replay.mock_options import MockOptions
from wsrec.schemas.pointers import Pointer

HASTY = Patience(message_ns=1_000_000_000, close_ns=500_000_000)


async def dialogue(socket: ServerConnection, thought: float = 0) -> None:
    """Answer two questions."""
    for number in (1, 2):
        await socket.recv()
        await asyncio.sleep(thought)
        await socket.send(json.dumps({"type": "answer", "number": number}))
    await socket.wait_closed()


def question(number: int, **more: object) -> str:
    return json.dumps({"type": "question", "number": number, **more})


async def asks(socket: ClientConnection, *numbers: int, pause: float = 0) -> list[Any]:
    """Ask, wait for each answer; return their numbers."""
    found = []
    for number in numbers:
        await asyncio.sleep(pause)
        await socket.send(question(number))
        found.append(json.loads(await asyncio.wait_for(socket.recv(), 5))["number"])
    return found


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


async def record(path: Path, pause: float = 0, thought: float = 0) -> None:
    handler = partial(dialogue, thought=thought)
    async with recorded_at(path, handler) as url, joined(url + "/ask") as socket:
        assert await asks(socket, 1, 2, pause=pause) == [1, 2]


async def refused(url: str) -> tuple[int, str]:
    """Return what a client is told that gets no session."""
    with pytest.raises(InvalidStatus) as caught:
        async with joined(url):
            pass
    response = caught.value.response
    return response.status_code, (response.body or b"").decode()


@conversation
async def test_another_message_is_told_and_the_session_goes_on(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        assert await asks(socket, 3, 2) == [1, 2]

    (found,) = told.differences
    assert (found.kind, found.session, found.seq, found.event) == ("changed", 1, 1, "question")
    assert [(each.pointer, each.recorded, each.live) for each in found.changes] == [
        ("/number", 1, 3)
    ]


@conversation
async def test_a_strict_mock_closes_at_the_first_difference(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told, strict=True) as mock, joined(mock.url + "/ask") as socket:
        await socket.send(json.dumps({"type": "hello"}))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)

    assert told.kinds() == ["unexpected"]
    assert socket.close_code == 1008
    assert socket.close_reason == f"wsrec mock: {told.differences[0].message}"


@conversation
async def test_a_client_that_does_not_wait_for_its_answer_is_early(recording: Path) -> None:
    await record(recording, pause=0.12, thought=0.1)
    told = Told()

    pacing = Pacing("recorded")
    async with mocked(recording, told, pacing=pacing) as mock, joined(mock.url + "/ask") as socket:
        for number in (1, 2):
            await socket.send(question(number))
        assert [json.loads(await socket.recv())["number"] for _ in range(2)] == [1, 2]

    assert [(each.kind, each.seq) for each in told.differences] == [("early", 3)]


@conversation
async def test_a_client_that_says_more_says_something_unexpected(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        assert await asks(socket, 1, 2) == [1, 2]
        await socket.send(question(3))

    assert told.kinds() == ["unexpected"]


@conversation
async def test_of_a_client_that_says_very_much_more_a_bounded_part_is_told(
    recording: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        for number in range(1200):
            await socket.send(json.dumps({"type": "weather", "degrees": number}))
        assert await asks(socket, 1, 2) == [1, 2]

    assert len(told.differences) == 1000
    (played,) = mock.plays.sessions
    assert (len(played.differences), played.more) == (1000, 200)
    assert caplog.messages == ["session 1: further differences are only counted"]


@conversation
async def test_a_client_that_says_nothing_is_told_what_it_should(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told, patience=HASTY) as mock, joined(mock.url + "/ask") as socket:
        assert await asks(socket, 1) == [1]
        await asyncio.wait_for(socket.wait_closed(), 5)

    assert [(each.kind, each.seq) for each in told.differences] == [("missing", 3)]
    assert (socket.close_code, socket.close_reason) == (
        1011,
        "wsrec mock: expected question (frame 3)",
    )


@conversation
async def test_a_client_that_leaves_is_lost(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        assert await asks(socket, 1) == [1]
        socket.transport.abort()
        async with asyncio.timeout(5):
            while not told.differences:
                await asyncio.sleep(0.01)

    assert [(each.kind, each.seq) for each in told.differences] == [("lost", 3)]


@conversation
async def test_a_client_that_closes_early_owes_the_rest(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        assert await asks(socket, 1) == [1]
        await socket.close(1000)

    assert [(each.kind, each.seq) for each in told.differences] == [("missing", 3)]


@conversation
async def test_a_client_for_whom_no_session_is_left_is_told_so(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock, joined(mock.url + "/ask") as socket:
        await asks(socket, 1, 2)
        expected = "no session of /ask is left: each is played once without --loop"
        assert await refused(mock.url + "/ask") == (503, f"wsrec: {expected}\n")

    assert [(each.kind, each.message) for each in told.differences] == [("unexpected", expected)]


@conversation
async def test_a_path_that_is_not_recorded_is_answered_with_those_that_are(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock:
        assert await refused(mock.url + "/tell") == (
            404,
            "wsrec: /tell is in no session; recorded: /ask\n",
        )

    assert told.kinds() == ["unexpected"]


@conversation
async def test_little_of_what_a_stranger_asks_for_is_kept(recording: Path) -> None:
    await record(recording)
    told = Told()

    async with mocked(recording, told) as mock:
        status, why = await refused(mock.url + "/x?" + "y" * 20_000)
        assert status == 404
        _, why_of_a_path = await refused(mock.url + "/" + "x" * 20_000)

    assert why == "wsrec: /x is in no session; recorded: /ask\n"
    assert len(why_of_a_path) < 300
    strangers = [each for each in mock.plays.sessions if each.session is None]
    assert [len(each.target) for each in strangers] == [200, 200]
    assert all(len(each.message) < 300 for each in told.differences)


@conversation
async def test_another_query_is_told_without_its_values(recording: Path) -> None:
    await record(recording)
    told = Told()

    target = "/ask?key=secret&page=2"
    async with mocked(recording, told, loop=True) as mock, joined(mock.url + target) as socket:
        await asks(socket, 1, 2)

    (found,) = told.differences
    assert (found.kind, found.message) == (
        "handshake",
        "the query is another than recorded at /query/key, /query/page, which --ignore takes",
    )


@conversation
async def test_another_query_may_be_allowed(recording: Path) -> None:
    await record(recording)
    matching = Matching(ignore=(Pointer.parse("/query/page"),))

    target = "/ask?page=2"
    async with mocked(recording, matching=matching) as mock, joined(mock.url + target) as socket:
        await asks(socket, 1, 2)


@conversation
async def test_plain_http_is_not_replayed(recording: Path) -> None:
    await record(recording)

    async with mocked(recording) as mock, aiohttp.ClientSession() as session:
        response = await session.get(mock.url.replace("ws", "http", 1) + "/ask")
        status, text = response.status, await response.text()

    assert (status, text) == (
        501,
        "wsrec: plain HTTP is not replayed, only WebSocket sessions are: `wsrec proxy` passes it on"
        " to a backend\n",
    )


@conversation
async def test_a_mock_that_ends_closes_its_sessions(recording: Path) -> None:
    await record(recording)

    async with mocked(recording) as mock:
        socket = await joined(mock.url + "/ask")
        assert await asks(socket, 1) == [1]
    await asyncio.wait_for(socket.wait_closed(), 5)

    assert (socket.close_code, socket.close_reason) == (1001, "wsrec mock: it is shutting down")


@conversation
async def test_a_recording_without_sessions_is_no_mock(recording: Path) -> None:
    async with recorded_at(recording, chat):
        pass

    with pytest.raises(SettingError, match="there is no session in it that can be played"):
        async with Mock(recording, MockOptions()):
            pass


@conversation
async def test_why_there_is_nothing_to_play_is_said(recording: Path) -> None:
    with recorder_at(recording) as recorder:
        recorder.session("192.0.2.1:4711", "/ws", []).ended()

    with pytest.raises(SettingError, match=r": session 1: its opening handshake was never answer"):
        async with Mock(recording, MockOptions()):
            pass


@conversation
async def test_a_client_that_takes_nothing_is_given_up(recording: Path) -> None:
    async def pour(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(bytes(24 << 20))
        await socket.wait_closed()

    async with recorded_at(recording, pour, compression=None) as url, joined(url) as socket:
        await socket.send("go")
        await socket.recv()
    told = Told()

    async with mocked(recording, told, patience=HASTY) as mock:
        client = await Peer.connect(mock.port)
        await client.send(upgrade())
        await client.head()
        await client.send(wire(1, b"go", mask=KEY))
        await mock.quiet(10)
        (played,) = mock.plays.sessions
        client.reset()

    assert (played.verdict, told.kinds()) == ("differs", ["lost"])
    how = "reset by the mock: the client takes nothing of what is said"
    assert told.differences[0].message.startswith(f"the connection ended ({how}) before ")


@conversation
async def test_a_malformed_upgrade_is_logged_and_no_difference(
    recording: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await record(recording)

    async with mocked(recording) as mock:
        for right, wrong, status in (
            (b"GET", b"POST", 405),
            (b"Version: 13", b"Version: 8", 426),
            (b"HTTP/1.1", b"HTTP/1.0", 505),
            (b"Connection: Upgrade", b"Connection: keep-alive", 400),
        ):
            client = await Peer.connect(mock.port)
            await client.send(upgrade().replace(right, wrong))
            assert f" {status} " in (await client.head()).partition("\r\n")[0]
            await client.close()
        async with joined(mock.url + "/ask") as socket:
            assert await asks(socket, 1, 2) == [1, 2]

    assert len(caplog.messages) == 4
    assert mock.plays.verdict == "matched"


@conversation
async def test_a_fault_while_a_client_is_heard_ends_its_session_and_is_told(
    recording: Path,
) -> None:
    await record(recording)
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: faults.append(context.get("exception")))

    def tell(difference: Difference) -> None:
        raise LookupError(difference.kind)

    async with Mock(recording, MockOptions(), tell) as mock, joined(mock.url + "/ask") as socket:
        await socket.send("something else")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        await mock.quiet(5)
        (played,) = mock.plays.sessions

    assert [repr(each) for each in faults] == ["LookupError('unexpected')"]
    assert played.verdict == "differs"


@conversation
async def test_a_recording_that_is_deleted_is_played_on(recording: Path) -> None:
    await record(recording)

    async with mocked(recording) as mock:
        await asyncio.to_thread(recording.unlink)
        async with joined(mock.url + "/ask") as socket:
            assert await asks(socket, 1, 2) == [1, 2]
        await mock.quiet(5)

    assert mock.plays.verdict == "matched"
