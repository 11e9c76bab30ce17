"""A payload or a message that is stored in parts, while it is written."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from typing import Self

from .tables import PART_BITS

__all__ = ["Blob"]


class Blob:
    """What is known of it so far; `next_id` is the id of its next part."""

    __slots__ = ("hash", "next_id", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.next_id = number << PART_BITS
        self.hash = sha256()
        """Of the parts so far."""

    @classmethod
    def begun(cls, connection: sqlite3.Connection, number: int, next_id: int) -> Self:
        """Return one that another process began.

        Raises:
            ValueError: its parts are not there.
        """
        blob = cls(number)
        rows = connection.execute(
            "SELECT id, data FROM parts WHERE id >= ? AND id < ? ORDER BY id",
            (blob.next_id, next_id),
        )
        for part, data in rows:
            if part != blob.next_id:
                break
            blob.hash.update(data)
            blob.next_id += 1
        if blob.next_id != next_id:
            raise ValueError("parts of a message that was not complete are missing")
        return blob
