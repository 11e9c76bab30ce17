"""`wsrec proxy` with recordings that follow one another: rotated, deleted, watched."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from support.frames import wire
from support.proxying import ProxyProcess, in_process, recorded, sessions, start, wsrec
from support.raw import (
    Backend,
    Peer,
    backend,
    conversation,
    conversation_with_process,
    open_session,
    upgrade,
)
from support.recordings import Conversation, elsewhere, recorder_at
from wsrec.net.upstream import Upstream
from wsrec.proxy.headroom import Notice
from wsrec.proxy.keep import Keep
from wsrec.proxy.options import Options
from wsrec.proxy.server import Proxy
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording

HELLO = b"\x81\x05hello"
MEBIBYTE = wire(2, bytes(1 << 20))
READ_FOR_EVER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM sessions").fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


async def until(what: Callable[[], bool]) -> None:
    """Wait until it has come to pass; the test's own patience ends this otherwise."""
    while not what():
        await asyncio.sleep(0.02)


def is_finished(path: Path) -> bool:
    if not path.exists() or path.with_name(f"{path.name}.lock").exists():
        return False
    with Recording.open(path) as opened:
        return opened.clean


def is_begun(path: Path) -> bool:
    """Say whether a recorder has made the tables; there is a file before."""
    try:
        Recording.open(path).close()
    except RecordingError:
        return False
    return True


def is_locked(path: Path) -> bool:
    return path.with_name(f"{path.name}.lock").exists()


def has_sessions(path: Path) -> bool:
    if not is_begun(path):
        return False
    with Recording.open(path) as opened:
        return next(opened.sessions(), None) is not None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def leave(client: Peer, server: Peer) -> None:
    await client.close()
    await server.rest()
    await server.close()


async def open_in(path: Path, proxy: ProxyProcess, behind: Backend) -> tuple[Peer, Peer]:
    """Open sessions until one is in that recording; the others are left."""
    while True:
        session = await open_session(proxy.port, behind)
        if has_sessions(path):
            return session
        await leave(*session)


def ended_long_ago(path: Path, output: str, year: int = 2020) -> Path:
    """Make a recording that was finished in another year."""
    with recorder_at(path, meta={"output": output}) as recorder:
        Conversation(recorder).text("server", "x" * 300_000).end()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'ended_at'", (f"{year}-01-01T00:00:00+00:00",)
        )
    return path


# -- rotation ---------------------------------------------------------------------------------


@conversation_with_process
async def test_a_session_that_goes_on_stays_in_its_recording(recording: Path) -> None:
    following = recording.with_name("session-2.db")
    async with backend() as behind:
        proxy = start(behind.url, recording, "--rotate-every", "1s")
        client, server = await open_session(proxy.port, behind)
        await server.send(HELLO)
        assert await client.exactly(7) == HELLO
        other = await open_in(following, proxy, behind)
        assert not is_finished(recording)
        await server.send(HELLO)
        assert await client.exactly(7) == HELLO
        await leave(client, server)
        await until(lambda: is_finished(recording))
        await leave(*other)
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    made = [name for name in names(recording.parent) if name.endswith(".db")]
    assert made == names(recording.parent)
    assert recorded(recording)["server"] == ["hello", "hello"]
    assert all(each.clean for name in made for each in sessions(recording.with_name(name)))
    assert wsrec("verify", *(str(recording.with_name(name)) for name in made)).returncode == 0


@conversation_with_process
async def test_by_size(tmp_path: Path) -> None:
    year = datetime.now(UTC).year
    first, second = tmp_path / f"rec-{year}.db", tmp_path / f"rec-{year}-2.db"
    async with backend() as behind:
        proxy = start(behind.url, tmp_path / "rec-%Y.db", "--rotate-size", "1m")
        client, server = await open_session(proxy.port, behind)
        await asyncio.gather(server.send(MEBIBYTE), client.exactly(len(MEBIBYTE)))
        await until(lambda: is_begun(second))
        await leave(client, server)
        await until(lambda: is_finished(first))
        await leave(*await open_in(second, proxy, behind))
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert names(tmp_path) == [second.name, first.name]
    assert sessions(first)[0].server_bytes == 1 << 20
    assert len(sessions(first)) + len(sessions(second)) >= 2


@conversation_with_process
async def test_an_idle_proxy_makes_no_recordings(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording, "--rotate-every", "1ms")
        await asyncio.sleep(2.5)
        assert not recording.with_name("session-2.db").exists()
        await leave(*await open_session(proxy.port, behind))
        await until(lambda: is_finished(recording))
        await asyncio.sleep(2.5)
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")
    assert names(recording.parent) == ["session-2.db", "session.db"]


@conversation
async def test_the_end_of_the_proxy_ends_sessions_of_all_recordings(recording: Path) -> None:
    following = recording.with_name("session-2.db")
    options = Options(keep=Keep(rotate_seconds=0), close_timeout=0.2)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        assert proxy.recording == recording
        await open_session(proxy.port, behind)
        await until(lambda: proxy.recording == following)
        await open_session(proxy.port, behind)
    for path in (recording, following):
        (session,) = sessions(path)
        assert (session.clean, session.close_code, session.closed_by) == (True, 1001, "proxy")


@conversation_with_process
async def test_a_file_that_is_in_the_way_stays_what_it_is(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording, "--rotate-every", "1ms")
        notes = recording.with_name("session-2.db")
        await asyncio.to_thread(notes.write_text, "mine")
        await leave(*await open_session(proxy.port, behind))
        await until(lambda: is_begun(recording.with_name("session-3.db")))
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")
    assert await asyncio.to_thread(notes.read_text) == "mine"


def test_the_address_line_says_which_recording_it_is(tmp_path: Path) -> None:
    name = f"rec-{datetime.now(UTC).year}.db"
    command = ("--", "true")
    result = wsrec(
        *("proxy", "ws://127.0.0.1:9", "-l", "127.0.0.1:0", "-o", "rec-%Y.db"),
        *("--format", "json", *command),
        cwd=tmp_path,
    )
    assert json.loads(result.stdout)["recording"] == name
    assert names(tmp_path) == [name]


# -- retention --------------------------------------------------------------------------------


@conversation_with_process
async def test_what_is_too_old_is_deleted_at_the_start(tmp_path: Path) -> None:
    output = "rec-%Y%m%d.db"
    old = ended_long_ago(tmp_path / "rec-20200101.db", output)
    another = ended_long_ago(tmp_path / "rec-20200102.db", "rec-%Y%d%m.db")
    kept = ended_long_ago(tmp_path / "kept.db", output)
    proxy = start("ws://127.0.0.1:9", tmp_path / output, "--retain-days", "30")
    await until(lambda: not old.exists())
    assert proxy.process.stdout is not None
    said = json.loads(await asyncio.to_thread(proxy.process.stdout.readline))
    proxy.signal(signal.SIGTERM)
    status, errors = await proxy.over()

    assert status == 0
    assert errors.startswith(f"wsrec: {old}: deleted, ")
    assert errors.endswith(", ended 2020-01-01T00:00:00.000000+00:00\n")
    assert errors.count("\n") == 1
    assert (said["event"], said["recording"]) == ("deleted", str(old))
    assert another.exists()
    assert kept.exists()


@conversation_with_process
async def test_the_oldest_are_deleted_when_another_one_is_finished(recording: Path) -> None:
    paths = [recording.with_name(f"session-{number}.db") for number in (2, 3, 4)]
    async with backend() as behind:
        # Two of them are small enough, three with the one that is finished are not.
        proxy = start(behind.url, recording, "--rotate-every", "1ms", "--max-disk", "1m")
        for place, path in enumerate(paths):
            await leave(*await open_session(proxy.port, behind))
            await until(lambda path=path: is_begun(path))  # type: ignore[misc]
            former = [recording, *paths][place]
            await until(lambda former=former: not is_locked(former))  # type: ignore[misc]
        client, server = await open_session(proxy.port, behind)
        await asyncio.gather(server.send(MEBIBYTE), client.exactly(len(MEBIBYTE)))
        await leave(client, server)
        await until(lambda: not recording.exists())
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    deleted = [line.partition(": deleted")[0] for line in errors.splitlines()]
    assert deleted[0] == f"wsrec: {recording}"
    assert all(sessions(recording.with_name(name)) is not None for name in names(recording.parent))


# -- room -------------------------------------------------------------------------------------


@conversation_with_process
async def test_a_disk_that_is_nearly_full_is_told_of_once(recording: Path) -> None:
    proxy = start("ws://127.0.0.1:9", recording, "--min-free", "9000000t")
    assert proxy.process.stdout is not None
    said = json.loads(await asyncio.to_thread(proxy.process.stdout.readline))
    await asyncio.sleep(2.5)
    proxy.signal(signal.SIGTERM)
    status, errors = await proxy.over()
    assert status == 0
    assert errors.count("\n") == 1
    assert f"{recording.parent}: " in errors
    assert "less than --min-free" in errors
    assert said["event"] == "space_low"
    assert said["free"] < said["min_free"]


@conversation_with_process
async def test_a_log_that_grows_is_told_of_and_so_is_its_end(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording)
        out = proxy.process.stdout
        assert out is not None
        client, server = await open_session(proxy.port, behind)

        async def talk(mebibytes: int) -> None:
            for _ in range(mebibytes):
                await asyncio.gather(server.send(MEBIBYTE), client.exactly(len(MEBIBYTE)))

        await until(lambda: is_begun(recording))
        with elsewhere(READ_FOR_EVER, recording) as reader:
            assert reader.stdout is not None
            assert await asyncio.to_thread(reader.stdout.readline) == "reading\n"
            await talk(66)
            large = json.loads(await asyncio.to_thread(out.readline))
        over = asyncio.ensure_future(asyncio.to_thread(out.readline))
        while not over.done():
            await talk(1)
            await asyncio.sleep(0.05)
        normal = json.loads(over.result())
        await leave(client, server)
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    assert errors.count("\n") == 2
    assert errors.startswith(f"wsrec: {recording}-wal: grown to ")
    assert (large["event"], large["recording"]) == ("log_large", str(recording))
    assert large["size"] > 64 << 20
    assert normal["event"] == "log_ok"
    assert normal["size"] <= 32 << 20


@conversation_with_process
async def test_digests_of_one_run_compare_between_its_recordings(recording: Path) -> None:
    following = recording.with_name("session-2.db")
    secret = "Authorization: Bearer abc"
    async with backend() as behind:
        proxy = start(behind.url, recording, "--rotate-every", "1ms")
        for path in (recording, following):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade(secret))
            await leave(client, await behind.accept())
            await until(lambda path=path: is_finished(path))  # type: ignore[misc]
        proxy.signal(signal.SIGTERM)
        await proxy.over()
    one, other = (sessions(path)[0].request_headers for path in (recording, following))
    assert one == other
    assert "abc" not in str(one)


@conversation
async def test_a_recording_that_cannot_be_begun_is_told_of_and_nobody_notices(
    tmp_path: Path,
) -> None:
    recording = tmp_path / f"{'s' * 244}.db"  # with a number, its name is too long
    told: list[Notice] = []
    options = Options(keep=Keep(rotate_seconds=0), close_timeout=0.2)
    async with backend() as behind:
        async with Proxy(Upstream.parse(behind.url), recording, options, told.append) as proxy:
            client, server = await open_session(proxy.port, behind)
            await until(lambda: bool(told))
            await server.send(HELLO)
            assert await client.exactly(7) == HELLO
            await leave(client, server)
        (notice,) = told
    assert notice.event == "rotate_failed"
    assert f"{recording} goes on: " in notice.text
    assert recorded(recording)["server"] == ["hello"]
