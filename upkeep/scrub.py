"""A new recording from an old one, without what rules are about.

Always another file: in pages of the old one that are not used any more, what was deleted could
still be found.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..redaction.redactor import Redactor
from ..redaction.rules import Rules
from ..store.errors import RecordingError
from ..store.migrations import create_tables
from ..store.opening import WRONG_VALUES
from ..store.reader import Recording
from ..store.verify import require_intact
from .scrubbing import Scrubbed, Scrubbing

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["Scrubbed", "scrub"]


def scrub(
    source: Path,
    target: Path,
    rules: Rules,
    key: bytes | None,
    version: str,
    signer: SigningKey | None = None,
) -> Scrubbed:
    """Write what the recording `source` holds to the new file `target`, redacted.

    Args:
        source: is only read.
        target: must not exist; what was begun of it is removed when it cannot be finished.
        rules: what to replace.
        key: of the digests in its place; None: a random one that is kept nowhere.
        version: of wsrec, for `meta`.
        signer: seals `target`, if `source` is all sealed by the same key.

    Raises:
        RecordingError: `source` is damaged or no recording.
        OSError: `target` exists, or cannot be written.
    """
    with Recording.open(source) as recording:
        require_intact(recording, signer.trusted() if signer else None)
        try:
            os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            what = "exists already; give a new file"
            raise FileExistsError(errno.EEXIST, what, str(target)) from None
        try:
            with recording.snapshot() as old, closing(_create(target)) as new:
                return Scrubbing(old, new, Redactor(rules, key)).run(rules, version, signer)
        except BaseException as error:
            target.unlink()
            if isinstance(error, (sqlite3.Error, *WRONG_VALUES)):
                # SQLite quotes what it cannot decode: no recorded text reaches a terminal raw.
                text = repr(str(error))[1:-1]
                raise RecordingError(f"{source}: cannot be scrubbed: {text}") from error
            raise


def _create(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 16384")
    connection.execute("PRAGMA journal_mode = MEMORY")  # a failure removes the file
    create_tables(connection)
    return connection
