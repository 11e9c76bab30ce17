"""The command line as a whole: what goes wrong in any command becomes a line and an exit code."""

from __future__ import annotations

import errno
import io
import sys

import click

__all__ = ["Commands"]


class Commands(click.Group):
    """Turns what is wrong with a file into lines for people and an exit code."""

    def invoke(self, context: click.Context) -> object:
        """Run a command; what it could not read, or was told wrongly, is said here."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show, it spells out
                stream.reconfigure(errors="backslashreplace")
        from ..schemas.mistakes import ContractError
        from ..store.errors import RecordingError

        try:
            return super().invoke(context)
        except RecordingError as error:
            click.echo(f"wsrec: {error}", err=True)
            sys.exit(3)
        except ContractError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly when nobody reads on
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"wsrec: {name}{error.strerror or error}", err=True)
            sys.exit(2)
