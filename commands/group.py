"""The command line as a whole: what goes wrong in any command becomes a line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, Final, TextIO

import click

__all__ = ["MAX_LINE", "Commands"]

MAX_LINE: Final = 500
"""Characters of a line about a contract, which may quote any word of it."""


class Commands(click.Group):
    """Turns what is wrong with a file into lines for people and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run as a program."""
        try:
            return super().main(*args, **extra)
        except OSError as error:  # outside of all commands: help, or a version, was to be written
            _require_written(sys.stdout, error)

    def invoke(self, context: click.Context) -> object:
        """Run a command; what it could not read, or was told wrongly, is said here."""
        sys.stdout, sys.stderr = _sound(sys.stdout), _sound(sys.stderr)
        from ..report.inert import inert
        from ..schemas.mistakes import ContractError
        from ..store.errors import RecordingError

        try:
            return super().invoke(context)
        except KeyboardInterrupt:  # to click that is 1, which of a judge means findings
            click.echo("wsrec: interrupted", err=True)
            sys.exit(130)
        except RecordingError as error:
            click.echo(inert(f"wsrec: {error}"), err=True)
            sys.exit(3)
        except ContractError as error:
            for mistake in error.mistakes:
                click.echo(inert(str(mistake), MAX_LINE), err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            _require_written(sys.stdout)  # if it was that, it is said there
            name = f"{error.filename}: " if error.filename else ""
            click.echo(inert(f"wsrec: {name}{error.strerror or error}"), err=True)
            sys.exit(2)
        finally:
            _require_written(sys.stdout)
            _flush(sys.stderr)


def _require_written(stdout: TextIO, error: OSError | None = None) -> None:
    """Say why standard output cannot be written, and exit: a report that is cut is no verdict."""
    error = _flush(stdout) or error
    if error is not None and error.errno != errno.EPIPE:
        click.echo(f"wsrec: standard output: {error.strerror}", err=True)
        sys.exit(2)


def _flush(stream: TextIO) -> OSError | None:
    """Write what is left; return why that cannot be, and let go of the stream then.

    At its exit, Python would try again, and make an exit code of it.
    """
    try:
        stream.flush()
    except OSError as error:
        from ..net.streams import drop

        drop(stream)
        return error
    return None


def _sound(stream: TextIO | None) -> TextIO:
    """Return a standard stream that takes all that is written to it."""
    if stream is None:  # it was closed before wsrec began
        return Path(os.devnull).open("w")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if isinstance(stream.buffer, io.RawIOBase):
        # PYTHONUNBUFFERED: a pipe takes a part where a signal interrupts, and the rest would be
        # lost without a word.
        buffer = io.BufferedWriter(stream.buffer)
        stream = io.TextIOWrapper(buffer, stream.encoding, line_buffering=True)
    stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show, it spells out
    return stream
