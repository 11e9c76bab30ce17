"""Make the recordings of this format that every later wsrec has to read.

    python tests/recordings/make.py

They are made once, when a format is released, and never again: a recording made by a later wsrec
says nothing of those that are on people's disks. So an existing one is not replaced.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.frames import KEY, wire
from support.golden import FOLDER, outputs
from support.recordings import Conversation, recorder_at
from support.tampering import HELLO, split
from wsrec.redaction.rules import Rules
from wsrec.store.recorder import Recorder
from wsrec.store.tables import FORMAT_VERSION

CLOSE = wire(8, b"\x03\xe8bye")


def deflated(data: bytes, *, rsv: int = 4) -> bytes:
    """A compressed message of permessage-deflate."""
    pack = zlib.compressobj(wbits=-15)
    body = pack.compress(data) + pack.flush(zlib.Z_SYNC_FLUSH)
    return wire(1, body[:-4], rsv=rsv)


def messages(path: Path) -> None:
    """Text and binary, a run of the contract, messages in fragments, messages compressed."""
    with recorder_at(path, meta={"upstream": "ws://example.test"}) as recorder:
        plain(recorder)
        fragmented(recorder)
        compressed(recorder)


def plain(recorder: Recorder) -> None:
    talk = Conversation(recorder, target="/ws?room=1", subprotocol="chat")
    talk.text("client", "hello").text("server", "世界 \x1b[31m").text("server", "")
    talk.server(wire(2, bytes(range(256))) + wire(2) + wire(9, b"?"))
    talk.client(wire(10, b"?", mask=KEY), forwarded=False)
    talk.server(CLOSE).client(wire(8, b"\x03\xe8", mask=KEY)).end()
    talk = Conversation(recorder)
    for event in ("agent_started", "agent_thinking", "agent_completed"):
        talk.text("server", json.dumps({"type": event, "run_id": "run-1"}))
    talk.end()


def fragmented(recorder: Recorder) -> None:
    """Of both peers at once, with control frames between, and one never completed."""
    talk = Conversation(recorder)
    talk.server(wire(1, b"one ", fin=False) + wire(9, b"p") + wire(0, b"two ", fin=False))
    talk.client(wire(2, b"\x00", fin=False, mask=KEY) + wire(0, b"\x01", mask=KEY))
    split(talk)
    talk.server(wire(0, "dreü".encode()) + wire(1, b"never completed", fin=False)).end()


def compressed(recorder: Recorder) -> None:
    """With and without a context, and a message that was not compressed."""
    talk = Conversation(recorder, extensions="permessage-deflate")
    talk.server(HELLO + HELLO + wire(1, b"as it is")).end()
    talk = Conversation(recorder, extensions="permessage-deflate; server_no_context_takeover")
    talk.server(deflated(b"abc" * 1000) + deflated(b"abc" * 1000)).end()


def parts(path: Path) -> None:
    """Payloads and messages in parts; of 1 kB, which no reader knows, to keep the file small."""
    with (
        mock.patch("wsrec.wire.decoder.PART_SIZE", 1024),
        mock.patch("wsrec.wire.messages.PART_SIZE", 1024),
        recorder_at(path) as recorder,
    ):
        talk = Conversation(recorder, extensions="permessage-deflate")
        talk.server(wire(2, bytes(range(256)) * 20)).client(wire(1, b"x" * 5000, mask=KEY))
        talk.server(deflated(bytes(range(32, 127)) * 100))
        talk.server(wire(1, b"y" * 3000, fin=False) + wire(0, b"z" * 3000)).end()


def anomalies(path: Path) -> None:
    """What RFC 6455 forbids, and every way to end."""
    with recorder_at(path) as recorder:
        talk = Conversation(recorder)
        talk.client(wire(1, b"not masked")).server(wire(1, b"masked", mask=KEY))
        talk.server(wire(1, b"\xff\xfe") + wire(3, b"?") + wire(1, b"rsv", rsv=2))
        talk.server(wire(0, b"of nothing") + wire(9, b"p" * 126) + wire(1, b"long", form=8))
        talk.server(wire(8, b"\x03")).end()
        Conversation(recorder).server(wire(2, b"x" * 300, claim=400)).end()
        Conversation(recorder, extensions="permessage-deflate").server(
            wire(1, b"\xff\xff\xff", rsv=4)
        ).end()
        endings(recorder)


def redacted(path: Path) -> None:
    """Secrets in headers, the target and messages."""
    rules = Rules.parse(["json:/token", r"regex:sk-\w+"])
    with recorder_at(path, redaction=rules, redaction_key=bytes(32)) as recorder:
        headers = [("Host", "example.test"), ("Authorization", "Bearer secret")]
        talk = Conversation(recorder, target="/ws?access_token=secret&a=1", headers=headers)
        talk.text("client", '{"token": "secret", "n": 1}').text("server", "key sk-secret1 ends")
        talk.text("server", "nothing to hide").end()


def endings(recorder: Recorder) -> None:
    """A refused upgrade, one without an answer, closes of the proxy's own, a connection lost."""
    tap = recorder.session("192.0.2.1:1", "/\udcff", [("X-\udcff", "é")])
    tap.answered(403, [("Content-Type", "text/plain")], None, None)
    tap.ended()
    recorder.session(None, "/", []).ended()
    talk = Conversation(recorder).text("client", "draining")
    talk.tap.synthetic("server", b"\x03\xe9")
    talk.tap.synthetic("client", b"\x03\xe9")
    talk.end()
    Conversation(recorder).server(wire(8)).end()
    Conversation(recorder).text("client", "and gone").end()


def continued(path: Path) -> None:
    """A session that a killed recorder left without an end, and two recorders after it."""
    child = os.fork()
    if child == 0:
        recorder = Recorder(path)
        Conversation(recorder).text("client", "whole").end()
        Conversation(recorder).text("client", "interrupted")
        while recorder.backlog.size:
            pass
        os._exit(0)
    os.waitpid(child, 0)
    for text in ("second run", "third run"):
        with recorder_at(path) as recorder:
            Conversation(recorder).text("server", text).end()


MAKE: tuple[Callable[[Path], None], ...] = (messages, parts, anomalies, redacted, continued)


def main() -> None:
    """Make those of this format that are not there yet."""
    folder = FOLDER / f"v{FORMAT_VERSION}"
    folder.mkdir(exist_ok=True)
    for make in MAKE:
        path = folder / f"{make.__name__}.db"
        if path.exists():
            print(f"{path}: kept")
            continue
        with mock.patch("platform.node", return_value="example.test"):
            make(path)
        path.chmod(0o644)
        path.with_suffix(".json").write_text(json.dumps(outputs(path), indent=1) + "\n")
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
