"""Commands that read recordings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .options import FILE, Format, format_option, recording_argument
from .project import choice_of

__all__ = ["sessions", "show", "tail", "verify"]

_WIDTH = 200
"""Characters of a line's data, without --full."""

_session = click.argument("session", type=click.IntRange(min=1), required=False)
_frames = click.option("--frames", is_flag=True, help="Every frame as it crossed the wire.")
_full = click.option("--full", is_flag=True, help="All of each message, however long.")


@click.command()
@recording_argument
@format_option
def sessions(recording: Path, format: Format) -> None:  # noqa: A002
    """List the sessions of RECORDING.

    With --format json, a line for each."""
    from ..judge.inspect import list_sessions

    list_sessions(recording, sys.stdout, format)


@click.command()
@recording_argument
@_session
@_frames
@_full
@format_option
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
    from ..judge.inspect import show
    from ..judge.lines import View

    width = None if full else _WIDTH
    view = View(format=format, session_id=session, frames=frames, width=width)
    show(recording, sys.stdout, view)


@click.command()
@recording_argument
@_session
@click.option(
    "-n", "--last", type=click.IntRange(0, 1_000_000), default=10, show_default=True, metavar="N",
    help="Begin with the last N of what is there already.",
)  # fmt: skip
@_frames
@_full
@click.option("--retry", is_flag=True, help="Wait for a RECORDING or a SESSION that is not there"
              " yet, and go on with another RECORDING in its place.")  # fmt: skip
@click.option("--until-end", is_flag=True, help="End when the recorder has closed RECORDING.")
@click.option("--judge", is_flag=True, help="Say what the contract says of it, from the first"
              " session on: the stored contract, or the one that wsrec.toml names, or"
              " agent-events.")  # fmt: skip
@click.option("-c", "--contract", "name", metavar="NAME|FILE", help="Judge by this one instead.")
@click.option("--findings-only", is_flag=True, help="Judge, and show nothing else.")
@format_option
def tail(
    recording: Path,
    session: int | None,
    last: int,
    frames: bool,
    full: bool,
    retry: bool,
    until_end: bool,
    judge: bool,
    name: str | None,
    findings_only: bool,
    format: Format,  # noqa: A002
) -> None:
    """Follow RECORDING, or one SESSION of it, while it is recorded.

    Lines as those of `wsrec show`, behind the number of the session if all are followed, and one
    for each session that begins or ends. It goes on until Ctrl-C, also when another recorder
    continues RECORDING later; with SESSION, until that has ended.

    Exit code: 0, also after Ctrl-C, 2 usage or contract, 3 RECORDING not there, unreadable or
    replaced. Judged to the end, of RECORDING or of SESSION: that of `wsrec validate`.
    """
    from ..judge.lines import View
    from ..judge.tail import Tail

    choice = None
    if judge or findings_only or name is not None:
        if frames:
            raise click.UsageError("what is judged are messages: leave --frames away")
        choice = choice_of(name)
    width = None if full else _WIDTH
    view = View(format=format, session_id=session, frames=frames, width=width)
    sys.exit(Tail(
        recording, sys.stdout, view, last=last, retry=retry, until_end=until_end, choice=choice,
        findings_only=findings_only,
    ).run())  # fmt: skip


@click.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "--public-key", "public_keys", type=FILE, multiple=True, metavar="PEM",
    help="Demand that all that ended is sealed by this Ed25519 key. May be repeated: by one of"
    " them.",
)  # fmt: skip
@format_option
def verify(
    recordings: tuple[str, ...],
    public_keys: tuple[Path, ...],
    format: Format,  # noqa: A002
) -> None:
    """Check that each RECORDING is what was recorded.

    Nothing may be changed, missing or added. A line for each session with a fault, then one for the
    recording. Without --public-key, seals are not checked, and whoever may write the file can make
    a new chain of hashes.

    Exit code: 0 intact, also where sessions were interrupted, 2 usage, 3 damaged, or not sealed.
    """
    from ..judge.verify import verify

    keys = None
    if public_keys:
        from ..store.keys import PublicKeys

        try:
            keys = PublicKeys.read(public_keys)
        except ValueError as error:
            raise click.UsageError(f"--public-key: {error}") from error
    sys.exit(verify(recordings, sys.stdout, format, keys))
