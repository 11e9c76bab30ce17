"""The command that says what a finding means."""

from __future__ import annotations

import click

from ..schemas.codes import CODES
from .reporting import Codes

__all__ = ["explain"]


@click.command()
@click.argument("codes", nargs=-1, type=Codes(), metavar="[CODE]...")
def explain(codes: tuple[tuple[str, ...], ...]) -> None:
    """Say what a finding means, its likely cause, and what to look at.

    CODE is a finding's code, or what several begin with, such as `latency`. Without any, all are
    listed.
    """
    from ..report.explain import explanation, sections

    if not codes:
        for code, (severity, meaning) in CODES.items():
            click.echo(f"{code:21} {severity:7}  {meaning}")
        return
    wanted = dict.fromkeys(
        code
        for given in codes
        for each in given
        for code in CODES
        if code == each or code.startswith(f"{each}.")
    )
    page = sections()
    blocks = (f"{code}\n\n{_wrapped(explanation(page[code]))}" for code in wanted)
    click.echo("\n\n".join(blocks))


def _wrapped(text: str) -> str:
    return click.wrap_text(
        text, initial_indent="  ", subsequent_indent="  ", preserve_paragraphs=True
    )
