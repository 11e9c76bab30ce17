"""`wsrec.Mock`: a recording in the place of its backend, in an event loop of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Literal, Self, Unpack

from ..match.difference import Difference
from ..net.address import parse_address
from ..net.errors import SettingError
from ..net.tls import server_context
from ..replay import mock
from ..replay.mock_options import MockOptions
from ..store import reader
from .matching import (
    PlaySettings,
    read_matching,
    read_pacing,
    read_patience,
    refuse_unknown,
)
from .recording import Recording, path_of

__all__ = ["Difference", "Mock"]


class Mock:
    """Answers live clients with the server half of a recording's sessions.

    An async context manager, which listens while it is entered; behind the block every session
    is closed with 1001. Each session is played once, to the client whose request and first
    messages fit it, unless `loop` is set. Entered again, it begins anew.
    """

    def __init__(
        self,
        recording: str | PathLike[str] | Recording,
        *,
        listen: str = "127.0.0.1:0",
        tls_cert: str | PathLike[str] | None = None,
        tls_key: str | PathLike[str] | None = None,
        sessions: Iterable[int] | None = None,
        order: Literal["any", "recorded", "round-robin"] = "any",
        loop: bool = False,
        strict: bool = False,
        fresh_ids: bool = False,
        **settings: Unpack[PlaySettings],
    ) -> None:
        """Read the settings and the recording's contract; nothing is listened on yet.

        Args:
            recording: its path, or the open recording.
            listen: `HOST:PORT` or `unix:PATH`; port 0 takes a free one.
            tls_cert: speak TLS to clients, with this certificate (PEM).
            tls_key: its key, if not in the same file.
            sessions: the ids of those to play; None: all.
            order: where several sessions fit a client: any that was not played, the one whose
                turn it is, or each in turn.
            loop: play sessions more than once.
            strict: close a session with 1008 at its first difference.
            fresh_ids: make up new ids in the place of the server's, for each client.
            settings: what counts as equal, and when what is said: `PlaySettings`.

        Raises:
            RecordingError: the recording cannot be read.
            ContractError: the contract cannot be used.
            SettingError: a setting that cannot be used.
            TypeError: there is no setting of that name.
        """
        refuse_unknown("wsrec.Mock", settings)
        self.path = path_of(recording)
        """The recording that is played."""
        if tls_key is not None and tls_cert is None:
            raise SettingError("tls_key needs tls_cert")
        key = None if tls_key is None else Path(tls_key)
        with reader.Recording.open(self.path) as opened:
            matching = read_matching(self.path, opened.meta, settings)
        self._options = MockOptions(
            listen=parse_address(listen),
            tls=None if tls_cert is None else server_context(Path(tls_cert), key),
            matching=matching,
            pacing=read_pacing(settings),
            patience=read_patience(settings, "30s"),
            order=order,
            loop=loop,
            sessions=None if sessions is None else frozenset(sessions),
            strict=strict,
            fresh_ids=fresh_ids,
        )
        self._differences: list[Difference] = []
        self._server: mock.Mock | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording is damaged.
            SettingError: there is no session in it that can be played.
            OSError: the address cannot be listened on.
        """
        self._differences.clear()
        running = mock.Mock(self.path, self._options, self._differences.append)
        await running.__aenter__()
        self._server = running
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close what is open, and listen no more."""
        await self._running.__aexit__(*exc)

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend, such as `ws://127.0.0.1:41234`."""
        return self._running.url

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self._running.port

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What clients said otherwise than recorded, in the order in which it was found.

        What of a session was not said shows when it ends; all of it behind the block.
        """
        return tuple(self._differences)

    @property
    def _running(self) -> mock.Mock:
        if self._server is None:
            raise RuntimeError("the mock does not listen yet: enter it with `async with`")
        return self._server
