"""One session on its way into the recording: its handshake, two streams of frames, its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..wire.anomalies import Anomaly, anomaly_names
from ..wire.close import parse_close
from ..wire.deflate import Extensions
from ..wire.frames import CLOSE
from ..wire.mask import Unmask
from .model import Sender
from .rows import Columns, unusual
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

    def __init__(self, batch: Batch, session_id: int, started_ns: int, unmask: Unmask) -> None:
        self.id = session_id
        self.seq = 0
        """The number of the last frame."""
        self.runs: list[tuple[Columns, list[Any]]] = []
        """Values of frames not yet inserted, in order: runs of rows of the same columns, flat."""
        self.client = StreamWriter(self, batch, "client", started_ns, unmask)
        self.server = StreamWriter(self, batch, "server", started_ns, unmask)
        self._batch = batch
        self._started_ns = started_ns
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
        self.client.agreed(agreed)
        self.server.agreed(agreed)
        self._batch.execute(
            "UPDATE sessions SET status = ?, response_headers = ?, subprotocol = ?,"
            " extensions = ? WHERE id = ?",
            (status, json.dumps(list(headers)), _text(subprotocol), _text(extensions), self.id),
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
        code, reason, closed_by = self._close or (None, None, None)
        self._batch.execute(
            "UPDATE sessions SET ended_ns = ?, close_code = ?, close_reason = ?, closed_by = ?,"
            " clean = 1, client_frames = ?, client_bytes = ?, server_frames = ?,"
            " server_bytes = ? WHERE id = ?",
            (
                *(at_ns - self._started_ns, code, reason, closed_by),
                *(self.client.frames, self.client.bytes),
                *(self.server.frames, self.server.bytes, self.id),
            ),
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
