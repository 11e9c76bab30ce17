"""What a session notices of the one beside it that wants everything.

    python benchmarks/neighbour.py [--seconds 5] [--work DIR]

One session exchanges 200 small messages a second through the proxy while another misbehaves; each
attack is measured beside a quiet stretch of its own. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

PAUSE = 0.005  # seconds between two exchanges
HEAD = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
SMALL = b"\x81\x8a\0\0\0\0helloworld"
MEBIBYTE = b"\x82\xff" + (1 << 20).to_bytes(8) + bytes(4) + bytes(1 << 20)


def quiet() -> Iterator[bytes]:
    """Nothing."""
    return iter(())


def stalled_reader() -> Iterator[bytes]:
    """A gibibyte for a peer that reads none of it."""
    return itertools.repeat(MEBIBYTE, 1 << 10)


def endless_length() -> Iterator[bytes]:
    """A header that announces 2^63 bytes, and data without end."""
    yield b"\x82\xff" + (1 << 63).to_bytes(8) + bytes(4)
    yield from itertools.repeat(bytes(1 << 16))


def dribble() -> Iterator[bytes]:
    """Large frames that come byte by byte."""
    return (bytes([byte]) for byte in itertools.cycle(b"\x82\xfe\x80\x00" + bytes(0x8004)))


def confetti() -> Iterator[bytes]:
    """Empty fragments of a message that never ends."""
    yield b"\x01\x80\0\0\0\0"
    yield from itertools.repeat(b"\x00\x80\0\0\0\0" * 5000)


def bomb() -> Iterator[bytes]:
    """Messages of half a mebibyte that would be 512 MiB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(512))
    packed += deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    return itertools.repeat(b"\xc2\xff" + len(packed).to_bytes(8) + bytes(4) + packed)


ATTACKS: tuple[Callable[[], Iterator[bytes]], ...] = (
    *(quiet, stalled_reader, endless_length, dribble, confetti, bomb),
)


async def backend() -> None:
    """Echo the small frames as a server would; take the rest, or nothing if told `/stalled`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if b"/neighbour" in head:
                while True:
                    frame = await reader.readexactly(len(SMALL))
                    writer.write(b"\x81\x0a" + frame[6:])
            elif b"/stalled" in head:
                await asyncio.sleep(3600)
            else:
                while await reader.read(1 << 18):
                    pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def connect(port: int, path: bytes) -> socket.socket:
    """Open a session."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(HEAD.replace(b"GET /", b"GET " + path, 1))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    return sock


def attack(name: str, port: int, stop: threading.Event) -> None:
    """Misbehave until told to stop."""
    (messages,) = (each() for each in ATTACKS if each.__name__ == name)
    with connect(port, b"/stalled" if name == "stalled_reader" else b"/") as sock:
        sock.settimeout(0.2)
        for data in messages:
            left = memoryview(data)
            while left and not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    left = left[sock.send(left) :]
            if stop.is_set():
                break


def measure(name: str, seconds: float, folder: Path) -> tuple[float, float, int, int]:
    """Return the neighbour's p50 and p99 in µs, its exchanges, and how many bytes memory grew."""
    recording = folder / f"{name}.db"
    me = [sys.executable, __file__, "backend"]
    wsrec = [sys.executable, "-m", "wsrec", "proxy"]
    with subprocess.Popen(me, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        upstream = f"ws://127.0.0.1:{int(agent.stdout.readline())}"
        wsrec += [upstream, "-l", "127.0.0.1:0", "-o", str(recording), "--format", "json"]
        with subprocess.Popen(wsrec, stdout=subprocess.PIPE, cwd=folder) as proxy:
            assert proxy.stdout is not None
            port = json.loads(proxy.stdout.readline())["port"]
            took: list[int] = []
            with connect(port, b"/neighbour") as sock:
                before = _peak(proxy.pid)
                stop = threading.Event()
                villain = threading.Thread(target=attack, args=(name, port, stop))
                villain.start()
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    at = time.monotonic_ns()
                    sock.sendall(SMALL)
                    assert sock.recv(64) == b"\x81\x0ahelloworld"
                    took.append(time.monotonic_ns() - at)
                    time.sleep(PAUSE)
                stop.set()
                villain.join()
            grown = _peak(proxy.pid) - before
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(60)
        agent.terminate()
    took.sort()
    return took[len(took) // 2] / 1e3, took[len(took) * 99 // 100] / 1e3, len(took), grown


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError("this kernel does not tell a process's peak memory")


def main() -> None:
    """Measure each attack and print a table."""
    if sys.argv[1:] == ["backend"]:
        asyncio.run(backend())
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each attack (5)")
    parser.add_argument("--work", type=Path, help="where recordings are written, and deleted")
    options = parser.parse_args()
    print("| beside | p50 µs | p99 µs | exchanges | memory grew by MiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for each in ATTACKS:
            p50, p99, count, grown = measure(each.__name__, options.seconds, Path(folder))
            name = each.__name__.replace("_", " ")
            print(f"| {name} | {p50:,.0f} | {p99:,.0f} | {count} | {grown / (1 << 20):.1f} |")


if __name__ == "__main__":
    main()
