"""`wsrec sessions` and `wsrec show`: looking inside a recording."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

from rich.console import Console

from ..report.listing import session_json, session_table, session_title
from ..store.errors import RecordingError
from ..store.model import Frame, Message, Session
from ..store.reader import Recording
from .lines import Lines, View

__all__ = ["list_sessions", "memory_for", "show"]

_TABLE = 2000
"""Sessions in one table: it is held in memory until all its widths are known."""


def list_sessions(path: Path, out: TextIO, format: Literal["text", "json"]) -> None:  # noqa: A002
    """Write a table of the recording's sessions, or a line of JSON for each.

    Raises:
        RecordingError: the file cannot be read as a recording.
    """
    with memory_for(path), Recording.open(path) as recording:
        if format == "json":
            for session in recording.sessions():
                print(session_json(session), file=out)
        else:
            # Nothing is cut to a width: a terminal may wrap what a number must not lose.
            console = Console(file=out, width=10_000, highlight=False)
            sessions = recording.sessions()
            table = list(islice(sessions, _TABLE))
            console.print(session_table(table))
            while table := list(islice(sessions, _TABLE)):
                console.print(session_table(table))


def show(path: Path, out: TextIO, view: View) -> None:
    """Write what was said: messages and control frames, or every frame.

    Raises:
        RecordingError: the file cannot be read as a recording, or has no such session.
    """
    lines = Lines(out, view)
    with memory_for(path), Recording.open(path) as recording:
        sessions: Iterable[Session]
        if view.session_id is None:
            sessions = recording.sessions()
        else:
            session = recording.session(view.session_id)
            if session is None:
                raise RecordingError(f"{path}: no session {view.session_id}; see `wsrec sessions`")
            sessions = [session]
        for session in sessions:
            if view.format == "text":
                print(session_title(session), file=out)
            for item in _items(recording, session.id, frames=view.frames):
                lines.item(item)


def _items(recording: Recording, session_id: int, *, frames: bool) -> Iterator[Frame | Message]:
    if frames:
        return recording.frames(session_id)
    control = recording.frames(session_id, control=True)
    return heapq.merge(
        recording.messages(session_id), control, key=lambda item: (item.seq, item.sender)
    )


@contextlib.contextmanager
def memory_for(path: Path) -> Iterator[None]:
    """Say that one message is too much for this machine, instead of where it was too much."""
    try:
        yield
    except MemoryError as error:
        raise RecordingError(f"{path}: holds more than fits into memory") from error
