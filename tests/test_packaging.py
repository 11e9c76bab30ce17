"""The root of the repository is the package: what is installed is what is meant to be."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
NOT_ROOMS = {"tests", "docs", "benchmarks", "examples", "build", "dist"}


def folder(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_every_room_is_listed() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_ROOMS

    assert {"wsrec", *(f"wsrec.{room}" for room in rooms)} == set(PACKAGES)


def test_no_room_has_a_room_inside() -> None:
    assert not [path for package in PACKAGES[1:] for path in folder(package).glob("*/__init__.py")]


def test_python_files_of_the_root_are_installed_so_there_are_only_these() -> None:
    assert {"__init__.py", "__main__.py", "cli.py"} == {path.name for path in ROOT.glob("*.py")}


@pytest.mark.parametrize(
    "name", ["cli", "proxy", "store", "wire", "checks", "schemas", "judge", "replay"]
)
def test_a_room_is_no_package_of_its_own(name: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd="/", capture_output=True, check=False
    )

    assert b"ModuleNotFoundError" in found.stderr


def test_rooms_import_each_other_relatively() -> None:
    """A linter cannot tell: where the checkout is called wsrec, both are the same to it."""
    absolute = re.compile(r"^\s*(from|import) wsrec\b", re.MULTILINE)
    rooms = {path.parent for path in ROOT.glob("*/__init__.py")}
    files = [*ROOT.glob("*.py"), *(path for room in rooms for path in room.glob("*.py"))]
    assert len(files) > 100
    assert [path for path in files if absolute.search(path.read_text())] == []


def test_the_root_is_imported_once() -> None:
    import wsrec.cli

    copies = {
        name
        for name, module in sys.modules.items()
        if getattr(module, "__file__", None) == wsrec.cli.__file__
    }
    assert copies == {"wsrec.cli"}


def test_importing_the_root_imports_nothing_else() -> None:
    script = "import sys, wsrec; print([name for name in sys.modules if 'aiohttp' in name])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_every_dependency_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    extras = PROJECT["project"]["optional-dependencies"].values()
    named = [*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]
    for name in (each for each in named if not each.startswith("wsrec[")):
        line = next(line for line in text.splitlines() if line.strip().startswith(f'"{name}"'))
        assert " # " in line, line


def test_the_lock_names_no_address() -> None:
    assert "://" not in (ROOT / "constraints.txt").read_text()


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True, timeout=60)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path)]
    subprocess.run([*build, str(source)], check=True, timeout=100)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as wheel:
        names = set(wheel.namelist())

    assert {name.split("/")[0] for name in names} == {"wsrec", "wsrec-0.1.0.dist-info"}
    assert {"wsrec/py.typed", "wsrec/cli.py", "wsrec/wire/decoder.py"} <= names
    assert {name for name in names if name.endswith(".md")} == {"wsrec/docs/findings.md"}
    data = [path for room in ("schemas", "report") for path in (source / room).rglob("*")]
    kept = {path.relative_to(source) for path in data if path.suffix in (".json", ".yaml")}
    assert len(kept) > 20
    assert {f"wsrec/{path}" for path in kept} <= names
    assert not [name for name in names if "test" in name or "benchmark" in name]
