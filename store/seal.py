"""Signatures on a recording: what is signed, byte by byte as docs/recording.md says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

import msgpack  # type: ignore[import-untyped]  # it ships no types

__all__ = [
    "END",
    "LAST_LINK",
    "PUT_SEAL",
    "SEALED_SESSIONS",
    "Sealer",
    "Signer",
    "end_statement",
    "links_of_all",
    "session_statement",
]

END = 0
"""In the place of a session's number: the seal of the recording's end."""

LAST_LINK = (
    "(SELECT link FROM (SELECT l.link AS link, e.first_seq AS first_seq FROM extents e"
    " JOIN links l ON l.first_id = e.first_id WHERE e.session_id = sessions.id"
    " UNION ALL SELECT link, first_seq FROM gaps WHERE session_id = sessions.id)"
    " ORDER BY first_seq DESC LIMIT 1)"
)
"""Finds the last link of a session's frames, or of what is stated as missing of them."""

SEALED_SESSIONS = f"SELECT count(*) FROM seals WHERE session_id <> {END}"
"""Finds how many sessions have a seal."""

_SESSION_STATEMENT = b"wsrec session 1\n"
_END_STATEMENT = b"wsrec end 1\n"


class Signer(Protocol):
    """A private key, see `keys.SigningKey`; the same statement always gets the same signature."""

    public: bytes
    """The public key, 32 bytes."""

    def sign(self, statement: bytes) -> bytes:
        """Return the signature, 64 bytes."""


def session_statement(started_at: str, link: bytes) -> bytes:
    """Return what is signed of a session that has its end record.

    Args:
        started_at: of the recording's `meta`: the same session in another recording is another.
        link: of its row, 32 bytes: it covers all of the session.
    """
    return _SESSION_STATEMENT + link + started_at.encode()


def end_statement(meta: Mapping[str, str], links: Iterable[tuple[Any, ...]]) -> bytes:
    """Return what is signed of a recording that has come to a clean end.

    Args:
        meta: all of the `meta` table.
        links: what `links_of_all` yields.
    """
    pack = msgpack.Packer().pack
    digest = sha256(pack(sorted(meta.items())))
    for row in links:
        digest.update(pack(row))
    return _END_STATEMENT + digest.digest()


def links_of_all(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield id, link and last extent's or gap's link (None: there is none) of all sessions, by id.

    The row's link covers the frames only where there is an end record.
    """
    return connection.execute(f"SELECT id, link, {LAST_LINK} FROM sessions ORDER BY id")


PUT_SEAL = "INSERT OR REPLACE INTO seals (session_id, key, signature) VALUES (?, ?, ?)"
"""Writes what a `Sealer` returns. Who does a session's end again, after a crash, comes to the same
row and signature."""


class Sealer:
    """Signs what a recording holds, in the transaction in which that is written."""

    def __init__(self, connection: sqlite3.Connection, signer: Signer) -> None:
        """The recording has its `started_at` already."""
        self._signer = signer
        (self._started_at,) = connection.execute(
            "SELECT value FROM meta WHERE key = 'started_at'"
        ).fetchone()

    def session(self, number: int, link: bytes) -> tuple[int, bytes, bytes]:
        """Return the seal of a session whose row has this link now, with its end record."""
        statement = session_statement(self._started_at, link)
        return number, self._signer.public, self._signer.sign(statement)

    def end(self, connection: sqlite3.Connection) -> None:
        """Seal the recording, if `meta` states a clean end; nothing may be changed afterwards."""
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        if "ended_at" in meta:
            statement = end_statement(meta, links_of_all(connection))
            connection.execute(PUT_SEAL, (END, self._signer.public, self._signer.sign(statement)))

    def all(self, connection: sqlite3.Connection) -> None:
        """Seal every session that has its end record, and the recording's end."""
        ended = "SELECT id, link FROM sessions WHERE clean"
        for number, link in connection.execute(ended).fetchall():
            connection.execute(PUT_SEAL, self.session(number, link))
        self.end(connection)
