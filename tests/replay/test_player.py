"""Recorded clients, played again to servers that nobody here wrote: right ones and wrong ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import uuid
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.proxying import in_process, recorded, sessions
from support.raw import backend, conversation
from support.replays import (
    HASTY,
    Handler,
    agent,
    agent_with,
    ask,
    differences,
    kinds,
    recorded_from,
    replayed,
    serving,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request
from websockets.typing import Subprotocol
from wsrec.checks.scope import Scope, SessionRange
from wsrec.match.rules import Pace, Pacing
from wsrec.match.shown import shown
from wsrec.net.upstream import Upstream
from wsrec.proxy.options import Options
from wsrec.redaction.rules import Rules
from wsrec.replay.opening import Replacements
from wsrec.replay.replaying import Output, replay
from wsrec.replay.stage import Settings
from wsrec.store.reader import Recording

Event = dict[str, Any]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@conversation
async def test_a_client_that_was_recorded_talks_to_a_new_server_with_its_new_ids(
    recording: Path, tmp_path: Path
) -> None:
    await recorded_from(recording, times=3)
    async with serving(agent) as url:
        # By default it waits for ten seconds: it must not wait where all has come.
        found = await replayed(recording, url, Settings(), output=tmp_path / "new.db")

    assert differences(found) == []
    assert [played.session for played in found.sessions] == [1, 2, 3]
    assert [len(played.bindings) for played in found.sessions] == [2, 2, 2]
    for number in (1, 2, 3):
        before, now = recorded(recording, number), recorded(tmp_path / "new.db", number)
        assert [len(before[sender]) for sender in before] == [len(now[sender]) for sender in now]
        assert before != now
    assert [each.close_code for each in sessions(tmp_path / "new.db")] == [1000] * 3


@conversation
async def test_an_id_that_one_session_was_given_is_asked_for_in_the_next(recording: Path) -> None:
    rooms: set[str] = set()

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        _, _, room = connection.request.path.rpartition("/")
        if room == "new":
            rooms.add(fresh := str(uuid.uuid4()))
            await connection.send(json.dumps({"room_id": fresh}))
            await connection.wait_closed()
        else:
            await connection.close(1000 if room in rooms else 4404)

    async with serving(handle) as url, in_process(url, recording) as proxy:
        async with connect(f"{proxy.url}/rooms/new") as client:
            room = json.loads(await client.recv())["room_id"]
        async with connect(f"{proxy.url}/rooms/{room}") as client:
            await client.wait_closed()
    assert [each.close_code for each in sessions(recording)] == [1000, 1000]
    rooms.clear()
    async with serving(handle) as url:
        assert kinds(await replayed(recording, url)) == []


@pytest.mark.parametrize("pace", ["causal", "recorded", "asap"])
@conversation
async def test_an_id_that_a_session_is_given_is_waited_for_by_who_asks_for_it(
    recording: Path, pace: Pace
) -> None:
    rooms: set[str] = set()
    pause = 0.0

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        _, _, room = connection.request.path.rpartition("/")
        if room == "new":
            await asyncio.sleep(pause)
            rooms.add(fresh := str(uuid.uuid4()))
            await connection.send(json.dumps({"room_id": fresh}))
            await connection.wait_closed()
        else:
            await connection.close(1000 if room in rooms else 4404)

    async with (
        serving(handle) as url,
        in_process(url, recording) as proxy,
        connect(f"{proxy.url}/rooms/new") as first,
    ):
        room = json.loads(await first.recv())["room_id"]
        async with connect(f"{proxy.url}/rooms/{room}") as second:
            await second.wait_closed()
    rooms.clear()
    pause = 0.2
    async with serving(handle) as url:
        found = await replayed(recording, url, replace(HASTY, pacing=Pacing(pace)))
    assert kinds(found) == []


@conversation
async def test_a_server_that_is_slow_to_accept_has_its_time_to_speak(recording: Path) -> None:
    await recorded_from(recording)

    async def accept(connection: ServerConnection, request: Request) -> None:
        await asyncio.sleep(0.6)

    async def handle(connection: ServerConnection) -> None:
        await asyncio.sleep(0.1)
        await agent(connection)

    async with serve(handle, "127.0.0.1", 0, process_request=accept) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert kinds(await replayed(recording, url)) == []


async def _changed(connection: ServerConnection, event: Event) -> Event | None:
    return {**event, "tokens": 5} if event["type"] == "run.done" else event


async def _dropped(connection: ServerConnection, event: Event) -> Event | None:
    return None if event.get("word") == "answer" else event


async def _last_dropped(connection: ServerConnection, event: Event) -> Event | None:
    return None if event["type"] == "thanked" else event


async def _slow(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.done":
        await asyncio.sleep(0.2)
    return event


async def _late(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.done":
        await asyncio.sleep(0.6)
    return event


async def _too_slow(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.started":
        await connection.wait_closed()
    return event


async def _closed_early(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.done":
        await connection.close(1011, "out of tokens")
    return event


async def _reset(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.done":
        connection.transport.abort()
    return event


async def _added(connection: ServerConnection, event: Event) -> Event | None:
    if event["type"] == "run.done":
        await connection.send('{"type": "advertisement", "text": "buy more"}')
    return event


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (_changed, [("changed", "run.done")]),
        (_dropped, [("missing", "run.word")]),
        (_last_dropped, [("missing", "thanked")]),
        (_slow, []),
        (_late, [("late", "run.done")]),
        (_closed_early, [("close", "run.done")]),
        (_reset, [("lost", "run.done")]),
        (_added, [("unexpected", "advertisement")]),
    ],
)
@conversation
async def test_one_fault_of_a_server_is_named_as_that(
    recording: Path, fault: Any, expected: list[tuple[str, str | None]]
) -> None:
    await recorded_from(recording)
    async with serving(agent_with(fault)) as url:
        found = differences(await replayed(recording, url))
    assert [(each.kind, each.event) for each in found] == expected


@conversation
async def test_what_does_not_come_in_time_is_missing_and_the_client_goes_on(
    recording: Path,
) -> None:
    await recorded_from(recording)
    async with serving(agent_with(_too_slow)) as url:
        found = differences(await replayed(recording, url))
    assert [each.kind for each in found] == ["missing"]
    assert "run.started" in found[0].message


@conversation
async def test_a_handshake_that_is_refused_now_is_a_difference(recording: Path) -> None:
    await recorded_from(recording)
    async with serving(agent, refuse=HTTPStatus.FORBIDDEN) as url:
        (found,) = differences(await replayed(recording, url))
    assert found.kind == "handshake"
    assert found.message == "the opening handshake was answered with 403, recorded was 101"


@conversation
async def test_a_refusal_is_replayed_as_one(recording: Path, tmp_path: Path) -> None:
    async with serving(agent, refuse=HTTPStatus.FORBIDDEN) as url:
        async with in_process(url, recording) as proxy:
            with pytest.raises(InvalidStatus):
                await connect(proxy.url)
        assert kinds(await replayed(recording, url, output=tmp_path / "new.db")) == []
    assert [each.status for each in sessions(tmp_path / "new.db")] == [403]
    async with serving(agent) as url:
        (found,) = differences(await replayed(recording, url))
    assert found.message == "the opening handshake was answered with 101, recorded was 403"


@conversation
async def test_a_server_that_is_gone_is_said_to_be(recording: Path, tmp_path: Path) -> None:
    await recorded_from(recording)
    async with serving(agent) as url:
        pass
    found = await replayed(recording, url, output=tmp_path / "new.db")
    assert "Connection refused" in (found.unreachable or "")
    assert kinds(found) == ["lost"]
    (session,) = sessions(tmp_path / "new.db")
    assert (session.status, session.clean) == (None, True)


@conversation
async def test_a_server_that_says_nothing_at_all_is_waited_for_as_long_as_asked(
    recording: Path,
) -> None:
    await recorded_from(recording)
    async with backend() as silent:
        found = await replayed(recording, silent.url, replace(HASTY, connect=0.2))
    assert "no answer in time" in (found.unreachable or "")


async def _echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def _mute(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def _flooding(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await connection.send('{"type": "noise", "about": "nothing"}')
            await asyncio.sleep(0)  # this loop is the player's, too


async def _deaf(connection: ServerConnection) -> None:
    connection.transport.pause_reading()
    await asyncio.sleep(1.0)
    connection.transport.abort()


@conversation
async def test_a_server_that_only_opens_is_given_up(recording: Path) -> None:
    await recorded_from(recording)
    async with serving(_mute) as url:
        found = differences(await replayed(recording, url))
    assert found[0].kind == "missing"
    assert "session.created" in found[0].message


@conversation
async def test_a_server_that_never_stops_is_left(recording: Path) -> None:
    await recorded_from(recording)
    async with serving(_flooding) as url:
        (played,) = (await replayed(recording, url)).sessions
    assert {each.kind for each in played.differences} <= {"unexpected", "missing", "close"}
    assert 1 < len(played.differences) <= 1000


@conversation
async def test_of_long_values_that_differ_the_beginning_is_kept(recording: Path) -> None:
    async def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for value in ("x" * 1_000_000, ["y"] * 200_000, {"z" * 1_000_000: 1}):
                await connection.send(json.dumps({"type": "long", "value": value}))
            await connection.send(bytes(1_000_000))
            await connection.wait_closed()

    await recorded_from(recording)
    async with serving(handle) as url:
        found = differences(await replayed(recording, url))
    long = [change for each in found for change in each.changes if change.pointer != "/type"]
    assert len(long) >= 4
    assert all(len(str(each.live)) < 3000 for each in long)
    assert [shown(each.live, 9) for each in long if each.pointer == "/value"] == [
        '"xxxxxxxxx…"', '["y", "y"…', '{"zzzzzzz…',
    ]  # fmt: skip
    assert "1000000 bytes 00000000000000000000000000000000…" in [shown(each.live) for each in long]


@conversation
async def test_a_server_that_takes_nothing_is_left(recording: Path) -> None:
    async def talk(connection: ClientConnection) -> None:
        for _ in range(16):
            await connection.send(bytes(1 << 20))

    async def take(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    await recorded_from(recording, take, talk, compression=None)
    async with serving(_deaf) as url:
        (found,) = differences(await replayed(recording, url))
    assert found.kind == "lost"
    assert "takes nothing" in found.message


@conversation
async def test_the_handshake_is_the_recorded_one_with_what_was_given(
    recording: Path, tmp_path: Path
) -> None:
    seen: list[tuple[str, list[tuple[str, str]]]] = []

    async def look(connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        seen.append((request.path, list(request.headers.raw_items())))
        await agent(connection)

    headers = {"Authorization": "Bearer old", "X-Room": "1", "Origin": "https://page.test"}
    await recorded_from(recording, look, additional_headers=headers)
    given = Replacements.parse(["Authorization: Bearer new"], ["more=a b"])
    async with serving(look) as url:
        settings = replace(HASTY, replacements=given)
        found = await replayed(recording, f"{url}/v2", settings, output=tmp_path / "new.db")

    assert differences(found) == []
    (_, before), (target, now) = seen
    assert target == "/v2/ws?room=1&more=a%20b"
    own = {"host", "sec-websocket-key", "authorization"}
    assert [each for each in before if each[0].lower() not in own] == [
        each for each in now if each[0].lower() not in own
    ]
    assert [name for name, _ in before] == [name for name, _ in now]
    assert dict(now)["Authorization"] == "Bearer new"
    assert dict(now)["Host"] == url.removeprefix("ws://")
    (session,) = sessions(tmp_path / "new.db")
    assert session.target == target
    assert dict(session.request_headers)["Authorization"].startswith("Bearer redacted:")


@conversation
async def test_what_was_redacted_is_missed_in_words(recording: Path) -> None:
    await recorded_from(recording, additional_headers={"Authorization": "Bearer secret"})
    async with serving(agent) as url:
        (played,) = (await replayed(recording, url)).sessions
    assert played.notes == ["Authorization was redacted, so it is left out: give it with --header"]


@conversation
async def test_messages_with_marks_in_them_are_sent_and_noted(recording: Path) -> None:
    async def talk(connection: ClientConnection) -> None:
        for number in range(3):
            await connection.send(json.dumps({"n": number, "password": "hunter2"}))
            await connection.recv()

    async def count(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(f"{json.loads(message)['n']}")

    rules = Rules.parse(["json:/password"])
    async with (
        serving(count) as url,
        in_process(url, recording, Options(redaction=rules)) as proxy,
        connect(proxy.url) as client,
    ):
        await talk(client)
    async with serving(count) as url:
        (played,) = (await replayed(recording, url)).sessions
    assert played.verdict == "matched"
    assert played.notes == [
        "messages were redacted: they are sent with what stands in the secrets' place"
    ]


@conversation
async def test_a_backend_is_believed_by_its_certificate(recording: Path) -> None:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    await recorded_from(recording)
    async with serve(agent, "localhost", 0, ssl=server) as listening:
        url = f"wss://localhost:{listening.sockets[0].getsockname()[1]}"
        assert kinds(await replayed(recording, url, replace(HASTY, tls=client))) == []
        found = await replayed(recording, url)
    assert "certificate" in (found.unreachable or "")


@conversation
async def test_another_subprotocol_is_a_difference_and_no_compression_a_note(
    recording: Path,
) -> None:
    a, b = Subprotocol("a"), Subprotocol("b")
    async with serve(_mute, "127.0.0.1", 0, subprotocols=[b, a]) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            in_process(url, recording) as proxy,
            connect(proxy.url, subprotocols=[a, b]) as client,
        ):
            await client.close(4001, "done")
        assert kinds(await replayed(recording, url)) == []
    async with serve(_mute, "127.0.0.1", 0, subprotocols=[a], compression=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        (played,) = (await replayed(recording, url)).sessions
    (found,) = played.differences
    assert found.kind == "handshake"
    assert found.message == "agreed on subprotocol a, recorded was subprotocol b"
    assert played.notes[0].startswith("agreed on no extension, recorded was extension permessage")


@pytest.mark.parametrize("compression", [None, "deflate"])
@conversation
async def test_frames_are_sent_as_they_were(
    recording: Path, tmp_path: Path, compression: str | None
) -> None:
    async def talk(connection: ClientConnection) -> None:
        await connection.send(["in ", "three ", "pieces"])
        await connection.recv()
        await (await connection.ping(b"there?"))
        for message in ("", b"", "€" * 70_000, bytes(range(256)) * 20_000):
            await connection.send(message)
            assert await connection.recv() == message
        await connection.close(4321, "enough")

    await recorded_from(recording, _echo, talk, compression=compression)
    new = tmp_path / "new.db"
    async with serving(_echo) as url:
        assert kinds(await replayed(recording, url, output=new)) == []
    assert recorded(new) == recorded(recording)
    assert _frames(new) == _frames(recording)
    (session,) = sessions(new)
    assert (session.close_code, session.close_reason, session.closed_by) == (
        4321, "enough", "client",
    )  # fmt: skip


def _frames(path: Path) -> list[tuple[bool, int, int, int]]:
    """Return what the client's frames are; where they are compressed, of whatever size."""
    with Recording.open(path) as opened:
        plain = next(opened.sessions()).extensions is None
        return [
            (each.fin, each.rsv, each.opcode, len(each.payload) if plain else 0)
            for each in opened.frames(1)
            if each.sender == "client"
        ]


@conversation
async def test_sessions_that_ran_at_once_do_so_again_unless_they_may_not(
    recording: Path,
) -> None:
    running = most = 0
    together = asyncio.Event()

    async def count(connection: ServerConnection) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == expected:
            together.set()
        await together.wait()
        await agent(connection)
        running -= 1

    async with serving(agent) as url, in_process(url, recording) as proxy:
        clients = [await connect(f"{proxy.url}/ws") for _ in range(5)]
        for client in clients:
            await ask(client)
        for client in clients:
            await client.close()
    async with serving(count) as url:
        expected = 5
        assert kinds(await replayed(recording, url)) == []
        assert most == 5
        most = 0
        together.clear()
        expected = 2
        assert kinds(await replayed(recording, url, replace(HASTY, concurrency=2))) == []
        assert most == 2


@conversation
async def test_only_the_sessions_that_were_asked_for_are_played(recording: Path) -> None:
    await recorded_from(recording, times=4)
    async with serving(agent) as url:
        scope = Scope(sessions=(SessionRange(2, 3),))
        found = await replayed(recording, url, scope=scope)
    assert [played.session for played in found.sessions] == [2, 3]


@conversation
async def test_told_to_stop_it_closes_with_1001_and_keeps_what_it_has(
    recording: Path, tmp_path: Path
) -> None:
    codes: list[int | None] = []
    begun = asyncio.Event()

    async def stall(connection: ServerConnection) -> None:
        begun.set()
        await connection.wait_closed()
        codes.append(connection.close_code)

    await recorded_from(recording, times=2)
    stopped = asyncio.Event()
    async with serving(stall) as url:
        work = replay(
            recording, Upstream.parse(url), output=Output(path=tmp_path / "new.db"), stopped=stopped
        )
        working = asyncio.ensure_future(work)
        await begun.wait()
        stopped.set()
        played, other = (await asyncio.wait_for(working, 5.0)).sessions
    assert (played.verdict, played.why) == ("interrupted", "interrupted")
    assert (other.verdict, other.why) == ("unplayed", "interrupted"), "it had not begun"
    assert codes == [1001]
    (session,) = sessions(tmp_path / "new.db")
    assert (session.close_code, session.closed_by) == (1001, "client")


@conversation
async def test_a_session_that_the_proxy_ended_is_ended_by_the_client(recording: Path) -> None:
    async with serving(agent) as url, in_process(url, recording) as proxy:
        client = await connect(f"{proxy.url}/ws")
        await ask(client)
    (session,) = sessions(recording)
    assert session.closed_by == "proxy"
    async with serving(agent) as url:
        (played,) = (await replayed(recording, url)).sessions
    assert played.verdict == "matched"
    assert played.notes == ["ended by the proxy: closed with 1001, as the server saw it then"]


@conversation
async def test_a_client_that_just_went_away_does_so_again(recording: Path) -> None:
    async def vanish(connection: ClientConnection) -> None:
        await ask(connection)
        connection.transport.abort()

    await recorded_from(recording, agent, vanish)
    async with serving(agent) as url:
        assert kinds(await replayed(recording, url)) == []


@pytest.mark.parametrize("size", [1, 1 << 20])
@conversation
async def test_what_the_last_message_before_such_an_end_differs_in_is_told(
    recording: Path, size: int
) -> None:
    def serving_version(number: int) -> Handler:
        async def handle(connection: ServerConnection) -> None:
            await connection.send(json.dumps({"version": number, "text": "x" * size}))
            await connection.wait_closed()

        return handle

    async def leave(connection: ClientConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    await recorded_from(recording, serving_version(1), leave)
    async with serving(serving_version(2)) as url:
        assert kinds(await replayed(recording, url)) == ["changed"]


@conversation
async def test_at_the_recorded_pace_each_message_has_its_time(recording: Path) -> None:
    async def talk(connection: ClientConnection) -> None:
        for number in range(10):
            await connection.send(f"{number}")
            await asyncio.sleep(0.02)
            await connection.recv()

    await recorded_from(recording, _echo, talk)
    async with serving(_echo) as url:
        settings = replace(HASTY, pacing=Pacing("recorded", speed=4.0))
        found = await replayed(recording, url, settings)
    assert kinds(found) == []
    assert found.lateness is not None
    assert found.lateness.count == 11, "ten messages and the Close"


@conversation
async def test_at_once_is_before_the_server_has_said_anything(recording: Path) -> None:
    async def answer(connection: ServerConnection) -> None:
        for _ in range(3):
            assert await connection.recv() == "?"
            await connection.send("!")

    async def talk(connection: ClientConnection) -> None:
        for _ in range(3):
            await connection.send("?")
            await connection.recv()
        await connection.wait_closed()

    async def listen(connection: ServerConnection) -> None:
        assert [await connection.recv() for _ in range(3)] == ["?"] * 3
        for _ in range(3):
            await connection.send("!")

    await recorded_from(recording, answer, talk)
    async with serving(listen) as url:
        settings = replace(HASTY, pacing=Pacing("asap"))
        assert kinds(await replayed(recording, url, settings)) == []
        assert kinds(await replayed(recording, url)) != []
