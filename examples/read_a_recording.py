"""Read a recording back: how long each tool took, and how much each peer said.

python read_a_recording.py session.db
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import wsrec


def tools(session: wsrec.Session) -> Iterator[tuple[str, float]]:
    """Yield each tool that a session completed, and the seconds that it took."""
    begun: dict[object, int] = {}
    for event in session.events():
        tool = event.fields.get("tool")
        if event.name == "tool_executing":
            begun[tool] = event.at_ns
        elif event.name == "tool_completed" and tool in begun:
            yield str(tool), (event.at_ns - begun.pop(tool)) / 1e9


def main(path: str) -> None:
    """Print a few lines for each session."""
    with wsrec.open(path) as recording:
        for session in recording.sessions:
            print(f"session {session.id}: {session.target}, closed by the {session.closed_by}")
            for sender in ("client", "server"):
                frames = [each for each in session.frames() if each.sender == sender]
                size = sum(len(each.payload) for each in frames)
                print(f"  {sender}: {len(frames)} frames, {size} bytes")
            for tool, seconds in tools(session):
                print(f"  {tool} took {seconds:.3f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
