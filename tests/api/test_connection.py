"""`wsrec.connect`: a client that keeps what it received, with when it came."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
import wsrec
from aiohttp import WSCloseCode, web
from support.live import backend_at, refusing, serving
from support.raw import conversation

RUN = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")


async def agent(socket: web.WebSocketResponse, request: web.Request) -> None:
    """Answer each message with a run."""
    async for _ in socket:
        for name in RUN:
            await socket.send_json({"type": name, "run_id": "r1"})


async def silent(socket: web.WebSocketResponse, request: web.Request) -> None:
    """Read, and say nothing."""
    async for _ in socket:
        pass


async def echo(socket: web.WebSocketResponse, request: web.Request) -> None:
    """Say what is heard, as it was said."""
    async for message in socket:
        await socket.send_frame(message.data.encode() if message.type == 1 else message.data,
                                message.type)  # fmt: skip


@conversation
async def test_what_came_with_its_times() -> None:
    async with serving(agent) as url, wsrec.connect(url) as connection:
        await connection.send({"type": "user_message"})
        run = await connection.until("agent_completed")
    assert [each.event for each in run] == list(RUN)
    assert run[0].value == {"type": "agent_started", "run_id": "r1"}
    assert run[0].fields == {"run": "r1"}
    assert json.loads(run[0].data) == run[0].value
    assert connection.received == tuple(run)
    assert pickle.loads(pickle.dumps(run)) == run
    assert len({*run, *connection.received}) == len(run)
    assert run[0].gap_ns is None
    gaps = [each.gap_ns for each in run[1:]]
    assert gaps == [b.at_ns - a.at_ns for a, b in pairwise(run)]
    first, last = run[0].latency_ns, run[-1].latency_ns
    assert first is not None
    assert last is not None
    assert 0 < first <= last
    assert last - first == run[-1].at_ns - run[0].at_ns
    assert (run[1].at, run[1].latency, run[1].gap) == (
        *(run[1].at_ns / 1e9, (run[1].latency_ns or 0) / 1e9),
        (run[1].gap_ns or 0) / 1e9,
    )


@conversation
async def test_the_latency_of_a_send_is_that_of_its_first_answer() -> None:
    async with serving(agent) as url, wsrec.connect(url) as connection:
        for _ in range(3):
            await connection.send("go")
            await connection.until("agent_completed")
    answers = connection.events_of("agent_started")
    assert connection.latencies == tuple(each.latency for each in answers)
    assert len(answers) == 3


@conversation
async def test_what_the_server_says_unasked_has_no_latency() -> None:
    async def greet(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_json({"type": "welcome"})
        await silent(socket, request)

    async with serving(greet) as url, wsrec.connect(url) as connection:
        welcome = await connection.receive()
    assert (welcome.event, welcome.latency, welcome.gap) == ("welcome", None, None)
    assert connection.latencies == ()


@conversation
async def test_text_binary_and_json_are_sent_as_what_they_are() -> None:
    async with serving(echo) as url, wsrec.connect(url) as connection:
        for said in ("plain", b"\x00\xff", {"ä": [1, None]}):
            await connection.send(said)
            assert (await connection.receive()).value == said
        assert [each.data for each in connection.received[:2]] == ["plain", b"\x00\xff"]
        with pytest.raises(ValueError, match="JSON"):
            await connection.send({"n": float("nan")})


@conversation
async def test_several_events_of_one_message_come_one_by_one() -> None:
    batch = {"type": "event_batch", "events": {"a": [{"type": "a"}], "b": [{"type": "b"}]}}
    async with serving(echo) as url, wsrec.connect(url) as connection:
        await connection.send(batch)
        one, two = await connection.until("b")
    assert (one.event, two.event, two.gap_ns) == ("a", "b", 0)


@conversation
async def test_names_are_those_of_a_contract() -> None:
    async with serving(echo) as url, wsrec.connect(url, contract="jsonrpc") as connection:
        await connection.send({"jsonrpc": "2.0", "method": "ping", "id": 1})
        assert (await connection.receive()).event == "ping"


@conversation
async def test_of_all_that_came_only_the_last_are_kept() -> None:
    async with serving(agent) as url, wsrec.connect(url, keep=2) as connection:
        await connection.send("go")
        assert len(await connection.until("agent_completed")) == 5
        assert [each.event for each in connection.received] == list(RUN[-2:])


@conversation
async def test_no_more_is_read_than_may_wait_to_be_taken() -> None:
    sent = 0

    async def flood(socket: web.WebSocketResponse, request: web.Request) -> None:
        nonlocal sent
        for _ in range(200):
            await socket.send_bytes(bytes(256 << 10))
            sent += 1
        await silent(socket, request)

    async with serving(flood) as url, wsrec.connect(url, keep=1) as connection:
        await asyncio.sleep(0.5)
        assert sent < 200
        for _ in range(200):
            await connection.receive()
        assert len(connection.received) == 1


@conversation
async def test_compressed_and_with_a_subprotocol() -> None:
    options: dict[str, Any] = {"subprotocols": ["b", "a"], "compression": True}
    async with (
        serving(echo, protocols=("a",)) as url,
        wsrec.connect(url, **options) as connection,
    ):
        assert connection.subprotocol == "a"
        await connection.send("x" * 100_000)
        assert (await connection.receive()).data == "x" * 100_000


@conversation
async def test_waiting_in_vain_for_anything() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        with pytest.raises(wsrec.NotReceivedError) as told:
            await connection.receive(timeout=0.01)
    assert str(told.value) == "waited 0.01 s for anything: nothing has come at all"


@conversation
async def test_waiting_in_vain_for_an_event_names_what_came_instead() -> None:
    async with serving(agent) as url, wsrec.connect(url) as connection:
        await connection.send("go")
        await connection.send("go")
        with pytest.raises(wsrec.NotReceivedError) as told:
            await connection.until("agent_failed", "agent_error", timeout=0.3)
    assert str(told.value) == (
        "waited 0.3 s for agent_failed or agent_error: 10 came instead, the last of them "
        + ", ".join(RUN)
    )
    assert len(told.value.instead) == 10


@conversation
async def test_waiting_in_vain_what_came_without_a_name_is_quoted_harmlessly() -> None:
    async with serving(echo) as url, wsrec.connect(url) as connection:
        await connection.send("\x1b[2J")
        await connection.send(b"\x00")
        with pytest.raises(wsrec.NotReceivedError, match="there came text") as told:
            await connection.until("x", timeout=0.2)
    assert "\x1b" not in str(told.value)


@conversation
async def test_waiting_in_vain_what_came_before_is_named() -> None:
    async with serving(agent) as url, wsrec.connect(url) as connection:
        await connection.send("go")
        await connection.until("agent_completed")
        with pytest.raises(wsrec.NotReceivedError, match="nothing came; before that agent_st"):
            await connection.receive(timeout=0.01)


@conversation
async def test_waiting_in_vain_until_the_server_closes() -> None:
    async def leave(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_json({"type": "agent_started"})
        await socket.close(code=4001, message=b"no \x1bmore")

    async with serving(leave) as url, wsrec.connect(url) as connection:
        with pytest.raises(wsrec.ClosedError) as told:
            await connection.until("agent_completed")
        assert connection.closed
        assert (connection.close_code, connection.close_reason) == (4001, "no \x1bmore")
        with pytest.raises(wsrec.ClosedError, match="cannot send: the server closed"):
            await connection.send("more")
    assert str(told.value) == (
        "waited for agent_completed, but the server closed the connection with 4001"
        " (no \\x1bmore); there came agent_started"
    )
    assert (told.value.code, told.value.reason) == (4001, "no \x1bmore")
    assert [each.event for each in told.value.instead] == ["agent_started"]


@conversation
async def test_waiting_in_vain_until_the_connection_breaks() -> None:
    async def break_off(socket: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()

    async with serving(break_off) as url, wsrec.connect(url) as connection:
        with pytest.raises(wsrec.ClosedError, match="ended without a Close frame"):
            await connection.receive()
        assert (connection.closed, connection.close_code) == (True, None)


@conversation
async def test_waiting_in_vain_for_a_message_that_is_too_long() -> None:
    async with serving(echo) as url, wsrec.connect(url, max_message=1000) as connection:
        await connection.send("x" * 2000)
        with pytest.raises(wsrec.ClosedError, match="Message size"):
            await connection.receive()


@conversation
async def test_until_needs_a_name() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        with pytest.raises(ValueError, match="needs the name"):
            await connection.until()


@pytest.mark.parametrize(
    ("identify", "query", "headers"),
    [
        ("query", "a=%7eb&user_id=u+1&thread_id=t%261", {}),
        ("headers", "a=%7eb", {"X-User-ID": "u 1", "X-Thread-ID": "t&1"}),
        (
            lambda user, thread: ({"who": user}, {"Authorization": f"Thread {thread}"}),
            *("a=%7eb&who=u+1", {"Authorization": "Thread t&1"}),
        ),
    ],
)
@conversation
async def test_how_user_and_thread_are_sent(
    identify: Any, query: str, headers: Mapping[str, str]
) -> None:
    async def tell(socket: web.WebSocketResponse, request: web.Request) -> None:
        text = request.raw_path.partition("?")[2]
        await socket.send_json({"query": text, "headers": dict(request.headers)})
        await silent(socket, request)

    ids: Any = {"user_id": "u 1", "thread_id": "t&1"}
    async with (
        serving(tell) as url,
        wsrec.connect(
            f"{url}?a=%7eb", identify=identify, headers={"X-Own": "1"}, **ids
        ) as connection,
    ):
        said: Any = (await connection.receive()).value
        assert said["query"] == query
        assert {name: said["headers"].get(name) for name in headers} == headers
        assert said["headers"]["X-Own"] == "1"
        await connection.reconnect()
        again: Any = (await connection.receive()).value
        assert again["query"] == query
        assert (connection.user_id, connection.thread_id) == ("u 1", "t&1")


@conversation
async def test_without_ids_nothing_is_added() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        assert connection.url == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/ws", "ws:", "127.0.0.1:1"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(url))):
        wsrec.connect(url)


def test_arguments_that_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="keep=0"):
        wsrec.connect("ws://127.0.0.1:1/", keep=0)
    with pytest.raises(ValueError, match="identify='cookie'"):
        wsrec.connect("ws://127.0.0.1:1/", identify="cookie")  # type: ignore[arg-type]
    with pytest.raises(wsrec.ContractError):
        wsrec.connect("ws://127.0.0.1:1/", contract="none")


@conversation
async def test_reconnecting_by_the_same_client_which_keeps_what_it_had() -> None:
    async with serving(agent) as url, wsrec.connect(url, user_id="u") as connection:
        await connection.send("go")
        await connection.until("agent_started")
        seconds = await connection.reconnect()
        await connection.send("go")
        run = await connection.until("agent_started")
        assert seconds > 0
        assert connection.reconnects == 1
        assert not connection.closed
        assert [each.event for each in run][-1] == "agent_started"
        assert len(connection.events_of("agent_started")) == 2
        times = [each.at_ns for each in connection.received]
        assert times == sorted(times)


@conversation
async def test_reconnecting_cookies_come_back() -> None:
    seen: list[str | None] = []

    async def note(socket: web.WebSocketResponse, request: web.Request) -> None:
        seen.append(request.headers.get("Cookie"))
        await silent(socket, request)

    async with serving(note) as url, wsrec.connect(url) as connection:
        await connection.reconnect()
    assert seen == [None, "seat=7"]


@conversation
async def test_reconnecting_after_a_drop_which_the_server_sees_as_one() -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def note(socket: web.WebSocketResponse, request: web.Request) -> None:
        await silent(socket, request)
        codes.put_nowait(socket.close_code)

    async with serving(note) as url, wsrec.connect(url) as connection:
        await connection.drop()
        assert await codes.get() == WSCloseCode.ABNORMAL_CLOSURE
        with pytest.raises(wsrec.ClosedError, match="was dropped"):
            await connection.receive()
        await connection.reconnect()
        await connection.close(4000, "done")
        assert await codes.get() == 4000
        assert (connection.close_code, connection.close_reason) == (4000, "done")


@conversation
async def test_reconnecting_waits_for_a_server_that_starts() -> None:
    async with serving(silent) as url:
        connection = await wsrec.connect(url).__aenter__()
    port = int(url.split(":")[2].removesuffix("/ws"))
    coming = asyncio.ensure_future(connection.reconnect())
    await asyncio.sleep(0.1)
    assert not coming.done()
    async with serving(silent, port=port):
        await coming
        assert connection.reconnects == 1
        await connection.close()


@conversation
async def test_reconnecting_waits_for_a_backend_behind_a_proxy() -> None:
    answers = iter([0, 502, 503, 0])

    async def handle(request: web.Request) -> web.StreamResponse:
        status = next(answers)
        if status:
            return web.Response(status=status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await silent(socket, request)
        return socket

    async with backend_at(handle) as url, wsrec.connect(url) as connection:
        await connection.reconnect()
        assert not connection.closed
        assert next(answers, None) is None


@conversation
async def test_reconnecting_is_not_tried_again_when_it_is_refused() -> None:
    answers = iter([0, 401])

    async def handle(request: web.Request) -> web.StreamResponse:
        if next(answers):
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await silent(socket, request)
        return socket

    async with backend_at(handle) as url, wsrec.connect(url) as connection:
        with pytest.raises(wsrec.ConnectError, match="401"):
            await connection.reconnect()


@conversation
async def test_reconnecting_gives_up_in_the_end() -> None:
    async with serving(silent) as url:
        connection = await wsrec.connect(url).__aenter__()
    with pytest.raises(wsrec.ConnectError, match="cannot be reached: Connection refused"):
        await connection.reconnect(timeout=0.1)
    assert (connection.closed, connection.reconnects) == (True, 0)
    await connection.close()


@conversation
async def test_not_connected_refused() -> None:
    async with refusing(403) as url:
        secret = url.replace("//", "//ada:secret@") + "?token=secret"
        with pytest.raises(wsrec.ConnectError) as told:
            await wsrec.connect(secret).__aenter__()
    assert str(told.value) == f"{url}: answered with 403, not 101"
    assert told.value.status == 403


@conversation
async def test_not_connected_nobody_there() -> None:
    async with refusing(200) as url:
        pass
    with pytest.raises(wsrec.ConnectError, match="Connection refused") as told:
        await wsrec.connect(url).__aenter__()
    assert told.value.status is None


@conversation
async def test_not_connected_no_answer() -> None:
    async def wait(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with backend_at(wait) as url:
        with pytest.raises(wsrec.ConnectError, match=r"no answer in 0\.05 s"):
            await wsrec.connect(url, timeout=0.05).__aenter__()


@conversation
async def test_not_connected_used_before_it_is_open() -> None:
    connection = wsrec.connect("ws://127.0.0.1:1/")
    for use in (connection.send("x"), connection.receive(), connection.until("agent_completed")):
        with pytest.raises(RuntimeError, match="async with"):
            await use


@conversation
async def test_opened_twice() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        with pytest.raises(RuntimeError, match="open already"):
            await connection.__aenter__()


@conversation
async def test_a_reason_that_no_close_frame_has_room_for() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        with pytest.raises(ValueError, match="more than 123 bytes"):
            await connection.close(1000, "ä" * 62)
        assert not connection.closed


@conversation
async def test_not_connected_a_server_that_takes_nothing() -> None:
    async def deaf(socket: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.pause_reading()
        await asyncio.sleep(60)

    async with serving(deaf) as url, wsrec.connect(url, close_timeout=0.05) as connection:
        with pytest.raises(TimeoutError, match=r"did not take the message in 0\.1 s"):
            await connection.send(b"x" * (32 << 20), timeout=0.1)
