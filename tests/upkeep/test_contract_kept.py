"""The contract that a recording stores, in the recordings that are made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.proxying import wsrec
from support.recordings import Conversation, recorder_at
from wsrec.store.reader import Recording

ONE = '{"contract":"a.yaml","files":{"a.yaml":"wsrec: 1"}}'
OTHER = '{"contract":"b.yaml","files":{"b.yaml":"wsrec: 1"}}'


def record(path: Path, contract: str | None) -> Path:
    with recorder_at(path, meta={} if contract is None else {"contract": contract}) as recorder:
        for text in ("one", "two", "sk-secret"):
            Conversation(recorder).text("client", text).end()
    return path


def contract_of(path: Path) -> str | None:
    with Recording.open(path) as recording:
        return recording.meta.get("contract")


def made(*words: str | Path) -> str:
    done = wsrec(*map(str, words))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_scrubbed_and_pruned(tmp_path: Path) -> None:
    path, out = record(tmp_path / "a.db", ONE), tmp_path / "out.db"
    made("scrub", path, out, "--redact", "regex:sk-\\S+")
    assert contract_of(out) == ONE
    made("prune", path, "--keep-last", "1")
    assert contract_of(path) == ONE


@pytest.mark.parametrize(
    ("contracts", "kept", "told"),
    [
        ((ONE, ONE), ONE, True),
        ((ONE, OTHER), None, False),
        ((ONE, None), None, False),
        ((None, None), None, None),
    ],
)
def test_merged(
    tmp_path: Path, contracts: tuple[str | None, ...], kept: str | None, told: bool | None
) -> None:
    inputs = [record(tmp_path / f"{n}.db", each) for n, each in enumerate(contracts)]
    said = made("merge", *inputs, tmp_path / "out.db")
    assert contract_of(tmp_path / "out.db") == kept
    assert ("; their contracts differ, so none is stored in it" in said) == (told is False)
    again = made("merge", *inputs, tmp_path / "again.db", "--format", "json")
    assert json.loads(again)["contract_stored"] is told
    with Recording.open(tmp_path / "out.db") as recording:
        sources = json.loads(recording.meta["derived_from"])
    assert all("contract" not in source["meta"] for source in sources)
    made("verify", tmp_path / "out.db")
