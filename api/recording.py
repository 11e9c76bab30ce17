"""`wsrec.open`: a recording, its sessions, and what was said in them, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, TypeVar

from ..store import model, reader
from ..store.errors import NoSessionError, RecordingError
from .model import Event, Frame, Message

if TYPE_CHECKING:  # who reads no events need not wait for what reads contracts
    from ..schemas.model import Contract
    from .naming import Namer

__all__ = ["Recording", "RecordingError", "Session", "open", "path_of"]

_T = TypeVar("_T")


def open(path: str | PathLike[str]) -> Recording:  # noqa: A001 - it is `wsrec.open`
    """Open a recording for reading, also while it is being recorded.

    Raises:
        RecordingError: no such file, not a recording, of a newer format, or damaged; in one line.
    """
    return Recording(path)


class Recording:
    """One recording, open for reading; a context manager, or `close` it.

    Nothing is read before it is asked for, in pieces, and no lock is held between them: a
    recorder is never kept waiting. Use it in the thread that opened it. Whatever reads may raise
    `RecordingError` where the file is damaged, ValueError once it is closed, and
    RuntimeError in another thread.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open it; raises RecordingError, as `wsrec.open` does."""
        self.path = Path(path)
        self._reader = reader.Recording.open(self.path)
        self._closed = False
        self._thread = get_ident()
        self._last: tuple[object, Namer] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._own()
        self._closed = True
        self._reader.__exit__(*exc)

    def __repr__(self) -> str:
        return f"<wsrec.Recording {str(self.path)!r}{' closed' if self._closed else ''}>"

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._own()
        self._closed = True
        self._reader.close()

    @property
    def meta(self) -> Mapping[str, str]:
        """The table `meta`: format and software versions, upstream, `ended_at` on a clean end."""
        return MappingProxyType(self._reader.meta)

    @property
    def clean(self) -> bool:
        """The recorder closed the file itself: nothing is missing at its end."""
        return self._reader.clean

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions in order of arrival, read each time it is asked for.

        Raises:
            RecordingError: the file is damaged.
        """
        return tuple(self._each(map(self._session, self._rows().sessions())))

    def session(self, number: int) -> Session:
        """Return one session by its id; raises RecordingError, also where there is none such."""
        found = self._rows().session(number)
        if found is None:
            ids = [each.id for each in self.sessions]
            there = f"it holds {ids[0]} to {ids[-1]}" if ids else "it holds none at all"
            raise NoSessionError(f"{self.path}: no session {number}; {there}")
        return self._session(found)

    @property
    def contract(self) -> Contract:
        """The contract that judges it where none is given: the stored one, else `agent-events`.

        Raises:
            ContractError: the stored one cannot be used.
        """
        from ..judge.choice import Choice

        return Choice().of(self.path, self._reader.meta).contract

    def _rows(self) -> reader.Recording:
        if self._closed:
            raise ValueError(f"{self.path}: the recording is closed")
        self._own()
        return self._reader

    def _own(self) -> None:
        if get_ident() != self._thread:
            raise RuntimeError(f"{self.path}: opened in another thread; open it again in this one")

    def _session(self, row: model.Session) -> Session:
        return Session(
            _recording=self, **{each.name: getattr(row, each.name) for each in fields(row)}
        )

    def _each(self, items: Iterator[_T]) -> Iterator[_T]:
        """Yield the items; who closes the file meanwhile is told so, and not that it is damaged."""
        self._rows()
        for item in items:
            yield item
            self._rows()

    def _namer(self, given: str | PathLike[str] | Contract | None) -> Namer:
        """Return what names events by a contract; the last one is remembered."""
        from .contracts import as_contract
        from .naming import Namer

        if self._last is None or self._last[0] != given:
            contract = self.contract if given is None else as_contract(given)
            self._last = given, Namer(contract)
        return self._last[1]


def path_of(recording: str | PathLike[str] | Recording) -> Path:
    """Return where a recording lies that is given as its path, or open."""
    return recording.path if isinstance(recording, Recording) else Path(recording)


@dataclass(frozen=True, slots=True)
class Session(model.Session):
    """One WebSocket connection, from opening handshake to close, as it was when it was asked for.

    What was said in it is read each time anew, from the beginning, while it is iterated over.
    """

    _recording: Recording = field(repr=False, compare=False)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames of both peers in order of arrival; raises RecordingError."""
        recording = self._recording
        return recording._each(recording._rows().frames(self.id))

    def messages(self) -> Iterator[Message]:
        """Yield the messages in the order in which they were completed; raises RecordingError."""
        recording = self._recording
        return recording._each(map(_message, recording._rows().messages(self.id)))

    def events(self, contract: str | PathLike[str] | Contract | None = None) -> Iterator[Event]:
        """Yield what a contract calls an event, in order; messages without any are passed over.

        Args:
            contract: a pack's name, a path, or a contract that is loaded; None: the one that
                judges the recording, which is the stored one, else `agent-events`.

        Raises:
            ContractError: the contract cannot be used; at once.
            RecordingError: the file is damaged; while it is read.
        """
        namer = self._recording._namer(contract)
        return (
            Event(name, value, named_fields, message)
            for message in self.messages()
            for name, value, named_fields in namer.objects(
                message.sender, message.kind, message.data
            )
            if name is not None
        )


def _message(row: model.Message) -> Message:
    return Message(
        row.session_id,
        row.first_seq,
        row.seq,
        row.sender,
        row.at_ns,
        row.forwarded_ns,
        row.kind,
        row.data,
        row.anomalies,
    )
