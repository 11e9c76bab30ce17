"""The Autobahn suite comes to the same verdicts on a peer as on that peer behind the proxy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from support.proxying import sessions, wsrec
from wsrec.store.model import Session
from wsrec.store.reader import Recording

from .judging import Case
from .runs import Run, changes

CLOSE = "8"
KNOWN = {
    "7.1.5",  # websockets 17.4 answers a Close inside a fragmented message with 1002
    "7.9.5",  # aiohttp 3.14.5 answers the code 1006 with 1000 instead of 1002
    # websockets 17.4 gives up at 4096 fragments
    *("9.3.1", "9.3.2", "9.4.1", "9.4.2"),
}
"""What the peers fail by themselves: the proxy must let them fail."""
DECLINED = ("13.2.", "13.5.", "13.6.")
"""Parameters of compression that Autobahn's server wants and the clients do not offer."""


def test_no_verdict_changes(run: Run) -> None:
    changed = changes(run.through, run.direct, run.again, rounds=5)

    assert not changed, changed


def test_the_peer_is_one_to_judge(run: Run) -> None:
    failed = {case.id for case in run.direct.values() if not case.passed}
    declined = {
        case.id
        for case in run.direct.values()
        if case.behavior == "UNIMPLEMENTED" and case.id.startswith(DECLINED)
    }

    assert failed - declined <= KNOWN


def test_every_case_is_a_session_of_the_recording(run: Run) -> None:
    recorded = Counter(case.id for _, case in sessions_by_case(run))

    assert recorded == dict.fromkeys(run.through, 1)
    assert all(session.status == 101 and session.clean for session in sessions(run.recording))
    listed = wsrec("sessions", str(run.recording))
    assert (listed.returncode, listed.stderr) == (0, "")


def test_the_recorded_frames_are_those_autobahn_counted(run: Run) -> None:
    with Recording.open(run.recording) as recording:
        for session, case in sessions_by_case(run):
            assert recording.first_gap(session) is None
            frames = {"client": Counter[str](), "server": Counter[str]()}
            for frame in recording.frames(session.id):
                assert "synthetic" not in frame.anomalies
                frames[frame.sender][str(frame.opcode)] += 1
            peer, autobahn = ("client", "server") if case.is_server else ("server", "client")
            assert frames[peer] == case.received, case.id
            # Autobahn also counts the Close with which it would have answered a peer that has
            # gone; that one does not cross the wire, with a proxy or without.
            assert frames[autobahn][CLOSE] <= case.sent.get(CLOSE, 0), case.id
            assert without_close(frames[autobahn]) == without_close(case.sent), case.id


def sessions_by_case(run: Run) -> Iterator[tuple[Session, Case]]:
    """Yield each session that was a case: its target names it."""
    names = {str(case.index): case for case in run.through.values()} | run.through
    for session in sessions(run.recording):
        for name in parse_qs(urlsplit(session.target).query).get("case", ()):
            yield session, names[name]


def without_close(frames: dict[str, int]) -> dict[str, int]:
    return {opcode: count for opcode, count in frames.items() if opcode != CLOSE}
