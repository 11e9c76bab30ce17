"""The command line as a whole: what goes wrong in any command becomes a line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Final

import click

__all__ = ["Commands"]

_MAX_LINE: Final = 500
"""Characters of a line about a contract, which may quote any word of it."""


class Commands(click.Group):
    """Turns what is wrong with a file into lines for people and an exit code."""

    def invoke(self, context: click.Context) -> object:
        """Run a command; what it could not read, or was told wrongly, is said here."""
        # A stream that was closed before wsrec began is None.
        sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
        sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show, it spells out
                stream.reconfigure(errors="backslashreplace")
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
