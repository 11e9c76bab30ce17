"""Whether a session might be the one in which something was said: strictly, by its beginning."""

from __future__ import annotations

import pytest
from wsrec.match.compare import Comparer
from wsrec.match.line import Line, Role
from wsrec.match.rules import Matching
from wsrec.replay.trial import Beginning, Said, Trial
from wsrec.wire.utterance import Utterance

COMPARER = Comparer(Matching())
RUNS = "run_8f3ka9d2c1x0", "run_0b1d44e7q2m9"
SENDERS: dict[str, Role] = {"<": "client", ">": "server"}


def lines(*texts: str, apart_ms: int = 200) -> list[Line]:
    """Return a script: `<` is what the client says, `>` what the server does."""
    return [
        Line(seq, SENDERS[text[0]], seq * apart_ms * 1_000_000, Utterance("text", text[1:]))
        for seq, text in enumerate(texts, 1)
    ]


def heard(*texts: str) -> list[Said]:
    return [Said(SENDERS[text[0]], Utterance("text", text[1:]), 0, COMPARER) for text in texts]


def fits(script: tuple[str, ...], said: tuple[str, ...]) -> bool:
    return Trial(Beginning(lines(*script), COMPARER, whole=True)).fits(heard(*said))


@pytest.mark.parametrize(
    ("script", "said", "expected"),
    [
        (("<a", ">b", "<c"), (), True),
        (("<a", ">b", "<c"), ("<a", ">b", "<c"), True),
        (("<a", ">b", "<c"), ("<a", ">b", "<d"), False),
        (("<a", ">b"), ("<a", ">b", "<c"), False),
        ((">b", "<a"), ("<a",), True),
        ((">b", "<a"), ("<a", ">b"), True),
        (("<a", "<c", ">b"), ("<a", ">b"), False),
        (("<a", ">b"), ("<a", ">x"), False),
        (('<{"n":1}',), ('<{"n":1.0}',), True),
    ],
)
def test_each_peer_says_what_it_said_and_nothing_is_answered_before_it_is_asked(
    script: tuple[str, ...], said: tuple[str, ...], expected: bool
) -> None:
    assert fits(script, said) is expected


def test_what_was_said_at_nearly_the_same_time_may_have_crossed() -> None:
    beginning = Beginning(lines("<a", "<c", ">b", apart_ms=5), COMPARER, whole=True)

    assert Trial(beginning).fits(heard("<a", ">b"))
    assert Trial(beginning).fits(heard(">b", "<a", "<c"))
    assert not Trial(beginning).fits(heard(">b", "<c"))


def test_ids_that_the_mock_has_said_stand_for_those_of_this_session() -> None:
    script = f'>{{"run_id":"{RUNS[0]}"}}', f'<{{"run_id":"{RUNS[0]}"}}'
    said = f'>{{"run_id":"{RUNS[1]}"}}', f'<{{"run_id":"{RUNS[1]}"}}'
    trial = Trial(Beginning(lines(*script), COMPARER, whole=True))

    assert trial.fits(heard(*said))
    assert [(each.recorded, each.live) for each in trial.ids] == [RUNS]


def test_what_did_not_fit_once_never_does() -> None:
    trial = Trial(Beginning(lines("<a", ">b", "<c"), COMPARER, whole=True))

    assert not trial.fits(heard("<x"))
    assert not trial.fits(heard("<a"))
