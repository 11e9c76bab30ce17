"""One script, two performances: with the proxy between the peers, and without."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from oracle.peers import PATIENCE, Talk, Wire
from oracle.rows import found, rows
from support.raw import SWITCH, upgrade
from wsrec.net.upstream import Upstream
from wsrec.proxy.options import Options
from wsrec.proxy.server import Proxy
from wsrec.redaction.rules import Rules
from wsrec.store.durability import Durability
from wsrec.store.model import Frame, Session
from wsrec.store.reader import Recording

__all__ = ["Stage"]

Script = Callable[[Talk], object]
LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None

_EVERYTHING = Rules(defaults=False)  # what was sent is what is compared


class Stage:
    """A raw backend, the proxy in front of it in a thread of its own, and its recording."""

    def __init__(self, recording: Path, listener: socket.socket) -> None:
        self.path = recording
        """Where the recording is: it can be read while it is being written."""
        self._listener = listener
        self._backend: int = listener.getsockname()[1]
        self._proxy = 0
        self._wires: list[Wire] = []
        self.sessions = 0
        """How many handshakes went through the proxy: the number of the last session."""

    @classmethod
    @contextlib.contextmanager
    def built(cls, recording: Path, loop: LoopFactory, mode: Durability) -> Iterator[Stage]:
        """Keep the proxy running; behind the block it must have ended in order."""
        with (
            socket.create_server(("127.0.0.1", 0), backlog=64) as listener,
            asyncio.Runner(loop_factory=loop) as runner,
        ):
            listener.settimeout(PATIENCE)
            stage = cls(recording, listener)
            upstream = Upstream.parse(f"ws://127.0.0.1:{stage._backend}")
            stopped = asyncio.Event()
            listening = threading.Event()

            async def serve() -> None:
                options = Options(redaction=_EVERYTHING, durability=mode)
                async with Proxy(upstream, recording, options) as proxy:
                    stage._proxy = proxy.port
                    listening.set()
                    await stopped.wait()

            serving = threading.Thread(target=runner.run, args=(serve(),), daemon=True)
            serving.start()
            assert listening.wait(PATIENCE)
            try:
                yield stage
            finally:
                for wire in stage._wires:  # what a failed test has left
                    wire.close()
                runner.get_loop().call_soon_threadsafe(stopped.set)
                serving.join(PATIENCE)
        assert not serving.is_alive()
        with Recording.open(recording) as opened:
            assert opened.clean

    def dial(self, request: bytes, *rest: bytes, through: bool) -> tuple[Wire, Wire]:
        """Connect and send an opening handshake, in one segment or piece by piece."""
        port = self._proxy if through else self._backend
        client = Wire(socket.create_connection(("127.0.0.1", port), PATIENCE))
        self.sessions += through
        for piece in (request, *rest):
            client.send(piece)
        server = Wire(self._listener.accept()[0])
        self._wires += client, server
        return client, server

    def open(
        self, *, through: bool, chosen: str | None = None, early: bytes = b"", ahead: bytes = b""
    ) -> Talk:
        """Open a session in which the server has `chosen` extensions.

        Args:
            through: whether the proxy is between.
            chosen: what both heads say in `Sec-WebSocket-Extensions`.
            early: what the client sends in one segment with its request.
            ahead: what the server sends in one segment with its 101.
        """
        client, server = self.dial(upgrade(*_offer(chosen)) + early, through=through)
        talk = Talk(client, server)
        server.head()
        answer = _answer(chosen)
        server.send(answer + ahead)
        assert client.head() == answer
        if early:
            talk.said.append(("client", early))
            assert server.take(len(early)) == early
        if ahead:
            talk.said.append(("server", ahead))
            assert client.take(len(ahead)) == ahead
        return talk

    def same(
        self, script: Script, *, chosen: str | None = None, early: bytes = b"", ahead: bytes = b""
    ) -> Session:
        """Perform a script without the proxy and with it: nothing may differ.

        What was recorded must be what was sent. Returns the recorded session.
        """
        seen = []
        for through in (False, True):
            talk = self.open(through=through, chosen=chosen, early=early, ahead=ahead)
            script(talk)
            for wire in (talk.client, talk.server):
                wire.close()
            seen.append([(wire.ended, bytes(wire.heard)) for wire in (talk.client, talk.server)])
        assert seen[0] == seen[1]
        return self.recorded(talk)

    def recorded(self, talk: Talk, number: int = 0, *, ordered: bool = True) -> Session:
        """Compare a session with its recording; the last one, unless its number is given.

        `ordered`: each piece was sent when the one before had arrived, so that the order in which
        frames of both peers ended is known.
        """
        session, frames = self.recording(number)
        told = [found(frame) for frame in frames]
        expected = rows(talk.said)
        if not ordered:
            told.sort(key=lambda row: row.sender)
            expected.sort(key=lambda row: row.sender)
        assert told == expected
        assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
        return session

    def recording(self, number: int = 0) -> tuple[Session, list[Frame]]:
        """Wait for a session's end record; return what was recorded of it."""
        number = number or self.sessions
        end = time.monotonic() + PATIENCE
        while True:
            with Recording.open(self.path) as opened:
                session = opened.session(number)
                if session is not None and session.clean:
                    return session, list(opened.frames(number))
            assert time.monotonic() < end, f"session {number} has not ended: {session}"
            time.sleep(0.002)


def _offer(chosen: str | None) -> list[str]:
    return [] if chosen is None else [f"Sec-WebSocket-Extensions: {chosen}"]


def _answer(chosen: str | None) -> bytes:
    return SWITCH[:-2] + "".join(f"{line}\r\n" for line in _offer(chosen)).encode() + b"\r\n"
