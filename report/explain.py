"""What docs/findings.md says of each finding code, for a terminal: the page itself is installed."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PAGE", "explanation", "sections"]

PAGE = Path(__file__).parent.parent / "docs" / "findings.md"


def sections() -> dict[str, str]:
    """Return the section of each finding code, in Markdown, in the page's order."""
    parts = re.split(r"^### `([a-z_.]+)`\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def explanation(section: str) -> str:
    """Return a section as plain paragraphs: no emphasis, and of a link the page it leads to."""
    linked = re.sub(r"\[[^]]*\]\(([\w-]+\.md)[^)]*\)", r"docs/\1", section)
    return linked.replace("**", "")
