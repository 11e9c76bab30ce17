"""What several commands take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Literal

import click

__all__ = [
    "FILE",
    "LISTEN",
    "REDACTION",
    "REPORT",
    "SIGN_KEY",
    "TLS",
    "Format",
    "add",
    "format_option",
    "recording_argument",
    "trust_code_option",
]

Format = Literal["text", "json"]

FILE = click.Path(dir_okay=False, path_type=Path)
REDACTION = (
    click.option(
        "--redact", multiple=True, metavar="RULE",
        help="Keep this out of the recording: header:NAME, query:NAME, json:/POINTER or"
        " regex:PATTERN. May be repeated.",
    ),
    click.option(
        "--no-default-redaction", "default_redaction", is_flag=True, flag_value=False,
        default=True, help="Record credentials in headers and parameters as they are.",
    ),
    click.option(
        "--redact-key-file", type=FILE, metavar="FILE",
        help="32 bytes or more: equal secrets of all runs get equal digests.",
    ),
)  # fmt: skip

LISTEN = click.option(
    "-l", "--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT|unix:PATH",
    help="Where clients connect; port 0 takes a free one.",
)  # fmt: skip
TLS = (
    click.option(
        "--tls-cert", type=FILE, metavar="PEM", help="Speak TLS to clients: the certificate."
    ),
    click.option("--tls-key", type=FILE, metavar="PEM", help="Its key, if not in the same file."),
)
REPORT = click.option(
    "--report", type=FILE, metavar="FILE",
    help="Where the report goes.  [default: standard output]",
)  # fmt: skip
SIGN_KEY = click.option(
    "--sign-key", type=FILE, metavar="PEM",
    help="Seal each session, and the recording's end, with this Ed25519 key.",
)  # fmt: skip

format_option = click.option(
    "--format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
trust_code_option = click.option(
    "--trust-code", is_flag=True,
    help="Import, and so run, the Python modules whose types the contract names as schemas.",
)  # fmt: skip
recording_argument = click.argument("recording", type=click.Path(readable=False, path_type=Path))


def add(
    options: Sequence[Callable[[Callable[..., None]], Callable[..., None]]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add what an operator may choose; proxy/settings.py reads it."""
    return lambda command: reduce(lambda each, option: option(each), reversed(options), command)
