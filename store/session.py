"""One session on its way into the recording: its handshake, two streams of frames, its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..redaction.redactor import Redactor
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
        redactor: Redactor | None = None,
    ) -> None:
        """`redactor`: takes out what must not be stored, before anything else sees it."""
        self.id = session_id
        self.seq = 0
        """The number of the last frame."""
        self.runs: Runs = []
        """Frames not yet inserted."""
        self.link = START
        """Of the last extent; before there is one, of the row that the session began as."""
        self.client: StreamWriter
        self.server: StreamWriter
        if redactor is None or redactor.payloads is None:
            self.client = StreamWriter(self, batch, "client", started_ns, unmask)
            self.server = StreamWriter(self, batch, "server", started_ns, unmask)
        else:  # of its own class: without rules about payloads, no frame is asked for them
            common = started_ns, unmask, redactor.payloads
            self.client = RedactingStreamWriter(self, batch, "client", *common)
            self.server = RedactingStreamWriter(self, batch, "server", *common)
        self._batch = batch
        self._started_ns = started_ns
        self._handshake = None if redactor is None else redactor.handshake
        self._offered: frozenset[str] = frozenset()  # secrets among the client's subprotocols
        self._close: tuple[int | None, str | None, str] | None = None
        self._opening: tuple[Any, ...] = ()
        self._answer: tuple[Any, ...] = (None,) * 4

    def opened(
        self, started_at: str, since_ns: int, client: str | None, target: str, headers: Headers
    ) -> None:
        """Note the opening handshake's request."""
        if self._handshake is not None:
            target = self._handshake.target(target)
            headers, self._offered = self._handshake.headers(headers)
        request_headers = json.dumps(list(headers))
        self._opening = self.id, started_at, since_ns, client, _text(target), request_headers
        self.link = self._batch.chain.row(START, (*self._opening, *NOT_YET))
        self._batch.execute(
            "INSERT INTO sessions (id, started_at, started_ns, client, target, request_headers,"
            " link) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*self._opening, self.link),
        )

    def answered(
        self, status: int, headers: Headers, subprotocol: str | None, extensions: str | None
    ) -> None:
        """Note the response; a 101's extensions decide how messages are read."""
        agreed = Extensions.parse(extensions)
        self.client.agreed(agreed)
        self.server.agreed(agreed)
        if self._handshake is not None:
            redact, offered = self._handshake, self._offered
            headers, _ = redact.headers(headers, offered)
            subprotocol = redact.chosen("sec-websocket-protocol", subprotocol, offered)
            extensions = redact.chosen("sec-websocket-extensions", extensions, offered)
            self._offered = frozenset()
        self._answer = status, json.dumps(list(headers)), _text(subprotocol), _text(extensions)
        link = self._batch.chain.row(START, (*self._opening, *self._answer, *NOT_YET[4:]))
        self._batch.execute(
            "UPDATE sessions SET status = ?, response_headers = ?, subprotocol = ?,"
            " extensions = ?, link = ? WHERE id = ?",
            (*self._answer, link, self.id),
        )

    def synthetic(self, sender: Sender, at_ns: int, payload: bytes) -> None:
        """Note a Close frame that the proxy has sent in the name of `sender`.

        It belongs to no stream: the peer's own Close may still come, and be counted.
        """
        at_ns -= self._started_ns
        self.seq += 1
        code, reason, _ = parse_close(payload)
        self.closed(code, reason, "proxy")
        head = 0x80 | CLOSE | (MASKED if sender == "client" else SERVER)
        columns, more = unusual(_SYNTHETIC)
        self.rows(columns).extend((self.id, self.seq, head, at_ns, at_ns, payload, *more))

    def closed(self, code: int | None, reason: str | None, closed_by: str) -> None:
        """Note a Close frame; the first one says how the session was closed."""
        if self._close is None:
            self._close = code, reason, closed_by

    def ended(self, at_ns: int) -> None:
        """Write what the connection's end left unfinished, then the end record."""
        self.client.finish(at_ns)
        self.server.finish(at_ns)
        self._batch.flush()
        end = (
            *(at_ns - self._started_ns, *(self._close or (None, None, None)), 1),
            *(self.client.frames, self.client.bytes),
            *(self.server.frames, self.server.bytes),
        )
        link = self._batch.chain.row(self.link, (*self._opening, *self._answer, *end))
        self._batch.execute(
            "UPDATE sessions SET ended_ns = ?, close_code = ?, close_reason = ?, closed_by = ?,"
            " clean = ?, client_frames = ?, client_bytes = ?, server_frames = ?,"
            " server_bytes = ?, link = ? WHERE id = ?",
            (*end, link, self.id),
        )
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
