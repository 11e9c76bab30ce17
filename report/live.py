"""What is said of a recording while it is judged, a line each: for people, or JSON.

JSON lines are objects that are told apart by their first key: `contract` (name, origin and why
this one), `finding` (as in the report), `verdict` (of a session, or with a `session` of null of all
of the recording).
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from ..checks.finding import Finding
from ..checks.outcome import Outcome, SessionOutcome
from ..schemas.codes import SEVERITIES
from .inert import inert

if TYPE_CHECKING:  # it takes long to import, and `wsrec tail` is there to be quick
    from ..schemas.model import Contract

__all__ = [
    "contract_json",
    "contract_line",
    "finding_json",
    "finding_line",
    "verdict_json",
    "verdict_line",
]


def contract_line(contract: Contract, chosen: str) -> str:
    """Return a line that says which contract judges, and why that one."""
    return inert(f"contract  {contract.name}, {chosen} ({contract.origin})")


def contract_json(contract: Contract, chosen: str) -> str:
    """Return the same as JSON."""
    said = {"name": contract.name, "origin": contract.origin, "chosen": chosen}
    return json.dumps({"contract": {name: inert(text) for name, text in said.items()}})


def finding_line(found: Finding) -> str:
    """Return a finding in one line, without the session's number."""
    place = "" if found.seq is None else f" frame {found.seq}"
    return inert(f"{found.severity} {found.code}{place}: {found.message}", 1000)


def finding_json(found: Finding) -> str:
    """Return a finding as JSON, with the fields that it has in a report."""
    from .json import finding_value

    return json.dumps({"finding": finding_value(found)})


def verdict_line(outcome: SessionOutcome | Outcome) -> str:
    """Return the verdict of a session, or of all, and how many findings and which doubts it has."""
    numbers = _counted(outcome).items()
    why = [f"{number:,} {level}{'s' * (number > 1)}" for level, number in numbers]
    which = "verdict  "
    if isinstance(outcome, SessionOutcome):
        which = f"session {outcome.id}"
        why += outcome.reasons
    return inert(f"{which} {outcome.verdict}" + (f": {', '.join(why)}" if why else ""))


def verdict_json(outcome: SessionOutcome | Outcome) -> str:
    """Return the same as JSON."""
    said: dict[str, object] = {"verdict": outcome.verdict, "session": None}
    said["findings"] = _counted(outcome)
    if isinstance(outcome, SessionOutcome):
        said["session"] = outcome.id
        said["reasons"] = [inert(each) for each in outcome.reasons]
    return json.dumps(said)


def _counted(outcome: SessionOutcome | Outcome) -> dict[str, int]:
    found = outcome.all_findings() if isinstance(outcome, Outcome) else outcome.findings
    numbers = Counter(each.severity for each in found)
    return {level: numbers[level] for level in SEVERITIES if level in numbers}
