"""One session on its way into the recording: its handshake, two streams of frames, its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..redaction.payload import PayloadRedactor
from ..wire.anomalies import Anomaly, anomaly_names
from ..wire.close import parse_close
from ..wire.deflate import Extensions
from ..wire.frames import CLOSE
from ..wire.mask import Unmask
from .chain import NOT_YET, START
from .model import Sender
from .redact_stream import RedactingStreamWriter
from .rows import Columns, Runs, unusual
from .stream import StreamWriter
from .tables import MASKED, SERVER

if TYPE_CHECKING:
    from .batch import Batch

__all__ = ["Headers", "SessionWriter"]

Headers = Sequence[tuple[str, str]]

_OPEN = NOT_YET[4:]
_ROW = f"INSERT OR REPLACE INTO sessions VALUES ({','.join('?' * 20)})"
(_SYNTHETIC,) = anomaly_names(Anomaly.SYNTHETIC)


class SessionWriter:
    """Turns what crosses one session into rows; lives on the recorder's thread.

    Times come in as monotonic nanoseconds of the process and are stored relative to `started_ns`.
    """

    def __init__(
        self,
        batch: Batch,
        session_id: int,
        started_ns: int,
        unmask: Unmask,
        payloads: PayloadRedactor | None = None,
    ) -> None:
        """`payloads`: takes out what must not be stored, before anything else sees it."""
        self.id = session_id
        self.seq = 0
        """The number of the last frame."""
        self.stored = 0
        """The number of the last frame that is in the recording from before."""
        self.lost: str | None = None
        """Why frames are not stored now: `Batch` will state which ones are missing."""
        self.runs: Runs = []
        """Frames not yet inserted."""
        self.link = START
        """Of the last extent; before there is one, of the row that the session began as."""
        self.client: StreamWriter
        self.server: StreamWriter
        if payloads is None:
            self.client = StreamWriter(self, batch, "client", started_ns, unmask)
            self.server = StreamWriter(self, batch, "server", started_ns, unmask)
        else:  # of its own class: without rules about payloads, no frame is asked for them
            common = started_ns, unmask, payloads
            self.client = RedactingStreamWriter(self, batch, "client", *common)
            self.server = RedactingStreamWriter(self, batch, "server", *common)
        self._batch = batch
        self.started_ns = started_ns
        """What times are relative to."""
        self._close: tuple[int | None, str | None, str] | None = None
        self._opening: tuple[Any, ...] = ()
        self._agreed = Extensions()
        self._answer: tuple[Any, ...] = NOT_YET[:4]
        self._end: tuple[Any, ...] = _OPEN

    def opened(
        self, started_at: str, since_ns: int, client: str | None, target: str, headers: Headers
    ) -> None:
        """Note the opening handshake's request."""
        request_headers = json.dumps(list(headers))
        self._opening = self.id, started_at, since_ns, client, _text(target), request_headers
        self.link = self.write_row()

    def answered(
        self,
        status: int,
        headers: Headers,
        subprotocol: str | None,
        extensions: str | None,
        agreed: Extensions,
    ) -> None:
        """Note the response; what a 101 `agreed` to decides how messages are read."""
        self._agree(agreed)
        self._answer = status, json.dumps(list(headers)), _text(subprotocol), _text(extensions)
        self.write_row()

    def write_row(self) -> bytes:
        """Write the session's row as it is now; return its link."""
        row = *self._opening, *self._answer, *self._end
        link = self._batch.chain.row(START if self._end is _OPEN else self.link, row)
        self._batch.execute(_ROW, (*row, link), self)
        return link

    @property
    def first_link(self) -> bytes:
        """The chain's link before the first extent: of the row that the session began as."""
        return self._batch.chain.row(START, (*self._opening, *NOT_YET))

    @property
    def between_blobs(self) -> bool:
        """Whether nothing of what comes next is in parts that were written before."""
        return self.client.between_blobs and self.server.between_blobs

    @property
    def has_ended(self) -> bool:
        """Whether the end record has been written."""
        return self._end is not _OPEN

    def state(self) -> tuple[Any, ...]:
        """Return what is known of the session and in no row, as plain values, for `resume`."""
        agreed = self._agreed
        keeps = agreed.server_keeps_context, agreed.client_keeps_context
        handshake = self._opening, self._answer, (agreed.deflate, *keeps, agreed.others)
        streams = self.client.state(), self.server.state()
        return self.seq, *handshake, self._close, self.lost, *streams

    def resume(self, state: Sequence[Any]) -> None:
        """Go on where another process's writer of this session stood when asked for `state`."""
        self.seq, opening, answer, (deflate, server, client, others), *state = state
        close, self.lost, *streams = state
        self._opening, self._answer = tuple(opening), tuple(answer)
        self._close = close and tuple(close)
        self.link = self.first_link
        self._agree(Extensions(deflate, server, client, tuple(others)))
        self.client.resume(streams[0])
        self.server.resume(streams[1])

    def _agree(self, agreed: Extensions) -> None:
        self._agreed = agreed
        self.client.agreed(agreed)
        self.server.agreed(agreed)

    def synthetic(self, sender: Sender, at_ns: int, payload: bytes) -> None:
        """Note a Close frame that the proxy has sent in the name of `sender`.

        It belongs to no stream: the peer's own Close may still come, and be counted.
        """
        at_ns -= self.started_ns
        self.seq += 1
        code, reason, _ = parse_close(payload)
        self.closed(code, reason, "proxy")
        head = 0x80 | CLOSE | (MASKED if sender == "client" else SERVER)
        columns, more = unusual(_SYNTHETIC)
        self._batch.rows += 1
        self.rows(columns).extend((self.id, self.seq, head, at_ns, at_ns, payload, *more))

    def closed(self, code: int | None, reason: str | None, closed_by: str) -> None:
        """Note a Close frame; the first one says how the session was closed."""
        if self._close is None:
            self._close = code, reason, closed_by

    def cut_off(self, at_ns: int) -> None:
        """Write what is left unfinished: nothing more is known of the session."""
        self.client.finish(at_ns)
        self.server.finish(at_ns)
        if self.lost is not None:
            self._batch.dirty(self)

    def ended(self, at_ns: int) -> None:
        """Write what the connection's end left unfinished, then the end record."""
        self.cut_off(at_ns)
        self._batch.flush()
        self._end = (
            *(at_ns - self.started_ns, *(self._close or (None, None, None)), 1),
            *(self.client.frames, self.client.bytes),
            *(self.server.frames, self.server.bytes),
        )
        self._batch.ended(self, self.write_row())
        self.client.let_go()
        self.server.let_go()

    def rows(self, columns: Columns) -> list[Any]:
        """Return the list that the values of rows with these columns are added to now."""
        if not self.runs:
            self._batch.dirty(self)
        elif self.runs[-1][0] is columns:
            return self.runs[-1][1]
        rows: list[Any] = []
        self.runs.append((columns, rows))
        return rows


def _text(text: str | None) -> str | None:
    """Return text that SQLite takes: bytes that were no UTF-8 arrive here as lone surrogates."""
    return text and text.encode("utf-8", "surrogateescape").decode("latin-1")
