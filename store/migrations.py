"""How a file comes to the tables of this format; apart from them, for who only reads needs none."""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

from .tables import V1

__all__ = ["create_tables"]

_migrations = Migrations("wsrec")


def create_tables(connection: sqlite3.Connection) -> None:
    """Bring a new or an older recording to the current format, in a transaction."""
    _migrations.apply(Database(connection))


@_migrations()
def v1_tables(db: Database) -> None:
    """Format 1."""
    for statement in V1:
        db.execute(statement)
