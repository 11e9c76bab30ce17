"""No secret reaches the disk or a terminal; the peers see it as it was sent."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from support.frames import KEY as MASK
from support.frames import wire
from support.proxying import start, wsrec
from support.raw import ACCEPT, Peer, backend, conversation_with_process, upgrade
from support.recordings import eventually
from support.secrets import CANARY, deflated, found_in, leaks

SECRET = CANARY.encode()
EVENT = b'{"type":"login","token":"' + SECRET + b'"}'
ENCODED = quote(CANARY, safe="")
RULES = ("--redact", "json:/token", "--redact", f"regex:{re.escape(CANARY[:8])}\\S+")
# A rule stands in the recording as it was written: it must not hold the secret itself.

REQUEST = upgrade(
    f"Authorization: Bearer {CANARY}",
    f"Cookie: theme=dark; session={CANARY}",
    f"X-Api-Key: {CANARY}",
    f"Proxy-Authorization: Basic {CANARY}",
    f"Referer: https://example.test/?token={ENCODED}&a=1",
    f"Sec-WebSocket-Protocol: chat, openai-insecure-api-key.{ENCODED}",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "User-Agent: tests",
    target=f"/ws?a=1&token={ENCODED}&%74oken={ENCODED}&b=%41",
)
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
    f"Sec-WebSocket-Protocol: openai-insecure-api-key.{ENCODED}\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    f"Set-Cookie: session={CANARY}; Path=/; HttpOnly\r\n\r\n"
).encode()
LARGE = EVENT + b" " * (2 << 20)


def frames(mask: bytes | None) -> bytes:
    """Messages that hold the secret, in every way that they may come."""
    return b"".join(
        (
            wire(1, EVENT, mask=mask),
            wire(2, EVENT, mask=mask),
            *(wire(0 if n else 1, EVENT[n : n + 1], fin=n == len(EVENT) - 1, mask=mask)
              for n in range(len(EVENT))),
            wire(1, deflated(EVENT), rsv=4, mask=mask),
            wire(1, deflated(EVENT, level=0), rsv=4, mask=mask),
            wire(1, EVENT[:30], fin=False, mask=mask),
            wire(9, SECRET, mask=mask),
            wire(0, EVENT[30:], mask=mask),
            wire(1, LARGE, mask=mask),
            wire(1, deflated(LARGE), rsv=4, mask=mask),
            wire(8, b"\x0f\xa0" + SECRET, mask=mask),
        )
    )  # fmt: skip


def read(recording: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{recording}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def commands(recording: Path) -> None:
    """Let every command that shows a recording show it; no word of them may hold the secret."""
    for arguments in (
        ["sessions"], ["sessions", "--format", "json"],
        ["show", "--full"], ["show", "--frames", "--full", "--format", "json"],
        ["validate"], ["validate", "--format", "json"],
        ["verify"], ["verify", "--format", "json"],
    ):  # fmt: skip
        command, *options = arguments
        done = wsrec(command, str(recording), *options)
        assert found_in((done.stdout + done.stderr).encode()) == [], arguments
        assert "Traceback" not in done.stderr
        assert done.returncode in ((0,) if command != "validate" else (0, 1, 5)), done.stderr


async def talk(folder: Path, *settings: str, sent: Sequence[bytes]) -> tuple[Path, str]:
    """Run a session in which client and server send these bytes; nothing may leak meanwhile.

    Returns the recording, and what the proxy said on standard error.
    """
    recording = folder / "session.db"
    of_client, of_server = sent
    async with backend() as behind:
        proxy = start(f"ws://127.0.0.1:{behind.port}", recording, *settings)
        client = await Peer.connect(proxy.port)
        await client.send(REQUEST)
        server = await behind.accept()
        head = await server.head()
        for line in REQUEST.decode().split("\r\n"):
            if not line.lower().startswith("proxy-authorization"):  # consumed by a proxy
                assert line in head
        await server.send(ANSWER)
        assert (await client.head()).encode() == ANSWER
        if of_client:
            await client.send(of_client)
            assert await server.exactly(len(of_client)) == of_client
        if of_server:
            await server.send(of_server)
            assert await client.exactly(len(of_server)) == of_server
        eventually(lambda: read(recording, "SELECT 1 FROM frames") != [])
        if "--no-default-redaction" not in settings:
            assert leaks(folder) == []
            commands(recording)
        await client.close()
        await server.close()
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()
        assert status == 0
    return recording, errors


@conversation_with_process
async def test_no_secret_reaches_the_disk_or_a_terminal(tmp_path: Path) -> None:
    recording, errors = await talk(tmp_path, *RULES, sent=(frames(MASK), frames(None)))

    assert found_in(errors.encode()) == []
    assert leaks(tmp_path) == []
    commands(recording)
    messages = read(recording, "SELECT data FROM messages WHERE session_id = 1")
    assert len(messages) == 2 * 8


@conversation_with_process
async def test_the_defaults(tmp_path: Path) -> None:
    recording, _ = await talk(tmp_path, sent=(b"", wire(1, b"hej")))

    assert leaks(tmp_path) == []
    ((target, headers, subprotocol, answer),) = read(
        recording,
        "SELECT target, request_headers, subprotocol, response_headers FROM sessions",
    )
    assert re.fullmatch(r"/ws\?a=1&token=(redacted:\w{16})&%74oken=\1&b=%41", str(target))
    mark = "redacted:[0-9a-f]{16}"
    request = dict(json.loads(str(headers)))
    assert re.fullmatch(f"Bearer {mark}", request["Authorization"])
    assert re.fullmatch(f"theme={mark}; session={mark}", request["Cookie"])
    assert re.fullmatch(f"Basic {mark}", request["Proxy-Authorization"])
    assert re.fullmatch(mark, request["X-Api-Key"])
    assert re.fullmatch(f"https://example.test/\\?token={mark}&a=1", request["Referer"])
    assert request["User-Agent"] == "tests"
    offered = rf"openai-insecure-api-key\.{mark}"
    assert re.fullmatch(f"chat, {offered}", request["Sec-WebSocket-Protocol"])
    assert re.fullmatch(offered, str(subprotocol))
    response = dict(json.loads(str(answer)))
    assert re.fullmatch(offered, response["Sec-WebSocket-Protocol"])
    assert re.fullmatch(f"session={mark}; Path=/; HttpOnly", response["Set-Cookie"])
    # Equal secrets are seen to be equal.
    assert request["Authorization"].split()[1] == response["Set-Cookie"][8:33]
    assert read(recording, "SELECT value FROM meta WHERE key = 'redaction'") == [('["default"]',)]


@conversation_with_process
async def test_payloads_are_recorded_as_they_are_unless_a_rule_says_otherwise(
    tmp_path: Path,
) -> None:
    recording = tmp_path / "session.db"
    async with backend() as behind:
        proxy = start(f"ws://127.0.0.1:{behind.port}", recording)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(ANSWER)
        await client.head()
        await server.send(wire(1, EVENT))
        assert await client.exactly(len(wire(1, EVENT))) == wire(1, EVENT)
        await client.close()
        await server.close()
        proxy.signal(signal.SIGTERM)
        await proxy.over()
    assert read(recording, "SELECT data FROM messages") == [(EVENT.decode(),)]


@conversation_with_process
async def test_defaults_switched_off(tmp_path: Path) -> None:
    recording, _ = await talk(
        tmp_path, "--no-default-redaction", "--redact", "header:x-api-key",
        "--redact", "query:B", sent=(b"", wire(1, b"hej")),
    )  # fmt: skip

    ((target, headers, subprotocol),) = read(
        recording, "SELECT target, request_headers, subprotocol FROM sessions"
    )
    assert str(target).startswith(f"/ws?a=1&token={ENCODED}&%74oken={ENCODED}&b=redacted:")
    request = dict(json.loads(str(headers)))
    assert request["Authorization"] == f"Bearer {CANARY}"
    assert request["X-Api-Key"].startswith("redacted:")
    assert ENCODED in str(subprotocol)


@conversation_with_process
async def test_refused_and_malformed_attempts(tmp_path: Path) -> None:
    recording = tmp_path / "session.db"
    async with backend() as behind:
        proxy = start(f"ws://127.0.0.1:{behind.port}", recording, "--handshake-timeout", "1s")
        plain = f"Authorization: Bearer {CANARY}"
        for request in (
            upgrade(plain, target=f"http://u:{ENCODED}@x/ws?token={ENCODED}"),
            upgrade(plain, "Sec-WebSocket-Version: 8", without="Sec-WebSocket-Version"),
            upgrade(plain, "Bad Header: x", target=f"/ws?token={ENCODED}"),
            upgrade("Authorization:", f" Bearer {CANARY}"),
            upgrade(f"Authorization : Bearer {CANARY}"),
            upgrade(plain + "\x01"),
            upgrade(plain, target=f"/ws?token={CANARY} x"),
            upgrade(plain, target=f"/ws\x7f?token={CANARY}"),
            b"GET /ws?token=" + SECRET + b" FTP/9\r\nUpgrade: websocket\r\n\r\n",
            SECRET + b" /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"GET http://[" + SECRET + b"/?token=" + SECRET + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            upgrade(plain, "Cookie: a=" + CANARY * 4000),
        ):
            client = await Peer.connect(proxy.port)
            await client.send(request)
            await client.rest()
        # A backend that redirects with a secret, and one that does not answer.
        for answer in (
            f"HTTP/1.1 302 Found\r\nLocation: /?token={ENCODED}\r\nContent-Length: 0\r\n\r\n",
            f"HTTP/1.1 101 Switching {CANARY}\r\nSet-Cookie: a={CANARY}\r\n\r\n",
            f"nonsense {CANARY}\r\n\r\n",
            "",
        ):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade(plain, target=f"/ws?token={ENCODED}"))
            server = await behind.accept()
            await server.head()
            await server.send(answer.encode())
            await server.close() if answer == "" else None
            await client.some()
            await client.close()
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    assert found_in(errors.encode()) == [], errors
    assert leaks(tmp_path) == []
    commands(recording)
    assert len(read(recording, "SELECT 1 FROM sessions")) >= 8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["--redact", "cookie:a"], "'cookie:a' is not a rule"),
        (["--redact", "json:a"], "is not a JSON Pointer"),
        (["--redact", "regex:("], "not a regular expression"),
        (["--redact", "header:a b"], "is not a rule"),
        (["--redact-key-file", "short"], "a key has 32 to 4096 bytes"),
        (["--redact-key-file", "none"], "No such file"),
    ],
)
def test_bad_rules(tmp_path: Path, settings: list[str], said: str) -> None:
    (tmp_path / "short").write_bytes(b"x")
    done = wsrec("proxy", "ws://127.0.0.1:1", *settings, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert not (tmp_path / "session.db").exists()


@conversation_with_process
async def test_one_key_for_two_runs(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k" * 32)
    for _ in range(2):
        recording, _ = await talk(
            tmp_path, "--redact-key-file", str(tmp_path / "key"), sent=(b"", wire(1, b"hej"))
        )
    ((first,), (second,)) = read(recording, "SELECT target FROM sessions")
    assert first == second
