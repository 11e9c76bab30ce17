"""One sender's bytes on their way into the recording: frames, then rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..wire.anomalies import Anomaly, anomaly_names
from ..wire.close import parse_close
from ..wire.decoder import FrameDecoder
from ..wire.deflate import Extensions
from ..wire.frames import BINARY, CLOSE, TEXT, Frame, Part
from ..wire.mask import Unmask
from ..wire.messages import MessageTracker, is_utf8
from .batch import MANY, MUCH
from .model import Sender
from .rows import PLAIN_COLUMNS, unusual
from .share import ITEM, Share
from .tables import BINARY_MESSAGE, MASKED, SERVER, TEXT_MESSAGE

if TYPE_CHECKING:
    from .batch import Batch
    from .blob import Blob
    from .session import SessionWriter

__all__ = ["KIND_BITS", "StreamWriter"]

_FEED_SIZE = 128 << 10  # bounds what a chunk full of tiny frames grows to as rows
_CHEAP_TO_COPY = 4 << 10  # bytes, against what the driver does with `bytes`: see rows.py
KIND_BITS = {None: 0, "text": TEXT_MESSAGE, "binary": BINARY_MESSAGE}
_TRUNCATED = int(Anomaly.TRUNCATED | Anomaly.TRUNCATED_HEADER)
_FIN_TEXT = 0x80 | TEXT
(_INVALID_UTF8,) = anomaly_names(Anomaly.INVALID_UTF8)


class StreamWriter:
    """Turns what one peer of a session sends into rows; lives on the recorder's thread.

    Times come in as monotonic nanoseconds of the process and are stored relative to the
    session's start.
    """

    def __init__(
        self, session: SessionWriter, batch: Batch, sender: Sender, started_ns: int, unmask: Unmask
    ) -> None:
        self.sender = sender
        self.decoder = FrameDecoder(masked=sender == "client", unmask=unmask)
        self.frames = 0
        self.bytes = 0
        self.share = Share()
        self._session = session
        self._batch = batch
        self._started_ns = started_ns
        self._tracker = MessageTracker(self._add_piece)
        self._side = SERVER if sender == "server" else 0
        plain = self._side | (MASKED if sender == "client" else 0)
        self._plain_heads = {
            0x80 | TEXT: 0x80 | TEXT | TEXT_MESSAGE | plain,
            0x80 | BINARY: 0x80 | BINARY | BINARY_MESSAGE | plain,
        }
        self._payload: Blob | None = None  # where a payload in parts goes
        self._data: Blob | None = None  # where the pieces of a message go
        self._data_of = 0  # which of the tracker's messages that is
        self._unforwarded: list[int] = []  # seqs of frames the other peer has not taken yet

    def agreed(self, extensions: Extensions) -> None:
        """Read messages the way the opening handshake says."""
        self._tracker = MessageTracker(
            self._add_piece, extensions.inflater(self.sender), extensions.rsv_bits
        )

    def feed(self, at_ns: int, forwarded_ns: int | None, data: bytes) -> None:
        """Take bytes that arrived at `at_ns`; `forwarded_ns` is None while they are on the way."""
        started_ns = self._started_ns
        at_ns -= started_ns
        if forwarded_ns is not None:
            forwarded_ns -= started_ns
        size = len(data)
        if size <= _FEED_SIZE:
            self._feed(at_ns, forwarded_ns, data)
        else:
            for start in range(0, size, _FEED_SIZE):
                self._feed(at_ns, forwarded_ns, data[start : start + _FEED_SIZE])
        share = self.share
        share.taken += size + ITEM
        if share.crowded:
            share.relieve()

    def forwarded(self, now_ns: int) -> None:
        """Note that the other peer has taken everything sent until now."""
        if self._unforwarded:
            seqs, self._unforwarded = self._unforwarded, []
            self._batch.set_forwarded(self._session.id, seqs, now_ns - self._started_ns)

    def finish(self, at_ns: int) -> None:
        """Write what the connection's end left unfinished."""
        for item in self.decoder.finish():
            self._add(at_ns - self._started_ns, None, item)

    @property
    def between_blobs(self) -> bool:
        """Whether nothing of what comes next is in parts that were written before."""
        return self._payload is None and self._data is None

    def state(self) -> tuple[Any, ...]:
        """Return what has been taken and is in no row, as plain values, for `resume`."""
        blobs = (blob and (blob.number, blob.next_id) for blob in (self._payload, self._data))
        counts = self.frames, self.bytes, self._data_of
        return *counts, *blobs, self.decoder.state(), self._tracker.state()

    def resume(self, state: Sequence[Any]) -> None:
        """Go on where another process stood when its stream was asked for `state`."""
        self.frames, self.bytes, self._data_of, payload, data, decoder, tracker = state
        self._payload = payload and self._batch.open_blob(*payload)
        self._data = data and self._batch.open_blob(*data)
        self.decoder.resume(decoder)
        self._tracker.resume(tracker)

    def let_go(self) -> None:
        """Leave no cycle behind: sessions end by the thousand, and the collector hardly runs."""
        del self._session, self._tracker, self.share

    def _feed(self, at_ns: int, forwarded_ns: int | None, data: bytes) -> None:
        session = self._session
        before = session.seq
        bytes_before = self.bytes
        if self._tracker.idle:
            # The hot path: messages in one faultless frame each, as nearly all are.
            plain, data = self.decoder.take_plain(data)
            if plain:
                session_id = session.id
                seq = before
                heads = self._plain_heads
                size = 0
                runs = session.runs
                if runs and runs[-1][0] is PLAIN_COLUMNS:
                    rows = runs[-1][1]
                else:
                    rows = session.rows(PLAIN_COLUMNS)
                for first, payload in plain:
                    seq += 1
                    if first == _FIN_TEXT and not (payload.isascii() or is_utf8(payload)):
                        columns, more = unusual(_INVALID_UTF8)
                        faulty = session.rows(columns)
                        faulty += (session_id, seq, heads[first], at_ns, forwarded_ns, payload)
                        faulty += more
                        rows = session.rows(PLAIN_COLUMNS)
                    else:
                        rows += (session_id, seq, heads[first], at_ns, forwarded_ns, payload)
                    size += len(payload)
                session.seq = seq
                self.frames += len(plain)
                self.bytes += size
        if data:
            for item in self.decoder.feed(data):
                self._add(at_ns, forwarded_ns, item)
        if session.seq != before:
            if forwarded_ns is None:
                self._unforwarded.extend(range(before + 1, session.seq + 1))
            batch = self._batch
            batch.rows += session.seq - before
            batch.bytes += self.bytes - bytes_before
            if batch.rows > MANY or batch.bytes > MUCH:
                batch.flush()

    def _add(self, at_ns: int, forwarded_ns: int | None, item: Frame | Part) -> None:
        """Make the row of any frame, or write a part of one."""
        if isinstance(item, Part):
            self._add_part(item)
            return
        session = self._session
        session.seq += 1
        self.frames += 1
        placed = self._tracker.frame(item, session.seq)
        payload_parts = None if self._payload is None else self._batch.complete(self._payload)
        message_parts = payload_parts if placed.kind else None
        if placed.data_apart and self._data is not None:
            message_parts = self._batch.complete(self._data)
        if placed.kind:
            self._data = None
        payload = item.payload
        if payload is not None:
            self.bytes += len(payload)
        elif self._payload is None:
            payload = b""  # cut off before any of it came
        self._payload = None
        if item.opcode == CLOSE and not item.anomalies & _TRUNCATED:
            code, reason, _ = parse_close(payload or b"")
            session.closed(code, reason, self.sender)
        head = item.fin << 7 | item.rsv << 4 | item.opcode | self._side
        head |= (MASKED if item.masked else 0) | KIND_BITS[placed.kind]
        flags = item.anomalies | placed.anomalies
        columns, more = unusual(
            ",".join(anomaly_names(flags)) if flags else None,
            placed.first_seq if placed.first_seq != session.seq else None,
            message_parts,
            payload_parts,
        )
        rows = session.rows(columns)
        if payload is not None and len(payload) < _CHEAP_TO_COPY:
            payload = bytearray(payload)
        rows += (session.id, session.seq, head, at_ns, forwarded_ns, payload)
        rows += more

    def _add_part(self, part: Part) -> None:
        if self._payload is None:
            self._payload = self._batch.new_blob()
        self.bytes += len(part.data)
        self._batch.add_part(self._payload, part.data)
        self._tracker.part(part)

    def _add_piece(self, piece: bytes) -> None:
        """Write what the tracker has put together of a message."""
        tracker = self._tracker
        if self._data is None or self._data_of != tracker.messages_begun:
            self._data = self._batch.new_blob()
            self._data_of = tracker.messages_begun
        self._batch.add_part(self._data, piece)
