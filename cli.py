"""The command line: click declarations; each command's work lives in its room."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import __version__

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def proxy(
    upstream: str,
    command: tuple[str, ...],
    listen: tuple[str, int],
    output: Path,
    format: str,  # noqa: A002
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
    sys.exit(run_proxy(backend, output, *listen, format=format, command=command))  # type: ignore[arg-type]
