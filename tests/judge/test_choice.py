"""Which contract judges: the stored one, the project's, or the default; and what says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from support.recordings import Conversation, recorder_at
from support.tampering import change
from wsrec.cli import main
from wsrec.judge.choice import stored_contract
from wsrec.schemas.archive import Archive
from wsrec.schemas.mistakes import ContractError

EVENTS = "wsrec: 1\nevents: {types: {ping: }}\nsession: {first: ping}\n"


def record(path: Path, contract: str | None = None) -> Path:
    with recorder_at(path, meta={} if contract is None else {"contract": contract}) as recorder:
        Conversation(recorder).text("server", '{"type": "ping"}').end()
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, and the working folder, two folders below its top."""
    (tmp_path / ".git").mkdir()
    here = tmp_path / "tests" / "ws"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    for name in ("named", "stored"):
        (tmp_path / f"{name}.yaml").write_text(EVENTS)
    record(here / "a.db")
    return here


def wsrec(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], prog_name="wsrec")


def contracts(*words: str | Path) -> list[tuple[str, str, str]]:
    """Validate; return name, reason and origin of each recording's contract."""
    done = wsrec("validate", "--format", "json", *words)
    assert not done.stderr, done.stderr
    made: Any = json.loads(done.stdout)
    each = [recording["contract"] for recording in made["recordings"]]
    return [(it["name"], it["chosen"], it["origin"]) for it in each]


class TestOrder:
    def test_given_then_stored_then_named_then_the_default(self, here: Path) -> None:
        stored = record(here / "b.db", Archive.of("../../stored.yaml").text())
        other = record(here / "c.db", Archive.of("agent-events").text())
        default = ("agent-events", "the default", "a pack of wsrec")
        in_it = ("stored", "stored in the recording", "stored.yaml")
        assert contracts("a.db", stored) == [default, in_it]
        (here.parent / "wsrec.toml").write_text('contract = "../named.yaml"\n')
        named = ("named", "named in ../wsrec.toml", "../../named.yaml")
        assert contracts("a.db", stored, other) == [
            named,
            in_it,
            ("agent-events", "stored in the recording", "contract.yaml"),
        ]
        given = ("named", "given with -c", "../../named.yaml")
        assert contracts("a.db", stored, "-c", "../../named.yaml") == [given, given]

    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            ({"wsrec.toml": 'contract = "agent-events"'}, "wsrec.toml"),
            ({"../pyproject.toml": "[tool.wsrec]\ncontract = 'agent-events'"}, "../pyproject.toml"),
            ({"wsrec.toml": "", "../wsrec.toml": "contract = 'agent-events'"}, None),
            (
                {
                    "pyproject.toml": "[tool.other]\n[project]\nname = 'x'",
                    "../../wsrec.toml": "contract = 'agent-events'",
                },
                "../../wsrec.toml",
            ),
            (
                {
                    "wsrec.toml": "contract = 'agent-events'",
                    "pyproject.toml": "[tool.wsrec]\ncontract = '../../named.yaml'",
                },
                "wsrec.toml",
            ),
            ({"../../../wsrec.toml": "contract = 'agent-events'"}, None),
        ],
    )
    def test_the_nearest_file_up_to_the_top_of_the_project(
        self, here: Path, files: dict[str, str], expected: str | None
    ) -> None:
        try:
            for name, text in files.items():
                (here / name).write_text(text)
            [(_, why, _)] = contracts("a.db")
        finally:
            (here / "../../../wsrec.toml").unlink(missing_ok=True)
        assert why == (f"named in {expected}" if expected else "the default")

    def test_what_else_is_set(self, here: Path) -> None:
        (here / "c.yaml").write_text("wsrec: 1\nevents: {unknown: warn, types: {pong: }}\n")
        settings = 'contract = "c.yaml"\nfail_on = "warning"\nformat = "json"\n'
        (here / "wsrec.toml").write_text(settings)
        done = wsrec("validate", "a.db")
        assert json.loads(done.stdout)["wsrec"] == 1
        assert done.exit_code == 1
        done = wsrec("validate", "a.db", "--format", "text", "--fail-on", "error")
        assert done.stdout.startswith("contract  c, named in wsrec.toml (c.yaml)\n")
        assert done.exit_code == 5


class TestWrong:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("contract = ", "wsrec.toml: not TOML: Invalid value (at end of document)"),
            ("a = 1\na = 2\n", "wsrec.toml: not TOML: Cannot overwrite a value (at line 2, "
             "column 6)"),
            ("\n# x\nfail-on = 'error'", "wsrec.toml:3: unknown key 'fail-on'; did you mean "
             "'fail_on'?"),
            ("[validate]\nx = 1", "wsrec.toml:1: unknown key 'validate'; expected one of contract, "
             "fail_on, format, jobs, max_findings"),
            ("fail_on = 'eror'", "wsrec.toml:1: fail_on cannot be 'eror'; did you mean 'error'?"),
            ("format = true", "wsrec.toml:1: format is one text, or one number"),
            ("contract = ['a']", "wsrec.toml:1: contract is a text: the name of a pack, or a path"),
            ("x.y = 1", "wsrec.toml:1: unknown key 'x'; expected one of contract, fail_on, format, "
             "jobs, max_findings"),
            ("format = 'text'\ncontract = 'agent-event'", "wsrec.toml:2: 'agent-event' is no file, "
             "and no pack of that name; did you mean 'agent-events'?"),
            ("\xe9 = 1", "wsrec.toml: not TOML: Invalid statement (at line 1, column 1)"),
        ],
    )  # fmt: skip
    def test_one_line_with_its_place(self, here: Path, text: str, message: str) -> None:
        (here / "wsrec.toml").write_text(text)
        done = wsrec("validate", "a.db")
        assert (done.exit_code, done.stderr, done.stdout) == (2, f"Error: {message}\n", "")

    def test_in_pyproject(self, here: Path) -> None:
        text = "[tool.other]\nfail = 1\n\n[tool.wsrec]\ncontract = 'agent-events'\nfail = 1\n"
        (here / "../pyproject.toml").write_text(text)
        assert "Error: ../pyproject.toml:6: unknown key 'fail'" in wsrec("validate", "a.db").stderr
        (here / "../pyproject.toml").write_text("[tool]\nwsrec = 1\n")
        assert "tool.wsrec is a table of settings" in wsrec("validate", "a.db").stderr

    def test_a_file_that_cannot_be_read(self, here: Path) -> None:
        (here / "wsrec.toml").mkdir()
        assert wsrec("validate", "a.db").stderr == "Error: wsrec.toml: Is a directory\n"
        (here / "wsrec.toml").rmdir()
        (here / "wsrec.toml").write_bytes(b"# \xff")
        assert "wsrec.toml: not TOML: 'utf-8' codec" in wsrec("validate", "a.db").stderr
        (here / "wsrec.toml").write_bytes(b"#" * ((1 << 20) + 1))
        assert "wsrec.toml: longer than" in wsrec("validate", "a.db").stderr

    def test_a_mark_of_the_order_of_bytes_is_no_part_of_it(self, here: Path) -> None:
        (here / "wsrec.toml").write_bytes(b"\xef\xbb\xbfcontract = 'agent-events'\n")
        [(_, why, _)] = contracts("a.db")
        assert why == "named in wsrec.toml"

    def test_a_working_folder_that_was_removed_has_none(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recording = (here / "a.db").absolute()
        (here / "gone").mkdir()
        monkeypatch.chdir(here / "gone")
        (here / "gone").rmdir()
        [(_, why, _)] = contracts(recording)
        assert why == "the default"

    def test_help_needs_none_of_it(self, here: Path) -> None:
        (here / "wsrec.toml").write_text("?")
        assert wsrec("validate", "--help").exit_code == 0


class TestBroken:
    """What a recording stores may be anybody's."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "it is not JSON"),
            ('{"contract": "a", "files": {"a": "wsrec: 1\\nspans: {x: {opens: y}}"}}',
             "a:2:12: span 'x' needs 'close'"),
            ('{"contract": "\\u001b[2J", "files": {"\\u001b[2J": "wsrec: 2\\nevent: 1"}}',
             "\\x1b[2J:1:1: the contract states nothing: no events, spans or session (and 2 more)"),
            ('{"contract": "a", "files": {"a": "wsrec: 1\\nevents: {types: {b: {schema: /etc/hosts.'
             'json}}}"}}', "a:2:30: it is outside the contract's folder"),
        ],
    )  # fmt: skip
    def test_one_line_says_so(self, here: Path, text: str, message: str) -> None:
        path = record(here / "b.db", text)
        done = wsrec("validate", "a.db", path)
        assert done.exit_code == 2
        [line] = done.stderr.splitlines()
        assert line.startswith(f"{path}: the contract stored in it cannot be used: ")
        assert message in line
        assert line.endswith("; give one with -c")
        assert wsrec("validate", path, "-c", "../../named.yaml").exit_code == 0
        assert wsrec("contract", "show", path).stderr == done.stderr

    @pytest.mark.parametrize("words", ["validate", "replay --to ws://127.0.0.1:9", "mock", "diff"])
    def test_of_a_damaged_recording_the_damage_is_told(self, here: Path, words: str) -> None:
        path = record(here / "b.db", "")
        change(path, "DELETE FROM frames")
        command, *options = words.split()
        other = ["a.db"] if command == "diff" else []
        done = wsrec(command, path, *other, *options)
        assert (done.exit_code, done.stdout) == (3, "")
        assert done.stderr == f"wsrec: {path}: damaged: session 1: frame 1 is missing\n"

    def test_a_session_that_somebody_removed_is_no_mistake_of_who_asks(self, here: Path) -> None:
        path = record(here / "b.db")
        change(path, *(f"DELETE FROM {table}" for table in ("sessions", "extents", "frames")))
        done = wsrec("validate", path, "--session", "1")
        assert (done.exit_code, done.stdout) == (3, "")
        assert done.stderr.startswith(f"wsrec: {path}: damaged: ")
        assert done.stderr.endswith("session 1 is missing\n")

    def test_shown_inert(self, here: Path) -> None:
        text = EVENTS + "# \u202e"
        path = record(here / "b.db", json.dumps({"contract": "a", "files": {"a": text}}))
        shown = wsrec("contract", "show", path)
        assert (shown.exit_code, shown.stdout) == (0, EVENTS + "# \\u202e\n")
        resolved = wsrec("contract", "show", "--resolved", path)
        assert (resolved.exit_code, resolved.stdout[:9]) == (0, "wsrec: 1\n")
        nothing = wsrec("contract", "show", "a.db")
        assert nothing.exit_code == 2
        assert "a.db: no contract is stored in it" in nothing.stderr


_WORDS = st.sampled_from(
    [
        *(
            "wsrec: 1",
            "events",
            "types",
            "schema",
            "spans",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            " ",
            "\n",
        ),
        *("$ref", "#/x/y", "pattern", "(", '"', "a.schema.json", "&a", "*a", "!!python/none"),
        *(
            "extends",
            "https://example.test/x",
            "/etc/passwd",
            "..",
            "module:Type",
            "\x1b",
            "\ud800",
        ),
    ]
)
_TEXTS = st.lists(_WORDS, max_size=30).map("".join)


@given(contract=_TEXTS, schema=_TEXTS)
def test_any_text_is_a_contract_or_one_line(contract: str, schema: str) -> None:
    files = {"a": f"{EVENTS}{contract}", "a.schema.json": schema}
    for text in (contract, json.dumps({"contract": "a", "files": files})):
        said = ""
        try:
            stored_contract("b.db", text)
        except ContractError as error:
            said = str(error)
        assert said.isprintable()
