"""Commands that make recordings of recordings: without secrets, joined, shortened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from .options import FILE, REDACTION, SIGN_KEY, Format, add, format_option

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["merge", "prune", "recover", "scrub"]


@click.command()
@click.argument("recording", type=FILE)
@click.argument("output", type=FILE)
@add(REDACTION)
@SIGN_KEY
def scrub(
    recording: Path,
    output: Path,
    redact: tuple[str, ...],
    default_redaction: bool,
    redact_key_file: Path | None,
    sign_key: Path | None,
) -> None:
    """Copy RECORDING to a new file OUTPUT without its secrets.

    Which they are is said by the rules of `wsrec proxy`. RECORDING is only read, OUTPUT must not
    exist. Seals do not fit it any more; with --sign-key it gets new ones, if RECORDING has those of
    the same key.

    Exit code: 0 written, 2 usage, or OUTPUT exists, 3 recording unreadable or damaged.
    """
    from ..net.errors import SettingError
    from ..proxy.settings import read_redaction_key, read_rules, read_sign_key
    from ..report.groups import plural
    from ..upkeep.scrub import scrub

    try:
        rules = read_rules(redact, defaults=default_redaction)
        key = read_redaction_key(redact_key_file)
        signer = read_sign_key(sign_key)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
    if not rules:
        raise click.UsageError("there is nothing to do: no rule is in force")
    done = scrub(recording, output, rules, key, __version__, signer)
    seals = f"; the seals of {plural(done.unsealed, 'session')} are not in it"
    click.echo(
        f"{output}: {plural(done.sessions, 'session')}, {plural(done.frames, 'frame')},"
        f" {done.changed:,} changed{seals if done.unsealed else ''}"
    )


@click.command()
@click.argument(
    "inputs", nargs=-1, required=True, metavar="IN...",
    type=click.Path(readable=False, path_type=Path),
)  # fmt: skip
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@SIGN_KEY
@format_option
def merge(
    inputs: tuple[Path, ...],
    out: Path,
    sign_key: Path | None,
    format: Format,  # noqa: A002
) -> None:
    """Make a new recording OUT of the sessions of all IN.

    They are numbered anew, in order of their start; those that are still open, or were interrupted,
    stay without an end. Every IN is verified first. OUT states where it comes from, see
    docs/retention.md. Seals do not fit it any more; with --sign-key it gets new ones, if each IN
    has those of the same key.

    Exit code: 0, 2 OUT exists or there is no place for it, 3 an IN is damaged or given twice.
    """
    from ..upkeep.merging import merge

    merge(inputs, out, sys.stdout, format, _signer(sign_key))


@click.command()
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
@SIGN_KEY
@format_option
def prune(
    recordings: tuple[Path, ...],
    older_than: str | None,
    before: str | None,
    keep_last: int | None,
    max_size: str | None,
    dry_run: bool,
    sign_key: Path | None,
    format: Format,  # noqa: A002
) -> None:
    """Remove old sessions from each RECORDING.

    Nobody may be recording into it. Whole sessions go, the oldest first, by one of four rules. The
    file is written anew, so that nothing of them stays in it, and states which ones were removed. A
    line for each RECORDING. Sessions keep their seals; with --sign-key the end gets a new one, if
    RECORDING is all sealed by the same key.

    Exit code: 0, 2 usage, 3 a RECORDING is damaged, being recorded into, or cannot be written.
    """
    from ..upkeep.pruning import prune, read_rule

    try:
        rule = read_rule(older_than, before, keep_last, max_size)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    signer = _signer(sign_key)
    sys.exit(prune(recordings, rule, sys.stdout, format, dry_run=dry_run, signer=signer))


@click.command()
@click.argument(
    "recordings", nargs=-1, required=True, metavar="RECORDING...",
    type=click.Path(readable=False, path_type=Path),
)  # fmt: skip
def recover(recordings: tuple[Path, ...]) -> None:
    """Bring into each RECORDING what a killed recorder had left.

    It is in the spool, and is written into the file. The next `wsrec proxy` into the same file does
    so too, and whoever reads it sees it already.

    Exit code: 0, also when there was nothing to do, 3 damaged, being recorded into, or cannot be
    written.
    """
    from ..report.groups import plural
    from ..upkeep.recover import recover

    for path in recordings:
        done = recover(path)
        if done is None:
            click.echo(f"{path}: nothing to recover")
            continue
        if not (done.frames or done.sessions or done.passed_over):
            click.echo(f"{path}: nothing was missing from it")
            continue
        recovered = f"{plural(done.frames, 'frame')} of {plural(done.sessions, 'session')}"
        lost = f"; {plural(done.passed_over, 'record')} of unknown sessions"
        click.echo(f"{path}: {recovered} recovered{lost if done.passed_over else ''}")


def _signer(path: Path | None) -> SigningKey | None:
    from ..net.errors import SettingError
    from ..proxy.settings import read_sign_key

    try:
        return read_sign_key(path)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
