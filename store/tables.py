"""The recording's tables: a public interface, see docs/recording.md.

Rows of `frames` are appended in order of arrival, whatever session they belong to: a row number
ordered by session cost half the inserts, an index on (session, seq) a third. What finds the rows
of a session is `extents`: the recorder groups each batch by session and notes where each group
lies, one small row for a batch of frames instead of an index entry for every one.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import cache

__all__ = [
    "APPLICATION_ID",
    "BINARY_MESSAGE",
    "FORMAT_VERSION",
    "MASKED",
    "PART_BITS",
    "SERVER",
    "TABLES",
    "TEXT_MESSAGE",
    "V1",
    "schema",
    "schema_of_this_format",
]

APPLICATION_ID = 0x77737263
"""`PRAGMA application_id` of a recording: "wsrc"."""

FORMAT_VERSION = 1
"""`PRAGMA user_version` of a recording."""

PART_BITS = 20
"""A part's id is its blob's number shifted by this, plus its place in the blob."""

# `frames.head` above the frame's first byte.
MASKED = 1 << 8
SERVER = 1 << 9
"""The server sent the frame."""
TEXT_MESSAGE = 1 << 10
"""The frame completes a text message."""
BINARY_MESSAGE = 1 << 11

TABLES = (
    *("meta", "sessions", "frames", "extents", "links", "gaps", "parts", "seals"),
    "unfinished",
)
"""The tables of a recording; beside them there is the view `messages`."""


def schema(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what the recording's tables and view are made with, by name; no comments in it."""
    names = (*TABLES, "messages")
    rows = connection.execute(
        f"SELECT name, sql FROM sqlite_master WHERE name IN ({','.join('?' * len(names))})", names
    )
    return {name: " ".join(re.sub("--.*", "", sql).split()) for name, sql in rows}


@cache
def schema_of_this_format() -> dict[str, str]:
    """Return what `schema` says of a recording that nobody has changed."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in V1:
            connection.execute(statement)
        return schema(connection)


V1 = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    """CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        started_at TEXT NOT NULL,      -- UTC, ISO 8601: the only wall clock
        started_ns INTEGER NOT NULL,   -- monotonic, since the recording's start
        client TEXT,
        target TEXT NOT NULL,
        request_headers TEXT NOT NULL, -- JSON list of [name, value]
        status INTEGER,
        response_headers TEXT,
        subprotocol TEXT,
        extensions TEXT,
        ended_ns INTEGER,              -- monotonic, since the session's start
        close_code INTEGER,
        close_reason TEXT,
        closed_by TEXT,
        clean INTEGER NOT NULL DEFAULT 0,
        client_frames INTEGER NOT NULL DEFAULT 0,
        client_bytes INTEGER NOT NULL DEFAULT 0,
        server_frames INTEGER NOT NULL DEFAULT 0,
        server_bytes INTEGER NOT NULL DEFAULT 0,
        link BLOB NOT NULL             -- of the hash chain: this row's
    )""",
    # Ten values that are nearly always the same take one column: what is bound for each frame
    # is half of what an insert costs. They read as columns of their own all the same.
    f"""CREATE TABLE frames (
        id INTEGER PRIMARY KEY,
        session_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,          -- 1.. in order of arrival, both senders
        sender TEXT AS (CASE head & {SERVER} WHEN 0 THEN 'client' ELSE 'server' END),
        at_ns INTEGER NOT NULL,        -- monotonic, since the session's start
        forwarded_ns INTEGER,          -- null: not known to have been forwarded
        fin INTEGER AS ((head >> 7) & 1),
        rsv INTEGER AS ((head >> 4) & 7),
        opcode INTEGER AS (head & 15),
        masked INTEGER AS ((head >> 8) & 1),
        kind TEXT AS (CASE head & {TEXT_MESSAGE | BINARY_MESSAGE}
            WHEN {TEXT_MESSAGE} THEN 'text' WHEN {BINARY_MESSAGE} THEN 'binary' END),
                                       -- what message the frame completes; null: none
        head INTEGER NOT NULL,         -- the first byte on the wire; above: mask, sender, kind
        anomalies TEXT,                -- names, joined by commas
        message_seq INTEGER,           -- the message's first frame; null: this one
        message_parts INTEGER,         -- the blob of its data; null: the payload
        payload_parts INTEGER,         -- the blob of the payload; null: it is in payload
        payload BLOB                   -- unmasked, as on the wire
    )""",
    """CREATE TABLE extents (
        session_id INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        first_id INTEGER NOT NULL,     -- frames.id of first_seq; the rest follow without a gap
        PRIMARY KEY (session_id, first_seq)
    ) WITHOUT ROWID""",
    # Not a column of extents: a batch touches a page of that table for each session, and pages
    # three times as many cost 7 µs of CPU an extent. These are appended.
    """CREATE TABLE links (
        first_id INTEGER PRIMARY KEY,  -- of the extent
        link BLOB NOT NULL,            -- of the hash chain: that extent's
        sums BLOB NOT NULL             -- a CRC-32 of each frame, to find the one that is changed
    )""",
    # Of a recorder that could not write, and was told to go on: what it did not record.
    """CREATE TABLE gaps (
        session_id INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        reason TEXT NOT NULL,
        link BLOB NOT NULL,            -- of the hash chain: this gap's
        PRIMARY KEY (session_id, first_seq)
    ) WITHOUT ROWID""",
    # Empty once the recorder has ended, or been recovered from: see the spool in docs/recording.md.
    """CREATE TABLE unfinished (
        session_id INTEGER PRIMARY KEY,
        state BLOB NOT NULL
    )""",
    f"""CREATE TABLE parts (
        id INTEGER PRIMARY KEY,
        blob INTEGER GENERATED ALWAYS AS (id >> {PART_BITS}) VIRTUAL,
        n INTEGER GENERATED ALWAYS AS (id & {(1 << PART_BITS) - 1}) VIRTUAL,
        data BLOB NOT NULL
    )""",
    """CREATE TABLE seals (
        session_id INTEGER PRIMARY KEY, -- 0: of the recording's end
        key BLOB NOT NULL,              -- the Ed25519 public key
        signature BLOB NOT NULL
    )""",
    # A text that was not decodable stays a BLOB: as TEXT it would break whoever reads it.
    f"""CREATE VIEW messages AS
        SELECT session_id, first_seq, last_seq, sender, at_ns, forwarded_ns, kind,
            CASE WHEN kind = 'text' AND (anomalies IS NULL
                    OR instr(anomalies, 'utf8') + instr(anomalies, 'inflate') = 0)
                THEN CAST(bytes AS TEXT) ELSE CAST(bytes AS BLOB) END AS data,
            anomalies
        FROM (
            SELECT e.session_id AS session_id,
                coalesce(f.message_seq, f.seq) AS first_seq, f.seq AS last_seq,
                f.sender AS sender, f.at_ns AS at_ns, f.forwarded_ns AS forwarded_ns,
                f.kind AS kind, f.anomalies AS anomalies,
                CASE WHEN f.message_parts IS NULL THEN f.payload ELSE (
                    SELECT group_concat(data, '') FROM (
                        SELECT data FROM parts
                        WHERE id BETWEEN f.message_parts << {PART_BITS}
                            AND (f.message_parts << {PART_BITS}) + {(1 << PART_BITS) - 1}
                        ORDER BY id
                    )
                ) END AS bytes
            FROM extents e CROSS JOIN frames f
            WHERE f.id BETWEEN e.first_id AND e.first_id + e.last_seq - e.first_seq
                AND f.kind IS NOT NULL
        )""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)
