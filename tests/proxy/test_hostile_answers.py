"""Bytes behind an upgrade, and answers that a backend should not give: who gets to see what."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.frames import wire
from support.hostile import (
    Log,
    Request,
    attack,
    logging_backend,
    read_requests,
    read_responses,
    switch,
)
from support.proxying import in_process, sessions
from support.raw import KEY, SWITCH, conversation, upgrade
from wsrec.proxy.options import Options
from wsrec.redaction.rules import Rules
from wsrec.store.model import Session
from wsrec.store.reader import Recording

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
FRAMES = wire(1, b"early", mask=b"abcd") + wire(2, b"\0" * 200, mask=b"efgh")

FAKES = {
    "wrong-accept": SWITCH.replace(b"s3pP", b"AAAA"),
    "key-for-accept": SWITCH.replace(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", KEY.encode()),
    "no-accept": SWITCH.replace(b"Sec-WebSocket-Accept", b"X-Accept"),
    "two-accepts": SWITCH[:-2] + SWITCH.split(b"\r\n")[3] + b"\r\n\r\n",
    "no-upgrade": SWITCH.replace(b"Upgrade: websocket\r\n", b""),
    "upgrade-to-h2c": SWITCH.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "upgrade-to-two": SWITCH.replace(b"Upgrade: websocket", b"Upgrade: websocket, h2c"),
    "upgrade-twice": SWITCH[:-2] + b"Upgrade: websocket\r\n\r\n",
    "no-connection": SWITCH.replace(b"Connection: Upgrade\r\n", b""),
    "connection-close": SWITCH.replace(b"Connection: Upgrade", b"Connection: close"),
    "names-its-accept": SWITCH.replace(
        b"Connection: Upgrade", b"Connection: Upgrade, Sec-WebSocket-Accept"
    ),
    "http-1.0": SWITCH.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "length": SWITCH[:-2] + b"Content-Length: 5\r\n\r\nhello",
    "chunked": SWITCH[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "control": SWITCH[:-2] + b"X-Name: a\x01b\r\n\r\n",
    "bare-cr": SWITCH[:-2] + b"X-Name: a\rX-Other: b\r\n\r\n",
    "nul": SWITCH[:-2] + b"X-Name: a\0b\r\n\r\n",
    "status-102": SWITCH.replace(b" 101 ", b" 102 "),
    "status-1010": SWITCH.replace(b" 101 ", b" 1010 "),
    "not-http": b"220 mail.test ESMTP\r\n\r\n",
    "http-0.9": b"<html>hello</html>\r\n\r\n",
    "frames": wire(1, b"hello") + b"\r\n\r\n",
}

REFUSALS = {
    status: f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno".encode()
    for status in (200, 301, 302, 307, 400, 401, 403, 404, 407, 426, 500, 503)
}


@pytest.mark.parametrize("answer", FAKES.values(), ids=list(FAKES))
@pytest.mark.parametrize("behind", [SMUGGLED, FRAMES], ids=["request", "frames"])
@conversation
async def test_a_false_101_opens_nothing(recording: Path, answer: bytes, behind: bytes) -> None:
    async with (
        logging_backend(lambda _: answer, then_close=True) as log,
        in_process(log.url, recording) as proxy,
    ):
        assert read_responses(await attack(proxy.port, upgrade() + behind)) == [502]
        request, more = only(log)
        assert request.is_proper_upgrade
        assert more == b""

    (session,) = sessions(recording)
    assert session.status == 502
    assert session.clean
    assert_recorded(session, request)


@pytest.mark.parametrize("answer", [SWITCH, *FAKES.values()], ids=["proper", *FAKES])
@conversation
async def test_a_101_to_a_plain_request_is_not_passed_on(recording: Path, answer: bytes) -> None:
    async with (
        logging_backend(lambda _: answer + SWITCH, then_close=True) as log,
        in_process(log.url, recording) as proxy,
    ):
        answered = await attack(proxy.port, b"GET /plain HTTP/1.1\r\nHost: x\r\n\r\n" + FRAMES)
        assert read_responses(answered)[0] in (400, 502)
        assert all(more == b"" for _, more in map(read_requests, map(bytes, log.connections)))


@pytest.mark.parametrize(("status", "answer"), REFUSALS.items(), ids=map(str, REFUSALS))
@conversation
async def test_a_request_behind_a_refused_upgrade_is_one_of_its_own(
    recording: Path, status: int, answer: bytes
) -> None:
    """It gets through the same checks, on a connection where nothing went before it."""
    async with logging_backend(lambda _: answer) as log, in_process(log.url, recording) as proxy:
        answered = await attack(proxy.port, upgrade() + SMUGGLED)
        assert read_responses(answered) == [status, status]
        (handshake, more), (second, most) = (
            read_requests(bytes(connection)) for connection in log.connections
        )
        assert handshake.is_proper_upgrade
        assert (more, most) == (b"", b"")
        assert second.target == "/smuggled"
        assert second.values(b"Upgrade") == []

    (session,) = sessions(recording)
    assert session.status == status
    assert_recorded(session, handshake)


@pytest.mark.parametrize("status", [200, 426])
@pytest.mark.parametrize(
    "behind",
    [
        FRAMES,
        b"\0\1\2",
        SMUGGLED.replace(b"Host", b"Host "),
        SMUGGLED.replace(b" /", b" http://e/"),
    ],
    ids=["frames", "garbage", "bad-request", "other-origin"],
)
@conversation
async def test_what_is_no_request_behind_a_refused_upgrade_goes_nowhere(
    recording: Path, status: int, behind: bytes
) -> None:
    answer = REFUSALS[status]
    async with logging_backend(lambda _: answer) as log, in_process(log.url, recording) as proxy:
        answered = await attack(proxy.port, upgrade() + behind)
        assert read_responses(answered) in ([status, 400], [status])
        request, more = only(log)
        assert request.is_proper_upgrade
        assert more == b""

    assert [session.status for session in sessions(recording)] == [status]


@conversation
async def test_two_upgrades_on_a_connection_are_two_sessions(recording: Path) -> None:
    def answer(head: bytes) -> bytes:
        return switch(head) if b"/second" in head else REFUSALS[403]

    async with logging_backend(answer) as log, in_process(log.url, recording) as proxy:
        both = upgrade(target="/first") + upgrade(target="/second") + FRAMES
        assert read_responses(await attack(proxy.port, both)) == [403, 101]
        (first, nothing), (second, frames) = (
            read_requests(bytes(connection)) for connection in log.connections
        )
        assert (first.target, second.target) == ("/first", "/second")
        assert (nothing, frames) == (b"", FRAMES)

    assert [session.status for session in sessions(recording)] == [403, 101]


ACCEPTED = {
    "plain": upgrade(),
    "any-case": upgrade()
    .replace(b"Upgrade: websocket", b"UPGRADE: WebSocket")
    .replace(b"Connection: Upgrade", b"connection: keep-alive, upgrade"),
    "empty-body": upgrade("Content-Length: 0"),
    "two-connection-fields": upgrade("Connection: keep-alive"),
    "hop-by-hop": upgrade("Proxy-Authorization: Basic eA==", "Keep-Alive: 5", "TE: trailers"),
    "odd-target": upgrade(target="//evil.test/%00/../?#"[:-1]),
    "port-and-address": upgrade("Host: [::1]:8080", without="Host"),
    "headers": upgrade("Cookie: a=1", "Cookie: b=2", "Origin: null", "X-Empty:", "X-U: \u00e4"),
}


@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=list(ACCEPTED))
@pytest.mark.parametrize("behind", [b"", FRAMES, SMUGGLED], ids=["nothing", "frames", "request"])
@conversation
async def test_all_that_the_backend_gets_is_in_the_recording(
    recording: Path, request_: bytes, behind: bytes
) -> None:
    """Behind a verified 101 everything is the session's, whatever it looks like."""
    options = Options(redaction=Rules(defaults=False))
    async with logging_backend() as log, in_process(log.url, recording, options) as proxy:
        assert read_responses(await attack(proxy.port, request_ + behind)) == [101]
        request, more = only(log)
        assert request.is_proper_upgrade
        assert more == behind

    (session,) = sessions(recording)
    assert session.status == 101
    assert_recorded(session, request)
    with Recording.open(recording) as opened:
        frames = [frame for frame in opened.frames(session.id) if frame.opcode != 8]
    if behind == SMUGGLED:  # a frame's two bytes, "GE", and less payload than they announce
        (frame,) = frames
        assert (frame.fin, frame.rsv, frame.opcode, frame.masked) == (False, 4, 7, False)
        assert frame.payload == SMUGGLED[2:]
        assert frame.anomalies
    else:
        payloads = [b"early", b"\0" * 200] if behind else []
        assert [frame.payload for frame in frames] == payloads


def only(log: Log) -> tuple[Request, bytes]:
    """Return the request of the only connection, and what came behind it."""
    (connection,) = log.connections
    return read_requests(bytes(connection))


def assert_recorded(session: Session, request: Request) -> None:
    """Every byte of the request is one that the recording has from the client."""
    assert session.target == request.target
    held = [(name.encode().lower(), value.encode()) for name, value in session.request_headers]
    for name, value in request.fields:
        if name.lower() != b"connection":  # the proxy's own, on each side of it
            assert (name.lower(), value) in held
