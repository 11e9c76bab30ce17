"""`wsrec.Proxy`: the recording proxy, in the event loop of whoever tests an agent."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Self, Unpack

from ..net.errors import SettingError
from ..net.upstream import Upstream, UpstreamError
from ..proxy import server
from ..proxy.settings import read_settings
from ..store.errors import RecordingError
from .settings import ProxySettings, as_written

__all__ = ["Proxy", "SettingError"]


class Proxy:
    """A transparent WebSocket proxy that records what crosses it, as `wsrec proxy` runs it.

    An async context manager, which listens while it is entered. Behind the block the recording
    is complete: sessions that were still open were closed with 1001, all is written, and its
    clean end is marked. Entered again, it goes on with the same recording.
    """

    def __init__(
        self,
        upstream: str,
        output: str | PathLike[str],
        **settings: Unpack[ProxySettings],
    ) -> None:
        """Read the settings; nothing is opened yet.

        Args:
            upstream: the backend's ws, wss, http or https URL.
            output: the recording, continued if it exists; its name may hold a date: `%Y%m%d`.
            settings: the options of `wsrec proxy`; `listen` is `127.0.0.1:0`, any free port.

        Raises:
            SettingError: a setting that cannot be used, or `upstream`.
            ContractError: `contract` has mistakes.
            TypeError: there is no setting of that name.
        """
        self._output = Path(output)
        written = {"listen": "127.0.0.1:0", **as_written(settings)}
        try:
            self._upstream = Upstream.parse(upstream)
            self._options = read_settings(self._upstream, output=self._output, **written)
        except UpstreamError as error:
            raise SettingError(str(error)) from None
        self._server: server.Proxy | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording cannot be opened, or another recorder has it.
            SettingError: `listen` names no host.
            OSError: the address cannot be listened on.
        """
        running = server.Proxy(self._upstream, self._output, self._options)
        await running.__aenter__()
        self._server = running
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End it in order; raises RecordingError if not all was recorded."""
        running = self._running
        await running.__aexit__(kind, error, trace)
        if running.failure is not None and error is None:
            raise RecordingError(str(running.failure))

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend, such as `ws://127.0.0.1:41234`."""
        return self._running.url

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self._running.port

    @property
    def recording(self) -> Path:
        """The recording that new sessions go to."""
        return self._running.recording

    @property
    def sessions(self) -> int:
        """How many sessions are open now."""
        return self._running.sessions

    @property
    def _running(self) -> server.Proxy:
        if self._server is None:
            raise RuntimeError("the proxy does not listen yet: enter it with `async with`")
        return self._server
