"""`wsrec mock`: a recording in the place of its backend."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .matching import (
    CONTRACT,
    MATCHING,
    PACING,
    choose_contract,
)
from .options import LISTEN, REPORT, TLS, Format, add, format_option, recording_argument
from .reporting import sessions_option

if TYPE_CHECKING:
    from ..checks.scope import SessionRange
    from ..replay.casting import Order

__all__ = ["mock"]

_OPTIONS = (
    LISTEN,
    sessions_option("Play only this session, or these."),
    click.option(
        "--order", type=click.Choice(["any", "recorded", "round-robin"]), default="any",
        show_default=True,
        help="Where several sessions fit: the first that was not played; each in turn. With"
        " `recorded`, clients have to come in the order in which they came.",
    ),
    click.option("--loop", is_flag=True, help="Play sessions more than once."),
    click.option(
        "--fresh-ids", is_flag=True,
        help="Make up new ids for those of the server that look random, for each client.",
    ),
    click.option(
        "--strict", is_flag=True, help="Close a session with 1008 at its first difference.",
    ),
    click.option(
        "--allow-unplayed", is_flag=True, help="With a command: sessions may be left unplayed.",
    ),
    CONTRACT,
    *MATCHING,
    *PACING,
    click.option(
        "--timeout", default="30s", show_default=True, metavar="TIME",
        help="For the next recorded message of the client, beyond the pause recorded before it.",
    ),
    click.option(
        "--close-timeout", default="5s", show_default=True, metavar="TIME",
        help="For the client's close, and the end of the connection.",
    ),
    REPORT,
    *TLS,
)  # fmt: skip


@click.command()
@recording_argument
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@format_option
@add(_OPTIONS)
def mock(
    recording: Path,
    command: tuple[str, ...],
    listen: str,
    sessions: tuple[SessionRange, ...],
    order: Order,
    loop: bool,
    fresh_ids: bool,
    strict: bool,
    allow_unplayed: bool,
    pacing: str,
    speed: float | None,
    max_gap: str | None,
    name: str | None,
    timeout: str,
    close_timeout: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    format: Format,  # noqa: A002
    report: Path | None,
    **matching: Any,
) -> None:
    """Answer live clients with the server half of RECORDING.

    Each session is played once, to a client whose request and first messages fit it. With
    `-- COMMAND ...` the command runs with WSREC_URL set, wsrec ends when it does, and a session
    that nobody has asked for is a failure.

    Exit code: 0 all came as recorded, 1 something differs or nothing was played, COMMAND's own if
    that is not 0, 2 usage, contract or address, 3 RECORDING unreadable or damaged.
    """
    from ..checks.scope import Scope
    from ..judge.asked import UnknownSessionError, require_sessions
    from ..judge.reports import RefusedError, Wanted, clear
    from ..net.address import parse_address
    from ..net.errors import SettingError
    from ..net.tls import server_context
    from ..replay.mock_options import MockOptions
    from ..replay.mocking import run_mock
    from ..replay.settings import read_matching, read_pacing, read_patience
    from ..replay.telling import write_plays
    from ..store.reader import Recording

    if not command and sys.argv[-1:] == ["--"]:
        raise click.UsageError("there is no command behind --")
    scope, wanted = Scope(sessions=sessions), Wanted(format, report)
    try:
        if tls_key is not None and tls_cert is None:
            raise SettingError("--tls-key: give its certificate with --tls-cert")
        with Recording.open(recording) as opened:
            meta = opened.meta
            require_sessions(opened, scope)
        chosen = choose_contract(name, recording, meta)
        options = MockOptions(
            listen=parse_address(listen),
            tls=None if tls_cert is None else server_context(tls_cert, tls_key),
            matching=read_matching(None if chosen is None else chosen.contract, **matching),
            pacing=read_pacing(pacing=pacing, speed=speed, max_gap=max_gap),
            patience=read_patience(timeout=timeout, close_timeout=close_timeout),
            order=order,
            loop=loop,
            scope=scope,
            strict=strict,
            allow_unplayed=allow_unplayed or not command,
            fresh_ids=fresh_ids,
        )
        clear([wanted], [recording], None)
    except (UnknownSessionError, RefusedError, SettingError) as error:
        raise click.UsageError(str(error)) from error
    try:
        mocked = run_mock(recording, options, format=format, command=command)
    except SettingError as error:
        click.echo(f"wsrec: {error}", err=True)
        sys.exit(2)
    plays = mocked.plays
    if chosen is not None:
        plays = replace(plays, contract=str(chosen))
    write_plays(plays, wanted, sys.stdout)
    if mocked.failure is not None:
        click.echo(f"wsrec: {mocked.failure}", err=True)
    sys.exit(mocked.exit_code)
