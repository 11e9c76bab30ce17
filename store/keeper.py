"""What bytes go through before they are forwarded, where durability asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .backlog import Backlog
from .spool import Spool
from .syncer import Syncer

__all__ = ["Keeper"]


class Keeper:
    """Writes to the spool what happens to sessions; on the event loop."""

    def __init__(
        self,
        spool: Spool,
        backlog: Backlog,
        on_loop: Callable[[Callable[[], object]], object],
        on_failure: Callable[[Exception], object],
        on_turn: Callable[[int], object],
        *,
        synced: bool,
        goes_on: bool,
    ) -> None:
        """Keep in `spool`.

        Args:
            spool: where.
            backlog: is told how much waits for the disk.
            on_loop: has a call made on the event loop, from any thread.
            on_failure: called when nothing can be kept any more.
            on_turn: called with the number of the spool's next segment, behind all that was kept
                in those before.
            synced: whether `syncer` is there.
            goes_on: whether bytes are forwarded that cannot be kept.
        """
        self.spool = spool
        self.is_keeping = True
        """False after a failure, until `restart`."""
        self.syncer = (
            Syncer(spool, backlog, on_loop, on_failure, goes_on=goes_on) if synced else None
        )
        """What forwarding has to wait for."""
        self._on_failure = on_failure
        self._on_turn = on_turn

    def keep(self, kind: int, session: int, at_ns: int, data: bytes) -> bool:
        """Write a record; return whether that went well."""
        if not self.is_keeping:
            return False
        spool = self.spool
        try:
            if spool.written >= spool.turn_at:
                # Before this record is written: all that is in the segments before has been
                # handed on, or will be before what `in_order` is given from now on.
                number = spool.turn()
                self.in_order(self._turned, number)
            spool.write(kind, session, at_ns, data)
        except OSError as error:
            self._on_failure(error)
            return False
        return True

    def in_order(self, call: Callable[..., object], *args: Any) -> None:
        """Call it once all that was kept before may be forwarded."""
        if self.syncer is None:
            call(*args)
        else:
            self.syncer.in_order(call, *args)

    def restart(self) -> None:
        """Keep again after a failure, in a new segment.

        Raises:
            OSError: there is no place for it.
        """
        number = self.spool.restart()
        self.is_keeping = True
        self.in_order(self._turned, number)

    def _turned(self, number: int) -> None:
        if self.is_keeping:  # else what was held is gone, and a restart follows
            self._on_turn(number)

    def stop(self) -> None:
        """Sync nothing more."""
        if self.syncer is not None:
            self.syncer.stop()
