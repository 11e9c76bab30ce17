"""`wsrec validate` as it is called: which report goes where, what is judged, what is refused."""

from __future__ import annotations

import json
import os
import re
import stat
import xml.etree.ElementTree as ET
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from support.conversation import Line, run, server
from support.reporting import LOST, many
from support.talks import record
from wsrec.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str


def validate(*words: str | Path, **environment: str) -> Done:
    done = CliRunner(env={"GITHUB_STEP_SUMMARY": None, **environment}).invoke(
        main, ["validate", *map(str, words)], prog_name="wsrec"
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sessions: fine, a tool not completed, fine, twelve strange events, fine."""
    path = tmp_path_factory.mktemp("kept") / "a.db"
    return record(path, run(), LOST, run("r3"), many(12), run("r5"))


@pytest.fixture
def recording(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.db").write_bytes(kept.read_bytes())
    return Path("a.db")


def format_of(text: str) -> str:
    """Which of the formats a text is in; `` for nothing."""
    if text.startswith("{"):
        return "json" if json.loads(text)["wsrec"] == 1 else "?"
    if text.startswith("<?xml"):
        return "junit" if ET.fromstring(text.encode()).tag == "testsuites" else "?"
    for start, name in (("contract  ", "text"), ("::error ", "github"), ("", "?")):
        if text.startswith(start):
            return name if text else ""
    return "?"


class TestWhere:
    """Each --format is followed by the file of its own report."""

    @pytest.mark.parametrize(
        ("words", "out", "files"),
        [
            ("", "text", {}),
            ("--format json", "json", {}),
            ("-o r", "", {"r": "text"}),
            ("-o -", "text", {}),
            ("--format junit -o r", "", {"r": "junit"}),
            ("-o r --format junit", "", {"r": "junit"}),  # one report: no order to mistake
            ("--format text --format junit -o r.xml --format json -o r.json", "text",
             {"r.xml": "junit", "r.json": "json"}),
            ("--format=junit -or.xml --format=text --format=github --output=g", "text",
             {"r.xml": "junit", "g": "github"}),
            ("--format json -o a --format json -o b", "", {"a": "json", "b": "json"}),
            ("--format json -o - --format text -o b", "json", {"b": "text"}),
            ("--format json -o /dev/stdout --format text -o b", "json", {"b": "text"}),
            ("--format json -o -- --format text", "text", {"--": "json"}),
        ],
    )  # fmt: skip
    def test_goes_there(self, recording: Path, words: str, out: str, files: dict[str, str]) -> None:
        done = validate(recording, *words.split())
        assert (done.code, done.err) == (1, "")
        assert format_of(done.out) == out
        made = {path.name for path in Path().iterdir()} - {"a.db"}
        assert {name: format_of(Path(name).read_text()) for name in made} == files

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("-o a --format text -o b", "-o a has no --format before it; give --format first"),
            ("--format text -o a -o b", "-o b is a second file for one --format text"),
            ("-o a -o b", "several -o FILE, and no --format for any: one for each, before it"),
            ("--format text --format json", "text and json would go to standard output together;"),
            ("--format text --format json -o -", "text and json would go to standard output"),
            ("--format text -o x --format json -o x", "x: the report would replace another report"),
            ("--format text -o x --format json -o ./x", "x: the report would replace another"),
            ("-o a.db", "a.db: the report would replace the recording or the contract"),
            ("-o a.db-wal", "a.db-wal: the report would replace the recording"),
            ("-o other.db", "other.db: is a SQLite database; a report does not replace it"),
            ("-o link.db", "link.db: the report would replace the recording"),
            ("-c c.yaml -o c.yaml", "c.yaml: the report would replace the recording or the contr"),
            ("-c folder -o folder/contract.yaml", "folder/contract.yaml: the report would replace"),
            ("-o wsrec.toml", "wsrec.toml: the report would replace the recording or the contract"),
            ("-o none/r", "wsrec: none/r: No such file or directory"),
            ("--format sarif", "'sarif' is not one of 'text', 'json', 'junit', 'github'"),
        ],
    )
    def test_is_refused(self, recording: Path, words: str, said: str) -> None:
        Path("other.db").write_bytes(recording.read_bytes())
        Path("link.db").symlink_to("a.db")
        Path("c.yaml").write_text("wsrec: 1\nevents: {types: {a: }}\n")
        Path("folder").mkdir()
        Path("folder/contract.yaml").write_bytes(Path("c.yaml").read_bytes())
        Path("wsrec.toml").write_text("jobs = 1\n")
        Path("b").write_text("former")
        before = {path: path.read_bytes() for path in Path().rglob("*.*")}
        done = validate(recording, *words.split())
        assert (done.code, done.out) == (2, "")
        assert said in done.err.splitlines()[-1]
        assert {path: path.read_bytes() for path in Path().rglob("*.*")} == before

    @pytest.mark.parametrize("order", list(product((True, False), repeat=2)))
    def test_options_between_them_do_not_matter(
        self, recording: Path, order: tuple[bool, bool]
    ) -> None:
        first, last = order
        words = ["--format", "json", "-o", "j", "--format", "junit", "-o", "x"]
        fail_on = ["--fail-on", "warning"]
        words[2:2] = fail_on if first else []
        done = validate(*words, *([] if first else fail_on), *[recording] * (1 + last))
        assert (done.code, done.err) == (1, "")
        assert (format_of(Path("j").read_text()), format_of(Path("x").read_text())) == (
            "json", "junit",
        )  # fmt: skip

    def test_a_former_report_is_gone_when_a_run_fails(self, recording: Path) -> None:
        Path("r.xml").write_text("former")
        Path("broken.db").write_text("no recording")
        done = validate(recording, "broken.db", "--format", "junit", "-o", "r.xml")
        assert done.code == 3
        assert not Path("r.xml").exists()

    def test_a_report_is_whole_or_not_there(self, recording: Path) -> None:
        left_by_one_that_was_killed = Path(f".r.json.{os.getpid()}")
        left_by_one_that_was_killed.write_text("half of a rep")
        assert validate(recording, "--format", "json", "-o", "r.json").code == 1
        assert format_of(Path("r.json").read_text()) == "json"
        assert not left_by_one_that_was_killed.exists()
        nowhere = validate(recording, "-o", "/proc/r")
        assert (nowhere.code, nowhere.err) == (2, "wsrec: /proc/r: No such file or directory\n")

    def test_a_pipe_or_device_is_written_to_and_not_replaced(self, recording: Path) -> None:
        os.mkfifo("pipe")
        reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert validate(recording, "--format", "json", "-o", "pipe").code == 1
            assert json.loads(os.read(reader, 65536))["verdict"] == "fail"
        finally:
            os.close(reader)
        assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
        reader, writer = os.pipe()  # which has no name, but one that shells give it
        try:
            assert validate(recording, "--format", "json", "-o", f"/dev/fd/{writer}").code == 1
            assert json.loads(os.read(reader, 65536))["verdict"] == "fail"
        finally:
            os.close(reader)
            os.close(writer)


class TestScope:
    """Only what was asked for is judged."""

    def report(self, recording: Path, *words: str) -> tuple[int, Any, list[str], list[int]]:
        done = validate(recording, "--format", "json", *words)
        value = json.loads(done.out)
        [judged] = value["recordings"]
        found = [each for one in judged["sessions"] for each in one["findings"]]
        codes = list(dict.fromkeys(each["code"] for each in found))
        return done.code, value, codes, [one["id"] for one in judged["sessions"]]

    def test_everything(self, recording: Path) -> None:
        code, value, codes, ids = self.report(recording)
        assert (code, codes, ids) == (1, ["span.unclosed", "span.unopened"], [1, 2, 3, 4, 5])
        assert value["scope"] == {"rules": None, "sessions": None, "max_findings": 100}

    @pytest.mark.parametrize(
        ("words", "codes", "exit_code"),
        [
            (["--rules", "span.unclosed"], ["span.unclosed"], 1),
            (["--rules", "span"], ["span.unclosed", "span.unopened"], 1),
            (["--rules", "latency,span.unopened"], ["span.unopened"], 1),
            (["--rules", "latency", "--rules", "span.unopened"], ["span.unopened"], 1),
            (["--rules", "latency"], [], 0),
            (["--rules", "latency", "--session", "2"], [], 0),
        ],
    )
    def test_rules(
        self, recording: Path, words: list[str], codes: list[str], exit_code: int
    ) -> None:
        code, _, found, _ = self.report(recording, *words)
        assert (code, found) == (exit_code, codes)

    @pytest.mark.parametrize(
        ("words", "ids", "exit_code"),
        [
            (["--session", "1"], [1], 0),
            (["--session", "2"], [2], 1),
            (["--session", "3-4"], [3, 4], 1),
            (["--session", "3-900"], [3, 4, 5], 1),
            (["--session", "5-"], [5], 0),
            (["--session", "5", "--session", "1-1"], [1, 5], 0),
        ],
    )
    def test_sessions(
        self, recording: Path, words: list[str], ids: list[int], exit_code: int
    ) -> None:
        code, value, _, found = self.report(recording, *words)
        assert (code, found) == (exit_code, ids)
        [judged] = value["recordings"]
        total = next(row for row in judged["latency"] if row["kind"] == "total")
        assert total["count"] == len(ids)

    @pytest.mark.parametrize("number", ["1", "5", "12", "13"])
    def test_max_findings(self, recording: Path, number: str) -> None:
        code, value, codes, _ = self.report(recording, "--max-findings", number)
        assert (code, codes) == (1, ["span.unclosed", "span.unopened"])
        [judged] = value["recordings"]
        fourth = judged["sessions"][3]
        assert len(fourth["findings"]) == min(int(number), 12)
        left = 12 - len(fourth["findings"])
        assert fourth["suppressed"] == ({"span.unopened": left} if left else {})

    def test_every_report_says_that_it_is_a_part(self, recording: Path) -> None:
        validate(
            recording, "--rules", "span", "--session", "2", "--format", "text", "-o", "t",
            "--format", "junit", "-o", "x", "--format", "github", "-o", "g",
            GITHUB_STEP_SUMMARY="s",
        )  # fmt: skip
        for name in "txgs":
            text = Path(name).read_text()
            assert "only findings of span count" in text
            assert "only session 2 was judged" in text

    def test_findings_between_sessions_are_asked_for_as_well(self, recording: Path) -> None:
        rules = (
            "wsrec: 1\nevents: {fields: {id: /run_id}}\nspans: {run: {key: id, open: agent_started,"
        )
        rules += " close: agent_completed, latency: {total: {p50: 0s}}}}\n"
        Path("c.yaml").write_text(rules)
        code, value, codes, _ = self.report(recording, "-c", "c.yaml")
        assert (code, codes) == (1, [])
        assert [each["code"] for each in value["recordings"][0]["findings"]] == [
            "latency.percentile"
        ]
        code, value, _, _ = self.report(recording, "-c", "c.yaml", "--rules", "span")
        assert (code, value["recordings"][0]["findings"]) == (0, [])

    def test_nothing_judged_counts_whatever_was_asked_for(self, tmp_path: Path) -> None:
        path = record(tmp_path / "empty.db", [server("status")])
        assert validate(path, "--rules", "latency").code == 5

    def test_what_cannot_be_read_excuses_no_more_and_no_less_for_being_asked_for(
        self, tmp_path: Path
    ) -> None:
        lost: list[Line] = [*run()[:4], ("server", b'{"type": "tool_completed", '), *run()[5:]]
        path = record(tmp_path / "torn.db", lost)
        assert re.findall(r"^error (\S+)", validate(path).out, re.M) == ["event.undecodable"]
        assert validate(path, "--rules", "span").code == 0

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--rules latncy", "no finding code 'latncy'; did you mean 'latency'?"),
            ("--rules span.unclosd", "no finding code 'span.unclosd'; did you mean 'span.unclosed"),
            ("--rules span,", "no finding code ''"),
            ("--session 9", "wsrec: a.db: no session 9; it holds 5 sessions, 1-5"),
            ("--session 1 --session 7-9", "wsrec: a.db: no session 7-9; it holds 5 sessions, 1-5"),
            ("--session 6-", "wsrec: a.db: no session 6-; it holds 5 sessions, 1-5"),
            ("--session 4-3", "'4-3' ends before it begins"),
            ("--session one", "'one' is no session; expected 3, 3-7 or 3-"),
            ("--session -3", "'-3' is no session; expected 3, 3-7 or 3-"),
            ("--session ٣", "'٣' is no session; expected 3, 3-7 or 3-"),
            ("--max-findings 0", "0 is not in the range"),
        ],
    )
    def test_is_refused(self, recording: Path, words: str, said: str) -> None:
        done = validate(recording, *words.split())
        assert (done.code, done.out) == (2, "")
        assert said in done.err.splitlines()[-1]


class TestGitHub:
    def test_the_summary_is_added(self, recording: Path) -> None:
        Path("s.md").write_text("before\n")
        done = validate(recording, "--format", "github", GITHUB_STEP_SUMMARY="s.md")
        assert format_of(done.out) == "github"
        assert Path("s.md").read_text().startswith("before\n## wsrec: fail, 13 errors\n")

    def test_only_by_that_format(self, recording: Path) -> None:
        validate(recording, GITHUB_STEP_SUMMARY="s.md")
        assert not Path("s.md").exists()
        validate(recording, "--format", "github", GITHUB_STEP_SUMMARY="")

    def test_what_the_step_has_written_counts_to_its_limit(self, recording: Path) -> None:
        for room in (0, 50, 300):
            Path("s.md").write_bytes(b"x" * (1024 * 1024 - room))
            validate(recording, "--format", "github", GITHUB_STEP_SUMMARY="s.md")
            assert Path("s.md").stat().st_size <= 1024 * 1024

    def test_it_is_no_recording(self, recording: Path) -> None:
        before = recording.read_bytes()
        done = validate(recording, "--format", "github", GITHUB_STEP_SUMMARY="a.db")
        assert done.code == 2
        assert "GITHUB_STEP_SUMMARY=a.db is one of the files to be judged" in done.err
        assert recording.read_bytes() == before


def test_the_same_recording_gives_the_same_bytes(recording: Path) -> None:
    for name in ("text", "json", "junit", "github"):
        assert validate(recording, "--format", name) == validate(recording, "--format", name)


@pytest.mark.parametrize("words", [["\x1b]0;x\a\n.db"], ["a.db", "-o", "\x1b]0;x\a\n/r"]])
def test_no_name_of_a_file_drives_the_terminal(recording: Path, words: list[str]) -> None:
    done = validate(*words)
    assert done.code in (2, 3)
    assert done.err.endswith("\n")
    assert done.err[:-1].isprintable()
