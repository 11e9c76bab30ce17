"""What a good contract becomes, where it may come from, and the language's own JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from wsrec.schemas import contract as contract_module
from wsrec.schemas import read_decode, read_events, read_rules, read_spans, read_values
from wsrec.schemas.codes import CODES
from wsrec.schemas.contract import load, parse
from wsrec.schemas.durations import parse_duration, show_duration
from wsrec.schemas.event_schema import SchemaFileError
from wsrec.schemas.jsonschemas import SchemaFiles
from wsrec.schemas.mistakes import ContractError
from wsrec.schemas.model import (
    AppliesTo,
    Condition,
    Decode,
    Fold,
    Machine,
    Monotonic,
    OrderRule,
    Same,
    Trigger,
)
from wsrec.schemas.packs import DEFAULT_PACK, find, pack_path, packs
from wsrec.schemas.pointers import ABSENT, Pointer

SCHEMA = json.loads((Path(contract_module.__file__).parent / "contract.schema.json").read_text())


@pytest.mark.parametrize("name", packs())
def test_every_pack_loads_and_matches_the_schema_of_the_language(name: str) -> None:
    assert find(name).name == name
    text = pack_path(name).read_text("utf-8")
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


def test_the_default_pack_is_there() -> None:
    contract = find(DEFAULT_PACK)
    spans = {span.name: span for span in contract.spans}
    run, tool = spans["run"], spans["tool"]
    assert (run.name, tool.parent, tool.key, tool.pair) == ("run", "run", ("call", "tool"), "fifo")
    assert run.inside.requires[-1] == "agent_completed"
    assert run.latency.first is not None
    assert run.latency.first.max == 2_000_000_000
    assert contract.severity == (("latency.gap", "warning"), ("span.monotonic", "warning"))


def test_a_small_contract() -> None:
    contract = parse(
        """
wsrec: 1
decode: [json, {each: /events/*, when: {/kind: [batch, pack]}}]
events:
  sender: both
  name: [/type, {only_key: true}]
  fields: {id: [/id, /data/id], on: /on}
spans:
  inner: {in: outer, key: id, open: c, close: d}
  outer:
    key: [id, on]
    open: {event: a, sender: client, when: {has: id, on: [true, null]}}
    close: [b, {event: x, sender: other}]
    order: [{responds: {to: a, with: b, within: 250ms}}]
""",
        "x/small.yaml",
    )
    assert contract.name == "small"
    assert [span.name for span in contract.spans] == ["outer", "inner"]
    outer = contract.spans[0]
    assert outer.open == (Trigger("a", "client", Condition(("id",), (("on", (True, None)),))),)
    assert outer.inside.order == (OrderRule("responds", ("a", "b"), 250_000_000),)
    assert contract.decode.each[0].when == ((Pointer.parse("/kind"), ("batch", "pack")),)


def test_rules_about_values_and_states() -> None:
    contract = parse(
        """
wsrec: 1
applies_to: {path: [/ws/*, /chat], subprotocol: json}
decode: [{split: "\\x1e"}, jsonrpc]
events: {fields: {id: /id, n: /n, user: /user, delta: /delta, text: /text}}
spans:
  run:
    key: id
    open: a
    during: d
    close: b
    same: [user, {field: n, absent: differs}]
    monotonic: [delta, {n: {by: 1}}]
    unique: text
    nest: true
    fold: [{join: delta, equals: text}, {sum: n, equals: n}]
    machine:
      {start: idle, end: [closed], idle: {a: active}, active: {b: closed, "*": active, x: error}}
session: {max_messages: 5, machine: {start: on, on: {a: on, b: off}, off: }}
""",
        "c.yaml",
    )
    (run,) = contract.spans
    assert contract.applies_to == AppliesTo(("/ws/*", "/chat"), ("json",))
    assert contract.decode == Decode("jsonrpc", split="\x1e")
    assert run.inside.same == (Same("user"), Same("n", "differs"))
    assert run.inside.monotonic == (Monotonic("delta"), Monotonic("n", 1))
    assert run.inside.unique == ("text",)
    assert run.fold == (Fold("join", "delta", "text"), Fold("sum", "n", "n"))
    assert run.nest
    active = {"b": "closed", "*": "active", "x": "error"}
    table = {"idle": {"a": "active"}, "active": active, "closed": {}}
    assert run.inside.machine == Machine("idle", table, ("closed",))
    assert contract.session.max_messages == 5
    assert contract.session.inside.machine == Machine(
        "on", {"on": {"a": "on", "b": "off"}, "off": {}}
    )


def test_json_is_a_contract_too() -> None:
    text = '{\n\t"wsrec": 1,\n\t"name": "\\ud83d\\ude00 \\/",\n\t"session": {"idle": "5m"}\n}'
    contract = parse(text, "c.json")
    assert contract.name == "\U0001f600 /"
    assert contract.session.idle == 300 * 10**9


def test_words_that_yaml_1_1_would_change_stay_words() -> None:
    contract = parse("wsrec: 1\nevents: {alias: {on: off, no: yes, 1:30: y}}", "c.yaml")
    assert contract.events.alias == {"on": "off", "no": "yes", "1:30": "y"}


def _variants() -> list[tuple[tuple[str, ...], Any]]:
    """Each table of keys in the reader, and where the schema lists the same keys."""
    return [
        ((), contract_module.CONTRACT_KEYS),
        (("events",), read_events.EVENTS_KEYS),
        (("events", "types"), read_events.TYPE_KEYS),
        (("spans",), read_spans.SPAN_KEYS),
        (("session",), read_spans.SESSION_KEYS),
        (("limits",), read_rules.LIMIT_KEYS),
        (("fold",), (*read_values.FOLD_KEYS, "equals")),
        (("step",), read_decode.STEP_KEYS),
        (("applies_to",), read_decode.APPLIES_KEYS),
    ]


@pytest.mark.parametrize(("place", "keys"), _variants())
def test_the_schema_lists_the_keys_the_reader_knows(place: tuple[str, ...], keys: Any) -> None:
    definitions = SCHEMA["$defs"]
    here = {
        (): SCHEMA,
        ("events",): definitions["events"],
        ("events", "types"): definitions["events"]["properties"]["types"]["additionalProperties"],
        ("spans",): definitions["span"],
        ("session",): definitions["session"],
        ("limits",): definitions["limits"],
        ("fold",): definitions["fold"],
        ("step",): definitions["step"]["anyOf"][1],
        ("applies_to",): definitions["applies_to"],
    }[place]
    assert set(here["properties"]) == set(keys)


@pytest.mark.parametrize(
    "text",
    [
        "event: {}",
        "events: {nam: /t}",
        "events: {fields: {id: id}}",
        "events: {fields: {has: /a}}",
        "events: {types: {a: {sender: me}}}",
        "events: {types: {a: {unknown_fields: ignore}}}",
        "events: {missing_fields: 5}",
        "events: {schemas: []}",
        "applies_to: {}",
        "applies_to: {path: ws}",
        "decode: [{}]",
        "decode: [{split: ''}]",
        "spans: {s: {open: a, close: b, key: k, fold: {join: k}}}",
        "spans: {s: {open: a, close: b, key: k, same: {absent: differs}}}",
        "spans: {s: {open: a, close: b, key: k, monotonic: {k: {by: 0}}}}",
        "spans: {s: {open: a, close: b, key: k, nest: 1}}",
        "session: {machine: {a: {b: c}}}",
        "session: {machine: {start: a, error: {}}}",
        "session: {max_messages: 0}",
        "spans: {s: {open: a, close: b}}",
        "spans: {s: {close: b, key: k}}",
        "spans: {s: {open: a, key: k}}",
        "spans: {s: {open: a, close: b, key: k, latency: {gap: {max: 5}}}}",
        "spans: {s: {open: a, close: b, key: k, order: [{never: a}]}}",
        "spans: {s: {open: a, close: b, key: k, pair: filo}}",
        "session: {close_codes: 99}",
        "session: {reconnect: {max: 3s}}",
        "heartbeats: []",
        "heartbeats: {ping: pong}",
        "heartbeats: [{answer: pong}]",
        "heartbeats: [{event: ping, answer: 1}]",
        "severity: {spam: off}",
        "decode: jsn",
        "decode: [{when: {/a: 1}}]",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    whole = f"wsrec: 1\nsession: {{}}\n{text}\n" if "session" not in text else f"wsrec: 1\n{text}"
    with pytest.raises(ContractError):
        parse(whole, "c.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(whole.replace("off", "'off'")), SCHEMA)


def test_the_schema_and_the_reader_agree_on_codes() -> None:
    codes = {*CODES, *(code.split(".")[0] for code in CODES)}
    contract = {"wsrec": 1, "events": {}, "severity": dict.fromkeys(codes, "off")}
    jsonschema.validate(contract, SCHEMA)
    assert {code for code, _ in parse(json.dumps(contract), "c").severity} == codes


def test_schemas_come_from_the_contracts_own_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.json"
    outside.write_text("{}")
    home = tmp_path / "home"
    home.mkdir()
    (home / "a.json").write_text('{"$ref": "parts/b.json#/$defs/x"}')
    (home / "parts").mkdir()
    (home / "parts" / "b.json").write_text('{"$defs": {"x": {"type": "object"}}}')
    (home / "link.json").symlink_to(outside)
    file = home / "c.yaml"
    file.write_text("wsrec: 1\nevents: {types: {a: {schema: a.json}}}")
    assert load(file).events.types["a"].schema is not None
    for name in ("../secret.json", str(outside), "link.json", "missing.json", "."):
        file.write_text(f"wsrec: 1\nevents:\n  types: {{a: {{schema: {name}}}}}")
        with pytest.raises(ContractError, match=r"c\.yaml:3:23: "):
            load(file)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "https://example.com/x.json"}, "references are never fetched"),
        ({"$ref": "file:///etc/passwd"}, "references are never fetched"),
        ({"$ref": "/etc/passwd"}, "references are never fetched"),
        ({"$ref": "#/$defs/nowhere"}, "leads to nothing"),
        ({"$ref": "b.json#/nowhere"}, "leads to nothing"),
        ({"$ref": "gone.json"}, "gone.json"),
        ({"type": 5}, "not a JSON Schema: at /type"),
        ([], "a JSON Schema is an object or a boolean"),
    ],
)
def test_references_that_lead_astray(schema: Any, message: str) -> None:
    files = {"a.json": json.dumps(schema), "b.json": '{"type": "string"}'}

    def read(name: str) -> str:
        if name not in files:
            raise FileNotFoundError(2, "no such file")
        return files[name]

    with pytest.raises(SchemaFileError) as caught:
        SchemaFiles(read).file("a.json")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["gone.json", "number.json", "broken.json"])
def test_a_file_that_cannot_be_used_is_told_each_time(name: str) -> None:
    texts = {"number.json": "5", "broken.json": '{"$ref": "gone.json"}'}

    def read(name: str) -> str:
        if name not in texts:
            raise FileNotFoundError(2, "no such file")
        return texts[name]

    files, told = SchemaFiles(read), set()
    for _ in range(2):
        with pytest.raises(SchemaFileError) as caught:
            files.file(name)
        told.add(str(caught.value))
    assert len(told) == 1


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "[" * 100_000, "nonsense"])
def test_schema_files_that_are_no_json(text: str) -> None:
    with pytest.raises(SchemaFileError, match=r"^a\.json"):
        SchemaFiles({"a.json": text}.__getitem__).file("a.json")


def test_contracts_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for name in (
        "agent-event",
        str(tmp_path / "no.yaml"),
        str(binary),
        str(tmp_path),
        "\0",
        "x" * 9999,
    ):
        with pytest.raises(ContractError) as caught:
            find(name)
        assert len(caught.value.mistakes) == 1
    with pytest.raises(ContractError, match="did you mean 'agent-events'"):
        find("agent-event")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("250ms", 250_000_000),
        ("2s", 2 * 10**9),
        ("1.5m", 90 * 10**9),
        ("10us", 10_000),
        ("1 h", 36 * 10**11),
    ],
)
def test_durations(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1e3s", "1 sec", "٣s", "1s\n"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [(1500, "1.5 us"), (2_310_000_000, "2.31 s"), (999_900_000, "1 s"), (60 * 10**9, "60 s"),
     (125 * 10**9, "2 m 05 s"), (300 * 10**9, "5 m"), (41_200_000, "41.2 ms")],
)  # fmt: skip
def test_durations_for_people(ns: int, text: str) -> None:
    assert show_duration(ns) == text


def test_pointers() -> None:
    value = {"a": [{"b/c": 1}, 2], "": {"~": 3}, "*": 4}
    for text, found in {"": value, "/a/0/b~1c": 1, "//~0": 3, "/*": 4, "/a/1": 2}.items():
        assert Pointer.parse(text).get(value) == found
    for text in ("/a/2", "/a/01", "/a/-1", "/a/x", "/a/1/b", "/b", "/a/²"):
        assert Pointer.parse(text).get(value) is ABSENT
    held = {"e": {"x": [1, 2], "y": [3], "z": 4}}
    assert list(Pointer.parse("/e/*/*").each(held)) == [("x", 1), ("x", 2), ("y", 3)]
    assert list(Pointer.parse("/e/z").each(held)) == [("z", 4)]
    assert list(Pointer.parse("/*").each([1])) == [(None, 1)]
    assert list(Pointer.parse("").each(1)) == [(None, 1)]
