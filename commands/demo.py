"""`wsrec demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

__all__ = ["demo"]


@click.command()
@click.option("--broken", is_flag=True, help="Let the backend misbehave in four ways.")
@click.option("--sessions", type=click.IntRange(1, 1000), default=25, show_default=True)
@click.option("--messages", type=click.IntRange(1, 1000), default=2, show_default=True,
              help="Questions that each client asks.")  # fmt: skip
@click.option(
    "-o", "--output", default="demo.db", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The recording; a former one is kept as FILE.old.",
)  # fmt: skip
def demo(broken: bool, sessions: int, messages: int, output: Path) -> None:
    """Try it: a small backend, clients, the proxy, and the verdict.

    Exit code: that of `wsrec validate`; 1 as well when a message was lost on the way.
    """
    from ..demo.run import DemoError, run_demo

    try:
        status = run_demo(output, sessions, messages, broken=broken, out=sys.stdout)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)
