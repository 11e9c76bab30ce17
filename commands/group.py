"""The command line as a whole: what goes wrong in any command becomes a line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Final, TextIO

import click

__all__ = ["Commands"]

_MAX_LINE: Final = 500
"""Characters of a line about a contract, which may quote any word of it."""


class Commands(click.Group):
    """Turns what is wrong with a file into lines for people and an exit code."""

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
            click.echo(f"wsrec: {error}", err=True)
            sys.exit(3)
        except ContractError as error:
            for mistake in error.mistakes:
                click.echo(inert(str(mistake), _MAX_LINE), err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"wsrec: {name}{error.strerror or error}", err=True)
            sys.exit(2)
        finally:
            _settle(sys.stdout)
            _settle(sys.stderr)


def _settle(stream: TextIO) -> None:
    """Let go of what nobody reads any more: at its exit Python would make an exit code of it."""
    try:
        stream.flush()
    except OSError as error:
        if stream is sys.stdout and error.errno != errno.EPIPE:
            return  # a report that does not fit on a disk is no verdict: Python exits with 120
        from ..net.streams import drop

        drop(stream)


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
