"""A contract with its files as one text: loaded again without any file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.archive import MAX_STORED, Archive
from wsrec.schemas.mistakes import ContractError
from wsrec.schemas.packs import find, packs

JOBS = """
wsrec: 1
events:
  types:
    job: {schema: job.schema.json}
"""
JOB = '{"properties": {"id": {"$ref": "common.schema.json#/$defs/id"}}}'
COMMON = '{"$defs": {"id": {"type": "integer", "description": "eine Zahl, größer als 0"}}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    (tmp_path / "job.schema.json").write_text(JOB)
    (tmp_path / "common.schema.json").write_text(COMMON)
    (tmp_path / "other.schema.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", packs())
def test_every_pack_says_the_same_when_it_was_stored(name: str) -> None:
    stored = Archive.read(Archive.of(name).text()).load()
    found = find(name)
    assert stored == replace(found, origin="contract.yaml", events=stored.events)
    assert stored.events.types.keys() == found.events.types.keys()


def test_it_holds_the_files_that_are_used_and_no_other(folder: Path) -> None:
    archive = Archive.of(str(folder / "jobs.yaml"))
    assert archive.files == {
        "jobs.yaml": JOBS,
        "job.schema.json": JOB,
        "common.schema.json": COMMON,
    }
    text = archive.text()
    assert str(folder) not in text
    for path in folder.glob("*.*"):
        path.unlink()
    contract = Archive.read(text).load()
    assert contract.name == "jobs"
    schema = contract.events.types["job"].schema
    assert schema is not None
    check = SchemaCheck(schema)
    assert check({"id": "seven"})
    assert not check({"id": 7})


@pytest.mark.parametrize("name", ["/etc/passwd", "../common.schema.json", "job.json"])
def test_a_stored_contract_reads_no_file(name: str) -> None:
    stored = Archive("c.yaml", {"c.yaml": JOBS.replace("job.schema.json", name)})
    with pytest.raises(
        ContractError, match=r"not stored with the contract|outside the contract's folder"
    ):
        stored.load()


def test_what_it_extends_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("wsrec: 1\nextends: agent-events\nsession: {close_codes: [4000]}\n")
    archive = Archive.of(str(path))
    assert archive.load().spans == find("agent-events").spans
    alone = Archive("mine.yaml", {"mine.yaml": archive.files["mine.yaml"]})
    with pytest.raises(ContractError, match="not stored with the contract"):
        alone.load()


def test_its_mistakes_have_places(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("wsrec: 1\nevents: {nam: /type}\nspans: {job: {open: job}}\n")
    with pytest.raises(ContractError) as error:
        Archive.of(str(path))
    assert [mistake.line for mistake in error.value.mistakes] == [2, 3, 3]


def test_one_that_is_too_large_to_be_stored(folder: Path) -> None:
    huge = json.dumps({"$defs": {"id": {"description": "x" * MAX_STORED}}})
    (folder / "common.schema.json").write_text(huge)
    with pytest.raises(ContractError, match=r"jobs\.yaml: with its files 2,09.,... char"):
        Archive.of(str(folder / "jobs.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "no object of"),
        ('{"contract": "a", "files": {}}', "not among its files"),
        ('{"contract": ["a"], "files": {}}', "not among its files"),
        ('{"contract": "a", "files": {"a": 1}}', "no texts"),
        ('{"contract": "a", "files": ["a"]}', "no texts"),
        ('{"contract": "a", "files": {"a": ""}, "more": 1}', "no object of"),
        (" " * (MAX_STORED + 1), "longer than"),
    ],
)
def test_any_other_text_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Archive.read(text)
