"""One sender's bytes on their way into a recording that must not hold some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..redaction.frames import FrameRedactor
from ..redaction.payload import Held, PayloadRedactor
from ..wire.anomalies import Anomaly, anomaly_names
from ..wire.close import parse_close
from ..wire.deflate import Extensions
from ..wire.frames import CLOSE, Frame, Part
from ..wire.mask import Unmask
from .batch import MANY, MUCH
from .model import Sender
from .rows import unusual
from .stream import KIND_BITS, StreamWriter
from .tables import MASKED

if TYPE_CHECKING:
    from .batch import Batch
    from .session import SessionWriter

__all__ = ["RedactingStreamWriter"]

_TRUNCATED = int(Anomaly.TRUNCATED | Anomaly.TRUNCATED_HEADER)


class RedactingStreamWriter(StreamWriter):
    """A `StreamWriter` under rules about payloads: it writes none before they were applied.

    A message that does not stand in one frame is held in memory until it is complete, up to
    `LARGEST` bytes; of what is larger, nothing is stored.
    """

    def __init__(
        self,
        session: SessionWriter,
        batch: Batch,
        sender: Sender,
        started_ns: int,
        unmask: Unmask,
        payloads: PayloadRedactor,
    ) -> None:
        super().__init__(session, batch, sender, started_ns, unmask)
        self._payloads = payloads
        self._large: Held | None = None  # a payload that comes in parts
        self._message: Held | None = None  # what the tracker has put together
        self._message_of = 0  # which of the tracker's messages that is
        self._redactor = FrameRedactor(payloads, Extensions())
        self._stored = 0  # bytes of payload in rows

    def agreed(self, extensions: Extensions) -> None:
        """Read messages the way the opening handshake says."""
        super().agreed(extensions)
        self._redactor = FrameRedactor(self._payloads, extensions)

    def _feed(self, at_ns: int, forwarded_ns: int | None, data: bytes) -> None:
        session = self._session
        before = session.seq
        stored_before = self._stored
        for item in self.decoder.feed(data):
            self._add(at_ns, forwarded_ns, item)
        if session.seq != before:
            if forwarded_ns is None:
                self._unforwarded.extend(range(before + 1, session.seq + 1))
            batch = self._batch
            batch.rows += session.seq - before
            batch.bytes += self._stored - stored_before
            if batch.rows > MANY or batch.bytes > MUCH:
                batch.flush()

    def _add(self, at_ns: int, forwarded_ns: int | None, item: Frame | Part) -> None:
        if isinstance(item, Part):
            self._add_part(item)
            return
        session = self._session
        session.seq += 1
        self.frames += 1
        placed = self._tracker.frame(item, session.seq)
        if item.payload is not None:
            self.bytes += len(item.payload)
        flags = item.anomalies | placed.anomalies
        large, self._large = self._large, None
        payload, mark = self._redactor.payload(
            *item[:3],
            item.payload or large or b"",
            flags,
            whole=placed.kind is not None and not placed.data_apart,
        )
        names = anomaly_names(flags)
        if mark is not None:
            names += (mark,)
        message_parts = None
        if placed.data_apart and self._message is not None:
            message = self._redactor.message(self._message, flags)
            blob = self._batch.new_blob()
            self._batch.add_part(blob, message.data)
            message_parts = self._batch.complete(blob)
            if message.mark is not None:
                names += (message.mark,)
        if placed.kind:
            self._message = None
        if item.opcode == CLOSE and not item.anomalies & _TRUNCATED:
            code, reason, _ = parse_close(b"" if large else payload)
            session.closed(code, reason, self.sender)
        head = item.fin << 7 | item.rsv << 4 | item.opcode | self._side
        head |= (MASKED if item.masked else 0) | KIND_BITS[placed.kind]
        columns, more = unusual(
            ",".join(names) or None,
            placed.first_seq if placed.first_seq != session.seq else None,
            message_parts,
        )
        rows = session.rows(columns)
        rows += (session.id, session.seq, head, at_ns, forwarded_ns, payload)
        rows += more
        self._stored += len(payload)

    def _add_part(self, part: Part) -> None:
        if self._large is None:
            self._large = Held(self._payloads.mark)
            self._large.drop()
        self.bytes += len(part.data)
        self._large.add(part.data)
        self._tracker.part(part)

    def _add_piece(self, piece: bytes) -> None:
        """Hold what the tracker has put together of a message."""
        tracker = self._tracker
        if self._message is None or self._message_of != tracker.messages_begun:
            self._message = Held(self._payloads.mark)
            self._message_of = tracker.messages_begun
        self._message.add(piece)
