"""What a project has settled for those who work in it: `wsrec.toml`, or `[tool.wsrec]`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ..judge.choice import Choice, Named

__all__ = ["KEYS", "Configured", "Project", "ProjectError", "choice_of"]

KEYS: Final = ("contract", "fail_on", "format", "jobs", "max_findings")
"""What may be set; each is an option of `wsrec validate`."""

_MAX_BYTES: Final = 1 << 20


class ProjectError(click.ClickException):
    """A project's file that cannot be used; the message is one line with its place."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Project:
    """A project's file and what it sets."""

    path: Path
    text: str
    values: Mapping[str, object]

    @classmethod
    def here(cls) -> Project | None:
        """Return what `nearest` does of the working folder; None: somebody has removed that."""
        try:
            folder = Path.cwd()
        except FileNotFoundError:
            return None
        return cls.nearest(folder)

    @classmethod
    def nearest(cls, folder: Path) -> Project | None:
        """Return that of a folder, or of the nearest one above it; None: there is none.

        No further up than a folder with a `.git`. In one folder `wsrec.toml` counts, then
        `pyproject.toml`, if it has a table `tool.wsrec`.

        Raises:
            ProjectError: it cannot be read, or sets what cannot be set.
        """
        for each in (folder, *folder.parents):
            for name, table in (("wsrec.toml", ()), ("pyproject.toml", ("tool", "wsrec"))):
                project = cls._read(each / name, table)
                if project is not None:
                    project._check()
                    return project
            if (each / ".git").exists():
                break
        return None

    @classmethod
    def _read(cls, path: Path, table: tuple[str, ...]) -> Project | None:
        """Return what one file sets; None: it is not there, or has no such table."""
        shown = os.path.relpath(path)
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
            if len(data) > _MAX_BYTES:
                raise ProjectError(f"{shown}: longer than {_MAX_BYTES} bytes")
            text = data.decode("utf-8-sig")
            values: object = tomllib.loads(text)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ProjectError(f"{shown}: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise ProjectError(f"{shown}: not TOML: {error}") from None
        for key in table:
            if not isinstance(values, dict) or key not in values:
                return None
            values = values[key]
        if not isinstance(values, dict):
            raise ProjectError(f"{shown}: {'.'.join(table)} is a table of settings")
        return cls(path, text, values)

    def _check(self) -> None:
        from ..schemas.mistakes import did_you_mean

        for key, value in self.values.items():
            if key not in KEYS:
                raise self.wrong(key, f"unknown key {key!r}{did_you_mean(key, KEYS)}")
            if key == "contract" and not isinstance(value, str):
                raise self.wrong(key, f"{key} is a text: the name of a pack, or a path")
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise self.wrong(key, f"{key} is one text, or one number")

    @property
    def contract(self) -> Named | None:
        """The contract that is set; its path is one beside the file."""
        from ..judge.choice import Named
        from ..schemas.mistakes import did_you_mean
        from ..schemas.packs import packs

        name = self.values.get("contract")
        if not isinstance(name, str):
            return None
        why = f"named in {os.path.relpath(self.path)}"
        if name in packs():
            return Named(name, why)
        path = self.path.parent / name
        if not os.path.lexists(path):
            hint = did_you_mean(name, packs())
            raise self.wrong("contract", f"{name!r} is no file, and no pack of that name{hint}")
        return Named(os.path.relpath(path), why)

    def wrong(self, key: str, message: str) -> ProjectError:
        """Return the error that says so of a key, with its line where that is found."""
        line = self._line(key)
        place = os.path.relpath(self.path) + (f":{line}" if line else "")
        return ProjectError(f"{place}: {message}")

    def _line(self, key: str) -> int | None:
        """Return the line on which a key is set: TOML's reader tells values, and no places."""
        name = rf"[\"']?{re.escape(key)}[\"']?"
        own = self.path.name == "wsrec.toml"
        inside = own
        for number, line in enumerate(self.text.splitlines(), 1):
            if inside and re.match(rf"\s*{name}\s*[.=]", line):
                return number
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
            if header is not None:
                inside = not own and header[1] == "tool.wsrec"
                if re.fullmatch(name if own else rf"tool\.wsrec\.{name}", header[1]):
                    return number
        return None


def choice_of(name: str | None) -> Choice:
    """Return which contract judges: that of `-c`, or what there is where none is given.

    Raises:
        ContractError: it has mistakes.
        ProjectError: the project's file cannot be used.
    """
    from ..judge.choice import DEFAULT, Choice
    from ..schemas.packs import find

    if name is not None:
        return Choice(find(name))
    project = Project.here()
    return Choice(None, (project and project.contract) or DEFAULT)


class Configured(click.Command):
    """A command whose options may be set in a project's file; the command line counts more."""

    def invoke(self, context: click.Context) -> object:
        """Run the command with what is set; the `Project`, or None, is the context's object."""
        project = context.obj = Project.here()
        if project is not None:
            for option in self.params:
                key = option.opts[-1].removeprefix("--").replace("-", "_")
                # The contract is looked for only where a recording has none of its own.
                if key in project.values and key != "contract":
                    _set(project, key, option, context)
        return super().invoke(context)


def _set(project: Project, key: str, option: click.Parameter, context: click.Context) -> None:
    """Take an option's value from the project, unless the command line or an environment has it."""
    from ..schemas.mistakes import did_you_mean

    name, value = str(option.name), project.values[key]
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
        return
    kind = option.type
    if isinstance(kind, click.Choice) and value not in kind.choices:
        message = f"{key} cannot be {value!r}{did_you_mean(str(value), kind.choices)}"
        raise project.wrong(key, message)
    try:
        converted = kind.convert(value, option, context)
    except click.BadParameter as error:
        raise project.wrong(key, f"{key}: {error.message}") from None
    context.params[name] = (converted,) if option.multiple else converted
