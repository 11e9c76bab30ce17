"""The file system finds an error of its own and protects itself: nothing can be written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disks import Disk, ext4
from support.modes import recover
from support.promise import compare, intact
from support.proxying import ProxyProcess
from support.raw import conversation_with_process

from .failing import Fault, fails_closed, is_never_silent


def read_only(disk: Disk) -> Fault:
    @contextlib.contextmanager
    def fault(_: ProxyProcess) -> Iterator[None]:
        disk.turn_read_only()
        yield

    return fault


@conversation_with_process
async def test_nothing_is_forwarded_that_is_not_kept(safe: str, tmp_path: Path) -> None:
    with ext4(tmp_path / "disk") as disk:
        recording = disk.folder / "session.db"
        flow = await fails_closed(safe, recording, read_only(disk), returns=False)
        if safe == "power":  # what was not synced went with the journal
            disk.mount_again()
            recover(safe, recording)
            assert compare(recording, flow.talks).missing == []
            intact(recording)


@pytest.mark.faults
@conversation_with_process
async def test_a_failure_that_stays(mode: str, tmp_path: Path) -> None:
    with ext4(tmp_path / "disk") as disk:
        await is_never_silent(mode, disk.folder / "session.db", read_only(disk))
