"""A recording on its way into another one, redacted: row by row, and linked anew."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ..redaction.frames import FrameRedactor
from ..redaction.payload import Held
from ..redaction.redactor import Redactor
from ..redaction.rules import Rules
from ..store.batch import PUT_GAP
from ..store.chain import NOT_YET, START, Chain, Details
from ..store.seal import SEALED_SESSIONS, Sealer, Signer
from ..store.tables import PART_BITS, SERVER
from ..store.values import SESSION_COLUMNS
from ..wire.anomalies import Anomaly
from ..wire.close import parse_close
from ..wire.deflate import Extensions
from ..wire.frames import CLOSE

__all__ = ["Scrubbed", "Scrubbing"]

_EXTENT = 4 << 20
"""Bytes of payload in an extent beyond which a new one is begun, as by a recorder."""
_NAMES = SESSION_COLUMNS.split(", ")
_FRAME_COLUMNS = (
    "id, session_id, seq, head, at_ns, forwarded_ns, payload, anomalies, message_seq,"
    " message_parts, payload_parts"
)
_HEADERS = {"subprotocol": "sec-websocket-protocol", "extensions": "sec-websocket-extensions"}
_PEERS = ("client", "server")
_FLAGS = {flag.name.lower(): int(flag) for flag in Anomaly if flag.name}
_TRUNCATED = int(Anomaly.TRUNCATED | Anomaly.TRUNCATED_HEADER)


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was written."""

    sessions: int
    frames: int
    changed: int
    """Frames of which something was replaced; opening handshakes are not counted."""
    unsealed: int
    """Sessions that were sealed before, and are not any more."""


class Scrubbing:
    """Goes through one recording and writes another."""

    def __init__(
        self, old: sqlite3.Connection, new: sqlite3.Connection, redactor: Redactor
    ) -> None:
        self._old = old
        self._new = new
        self._redactor = redactor
        self._chain = Chain()
        self._links: dict[int, bytes] = {}
        """Each session's last link."""
        self._gaps: dict[int, list[tuple[Any, ...]]] = {}
        """Of each session, those that are not written yet."""
        self._streams: dict[tuple[int, int], FrameRedactor] = {}
        """By session and side."""
        self._closes: dict[int, str | None] = {}
        """Reasons of the sessions' first Close frames."""
        self._frames = self._changed = 0

    def run(self, rules: Rules, version: str, signer: Signer | None) -> Scrubbed:
        """Write all of it, in one transaction; `version` is that of wsrec, for `meta`."""
        self._new.execute("BEGIN")
        derived = self._redactor.mark.digest()
        for *row, link in self._old.execute(
            f"SELECT {SESSION_COLUMNS}, link FROM sessions ORDER BY id"
        ):
            derived.update(link)
            self._begin(row)
        if self._redactor.payloads is None:
            self._new.executemany(
                "INSERT INTO parts (id, data) VALUES (?, ?)",
                self._old.execute("SELECT id, data FROM parts ORDER BY id"),
            )
        for gap in self._old.execute(
            "SELECT session_id, first_seq, last_seq, reason FROM gaps ORDER BY 1, 2"
        ):
            self._gaps.setdefault(gap[0], []).append(gap)
        for first_seq, last_seq, first_id in self._old.execute(
            "SELECT first_seq, last_seq, first_id FROM extents ORDER BY first_id"
        ):
            self._extent(first_id, first_id + last_seq - first_seq)
        for number in self._links:
            self._write_gaps(number)
            self._end(number)
        self._meta(rules, version, derived.hexdigest())
        (seals,) = self._old.execute(SEALED_SESSIONS).fetchone()
        if signer is not None:
            Sealer(self._new, signer).all(self._new)
            seals = 0
        self._new.execute("COMMIT")
        return Scrubbed(len(self._links), self._frames, self._changed, seals)

    def _begin(self, row: list[Any]) -> None:
        """Redact a session's row and write what is known when a session begins."""
        value = dict(zip(_NAMES, row, strict=True))
        if self._redactor.payloads is not None:
            agreed = Extensions.parse(value["extensions"])
            for side in (0, SERVER):
                stream = FrameRedactor(self._redactor.payloads, agreed)
                self._streams[value["id"], side] = stream
        redact = self._redactor.handshake
        value["target"] = redact.target(value["target"])
        value["request_headers"], offered = self._headers(value["request_headers"], frozenset())
        if value["response_headers"] is not None:
            value["response_headers"], _ = self._headers(value["response_headers"], offered)
        for name, header in _HEADERS.items():
            value[name] = redact.chosen(header, value[name], offered)
        number = value["id"]
        new = list(value.values())
        self._links[number] = self._chain.row(START, (*new[:6], *NOT_YET))
        self._insert("sessions", f"{SESSION_COLUMNS}, link", (*new, START))

    def _headers(self, text: str, offered: frozenset[str]) -> tuple[str, frozenset[str]]:
        headers, secrets = self._redactor.handshake.headers(
            [(name, value) for name, value in json.loads(text)], offered
        )
        return json.dumps(headers), secrets

    def _extent(self, first: int, last: int) -> None:
        rows: list[Sequence[Any]] = []
        details: list[Details] = []
        size = 0
        for row in self._old.execute(
            f"SELECT {_FRAME_COLUMNS} FROM frames WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, last),
        ):
            new = self._frame(list(row))
            seq, names, message_seq, message, parts = new[2], *new[7:]
            if not names is message_seq is message is parts is None:
                details.append((seq, names, message_seq, self._hash(message), self._hash(parts)))
            rows.append(new)
            size += len(new[6] or b"") + len(names or "")
            if size > _EXTENT:
                self._write(rows, details)
                rows, details, size = [], [], 0
        if rows:
            self._write(rows, details)

    def _write_gaps(self, number: int, before: float = math.inf) -> None:
        """Write what was not recorded of a session before a frame."""
        gaps = self._gaps.get(number)
        while gaps and gaps[0][1] < before:
            gap = gaps.pop(0)
            self._links[number] = self._chain.row(self._links[number], gap)
            self._new.execute(PUT_GAP, (*gap, self._links[number]))

    def _write(self, rows: list[Sequence[Any]], details: list[Details]) -> None:
        """Write an extent."""
        first_id, number, first_seq = rows[0][:3]
        self._write_gaps(number, first_seq)
        place = number, first_seq, rows[-1][2]
        columns = [row[3] for row in rows], [row[4] for row in rows], [row[6] for row in rows]
        link = self._chain.extent(self._links[number], place, *columns, details)
        sums = self._chain.sums(first_seq, *columns, details)
        self._links[number] = link
        self._new.executemany(
            f"INSERT INTO frames ({_FRAME_COLUMNS}) VALUES ({','.join('?' * 11)})", rows
        )
        self._insert("extents", "session_id, first_seq, last_seq, first_id", (*place, first_id))
        self._insert("links", "first_id, link, sums", (first_id, link, sums))
        self._frames += len(rows)

    def _frame(self, row: list[Any]) -> list[Any]:
        """Return the row of a frame, redacted; write the parts that it refers to."""
        number, _, head, _, _, payload, names, _, message, parts = row[1:]
        stream = self._streams.get((number, head & SERVER))
        said = names.split(",") if names else []
        flags = sum(_FLAGS.get(name, 0) for name in said)
        if stream is None or flags & _FLAGS["synthetic"]:
            return row
        marks: list[str] = []
        kind = head & 0xC00
        stored = stream.payload(
            head >> 7 & 1,
            head >> 4 & 7,
            head & 15,
            self._held(parts) if parts is not None else payload or b"",
            flags,
            whole=bool(kind) and message is None,
        )
        if stored.mark is not None and not any(name.startswith("withheld:") for name in said):
            marks.append(stored.mark)
            row[6] = bytes(stored.data)
        row[10] = None
        if message is not None and message != parts:
            data, mark = stream.message(self._held(message), flags)
            self._insert("parts", "id, data", (message << PART_BITS, bytes(data)))
            if mark is not None:
                marks.append(mark)
        else:
            row[9] = None
        if head & 15 == CLOSE and not flags & _TRUNCATED and number not in self._closes:
            self._closes[number] = parse_close(b"" if parts is not None else row[6])[1]
        self._changed += bool(marks)
        row[7] = ",".join((*said, *marks)) or None
        return row

    def _held(self, blob: int) -> Held:
        held = Held(self._redactor.mark)
        for piece in self._blob(self._old, blob):
            held.add(piece)
        return held

    def _hash(self, blob: int | None) -> bytes | None:
        if blob is None:
            return None
        digest = sha256()
        for piece in self._blob(self._new, blob):
            digest.update(piece)
        return digest.digest()

    @staticmethod
    def _blob(connection: sqlite3.Connection, blob: int) -> Iterator[bytes]:
        first = blob << PART_BITS
        for (data,) in connection.execute(
            "SELECT data FROM parts WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, first + (1 << PART_BITS) - 1),
        ):
            yield data

    def _end(self, number: int) -> None:
        """Write what is known when a session has ended, and its row's link."""
        row = self._new.execute(
            f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?", (number,)
        ).fetchone()
        value = dict(zip(_NAMES, row, strict=True))
        if self._streams and value["close_reason"] and value["closed_by"] in _PEERS:
            value["close_reason"] = self._closes.get(number)
        before = self._links[number] if value["clean"] else START
        link = self._chain.row(before, list(value.values()))
        self._new.execute(
            "UPDATE sessions SET close_reason = ?, link = ? WHERE id = ?",
            (value["close_reason"], link, number),
        )

    def _meta(self, rules: Rules, version: str, derived: str) -> None:
        meta = dict(self._old.execute("SELECT key, value FROM meta"))
        before = json.loads(meta.get("scrubbed", "[]"))
        if self._links:
            meta.setdefault("redaction_runs", json.dumps([{"from_session": 1, "rules": []}]))
        meta["redaction"] = json.dumps(rules.listed())
        made = {
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "wsrec_version": version,
            "rules": rules.listed(),
            "sessions": len(self._links),
            "frames": self._frames,
            # Keyed: with what else is known of a session, whoever has its old link could try one
            # short secret after the other.
            "links_hmac": derived,
        }
        meta["scrubbed"] = json.dumps([*before, made])
        self._new.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())

    def _insert(self, table: str, columns: str, values: Sequence[Any]) -> None:
        places = ",".join("?" * len(values))
        self._new.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)
