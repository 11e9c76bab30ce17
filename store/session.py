"""One session on its way into the recording: bytes become frames, frames become rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..wire.anomalies import Anomaly, anomaly_names
from ..wire.close import parse_close
from ..wire.decoder import FrameDecoder
from ..wire.deflate import Extensions
from ..wire.frames import CLOSE, Frame, Part
from ..wire.mask import Unmask
from ..wire.messages import MessageTracker, Placed
from .model import Sender

if TYPE_CHECKING:
    from .batch import Batch, Blob

__all__ = ["FRAME_COLUMNS", "Headers", "SessionWriter"]

Headers = Sequence[tuple[str, str]]

FRAME_COLUMNS = (
    "session_id", "seq", "sender", "at_ns", "forwarded_ns", "fin", "rsv", "opcode", "masked",
    "payload", "payload_parts", "kind", "first_seq", "data_parts", "anomalies",
)  # fmt: skip
"""The order of the values in `SessionWriter.rows`."""

_FEED_SIZE = 128 << 10  # bounds what a chunk full of tiny frames grows to as rows
_MANY_VALUES = 2000 * len(FRAME_COLUMNS)


class _Half:
    """What one sender's bytes are on their way to be."""

    __slots__ = (
        "bytes",
        "data",
        "data_of",
        "decoder",
        "frames",
        "payload",
        "sender",
        "tracker",
        "unforwarded",
    )

    def __init__(self, sender: Sender, decoder: FrameDecoder) -> None:
        self.sender = sender
        self.decoder = decoder
        self.tracker = MessageTracker()
        self.frames = 0
        self.bytes = 0
        self.payload: Blob | None = None  # where a payload in parts goes
        self.data: Blob | None = None  # where the pieces of a message go
        self.data_of = 0  # which of the tracker's messages that is
        self.unforwarded: list[int] = []  # seqs of frames the other peer has not taken yet


class SessionWriter:
    """Turns what crosses one session into rows; lives on the recorder's thread.

    Times come in as monotonic nanoseconds of the process and are stored relative to `started_ns`.
    """

    def __init__(self, batch: Batch, session_id: int, started_ns: int, unmask: Unmask) -> None:
        self.id = session_id
        self.rows: list[Any] = []
        """Values of frames not yet inserted, flat, in the order of `FRAME_COLUMNS`."""
        self.seq = 0
        self._batch = batch
        self._started_ns = started_ns
        self._halves = {
            "client": _Half("client", FrameDecoder(masked=True, unmask=unmask)),
            "server": _Half("server", FrameDecoder(masked=False, unmask=unmask)),
        }
        self._close: tuple[int | None, str | None, str] | None = None

    def opened(
        self, started_at: str, since_ns: int, client: str | None, target: str, headers: Headers
    ) -> None:
        """Note the opening handshake's request."""
        self._batch.execute(
            "INSERT INTO sessions (id, started_at, started_ns, client, target, request_headers)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (self.id, started_at, since_ns, client, _text(target), json.dumps(list(headers))),
        )

    def answered(
        self, status: int, headers: Headers, subprotocol: str | None, extensions: str | None
    ) -> None:
        """Note the response; a 101's extensions decide how messages are read."""
        agreed = Extensions.parse(extensions)
        for half in self._halves.values():
            half.tracker = MessageTracker(agreed.inflater(half.sender), agreed.rsv_bits)
        self._batch.execute(
            "UPDATE sessions SET status = ?, response_headers = ?, subprotocol = ?,"
            " extensions = ? WHERE id = ?",
            (status, json.dumps(list(headers)), _text(subprotocol), _text(extensions), self.id),
        )

    def feed(self, sender: Sender, at_ns: int, forwarded_ns: int | None, data: bytes) -> None:
        """Take bytes that arrived at `at_ns`; `forwarded_ns` is None while they are on the way."""
        half = self._halves[sender]
        at_ns -= self._started_ns
        if forwarded_ns is not None:
            forwarded_ns -= self._started_ns
        decode = half.decoder.feed
        if len(data) <= _FEED_SIZE:
            self._add(half, at_ns, forwarded_ns, decode(data))
        else:
            for start in range(0, len(data), _FEED_SIZE):
                piece = data[start : start + _FEED_SIZE]
                self._add(half, at_ns, forwarded_ns, decode(piece))

    def forwarded(self, sender: Sender, now_ns: int) -> None:
        """Note that the other peer has taken everything `sender` had sent until now."""
        half = self._halves[sender]
        if half.unforwarded:
            seqs, half.unforwarded = half.unforwarded, []
            self._batch.set_forwarded(self.id, seqs, now_ns - self._started_ns)

    def synthetic(self, sender: Sender, at_ns: int, payload: bytes) -> None:
        """Note a Close frame that the proxy has sent in the name of `sender`."""
        at_ns -= self._started_ns
        if not self.rows:
            self._batch.dirty(self)
        self.seq += 1
        if self._close is None:
            code, reason, _ = parse_close(payload)
            self._close = code, reason, "proxy"
        frame = Frame(1, 0, CLOSE, int(sender == "client"), payload, int(Anomaly.SYNTHETIC))
        placed = Placed(None, None, 0, False)
        self._add_unusual(self._halves[sender], self.seq, at_ns, at_ns, frame, placed)

    def at_boundary(self, sender: Sender) -> bool:
        """Whether a frame of the proxy's own would stand between two frames of `sender`."""
        return self._halves[sender].decoder.at_boundary

    def ended(self, at_ns: int) -> None:
        """Write what the connection's end left unfinished, then the end record."""
        at_ns -= self._started_ns
        for half in self._halves.values():
            self._add(half, at_ns, None, half.decoder.finish())
        self._batch.flush()
        code, reason, closed_by = self._close or (None, None, None)
        client, server = self._halves["client"], self._halves["server"]
        self._batch.execute(
            "UPDATE sessions SET ended_ns = ?, close_code = ?, close_reason = ?, closed_by = ?,"
            " clean = 1, client_frames = ?, client_bytes = ?, server_frames = ?,"
            " server_bytes = ? WHERE id = ?",
            (
                *(at_ns, code, reason, closed_by),
                *(client.frames, client.bytes, server.frames, server.bytes, self.id),
            ),
        )

    def _add(
        self, half: _Half, at_ns: int, forwarded_ns: int | None, items: list[Frame | Part]
    ) -> None:
        """Number the frames and make their rows. The hot path of the recorder."""
        if not items:
            return
        if not self.rows:
            self._batch.dirty(self)
        place = half.tracker.frame
        sender = half.sender
        session_id = self.id
        seq = before = self.seq
        rows = self.rows
        size = 0
        for item in items:
            if type(item) is Part:
                self._add_part(half, item)
                continue
            seq += 1
            placed = place(item, seq)  # type: ignore[arg-type]
            fin, rsv, opcode, masked, payload, flags = item  # type: ignore[misc]
            first_seq, kind, more, apart = placed
            if payload is None or apart or flags or more or opcode == CLOSE:
                self._add_unusual(half, seq, at_ns, forwarded_ns, item, placed)  # type: ignore[arg-type]
            else:
                size += len(payload)
                rows += (session_id, seq, sender, at_ns, forwarded_ns, fin, rsv, opcode, masked)
                rows += (payload, None, kind, first_seq, None, None)
        self.seq = seq
        half.frames += seq - before
        half.bytes += size
        if forwarded_ns is None:
            half.unforwarded.extend(range(before + 1, seq + 1))
        if len(rows) > _MANY_VALUES:
            self._batch.flush()

    def _add_unusual(
        self,
        half: _Half,
        seq: int,
        at_ns: int,
        forwarded_ns: int | None,
        frame: Frame,
        placed: Placed,
    ) -> None:
        fin, rsv, opcode, masked, payload, flags = frame
        flags |= placed.anomalies
        self._take_pieces(half)
        payload_parts = data_parts = None
        if payload is not None:
            half.bytes += len(payload)
        elif half.payload is not None:
            payload_parts = data_parts = half.payload.number
            half.payload = None
        if placed.data_apart and half.data is not None:
            data_parts = half.data.number
        if opcode == CLOSE and self._close is None:
            code, reason, _ = parse_close(payload or b"")
            self._close = code, reason, half.sender
        self.rows += (self.id, seq, half.sender, at_ns, forwarded_ns, fin, rsv, opcode)
        self.rows += (masked, payload, payload_parts, placed.kind, placed.first_seq)
        self.rows += (data_parts if placed.kind else None, _names(flags))

    def _add_part(self, half: _Half, part: Part) -> None:
        if half.payload is None:
            half.payload = self._batch.new_blob()
        half.bytes += len(part.data)
        self._batch.add_part(half.payload, part.data)
        half.tracker.part(part)
        self._take_pieces(half)

    def _take_pieces(self, half: _Half) -> None:
        tracker = half.tracker
        if tracker.pieces:
            if half.data is None or half.data_of != tracker.messages_begun:
                half.data = self._batch.new_blob()
                half.data_of = tracker.messages_begun
            for piece in tracker.pieces:
                self._batch.add_part(half.data, piece)
            tracker.pieces.clear()


def _names(flags: int) -> str | None:
    return ",".join(anomaly_names(flags)) or None


def _text(text: str | None) -> str | None:
    """Return text that SQLite takes: bytes that were no UTF-8 arrive here as lone surrogates."""
    return text and text.encode("utf-8", "surrogateescape").decode("latin-1")
