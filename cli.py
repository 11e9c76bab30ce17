"""The command line: the commands of `commands/`, put together."""

from __future__ import annotations

import click

from . import __version__
from .commands.contract import contract
from .commands.demo import demo
from .commands.diffing import diff
from .commands.explaining import explain
from .commands.group import Commands
from .commands.judging import validate
from .commands.keeping import merge, prune, recover, scrub
from .commands.mocking import mock
from .commands.proxy import proxy
from .commands.reading import sessions, show, tail, verify
from .commands.replaying import replay

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsrec", message="%(prog)s %(version)s")
def main() -> None:
    """Record WebSocket sessions to SQLite, frame by frame, and judge them against contracts."""


for _command in (
    *(proxy, sessions, show, tail, validate, explain, verify),
    *(replay, mock, diff, recover, scrub, merge, prune, contract, demo),
):
    main.add_command(_command)
