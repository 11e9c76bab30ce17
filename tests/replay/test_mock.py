"""`Mock` before real clients: the same result as from the server that was recorded."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import pytest
from support.mocking import (
    BIG,
    Chat,
    Told,
    chat,
    echo,
    joined,
    mocked,
    recorded_at,
    say,
    server,
)
from support.proxying import in_process
from support.raw import conversation, conversation_with_process
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol
from wsrec.proxy.options import Options
from wsrec.redaction.rules import Rules


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


async def record(path: Path, *talks: tuple[str, ...]) -> list[list[object]]:
    """Record talks, one after another; return what their clients saw."""
    async with recorded_at(path, chat) as url:
        return [await Chat.talk(url, *texts) for texts in talks]


@conversation
async def test_a_client_gets_the_same_from_the_mock_as_from_the_server(recording: Path) -> None:
    (expected,) = await record(recording, ("hello", "how are you", "bye"))

    async with mocked(recording, loop=True) as mock:
        seen = [await Chat.talk(mock.url, "hello", "how are you", "bye") for _ in range(3)]

    assert seen == [expected] * 3


@conversation
async def test_the_session_is_the_one_that_begins_as_the_client_does(recording: Path) -> None:
    talks = [("one",), ("two", "three"), ("two", "four"), ("two", "bye")]
    expected = await record(recording, *talks)

    async with mocked(recording) as mock:
        seen = [await Chat.talk(mock.url, *texts) for texts in reversed(talks)]

    assert seen[::-1] == expected


async def asking(socket: ServerConnection) -> None:
    """Say back what is heard, and answer heartbeats of Engine.IO 3."""
    async for message in socket:
        await socket.send("3" if message == "2" else message)


@conversation
async def test_heartbeats_do_not_tell_sessions_apart(recording: Path) -> None:
    talks = [("hello", "2", "one"), ("2", "hello", "2", "two"), ("hello", "three")]
    async with recorded_at(recording, asking) as url:
        for texts in talks:
            async with joined(f"{url}/?EIO=3") as socket:
                await say(socket, *texts)

    async with mocked(recording, loop=True) as mock:
        for text in ("two", "one", "three", "two"):
            async with joined(f"{mock.url}/?EIO=3") as socket:
                seen = await say(socket, "2", "hello", "2", "2", text, "2")
            assert seen == ["3", "hello", "3", "3", text, "3", 3000, "enough"]
    assert [each.session for each in mock.plays.sessions] == [2, 1, 3, 2]
    assert mock.plays.verdict == "matched"


async def greeter(socket: ServerConnection) -> None:
    """Greet somebody who says nothing, and answer."""
    with suppress(TimeoutError):
        asked = await asyncio.wait_for(socket.recv(), 0.3)
        await socket.send("welcome")
        await socket.send(f"you said {asked!r}")
        return
    await socket.send("welcome")
    await socket.send(f"you said {await socket.recv()!r}")


@conversation
async def test_who_spoke_first_does_not_tell_sessions_apart(recording: Path) -> None:
    async def asks(url: str, question: str, *, waits: bool) -> list[str | bytes]:
        async with joined(url) as socket:
            heard = [await socket.recv()] if waits else []
            await socket.send(question)
            return [*heard, *[await socket.recv() for _ in range(2 - len(heard))]]

    async with recorded_at(recording, greeter) as url:
        expected = [await asks(url, "one", waits=True), await asks(url, "two", waits=False)]

    async with mocked(recording, loop=True) as mock:
        for waits in (False, True):
            assert await asks(mock.url, "one", waits=waits) == expected[0]
            assert await asks(mock.url, "two", waits=waits) == expected[1]


async def all_at_once(recording: Path, count: int) -> None:
    """Have clients that mean different sessions say the same at first."""
    talks = [("hello", f"number {number // 2}", "bye") for number in range(count)]
    async with recorded_at(recording, chat) as url:
        expected = await asyncio.gather(*(Chat.talk(url, *texts) for texts in talks))

    async with mocked(recording) as mock:
        seen = await asyncio.gather(*(Chat.talk(mock.url, *texts) for texts in reversed(talks)))

    assert seen[::-1] == expected


@conversation
async def test_25_clients_at_once_get_a_session_each(recording: Path) -> None:
    await all_at_once(recording, 25)


@conversation_with_process
async def test_100_clients_at_once_get_a_session_each(recording: Path) -> None:
    await all_at_once(recording, 100)


@conversation
async def test_fresh_ids_are_others_for_every_client(recording: Path) -> None:
    (expected,) = await record(recording, ("hello", "bye"))
    ids = []

    async with mocked(recording, loop=True, fresh_ids=True) as mock:
        for _ in range(3):
            async with joined(mock.url + "/chat") as socket:
                client = Chat(socket)
                client.session = (await client.hear("welcome"))["session_id"]
                await client.ask("hello")
                await client.ask("bye")
                await socket.wait_closed()
            assert [*client.seen, socket.close_code, socket.close_reason] == expected
            ids.append(client.session)

    assert len(set(ids)) == 3


@pytest.mark.parametrize("compression", [None, "deflate"])
@conversation
async def test_messages_of_all_kinds_are_played(recording: Path, compression: str | None) -> None:
    messages: list[str | bytes] = [
        "",
        b"",
        "text",
        b"\x00\xff" * 500,
        "pieces",
        "bytes",
        "big",
        "x" * BIG,
    ]
    recorded = recorded_at(recording, echo, compression=compression)
    async with recorded as url, joined(url) as socket:
        expected = await say(socket, *messages)

    async with mocked(recording) as mock, joined(mock.url) as socket:
        assert await say(socket, *messages) == expected
        extensions = [type(each).__name__ for each in socket.protocol.extensions]

    assert extensions == ([] if compression is None else ["PerMessageDeflate"])


@conversation
async def test_a_client_that_does_not_compress_gets_what_was_compressed(recording: Path) -> None:
    async with recorded_at(recording, echo) as url, joined(url) as socket:
        expected = await say(socket, "pieces", "big")

    async with mocked(recording) as mock, joined(mock.url, compression=None) as socket:
        assert await say(socket, "pieces", "big") == expected


@conversation
async def test_a_connection_that_was_dropped_is_dropped(recording: Path) -> None:
    async with recorded_at(recording, echo) as url, joined(url) as socket:
        expected = await say(socket, "hello", "drop")

    async with mocked(recording) as mock, joined(mock.url) as socket:
        assert await say(socket, "hello", "drop") == expected

    assert expected == ["hello", "closed", 1006, ""]


@conversation
async def test_a_client_that_dropped_its_connection_may_do_so_again(recording: Path) -> None:
    async def drop(url: str, after: float) -> None:
        async with joined(url) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
            with suppress(TimeoutError):
                await asyncio.wait_for(socket.wait_closed(), after)
            assert socket.close_code is None
            socket.transport.abort()

    async with recorded_at(recording, echo) as url:
        await drop(url, 0.2)

    async with mocked(recording) as mock:
        await drop(mock.url, 0.4)
        await mock.quiet(5)
        assert [each.verdict for each in mock.plays.sessions] == ["matched"]


@conversation
async def test_a_refusal_is_played_with_its_status_and_headers(recording: Path) -> None:
    def refuse_once(connection: ServerConnection, request: Request) -> Response | None:
        if "Authorization" in request.headers:
            return None
        response = connection.respond(HTTPStatus.UNAUTHORIZED, "who are you\n")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    async def ask(url: str) -> list[object]:
        with pytest.raises(InvalidStatus) as caught:
            await joined(url)
        response = caught.value.response
        async with joined(url, additional_headers={"Authorization": "Bearer x"}) as socket:
            answer = await say(socket, "hello")
        return [response.status_code, response.headers["WWW-Authenticate"], *answer]

    async with recorded_at(recording, echo, process_request=refuse_once) as url:
        expected = await ask(url)

    async with mocked(recording) as mock:
        assert await ask(mock.url) == expected
    assert expected[:3] == [401, "Bearer", "hello"]


@conversation
async def test_the_subprotocol_chooses_the_session(recording: Path) -> None:
    async def tell(socket: ServerConnection) -> None:
        await socket.send(str(socket.subprotocol))
        await socket.wait_closed()

    async def ask(url: str, *offered: str) -> tuple[object, ...]:
        subprotocols = [Subprotocol(each) for each in offered] or None
        async with joined(url, subprotocols=subprotocols) as socket:
            return await socket.recv(), socket.subprotocol

    offers = [("a", "b"), ("b",), ()]
    async with recorded_at(
        recording, tell, subprotocols=[Subprotocol("a"), Subprotocol("b")],
        select_subprotocol=lambda _, offered: offered[0] if offered else None,
    ) as url:  # fmt: skip
        expected = [await ask(url, *each) for each in offers]

    async with mocked(recording) as mock:
        assert [await ask(mock.url, *each) for each in reversed(offers)] == expected[::-1]


@conversation
async def test_set_cookie_is_sent_unless_it_was_redacted(recording: Path) -> None:
    def with_cookies(
        connection: ServerConnection, request: Request, response: Response
    ) -> Response:
        response.headers["Set-Cookie"] = "theme=dark"
        response.headers["X-Served-By"] = "backend 1"
        return response

    recorded = recorded_at(recording, echo, process_response=with_cookies)
    async with recorded as url, joined(url) as socket:
        await say(socket, "hello")

    async with mocked(recording) as mock, joined(mock.url) as socket:
        assert await say(socket, "hello") == ["hello", 3000, "enough"]
        assert socket.response is not None
        headers = socket.response.headers

    assert "Set-Cookie" not in headers
    assert headers["X-Served-By"] == "backend 1"


@conversation
async def test_in_recorded_order_a_client_that_comes_too_soon_is_refused(recording: Path) -> None:
    async with recorded_at(recording, echo) as url:
        for path in ("/first", "/second"):
            async with joined(url + path) as socket:
                await say(socket, path)

    told = Told()
    async with mocked(recording, told, order="recorded") as mock:
        with pytest.raises(InvalidStatus) as caught:
            await joined(mock.url + "/second")
        for path in ("/first", "/second"):
            async with joined(mock.url + path) as socket:
                assert (await say(socket, path))[0] == path

    assert caught.value.response.status_code == 409
    assert [each.message for each in told.differences] == [
        "session 1, /first, is next in recorded order"
    ]


@conversation
async def test_ids_in_the_target_are_bound_as_those_in_messages(recording: Path) -> None:
    async def greet(socket: ServerConnection) -> None:
        assert socket.request is not None
        await socket.send(json.dumps({"room_id": socket.request.path.rpartition("/")[2]}))
        await socket.wait_closed()

    rooms = "0b9f6a1e-7c1d-4a7e-9f0e-2f6f1f0a9c11", "5f0e8a4c-3b6d-4d1b-8a55-7c3b7f9e2d10"
    async with recorded_at(recording, greet) as url, joined(f"{url}/rooms/{rooms[0]}") as socket:
        assert json.loads(await socket.recv()) == {"room_id": rooms[0]}

    async with mocked(recording) as mock, joined(f"{mock.url}/rooms/{rooms[1]}") as socket:
        assert json.loads(await asyncio.wait_for(socket.recv(), 5)) == {"room_id": rooms[1]}


@conversation
async def test_no_report_tells_what_the_recording_keeps_out(recording: Path) -> None:
    """Neither of a client that is played to, nor of one that is refused or gets no session."""
    target = "/ws?user=ada&token=s3cr3t&room=s3cr3t"
    options = Options(redaction=Rules.parse(["query:room"]))
    async with (
        server(echo) as backend,
        in_process(backend, recording, options) as proxy,
        joined(proxy.url + target) as socket,
    ):
        await say(socket, "hello")

    async with mocked(recording, Told()) as mock:
        async with joined(mock.url + target) as socket:
            await say(socket, "hello")
        with pytest.raises(InvalidStatus):
            await joined(mock.url + target)

    played, refused = mock.plays.sessions
    assert (played.verdict, refused.verdict) == ("matched", "differs")
    assert played.target == refused.target
    assert re.fullmatch(r"/ws\?user=ada&token=(redacted:\w{16})&room=\1", played.target)
