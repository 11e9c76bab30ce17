"""The command line: click declarations; each command's work lives in its room."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import click

from . import __version__

__all__ = ["main"]

Format = Literal["text", "json"]
Severity = Literal["error", "warning", "info"]


class _Commands(click.Group):
    """Turns what is wrong with a file into lines for people and an exit code."""

    def invoke(self, context: click.Context) -> object:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show, it spells out
                stream.reconfigure(errors="backslashreplace")
        from .schemas.mistakes import ContractError
        from .store.errors import RecordingError

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


_format = click.option(
    "--format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_recording = click.argument("recording", type=click.Path(readable=False, path_type=Path))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wsrec", message="%(prog)s %(version)s")
def main() -> None:
    """Record WebSocket sessions to SQLite, frame by frame, and judge them against contracts."""


_file = click.Path(dir_okay=False, path_type=Path)
_redaction = (
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
        "--redact-key-file", type=_file, metavar="FILE",
        help="32 bytes or more: equal secrets of all runs get equal digests.",
    ),
)  # fmt: skip
_proxy_settings = (
    *_redaction,
    click.option(
        "--tls-cert", type=_file, metavar="PEM", help="Speak TLS to clients: the certificate."
    ),
    click.option("--tls-key", type=_file, metavar="PEM", help="Its key, if not in the same file."),
    click.option(
        "--upstream-ca", type=_file, metavar="PEM",
        help="Authorities to trust for a wss upstream.  [default: the system's]",
    ),
    click.option(
        "--upstream-cert", type=_file, metavar="PEM", help="A certificate to show to the upstream."
    ),
    click.option("--upstream-key", type=_file, metavar="PEM", help="Its key."),
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
)  # fmt: skip


def _add(
    options: Sequence[Callable[[Callable[..., None]], Callable[..., None]]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add what an operator may choose; proxy/settings.py reads it."""
    return lambda command: reduce(lambda each, option: option(each), reversed(options), command)


@main.command()
@click.argument("upstream")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "-l", "--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT|unix:PATH",
    help="Where clients connect; port 0 takes a free one.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="session.db", show_default=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path), help="The recording; continued if it exists.",
)  # fmt: skip
@_format
@_add(_proxy_settings)
def proxy(
    upstream: str,
    command: tuple[str, ...],
    output: Path,
    format: Format,  # noqa: A002
    **settings: Any,
) -> None:
    """Record what clients and the backend at UPSTREAM say to each other.

    With `-- COMMAND ...` the command runs with WSREC_URL set, and wsrec ends when it does.

    Exit code: 0 after Ctrl-C or SIGTERM, COMMAND's own with one, 2 usage or address, 3 recording.
    """
    from .proxy.command import run_proxy
    from .proxy.errors import SettingError
    from .proxy.settings import read_settings
    from .proxy.upstream import Upstream, UpstreamError

    if not command and sys.argv[-1:] == ["--"]:
        raise click.UsageError("there is no command behind --")
    try:
        backend = Upstream.parse(upstream)
        options = read_settings(backend, **settings)
    except (SettingError, UpstreamError) as error:
        raise click.UsageError(str(error)) from error
    if settings["insecure"]:
        click.echo("wsrec: --insecure: whoever answers is taken for the backend", err=True)
    sys.exit(run_proxy(backend, output, options, format=format, command=command))


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


@main.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "-c", "--contract", "name", default=None, metavar="NAME|FILE",
    help="A pack's name or a contract's file.  [default: agent-events]",
)  # fmt: skip
@_format
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE", help="Write the report there instead of to standard output.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "info"]), default="error",
    show_default=True, help="The least severity that makes the exit code 1.",
)  # fmt: skip
def validate(
    recordings: tuple[str, ...],
    name: str | None,
    format: Format,  # noqa: A002
    output: Path | None,
    fail_on: Severity,
) -> None:
    """Judge the sessions of each RECORDING against a contract.

    Exit code: 0 pass, 1 findings or not enough recorded to tell, 2 usage or contract error,
    3 recording unreadable or damaged, 5 nothing was validated.
    """
    from .replay.validate import exit_code, validate, write
    from .schemas.packs import DEFAULT_PACK, find

    if output is not None:
        if output.resolve() in [Path(each).resolve() for each in recordings]:
            raise click.UsageError(f"{output}: the report would replace the recording")
        output.unlink(missing_ok=True)  # a former verdict is not this one's
    report = validate(recordings, find(name or DEFAULT_PACK))
    with click.open_file(str(output or "-"), "w", encoding="utf-8") as out:
        write(report, cast(TextIO, out), format)
    sys.exit(exit_code(report, fail_on))


@main.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@_format
def verify(recordings: tuple[str, ...], format: Format) -> None:  # noqa: A002
    """Check that each RECORDING is what was recorded: nothing changed, missing or added.

    A line for each session with a fault, then one for the recording. The chain of hashes that is
    checked is not signed: whoever may write the file can make a new one.

    Exit code: 0 intact, also where sessions were interrupted, 3 damaged.
    """
    from .replay.verify import verify

    sys.exit(verify(recordings, sys.stdout, format))


@main.command()
@click.argument("recording", type=_file)
@click.argument("output", type=_file)
@_add(_redaction)
def scrub(
    recording: Path,
    output: Path,
    redact: tuple[str, ...],
    default_redaction: bool,
    redact_key_file: Path | None,
) -> None:
    """Copy RECORDING to a new file OUTPUT without the secrets that rules are about.

    The rules are those of `wsrec proxy`; RECORDING is only read, OUTPUT must not exist.

    Exit code: 0 written, 2 usage, 3 recording unreadable or damaged, or OUTPUT exists.
    """
    from .proxy.errors import SettingError
    from .proxy.settings import read_redaction_key, read_rules
    from .upkeep.scrub import scrub

    try:
        rules = read_rules(redact, defaults=default_redaction)
        key = read_redaction_key(redact_key_file)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
    if not rules:
        raise click.UsageError("there is nothing to do: no rule is in force")
    done = scrub(recording, output, rules, key, __version__)
    click.echo(
        f"{output}: {done.sessions:,} sessions, {done.frames:,} frames, {done.changed:,} changed"
    )


@main.command()
@click.argument(
    "inputs", nargs=-1, required=True, metavar="IN...",
    type=click.Path(readable=False, path_type=Path),
)  # fmt: skip
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@_format
def merge(inputs: tuple[Path, ...], out: Path, format: Format) -> None:  # noqa: A002
    """Make a new recording OUT of the sessions of all IN, in order of their start.

    Sessions are numbered anew; those that are still open, or were interrupted, stay without an
    end. Every IN is verified first. OUT states where it comes from, see docs/retention.md.

    Exit code: 0, 2 OUT exists or there is no place for it, 3 an IN is damaged or given twice.
    """
    from .replay.merge import merge

    merge(inputs, out, sys.stdout, format)


@main.command()
@click.argument(
    "recordings", nargs=-1, required=True, metavar="RECORDING...",
    type=click.Path(readable=False, path_type=Path),
)  # fmt: skip
@click.option("--older-than", metavar="AGE", help="Sessions that ended longer ago: 12h, 30d, 8w.")
@click.option("--before", metavar="DATE", help="Sessions that ended before: 2030-01-31; UTC.")
@click.option(
    "--keep-last", type=click.IntRange(min=1), metavar="N", help="All but the N that ended last.",
)  # fmt: skip
@click.option("--max-size", metavar="SIZE", help="The oldest, until the file is smaller: 500m, 1g.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@_format
def prune(
    recordings: tuple[Path, ...],
    older_than: str | None,
    before: str | None,
    keep_last: int | None,
    max_size: str | None,
    dry_run: bool,
    format: Format,  # noqa: A002
) -> None:
    """Remove old sessions from each RECORDING that nobody is recording into.

    Whole sessions, the oldest first, by one of four rules. The file is written anew, so that
    nothing of them stays in it, and states which ones were removed. A line for each RECORDING.

    Exit code: 0, 2 usage, 3 a RECORDING is damaged, being recorded into, or cannot be written.
    """
    from .replay.prune import prune, read_rule

    try:
        rule = read_rule(older_than, before, keep_last, max_size)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(prune(recordings, rule, sys.stdout, format, dry_run=dry_run))


@main.group()
def contract() -> None:
    """Look at contracts: the packs that ship with wsrec, and your own."""


@contract.command("list")
def contract_list() -> None:
    """List the packs, each with what it is for."""
    from .schemas.packs import find, packs

    for name in packs():
        click.echo(f"{name:20} {find(name).description}")


@contract.command("show")
@click.argument("name", metavar="PACK|FILE")
def contract_show(name: str) -> None:
    """Print a contract as it was written."""
    from .schemas.packs import find

    click.echo(find(name).text, nl=False)


@contract.command("copy")
@click.argument("name", metavar="PACK")
@click.argument("folder", type=click.Path(path_type=Path))
def contract_copy(name: str, folder: Path) -> None:
    """Copy a pack, its contract and its schemas, to a new FOLDER, to change it there."""
    import shutil

    from .schemas.packs import pack_path, packs

    if name not in packs():
        raise click.UsageError(f"no pack {name!r}; the packs are: {', '.join(packs())}")
    try:
        shutil.copytree(pack_path(name).parent, folder)
    except FileExistsError:
        raise click.UsageError(f"{folder} exists already; give a new folder") from None
    click.echo(folder / "contract.yaml")


@contract.command("check")
@click.argument("names", nargs=-1, required=True, metavar="FILE...")
def contract_check(names: tuple[str, ...]) -> None:
    """Check contracts; exit code 2 when there are mistakes, each said with line and column."""
    from .schemas.packs import find

    for name in names:
        click.echo(f"{name}: {find(name).name} is a valid contract")


@main.command()
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
    """Run a small agent backend, its clients and the proxy between them; then judge it.

    Exit code: that of `wsrec validate`; 1 as well when a message was lost on the way.
    """
    from .demo.run import DemoError, run_demo

    try:
        status = run_demo(output, sessions, messages, broken=broken, out=sys.stdout)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(status)
