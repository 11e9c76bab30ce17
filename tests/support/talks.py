"""Conversations written down in tests, recorded by the real recorder."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from support.conversation import Line
from support.frames import KEY, wire
from support.recordings import Conversation, recorder_at


def record(path: Path, *sessions: list[Line], end: bool = True) -> Path:
    with recorder_at(path) as recorder:
        for lines in sessions:
            talk = Conversation(recorder)
            for sender, value in (line for line in lines if not isinstance(line, int)):
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                talk.send(sender, wire(1, data, mask=KEY if sender == "client" else None))
            if end:
                talk.client(wire(8, struct.pack(">H", 1000), mask=KEY)).end()
    return path
