"""`wsrec.Mock`: a recording in the place of its backend, in an event loop of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Final, Literal, Self, Unpack, get_args

from ..checks.scope import Scope
from ..match.difference import Difference
from ..net.address import parse_address
from ..net.amounts import one_of
from ..net.errors import SettingError
from ..net.tls import server_context
from ..replay import mock
from ..replay.casting import Order
from ..replay.mock_options import MockOptions
from .matching import (
    PlaySettings,
    matching_of,
    pacing_of,
    patience_of,
    refuse_unknown,
)
from .plays import PlayReport, report_of
from .recording import Recording, path_of
from .verdicts import meta_of, ranges_of

__all__ = ["Mock"]

_QUIET: Final = 1.0


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
        allow_unplayed: bool = False,
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
            allow_unplayed: sessions that no client asks for are no failure.
            settings: what counts as equal, and when what is said: `PlaySettings`.

        Raises:
            RecordingError: the recording cannot be read, or has no such session.
            ContractError: the contract cannot be used.
            SettingError: a setting that cannot be used; ValueError: `sessions` is empty.
            TypeError: there is no setting of that name.
        """
        refuse_unknown("wsrec.Mock", settings, PlaySettings.__annotations__)
        self.path = path_of(recording)
        """The recording that is played."""
        one_of(order, "order", get_args(Order))
        if tls_key is not None and tls_cert is None:
            raise SettingError("tls_key needs tls_cert")
        key = None if tls_key is None else Path(tls_key)
        scope = Scope(sessions=ranges_of(sessions))
        matching = matching_of(self.path, meta_of(self.path, scope), settings)
        self._options = MockOptions(
            listen=parse_address(listen),
            tls=None if tls_cert is None else server_context(Path(tls_cert), key),
            matching=matching,
            pacing=pacing_of(settings),
            patience=patience_of(settings, timeout="30s"),
            order=order,
            loop=loop,
            scope=scope,
            strict=strict,
            allow_unplayed=allow_unplayed,
            fresh_ids=fresh_ids,
        )
        self._server: mock.Mock | None = None
        self._listens = False

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording is damaged.
            SettingError: there is no session in it that can be played; `listen` names no host.
            OSError: the address cannot be listened on.
            RuntimeError: it listens already.
        """
        if self._listens:
            raise RuntimeError("the mock listens already")
        running = mock.Mock(self.path, self._options)
        await running.__aenter__()
        self._server, self._listens = running, True
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Close what is open, and listen no more; raises RecordingError if not all could be read.

        Sessions whose client has just left have a moment to end by themselves.
        """
        running = self._running
        self._listens = False
        try:
            if error is None:
                await running.quiet(_QUIET)
        finally:
            await running.__aexit__(kind, error, trace)
        if running.failure is not None and error is None:
            raise running.failure

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend, such as `ws://127.0.0.1:41234`."""
        return self._running.url

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self._running.port

    @property
    def report(self) -> PlayReport:
        """What came of it so far; behind the block, all of it.

        Its verdict is `matched` if each session was played, and its client said what was recorded.
        """
        return report_of(self._running.plays)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What clients said otherwise than recorded, so far; behind the block, all of it."""
        return self.report.differences

    @property
    def _running(self) -> mock.Mock:
        if self._server is None:
            raise RuntimeError("the mock does not listen yet: enter it with `async with`")
        return self._server
