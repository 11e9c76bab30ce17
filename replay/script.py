"""A recording as a script: what both peers said, session by session, read while it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from ..match.line import Line, Role
from ..store.model import Frame, Message, Session
from ..store.reader import Recording
from ..store.verify import require_intact
from ..wire.assembly import UNREADABLE, Assembly, Whole
from ..wire.deflate import Extensions

__all__ = ["UNENDED", "Pages", "Script", "Unplayable"]

UNENDED = "no end was recorded: played as far as the recording went"
"""What is told of a session that still went on, or whose recorder was killed."""

_LINES = 128
"""Of a page, and frames read ahead for the next one."""
_BYTES = 256 << 10
"""Of a page, and of payloads read ahead; a single longer message is a page of its own."""

_CUT_OFF = frozenset({"truncated", "truncated_header"})
_SYNTHETIC = "synthetic"
_WITHHELD = "withheld:"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unplayable:
    """A session that cannot be played, and why: frames are missing."""

    session: int
    why: str


class Pages:
    """The lines of one session, a page at a time; what is held does not grow with the session."""

    def __init__(self, thread: ThreadPoolExecutor, lines: Callable[[], Iterator[Line]]) -> None:
        """Read `lines`, which are not begun before the first page, in this thread."""
        self._thread = thread
        self._begin = lines
        self._lines: Iterator[Line] | None = None
        self._closed = False

    async def page(self) -> tuple[Sequence[Line], bool]:
        """Return the next lines, and whether they are the last; raises RecordingError."""
        if self._closed:
            return (), True
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read)

    def close(self) -> None:
        """Read no more."""
        self._closed = True

    def _read(self) -> tuple[Sequence[Line], bool]:
        if self._lines is None:
            self._lines = self._begin()
        page: list[Line] = []
        size = 0
        for line in self._lines:
            page.append(line)
            size += len(line.said.data)
            if len(page) == _LINES or size >= _BYTES:
                return page, False
        return page, True


class Script:
    """One recording, verified, and read in a thread of its own so that no event loop waits.

    An async context manager; opening it raises RecordingError when the recording is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sessions: Sequence[Session] = ()
        """All, as they were when it was opened; refused ones and those that still run, too."""
        self.unplayable: Mapping[int, Unplayable] = {}
        """Those of them that cannot be played, by number."""
        self.meta: Mapping[str, str] = {}
        """The recording's own table of that name: a stored contract is in it."""
        self._recording: Recording | None = None
        self._thread = ThreadPoolExecutor(1, "script")

    async def __aenter__(self) -> Self:
        try:
            await self._in_thread(self._open)
        except BaseException:
            self._thread.submit(self._close)
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            await self._in_thread(self._close)
        finally:
            self._thread.shutdown(wait=False)

    def pages(self, session: int, role: Role | None = None) -> Pages:
        """Return what reads a session from its beginning, as who plays `role` needs it.

        A message's line stands where its last frame was; frames of a message that was never
        completed stand where that became clear, and are out of order there. What cannot be said
        again is left out: frames that were cut off, and all that a peer sent behind its own
        Close. A session that the proxy ended is closed by whoever plays `role`.
        """
        return Pages(self._thread, lambda: self._lines(session, role))

    async def first_ns(self, sessions: Iterable[int]) -> Mapping[int, int]:
        """Return when the first frame of each came, in nanoseconds since its session's start.

        Those that have none are not in it; raises RecordingError.
        """
        return await self._in_thread(lambda: dict(self._first_ns(sessions)))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _open(self) -> None:
        self._recording = recording = Recording.open(self.path)
        self.sessions = tuple(recording.hold())
        require_intact(recording)
        self.meta = dict(recording.meta)
        gaps = ((session.id, recording.first_gap(session)) for session in self.sessions)
        self.unplayable = {
            number: Unplayable(number, f"frames are missing, from frame {gap} on")
            for number, gap in gaps
            if gap is not None
        }

    def _first_ns(self, sessions: Iterable[int]) -> Iterator[tuple[int, int]]:
        assert self._recording is not None
        for number in sessions:
            first_ns = self._recording.first_ns(number)
            if first_ns is not None:
                yield number, first_ns

    def _close(self) -> None:
        if self._recording is not None:
            recording, self._recording = self._recording, None
            with recording:
                pass

    def _lines(self, number: int, role: Role | None) -> Iterator[Line]:
        assert self._recording is not None
        session = self._recording.session(number)
        if session is not None:
            agreed = Extensions.parse(session.extensions)
            spoken = self._recording.spoken(number, rows=_LINES, size=_BYTES)
            yield from _lines(spoken, role, deflate=agreed.compresses)


def _lines(
    spoken: Iterable[tuple[Frame, Message | None]], role: Role | None, *, deflate: bool
) -> Iterator[Line]:
    """Yield what both peers said in a session, of its frames and the messages they complete."""
    open_ends: dict[Role, Assembly[Frame]] = {
        "client": Assembly(deflate=deflate),
        "server": Assembly(deflate=deflate),
    }
    for frame, message in spoken:
        assembly = open_ends.get(frame.sender)
        if assembly is None or _is_left_out(frame, role):
            continue
        whole = None
        if message is not None and UNREADABLE.isdisjoint(message.anomalies):
            whole = Whole(message.kind, message.data)
        head = frame.fin << 7 | frame.rsv << 4 | frame.opcode
        said = assembly.frame(frame, head, frame.payload, whole, _size(frame))
        for place, each in said:
            yield Line(place.seq, frame.sender, place.at_ns, each)
            if each.kind == "close":
                del open_ends[frame.sender]
    for sender, assembly in open_ends.items():
        for place, each in assembly.end():
            yield Line(place.seq, sender, place.at_ns, each)


def _is_left_out(frame: Frame, role: Role | None) -> bool:
    """Whether it was cut off, or the proxy said it in the name of who is not played.

    To its peer each side looked as if it had closed the session, so whoever is played does.
    """
    theirs = role is not None and frame.sender != role and _SYNTHETIC in frame.anomalies
    return theirs or not _CUT_OFF.isdisjoint(frame.anomalies)


def _size(frame: Frame) -> int | None:
    """Return what the payload had on the wire, where rules withhold it; None: it is all there."""
    marks = (name.split(":") for name in frame.anomalies if name.startswith(_WITHHELD))
    return next((int(mark[1]) for mark in marks if mark[1].isdecimal()), None)
