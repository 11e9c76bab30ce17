"""The command line: click declarations; each command's work lives in its room."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from . import __version__

__all__ = ["main"]

Format = Literal["text", "json"]


class _Commands(click.Group):
    """Turns what is wrong with a file into one line and the exit code of docs/architecture.md."""

    def invoke(self, context: click.Context) -> object:
        from .store.errors import RecordingError

        try:
            return super().invoke(context)
        except RecordingError as error:
            click.echo(f"wsrec: {error}", err=True)
            sys.exit(3)


_format = click.option(
    "--format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_recording = click.argument("recording", type=click.Path(path_type=Path))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsrec", message="%(prog)s %(version)s")
def main() -> None:
    """Record WebSocket sessions to SQLite, frame by frame, and judge them against contracts."""


def _address(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{text!r}: expected HOST:PORT, such as 127.0.0.1:8080")
    return host.strip("[]") or "127.0.0.1", int(port)


@main.command()
@click.argument("upstream")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-l", "--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT",
    callback=_address, help="Where clients connect; port 0 takes a free one.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="session.db", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path), help="The recording; continued if it exists.",
)  # fmt: skip
@_format
def proxy(
    upstream: str,
    command: tuple[str, ...],
    listen: tuple[str, int],
    output: Path,
    format: Format,  # noqa: A002
) -> None:
    """Record what clients and the backend at UPSTREAM say to each other.

    With `-- COMMAND ...` the command runs with WSREC_URL set, and wsrec ends when it does.
    """
    from .proxy.command import run_proxy
    from .proxy.upstream import Upstream, UpstreamError

    try:
        backend = Upstream.parse(upstream)
    except UpstreamError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(run_proxy(backend, output, *listen, format=format, command=command))


@main.command()
@_recording
@_format
def sessions(recording: Path, format: Format) -> None:  # noqa: A002
    """List the sessions of RECORDING; with --format json, a line for each."""
    from .replay.inspect import list_sessions

    list_sessions(recording, sys.stdout, format)


@main.command()
@_recording
@click.argument("session", type=click.IntRange(min=1), required=False)
@click.option("--frames", is_flag=True, help="Every frame as it crossed the wire.")
@click.option("--full", is_flag=True, help="All of each message, however long.")
@_format
def show(
    recording: Path,
    session: int | None,
    frames: bool,
    full: bool,
    format: Format,  # noqa: A002
) -> None:
    """Show what was said in RECORDING, or in one SESSION of it.

    A line for each message and control frame: seconds since the session began, number of the
    frame, sender, kind, data. With --format json, a line of JSON for each.
    """
    from .replay.inspect import show

    width = None if full else 200
    show(recording, sys.stdout, format, session_id=session, frames=frames, width=width)
