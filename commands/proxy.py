"""`wsrec proxy`, with all that an operator may choose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .options import FILE, LISTEN, REDACTION, SIGN_KEY, TLS, Format, add, format_option

__all__ = ["proxy"]

_proxy_settings = (
    click.option(
        "-c", "--contract", metavar="NAME|FILE",
        help="Store this contract in the recording: what `wsrec validate` and `wsrec tail` judge"
        " it by.",
    ),
    click.option(
        "--durability", type=click.Choice(["async", "process", "power"]),
        help="What a frame has outlived before it is forwarded: nothing (it is recorded a moment"
        " later), wsrec's own death, or a power cut.  [default: process]",
    ),
    click.option(
        "--on-recorder-failure", type=click.Choice(["close", "forward"]),
        help="While nothing can be recorded: end sessions and refuse new ones, or go on without."
        "  [default: close; forward with async]",
    ),
    *REDACTION,
    SIGN_KEY,
    *TLS,
    click.option(
        "--upstream-ca", type=FILE, metavar="PEM",
        help="Authorities to trust for a wss upstream.  [default: the system's]",
    ),
    click.option(
        "--upstream-cert", type=FILE, metavar="PEM", help="A certificate to show to the upstream."
    ),
    click.option("--upstream-key", type=FILE, metavar="PEM", help="Its key."),
    click.option(
        "--upstream-name", metavar="NAME",
        help="Ask for this name (SNI) and look for it in the certificate.",
    ),
    click.option("--insecure", is_flag=True, help="Take anybody's certificate for the upstream's."),
    click.option(
        "--host-header", type=click.Choice(["client", "upstream"]), default="client",
        show_default=True, help="Whose name the backend sees in Host. With `upstream` its own"
        " check against DNS rebinding sees nothing any more.",
    ),
    click.option(
        "--allow-origin", multiple=True, metavar="ORIGIN",
        help="Refuse browsers that show another site's page. May be repeated.",
    ),
    click.option(
        "--trusted-proxy", multiple=True, metavar="ADDRESS",
        help="A proxy in front, or its network: its X-Forwarded-* headers are passed on."
        " May be repeated.",
    ),
    click.option(
        "--max-sessions", type=click.IntRange(min=1), default=4096, show_default=True,
        help="Answer 503 beyond that.",
    ),
    click.option(
        "--header-timeout", default="10s", show_default=True, metavar="TIME",
        help="For a client's TLS handshake, and the head of its request.",
    ),
    click.option(
        "--handshake-timeout", default="30s", show_default=True, metavar="TIME",
        help="For the backend's answer to an opening handshake.",
    ),
    click.option(
        "--idle-timeout", metavar="TIME", help="Close sessions in which nothing crosses.",
    ),
    click.option(
        "--buffer", metavar="SIZE",
        help="Of a connection's data in the kernel, each way.  [default: the system's]",
    ),
    click.option(
        "--drain", default="0s", show_default=True, metavar="TIME",
        help="How long sessions may go on after SIGTERM, before they are closed with 1001.",
    ),
    click.option(
        "--close-timeout", default="5s", show_default=True, metavar="TIME",
        help="For the peers' answer to such a close.",
    ),
    click.option(
        "--rotate-size", metavar="SIZE",
        help="New sessions go to another recording once this one is as large: 500m, 1g.",
    ),
    click.option(
        "--rotate-every", metavar="TIME",
        help="New sessions go to another recording after that: 1h, 1d.",
    ),
    click.option(
        "--retain-days", type=click.IntRange(min=1), metavar="N",
        help="Delete finished recordings of this output that ended longer ago.",
    ),
    click.option(
        "--max-disk", metavar="SIZE",
        help="Delete the oldest finished ones until the others have no more together.",
    ),
    click.option(
        "--min-free", default="256m", show_default=True, metavar="SIZE",
        help="Warn when the disk has less room left.",
    ),
)  # fmt: skip


@click.command()
@click.argument("upstream")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@LISTEN
@click.option(
    "-o", "--output", default="session.db", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The recording; continued if it exists. The name may hold its UTC date: %Y%m%d-%H%M%S.",
)  # fmt: skip
@format_option
@add(_proxy_settings)
def proxy(
    upstream: str,
    command: tuple[str, ...],
    output: Path,
    format: Format,  # noqa: A002
    **settings: Any,
) -> None:
    """Record what clients and the backend UPSTREAM say to each other.

    With `-- COMMAND ...` the command runs with WSREC_URL set, and wsrec ends when it does.

    Exit code: 0 after Ctrl-C or SIGTERM, COMMAND's own with one, 2 usage, contract or address,
    3 recording.
    """
    from ..net.errors import SettingError
    from ..net.upstream import Upstream, UpstreamError
    from ..proxy.command import run_proxy
    from ..proxy.settings import read_settings

    if not command and sys.argv[-1:] == ["--"]:
        raise click.UsageError("there is no command behind --")
    try:
        backend = Upstream.parse(upstream)
        options = read_settings(backend, output=output, **settings)
    except (SettingError, UpstreamError) as error:
        raise click.UsageError(str(error)) from error
    if settings["insecure"]:
        click.echo("wsrec: --insecure: whoever answers is taken for the backend", err=True)
    sys.exit(run_proxy(backend, output, options, format=format, command=command))
