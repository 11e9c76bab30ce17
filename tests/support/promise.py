"""What was forwarded against what was recorded, as anybody with SQLite can compare them."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from wsrec.judge.verify import verify
from wsrec.store.model import Sender

from .numbered import Arrival, Talk

__all__ = ["Comparison", "Missing", "compare", "intact", "stated"]


@dataclass(frozen=True)
class Missing:
    """A frame that a peer has received and the recording does not have."""

    target: str
    sender: Sender
    place: int
    """Among the frames that the peer has received, from 0."""
    arrival: Arrival


@dataclass(frozen=True)
class Comparison:
    """All sessions of a run."""

    arrived: int
    """Frames that came out at the far ends."""
    recorded: int
    """Frames of these sessions in the recording."""
    missing: list[Missing]

    def window_ms(self, end_ns: int) -> float:
        """Return how long before `end_ns` the first missing frame arrived; 0: none is missing."""
        first = min((each.arrival.at_ns for each in self.missing), default=end_ns)
        return max(0, end_ns - first) / 1e6


def compare(recording: Path, talks: Sequence[Talk]) -> Comparison:
    """Look up every frame that arrived; times and places of those recorded must be in order.

    Frames may be missing at the end of a direction, and nowhere else.
    """
    arrived = recorded = 0
    missing = []
    with closing(sqlite3.connect(recording)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for talk in talks:
            row = connection.execute(
                "SELECT id FROM sessions WHERE target = ?", (talk.target,)
            ).fetchone()
            ordered(connection, row)
            for sender, line in talk.lines.items():
                came = line.arrivals()
                kept = frames(connection, row, sender)
                assert_same(f"{talk.target} {sender}", came, kept)
                arrived += len(came)
                recorded += len(kept)
                missing += [
                    Missing(talk.target, sender, place, came[place])
                    for place in range(len(kept), len(came))
                ]
    return Comparison(arrived, recorded, missing)


def stated(recording: Path, talks: Sequence[Talk]) -> int:
    """Expect that what is missing is just what the recording says is; return how much that is."""
    total = 0
    with closing(sqlite3.connect(recording)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for talk in talks:
            (session,) = connection.execute(
                "SELECT id FROM sessions WHERE target = ?", (talk.target,)
            ).fetchone()
            gaps = connection.execute(
                "SELECT first_seq, last_seq FROM gaps WHERE session_id = ?", (session,)
            ).fetchall()
            missing = [seq for first, last in gaps for seq in range(first, last + 1)]
            kept = [
                seq
                for (seq,) in connection.execute(
                    "SELECT seq FROM frames WHERE session_id = ?", (session,)
                )
            ]
            assert sorted(missing + kept) == list(range(1, len(missing) + len(kept) + 1))
            lost = 0
            for sender, line in talk.lines.items():
                came = [arrival.frame for arrival in line.arrivals()]
                rest = iter(came)
                recorded = frames(connection, (session,), sender)
                assert all(frame in rest for frame in recorded), f"{talk.target} {sender}"
                lost += len(came) - len(recorded)
            own = _synthetic(connection, session)
            # A Close frame of the proxy's own has a number too, and may be what is missing.
            assert lost <= len(missing) <= lost + 2 - own, talk.target
            total += lost
    return total


def _synthetic(connection: sqlite3.Connection, session: int) -> int:
    """Return how many frames of the proxy's own a session has."""
    count: int = connection.execute(
        "SELECT count(*) FROM frames WHERE session_id = ? AND anomalies LIKE '%synthetic%'",
        (session,),
    ).fetchone()[0]
    return count


def ordered(connection: sqlite3.Connection, session: tuple[int] | None) -> None:
    """Expect numbers without a gap, and times that never go back."""
    rows = connection.execute(
        "SELECT seq, at_ns, forwarded_ns FROM frames WHERE session_id = ? ORDER BY seq",
        session or (None,),
    ).fetchall()
    assert [seq for seq, _, _ in rows] == list(range(1, len(rows) + 1))
    times = [at_ns for _, at_ns, _ in rows]
    assert times == sorted(times)
    assert all(forwarded is None or forwarded >= at for _, at, forwarded in rows)


def frames(
    connection: sqlite3.Connection, session: tuple[int] | None, sender: Sender
) -> list[tuple[int, int, int, bytes]]:
    """Return one direction of a session as it was recorded, without the proxy's own frames."""
    found = []
    for fin, rsv, opcode, payload, blob in connection.execute(
        "SELECT fin, rsv, opcode, payload, payload_parts FROM frames"
        " WHERE session_id = ? AND sender = ? AND coalesce(anomalies, '') NOT LIKE '%synthetic%'"
        " ORDER BY seq",
        (*(session or (None,)), sender),
    ):
        if blob is not None:
            parts = connection.execute("SELECT data FROM parts WHERE blob = ? ORDER BY n", (blob,))
            payload = b"".join(data for (data,) in parts)
        found.append((fin, rsv, opcode, payload))
    return found


def assert_same(
    name: str, came: Sequence[Arrival], kept: Sequence[tuple[int, int, int, bytes]]
) -> None:
    """Expect that what was recorded is what arrived, as far as both go."""
    for place, (arrival, frame) in enumerate(zip(came, kept, strict=False)):
        if arrival.frame != frame:  # `assert` would show a megabyte of payload
            raise AssertionError(
                f"{name}: frame {place} arrived as {short(arrival.frame)}"
                f" and was recorded as {short(frame)}"
            )


def short(frame: tuple[int, int, int, bytes]) -> str:
    fin, rsv, opcode, payload = frame
    return f"fin {fin} rsv {rsv} opcode {opcode} {len(payload)} bytes {payload[:24]!r}"


def intact(recording: Path) -> str:
    """Expect that `wsrec verify` finds no damage; return its last line."""
    out = io.StringIO()
    status = verify([recording], out, "text")
    lines = out.getvalue().splitlines()
    assert status == 0, lines
    return lines[-1]
