"""The command that plays the client half of a recording."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .matching import (
    CONTRACT,
    MATCHING,
    PACING,
    PATIENCE,
    choose_contract,
)
from .options import FILE, REDACTION, REPORT, Format, add, format_option, recording_argument
from .reporting import sessions_option

if TYPE_CHECKING:
    import ssl

    from ..checks.scope import SessionRange
    from ..net.upstream import Upstream

__all__ = ["replay"]

_SERVER = (
    click.option(
        "--to", required=True, metavar="URL",
        help="The live backend: ws, wss, http or https. Its path goes in front of recorded ones.",
    ),
    click.option(
        "--ca", type=FILE, metavar="PEM",
        help="Authorities to trust for a wss URL.  [default: the system's]",
    ),
    click.option("--insecure", is_flag=True, help="Take anybody's certificate for the backend's."),
    click.option(
        "--header", "headers", multiple=True, metavar="NAME:VALUE",
        help="Send this in the place of what was recorded, or in addition; NAME: leaves it out."
        " May be repeated.",
    ),
    click.option(
        "--query", multiple=True, metavar="NAME=VALUE",
        help="The same of a parameter of the request target; VALUE is encoded. May be repeated.",
    ),
    click.option(
        "--connect-timeout", default="10s", show_default=True, metavar="TIME",
        help="For a connection and the answer to its opening handshake, and for COMMAND to listen.",
    ),
)  # fmt: skip
_SESSIONS = sessions_option("Play only this session, or these.")
_CONCURRENCY = click.option(
    "--concurrency", type=click.IntRange(min=1), metavar="N",
    help="How many sessions run at once.  [default: as many as did]",
)  # fmt: skip
_OUTPUT = click.option(
    "-o", "--output", type=FILE, metavar="FILE",
    help="Record what is said now, to a new file. Without it nothing is recorded.",
)  # fmt: skip


@click.command()
@recording_argument
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@add((*_SERVER, _OUTPUT, _SESSIONS, _CONCURRENCY, *PACING, CONTRACT, *MATCHING, *PATIENCE))
@add((*REDACTION, format_option, REPORT))
def replay(
    recording: Path,
    command: tuple[str, ...],
    to: str,
    ca: Path | None,
    insecure: bool,
    headers: tuple[str, ...],
    query: tuple[str, ...],
    connect_timeout: str,
    output: Path | None,
    sessions: tuple[SessionRange, ...],
    concurrency: int | None,
    pacing: str,
    speed: float | None,
    max_gap: str | None,
    name: str | None,
    timeout: str,
    close_timeout: str,
    redact: tuple[str, ...],
    default_redaction: bool,
    redact_key_file: Path | None,
    format: Format,  # noqa: A002
    report: Path | None,
    **matching: Any,
) -> None:
    """Play the client half of RECORDING to a live backend.

    What that answers is held against what was recorded.

    With `-- COMMAND ...` the backend is that command: it runs with WSREC_URL and WSREC_PORT set,
    sessions begin once it listens, and it gets SIGTERM behind them.

    Exit code: 0 all came as recorded, 1 something differs, 2 usage or contract, 3 RECORDING
    unreadable or damaged, 4 backend unreachable.
    """
    from ..checks.scope import Scope
    from ..judge.asked import UnknownSessionError, require_sessions
    from ..judge.reports import RefusedError, Wanted, clear
    from ..net.amounts import positive
    from ..net.errors import SettingError
    from ..net.upstream import UpstreamError
    from ..proxy.settings import read_redaction_key, read_rules
    from ..replay.backend import BackendError
    from ..replay.opening import Replacements
    from ..replay.replaying import Output, exit_code, plays_of, run_replay
    from ..replay.settings import read_matching, read_pacing, read_patience
    from ..replay.stage import Settings
    from ..replay.telling import write_plays
    from ..store.reader import Recording

    if not command and sys.argv[-1:] == ["--"]:
        raise click.UsageError("there is no command behind --")
    scope = Scope(sessions=sessions)
    wanted = Wanted(format, report)
    try:
        upstream = _upstream(to)
        with Recording.open(recording) as opened:
            meta = opened.meta
            require_sessions(opened, scope)
        chosen = choose_contract(name, recording, meta)
        settings = Settings(
            matching=read_matching(None if chosen is None else chosen.contract, **matching),
            pacing=read_pacing(pacing=pacing, speed=speed, max_gap=max_gap),
            patience=read_patience(timeout=timeout, close_timeout=close_timeout),
            connect=positive(connect_timeout, "connect-timeout"),
            tls=_tls(upstream, ca, insecure=insecure),
            replacements=Replacements.parse(headers, query),
            concurrency=concurrency,
        )
        kept = None
        if output is not None:
            kept = Output(
                path=output,
                rules=read_rules(redact, defaults=default_redaction),
                key=read_redaction_key(redact_key_file),
                contract=meta.get("contract"),
            )
        clear([wanted], [recording, *([output] if output else [])], None)
    except (UnknownSessionError, RefusedError, SettingError, UpstreamError) as error:
        raise click.UsageError(str(error)) from error
    try:
        replayed = run_replay(
            recording, upstream, settings, scope=scope, output=kept, command=command
        )
    except (BackendError, SettingError) as error:
        click.echo(f"wsrec: {error}", err=True)
        sys.exit(4 if isinstance(error, BackendError) else 2)
    plays = plays_of(replayed, recording, upstream, chosen, output)
    if replayed.unreachable is None:
        write_plays(plays, wanted, sys.stdout)
    else:
        click.echo(f"wsrec: {replayed.unreachable}", err=True)
    if replayed.failure is not None:
        click.echo(f"wsrec: {replayed.failure}", err=True)
    if replayed.signal is not None:
        click.echo("wsrec: interrupted: not all of it was played", err=True)
    sys.exit(exit_code(replayed, plays))


def _upstream(to: str) -> Upstream:
    """Return the backend that --to names; raises UpstreamError."""
    from ..net.upstream import Upstream, UpstreamError

    if "?" in to:
        raise UpstreamError(
            "--to: queries are those of the sessions; replace a parameter with --query NAME=VALUE"
        )
    if "@" in to.partition("://")[2].partition("/")[0]:
        raise UpstreamError("--to: give credentials with --header Authorization:VALUE")
    return Upstream.parse(to, "--to")


def _tls(upstream: Upstream, ca: Path | None, *, insecure: bool) -> ssl.SSLContext | None:
    """Return how the backend is connected to; raises SettingError."""
    from ..net.errors import SettingError
    from ..net.tls import client_context

    if not upstream.origin.startswith("https:"):
        if ca is not None or insecure:
            raise SettingError(f"{upstream}: --ca and --insecure are for a wss or https URL")
        return None
    if ca is not None and insecure:
        raise SettingError("--insecure trusts everybody, --ca does not: give one of them")
    return client_context(authorities=ca, verify=not insecure)
