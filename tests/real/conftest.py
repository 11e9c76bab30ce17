"""Peers that nobody here wrote: Python's come with the extra `real`, npm's with package.json."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.proxying import stop_all

_PACKAGES = Path(__file__).with_name("package.json")


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
    installed = folder / "node_modules" / "package.json.installed"
    if not installed.exists() or installed.read_text() != _PACKAGES.read_text():
        shutil.copy(_PACKAGES, folder)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
            cwd=folder,
            check=True,
            timeout=100,
            stdout=subprocess.DEVNULL,
        )
        shutil.copy(_PACKAGES, installed)
    return folder
