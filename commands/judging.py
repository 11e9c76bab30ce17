"""The command that judges recordings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .options import add, trust_code_option
from .project import Configured, Project
from .reporting import REPORTS, SCOPE, Ordered, wanted_reports

if TYPE_CHECKING:
    from ..checks.scope import SessionRange
    from ..judge.reports import ReportFormat

__all__ = ["validate"]

Severity = Literal["error", "warning", "info"]


class _Validate(Configured, Ordered):
    """Knows the project's file, and the order of its options."""


@click.command(cls=_Validate)
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "-c", "--contract", "name", default=None, metavar="NAME|FILE",
    help="A pack's name or a contract's file.  [default: the one stored in each recording, or"
    " named in wsrec.toml, or agent-events]",
)  # fmt: skip
@trust_code_option
@add(REPORTS)
@add(SCOPE)
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), default=None, metavar="N",
    help="How many processes judge.  [default: one a core, for large recordings]",
)  # fmt: skip
@click.pass_obj
def validate(
    project: Project | None,
    recordings: tuple[str, ...],
    name: str | None,
    trust_code: bool,
    formats: tuple[ReportFormat, ...],
    outputs: tuple[Path, ...],
    fail_on: Severity,
    rules: tuple[tuple[str, ...], ...],
    sessions: tuple[SessionRange, ...],
    max_findings: int,
    jobs: int | None,
) -> None:
    """Judge the sessions of each RECORDING against a contract.

    Several reports at once: --format text --format junit -o report.xml. With --format github, a
    summary is added to the file that GITHUB_STEP_SUMMARY names.

    A wsrec.toml here or above may set contract, fail_on, format, jobs and
    max_findings.

    Exit code: 0 pass, 1 findings or not enough recorded to tell, 2 usage or contract error,
    3 recording unreadable or damaged, 5 nothing was validated.
    """
    from ..checks.scope import Scope
    from ..judge.asked import UnknownSessionError
    from ..judge.choice import DEFAULT
    from ..judge.reports import RefusedError, clear, write_reports
    from ..judge.validate import exit_code, validate
    from ..report.inert import inert
    from ..schemas.packs import find, locate

    wanted = wanted_reports(formats, outputs)
    scope = Scope(tuple(code for each in rules for code in each), sessions, max_findings)
    named = os.environ.get("GITHUB_STEP_SUMMARY") if "github" in formats else None
    summary = Path(named) if named else None
    given = None if name is None else find(name, trust_code=trust_code)
    otherwise = None if project is None or given is not None else project.contract
    names = (name, None if otherwise is None else otherwise.name)
    contracts = [locate(each)[0] for each in names if each is not None]
    inputs = [*map(Path, recordings), *contracts, *([project.path] if project else [])]
    try:
        clear(wanted, inputs, summary)
        report = validate(recordings, given, otherwise or DEFAULT, scope, jobs)
    except (RefusedError, UnknownSessionError) as error:
        click.echo(inert(f"wsrec: {error}"), err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("wsrec: interrupted, nothing is reported", err=True)
        sys.exit(130)
    write_reports(report, wanted, sys.stdout, fail_on, summary)
    sys.exit(exit_code(report, fail_on))
