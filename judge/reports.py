"""Where reports go: to standard output, or to files that are whole or not there."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TextIO

from rich.console import Console

from ..report.github import to_annotations
from ..report.json import to_json
from ..report.junit import to_junit
from ..report.markdown import to_markdown
from ..report.model import Report
from ..report.text import print_report
from ..schemas.codes import Severity

__all__ = [
    "RefusedError",
    "ReportFormat",
    "Wanted",
    "clear",
    "put",
    "render",
    "show_text",
    "write_reports",
]

ReportFormat = Literal["text", "json", "junit", "github"]

_SUMMARY_LIMIT: Final = 1024 * 1024
"""Bytes of a step's summary; GitHub shows nothing of a longer one."""
_SQLITE: Final = b"SQLite format 3\0"
_BESIDE: Final = ("", "-wal", "-shm", "-journal", ".lock")
"""What SQLite and the recorder keep beside a recording."""


class RefusedError(ValueError):
    """A report cannot go where it was asked to; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report: how it is written, and where to."""

    format: ReportFormat
    path: Path | None
    """None: standard output."""


def clear(wanted: Sequence[Wanted], inputs: Iterable[Path], summary_file: Path | None) -> None:
    """Remove former reports, so that none is taken for that of a run that failed.

    Nothing is removed when anything is refused. Raises RefusedError where a report would replace
    an input, another report or any recording, and OSError where there is no place for a file.
    """
    taken = {
        path.with_name(path.name + suffix): "replace the recording or the contract"
        for path in map(_final, inputs)
        for suffix in _BESIDE
    }
    if summary_file is not None and _final(summary_file) in taken:
        raise RefusedError(f"GITHUB_STEP_SUMMARY={summary_file} is one of the files to be judged")
    files = [(each.path, _final(each.path)) for each in wanted if each.path is not None]
    for path, final in files:
        if final in taken:
            raise RefusedError(f"{path}: the report would {taken[final]}")
        if final.is_file():
            with final.open("rb") as file:
                if file.read(len(_SQLITE)) == _SQLITE:
                    raise RefusedError(
                        f"{path}: is a SQLite database; a report does not replace it"
                    )
        elif not (path.exists() or final.parent.is_dir()):
            raise FileNotFoundError(2, os.strerror(2), str(path))
        taken[final] = "replace another report of the same run"
    for _, final in files:
        if final.is_file():
            final.unlink()


def _final(path: Path) -> Path:
    """Return what a path leads to; of links in a circle, which open as an OSError, one of them.

    Of a pipe without a name, such as a shell's `>(command)`, it is no path.
    """
    return Path(os.path.realpath(path))


def write_reports(
    report: Report,
    wanted: Iterable[Wanted],
    out: TextIO,
    fail_on: Severity,
    summary_file: Path | None,
) -> None:
    """Write each report where it is wanted, and add a summary in Markdown to `summary_file`."""
    for each in wanted:
        if each.path is None:
            if each.format == "text":
                show_text(report, out)
            else:
                out.write(render(report, each.format, fail_on))
        else:
            put(each.path, render(report, each.format, fail_on))
    if summary_file is not None:
        with summary_file.open("ab") as file:
            file.write(to_markdown(report, _SUMMARY_LIMIT - file.tell()).encode())


def show_text(report: Report, out: TextIO) -> None:
    """Write the report for people; plain text where `out` is no terminal."""
    # A pipe has no width: nothing is folded for it.
    width = None if out.isatty() else 120
    print_report(report, Console(file=out, width=width, highlight=False))


def render(report: Report, format: ReportFormat, fail_on: Severity) -> str:  # noqa: A002
    """Return a report as a text."""
    match format:
        case "text":
            return _plain(report)
        case "json":
            return to_json(report)
        case "junit":
            return to_junit(report, fail_on)
        case "github":
            return to_annotations(report)


def _plain(report: Report) -> str:
    out = io.StringIO()
    show_text(report, out)
    return out.getvalue()


def put(path: Path, text: str) -> None:
    """Write a file that takes its name when all of it is there; a device or pipe directly."""
    final = _final(path)
    beside = final.with_name(f".{final.name}.{os.getpid()}")
    direct = path.exists() and not path.is_file()
    try:
        if direct:
            path.write_text(text, encoding="utf-8")
            return
        beside.unlink(missing_ok=True)  # of a run that was killed, and had the same number
        try:
            with beside.open("x", encoding="utf-8") as file:
                file.write(text)
            beside.replace(final)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
