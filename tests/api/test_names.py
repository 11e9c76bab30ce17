"""What `import wsrec` offers: by name, when it is used, with its errors written down."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wsrec

ROOT = Path(__file__).parents[2]


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout


@pytest.mark.parametrize("name", wsrec.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(wsrec, name).__module__.startswith("wsrec.")
    assert name in dir(wsrec)


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (checked,) = (each for each in tree.body if isinstance(each, ast.If))
    told = {
        (f"wsrec.{each.module}", name.asname)
        for each in checked.body
        if isinstance(each, ast.ImportFrom)
        for name in each.names
    }
    homes = {(f"wsrec.api.{home}", name) for home, names in wsrec._HOMES.items() for name in names}
    assert told == homes
    assert sorted(name for _, name in told if name) == sorted(wsrec.__all__)


def test_to_import_it_loads_only_the_standard_library() -> None:
    script = "import sys; before = set(sys.modules); import wsrec; print(set(sys.modules) - before)"
    assert python(script) == "{'wsrec'}\n"


def test_a_name_loads_what_it_needs_and_no_more() -> None:
    script = "import sys, wsrec; wsrec.open; print({'aiohttp', 'sqlite3'} & set(sys.modules))"
    assert python(script) == "{'sqlite3'}\n"


def test_a_star_brings_all_of_them() -> None:
    assert python("from wsrec import *; print(open.__module__)") == "wsrec.api.recording\n"


def test_what_there_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        wsrec.opne  # type: ignore[attr-defined]  # noqa: B018


def own_members(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            yield f"{kind.__name__}.{name}", member


def test_all_that_can_be_called_says_what_it_does() -> None:
    for name in wsrec.__all__:
        value = getattr(wsrec, name)
        assert inspect.getdoc(value), name
        for member_name, member in own_members(value) if isinstance(value, type) else ():
            assert inspect.getdoc(member), member_name


def test_all_that_reads_or_waits_says_what_it_raises() -> None:
    said = [wsrec.open, wsrec.validate, wsrec.connect, wsrec.load_contract, wsrec.Proxy.__init__]
    said += [wsrec.Proxy.__aenter__, wsrec.Connection.__aenter__, wsrec.Recording.session]
    said += [wsrec.Mock.__init__, wsrec.Mock.__aenter__, wsrec.play, wsrec.diff]
    said += [wsrec.Session.frames, wsrec.Session.messages, wsrec.Session.events]
    said += [wsrec.Connection.send, wsrec.Connection.receive, wsrec.Connection.until]
    for each in [*said, wsrec.Connection.reconnect]:
        assert "raises" in (inspect.getdoc(each) or "").lower(), each
