"""docs/findings.md explains every code that the code can say, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from wsrec.report.explain import sections
from wsrec.schemas.codes import CODES

ROOT = Path(__file__).parents[2]


def test_every_code_has_its_section_in_order() -> None:
    assert list(sections()) == list(CODES)


def test_every_section_has_meaning_cause_and_advice() -> None:
    for code, text in sections().items():
        assert CODES[code].meaning.lower().rstrip(".") in " ".join(text.lower().split()), code
        assert f"({CODES[code].severity})" in text, code
        assert "**Likely cause:** " in text, code
        assert "**Look at:** " in text, code


def test_every_code_is_said_somewhere_and_no_other_is() -> None:
    said: set[str] = set()
    for file in (ROOT / "checks").glob("*.py"):
        said.update(re.findall(r'"([a-z]+\.[a-z_]+)"', file.read_text("utf-8")))
    built = {f"{scope}.{name}" for scope in ("span", "session") for name in (
        "count", "first", "last", "differs", "order", "missing", "machine", "monotonic",
        "repeated")}  # fmt: skip
    built |= {f"latency.{kind}" for kind in ("first", "gap", "total")}
    assert said - set(CODES) == set()
    assert set(CODES) == said | built
