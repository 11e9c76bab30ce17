"""Disks that a test may fill, break and cut the power of. They take root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Disk", "ext4", "tmpfs"]

_SHUTDOWN = 0x8004587D
"""The ioctl `FS_IOC_SHUTDOWN`, and its flag that drops what was not synced, the log included."""
_NO_FLUSH = 2


@dataclass
class Disk:
    """A mounted file system."""

    folder: Path
    image: Path | None = None

    def fill(self) -> Path:
        """Leave no room; return the file that takes it."""
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        return ballast

    def cut_power(self) -> None:
        """Lose, at once and for good, what had not been synced; nothing can be written any more."""
        fd = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_FLUSH))
        finally:
            os.close(fd)

    def turn_read_only(self) -> None:
        """Let the file system find an error of its own: it lets nobody write any more."""
        device = self._device()
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a test\n")

    def mount_again(self) -> None:
        """Unmount, and mount what has remained."""
        _run("umount", str(self.folder))
        _run("mount", "-o", "loop", str(self.image), str(self.folder))

    def _device(self) -> str:
        for line in Path("/proc/self/mounts").read_text().splitlines():
            device, folder, *_ = line.split()
            if folder == str(self.folder):
                return Path(device).name
        raise AssertionError(f"{self.folder} is not mounted")


@contextlib.contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Disk]:
    """Mount a file system in memory."""
    _need_root()
    folder.mkdir()
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield Disk(folder)


@contextlib.contextmanager
def ext4(folder: Path, megabytes: int = 128) -> Iterator[Disk]:
    """Mount a file system that lies in a file."""
    _need_root()
    if shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None:
        pytest.skip("no mkfs.ext4")
    folder.mkdir()
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    try:
        _run("mkfs.ext4", "-q", "-e", "remount-ro", str(image))
        with _mounted(folder, "-o", "loop", str(image)):
            yield Disk(folder, image)
    finally:
        image.unlink()


def _need_root() -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a file system takes root, on Linux")


@contextlib.contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Mount it; a loop device that `mount` has made goes with the last unmounting."""
    try:
        _run("mount", *arguments, str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this system lets nobody mount: {error.stderr}")  # as in most containers
    try:
        yield
    finally:
        if subprocess.run(["umount", str(folder)], check=False, capture_output=True).returncode:
            _run("umount", "--lazy", str(folder))  # a process that a failed test has left
        folder.rmdir()


def _run(*command: str) -> None:
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/sbin:/usr/sbin"}
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=30, env=env)
