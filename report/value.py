"""What the reports in JSON have in common: how they are written, and what texts and times become.

Times are integer nanoseconds, absent things null. Recorded text is inert: what is not plainly
visible is an escape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..checks.samples import Quantiles
from .inert import inert

__all__ = ["Value", "inert_or_none", "times", "written"]

Value = Mapping[str, object]
"""An object of a report."""


def written(report: Value) -> str:
    """Return an indented JSON text that ends with a newline.

    Raises:
        ValueError: there is a number in it that JSON has not, such as NaN.
    """
    return json.dumps(report, indent=2, allow_nan=False) + "\n"


def inert_or_none(recorded: str | None) -> str | None:
    """Return a recorded text, inert, if there is one."""
    return None if recorded is None else inert(recorded)


def times(measured: Quantiles) -> Value:
    """Return a distribution."""
    return {
        "count": measured.count,
        "p50_ns": measured.p50,
        "p95_ns": measured.p95,
        "p99_ns": measured.p99,
        "max_ns": measured.max,
        "exact": measured.exact,
    }
