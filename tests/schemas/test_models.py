"""Schemas of types in a user's own code: only where it is trusted, or as they were frozen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.contract import freeze, load
from wsrec.schemas.mistakes import ContractError

CODE = """
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from {name}_ids import Id


class Started(BaseModel):
    type: Literal["started"]
    run_id: Id
    note: str | None = None


class Thinking(TypedDict):
    type: Literal["thinking"]
    text: str


@dataclass
class Done:
    type: Literal["done"]
    result: dict[str, int]


Event = Annotated[Started | Done, Field(discriminator="type")] | Thinking


class Events:
    Inner = Event


def no_type(x): ...
"""


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with the module `events_N` and the contract that names it."""
    name = f"events_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}_ids.py").write_text("Id = str\n")
    (tmp_path / f"{name}.py").write_text(CODE.replace("{name}", name))
    (tmp_path / "c.yaml").write_text(
        f"wsrec: 1\nevents:\n  schemas: {name}:Events.Inner\n  unknown_fields: fail\n"
    )
    return tmp_path


def codes(home: Path, name: str, value: object, *, trust_code: bool = False) -> list[str]:
    schema = load(home / "c.yaml", trust_code=trust_code).events.types[name].schema
    assert schema is not None
    return [mismatch.code for mismatch in SchemaCheck(schema)(value)]


def test_a_union_of_ones_own_types(home: Path) -> None:
    path = list(sys.path)
    contract = load(home / "c.yaml", trust_code=True)
    assert list(contract.events.types) == ["started", "done", "thinking"]
    assert codes(home, "started", {"type": "started", "run_id": "r"}, trust_code=True) == []
    assert codes(home, "started", {"type": "started"}, trust_code=True) == ["event.missing_field"]
    bad = {"type": "done", "result": {"a": "b"}}
    assert codes(home, "done", bad, trust_code=True) == ["event.schema"]
    extra = {"type": "thinking", "text": "", "x": 1}
    assert codes(home, "thinking", extra, trust_code=True) == ["event.unknown_field"]
    assert sys.path == path


def test_what_is_frozen_needs_no_code(home: Path) -> None:
    ((name, text),) = freeze(home / "c.yaml").items()
    with pytest.raises(ContractError, match=f"is code, and there is no {name}"):
        load(home / "c.yaml")
    kept: dict[str, str] = {}
    load(home / "c.yaml", None, kept.__setitem__, trust_code=True)
    assert kept[name] == text
    (home / name).write_text(text)
    for code in home.glob("*.py"):
        code.unlink()
    assert codes(home, "started", {"type": "started"}) == ["event.missing_field"]


def test_freezing_from_the_command_line(home: Path) -> None:
    def wsrec(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "wsrec", "contract", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=home, timeout=60)
        return done.returncode, done.stdout + done.stderr

    status, said = wsrec("freeze", "c.yaml")
    assert (status, "say so with --trust-code" in said) == (2, True)
    status, said = wsrec("freeze", "--trust-code", "--check", "c.yaml")
    assert (status, said.splitlines()[0].endswith(": missing")) == (1, True)
    status, said = wsrec("freeze", "--trust-code", "c.yaml")
    assert (status, said.endswith(": written\n")) == (0, True)
    assert wsrec("check", "c.yaml")[0] == 0
    status, said = wsrec("freeze", "--trust-code", "--check", "c.yaml")
    assert (status, said.endswith(": current\n")) == (0, True)
    ids = next(home.glob("*_ids.py"))
    ids.write_text("Id = int\n")
    assert wsrec("freeze", "--trust-code", "--check", "c.yaml")[0] == 1


def test_what_code_prints_is_not_on_standard_output(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(home.glob("*_ids.py")).write_text("print('hello')\nId = str\n")
    load(home / "c.yaml", trust_code=True)

    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("gone_for_good:T", None, "importing gone_for_good: ModuleNotFoundError: No module named"),
        ("{}:T", "x = 1", "{} has no T"),
        ("{}:T.U", "class T: pass", "{} has no T.U"),
        ("{}:T", "1/0", "importing {}: ZeroDivisionError: division by zero"),
        ("{}:T", "import sys; sys.exit('no')", "importing {}: SystemExit: no"),
        ("{}:T", "class Skip(BaseException): ...\nraise Skip('no')", "importing {}: Skip: no"),
        ("{}:T", "class E(Exception): __str__ = 5\nraise E", "importing {}: E"),
        ("{}:T", "def __getattr__(name): raise RuntimeError('no')",
         "no JSON Schema of {}:T: RuntimeError: no"),
        ("{}:T", "def f(:", "importing {}: SyntaxError: "),
        ("{}:T", "class T: pass", "no JSON Schema of {}:T: PydanticSchemaGenerationError: "),
        ("{}:T", "T = 5", "no JSON Schema of {}:T: "),
        ("{}:T", "from typing import Callable; T = Callable[[], int]", "no JSON Schema of {}:T: "),
        ("{}:T", "T = dict", "the schema has no constant at /type"),
    ],
)  # fmt: skip
def test_types_without_a_schema(
    reference: str, code: str | None, message: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    module = f"mistaken_{abs(hash(request.node.name))}"
    if code is not None:
        (tmp_path / f"{module}.py").write_text(code)
    file = tmp_path / "c.yaml"
    file.write_text(f"wsrec: 1\nevents: {{schemas: '{reference.replace('{}', module)}'}}")
    with pytest.raises(ContractError) as caught:
        load(file, "c.yaml", trust_code=True)
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.column) == (2, 19)
    assert message.replace("{}", module) in mistake.message
    assert "\n" not in mistake.message


def test_each_contract_has_the_modules_of_its_own_folder(tmp_path: Path) -> None:
    modules = set(sys.modules)
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "my_events.py").write_text("from my_names import *")
        code = f"from pydantic import BaseModel\nclass T(BaseModel): {name}: int\n"
        (folder / "my_names.py").write_text(code)
        (folder / "c.yaml").write_text('wsrec: 1\nevents: {types: {a: {schema: "my_events:T"}}}\n')
        ((_, text),) = freeze(folder / "c.yaml").items()
        assert name in text
        assert codes(folder, "a", {name: 1}, trust_code=True) == []
    assert not {"my_events", "my_names"} & (set(sys.modules) - modules)


def test_a_module_named_like_one_that_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "types.py").write_text("T = int\n")
    (tmp_path / "c.yaml").write_text('wsrec: 1\nevents: {types: {a: {schema: "types:T"}}}\n')
    with pytest.raises(ContractError, match="another module types was imported before the one"):
        load(tmp_path / "c.yaml", trust_code=True)


def test_without_pydantic_it_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(ContractError, match=r"needs pydantic: pip install 'wsrec\[models\]'"):
        load(home / "c.yaml", trust_code=True)


def test_vendors_models() -> None:
    pytest.importorskip("openai")
    folder = Path(__file__).parent
    from wsrec.schemas.contract import parse
    from wsrec.schemas.models import Models

    text = "wsrec: 1\nevents: {schemas: 'openai.types.realtime:RealtimeServerEvent'}"
    contract = parse(text, "c.yaml", models=Models(folder))
    assert len(contract.events.types) > 40
    delta = contract.events.types["response.output_text.delta"].schema
    assert delta is not None
    found = SchemaCheck(delta)({"type": "response.output_text.delta", "delta": 5})
    assert [(each.code, each.path) for each in found] == [("event.schema", "/delta")]
