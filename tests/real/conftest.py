"""Peers that nobody here wrote: Python's come with the extra `real`, npm's with package.json."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.proxying import stop_all

_PACKAGES = Path(__file__).with_name("package.json")
_SAID = Path(__file__).with_name("aimock.json")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return where a test records to."""
    return tmp_path / "session.db"


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    stop_all()


@pytest.fixture(autouse=True)
def _no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep clients from asking the machine's web proxy for a loopback address."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return a folder whose node_modules hold what package.json names."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    folder = cache.mkdir("wsrec-node") if cache else tmp_path_factory.mktemp("node")
    with (folder / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    installed = folder / "node_modules" / "package.json.installed"
    if installed.exists() and installed.read_text() == _PACKAGES.read_text():
        return
    shutil.copy(_PACKAGES, folder)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
        cwd=folder,
        check=True,
        timeout=100,
        stdout=subprocess.DEVNULL,
    )
    shutil.copy(_PACKAGES, installed)


@pytest.fixture
def aimock(node_folder: Path, tmp_path: Path) -> Iterator[str]:
    """Run aimock, which says about a token at a time; return its address, `host:port`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = node_folder / "node_modules/@copilotkit/aimock/dist/cli.js"
    log = tmp_path / "aimock.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            ["node", str(program), "-p", str(port), "-f", str(_SAID), "-c", "5"],
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            else:
                pytest.fail(f"aimock does not listen: {log.read_text()}")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)
