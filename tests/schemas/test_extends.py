"""Contracts over packs and files: what is merged, and where its mistakes are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wsrec
from hypothesis import given, settings
from hypothesis import strategies as st
from wsrec.checks.schema import SchemaCheck
from wsrec.schemas.contract import load, parse, show
from wsrec.schemas.extends import Source, merged
from wsrec.schemas.mistakes import ContractError
from wsrec.schemas.packs import find
from wsrec.schemas.reader import Reader
from wsrec.schemas.source import read, write

BASE = """
wsrec: 1
name: base
events:
  name: [/type, /event]
  fields: {id: /id, user: /user}
  types:
    a: {sender: client, when: {has: id}}
    b:
spans:
  run: {key: id, open: a, close: b, latency: {first: {max: 1s}, gap: {max: 2s}}}
session: {idle: 5m}
"""


def over(top: str, **files: str) -> object:
    """The merged tree of a contract whose files have these texts, without places."""
    texts = {f"{name}.yaml": text for name, text in files.items()}
    reader = Reader()
    tree = merged(reader, Source("top.yaml", "wsrec: 1\n" + top), texts.__getitem__)
    reader.finish()
    return tree.root.plain()


def test_mappings_merge_and_everything_else_replaces() -> None:
    contract = parse(
        """
wsrec: 1
extends: base.yaml
events: {name: /kind, fields: {user: null, org: /org}, types: {a: , c: {sender: both}}}
spans: {run: {latency: {first: {p95: 1s}, gap: null}}}
session: null
""",
        "mine.yaml",
        {"base.yaml": BASE}.__getitem__,
    )
    assert (contract.name, contract.extends) == ("mine", ("base.yaml",))
    assert [str(source) for source in contract.events.name] == ["/kind"]
    assert list(contract.events.fields) == ["id", "org"]
    a, b, c = contract.events.types.values()
    assert (a.sender, a.when is None, b.sender, c.sender) == ("client", False, "server", "both")
    (run,) = contract.spans
    assert run.latency.first is not None
    assert (run.latency.first.max, run.latency.first.percentiles) == (10**9, ((95, 10**9),))
    assert run.latency.gap is None
    assert contract.session.idle is None


def test_later_ones_count_more_and_the_contract_most() -> None:
    files = {name: f"wsrec: 1\nseverity: {{span: {name}, {name}: x}}" for name in ("one", "two")}
    assert over("extends: [one.yaml, two.yaml]\nseverity: {top: y}", **files) == {
        "wsrec": 1,
        "extends": ["one.yaml", "two.yaml"],
        "severity": {"span": "two", "one": "x", "two": "x", "top": "y"},
    }


def test_a_pack_is_underneath_by_its_name() -> None:
    text = "wsrec: 1\nextends: agent-events\nspans: {run: {requires: null, latency: null}}"
    contract = parse(text, "mine.yaml")
    pack = find("agent-events")
    assert contract.extends == ("pack agent-events/contract.yaml",)
    assert contract.spans[1] == pack.spans[1]
    assert contract.spans[0].inside.requires == ()
    schema = contract.events.types["agent_started"].schema
    assert schema is not None
    assert SchemaCheck(schema)({"run_id": 5}) != ()
    for copied in ("agent-events", "agent-events/contract.yaml"):
        with pytest.raises(ContractError):
            parse(f"wsrec: 1\nextends: ./{copied}", "mine.yaml")


def test_each_file_names_its_own_neighbours(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "s.json").write_text('{"const": "top"}')
    (deep / "s.json").write_text('{"$ref": "t.json"}')
    (deep / "t.json").write_text('{"const": "deep"}')
    text = "wsrec: 1\nevents: {types: {%s: {schema: s.json}, i%s: {schema: {$ref: s.json}}}}"
    (deep / "base.yaml").write_text(text % ("x", "x"))
    (tmp_path / "a" / "mid.yaml").write_text("wsrec: 1\nextends: b/base.yaml\n")
    (tmp_path / "c.yaml").write_bytes(
        b"\xef\xbb\xbf" + (text % ("y", "y") + "\nextends: a/mid.yaml\n").encode()
    )
    kept: dict[str, str] = {}
    contract = load(tmp_path / "c.yaml", "c.yaml", kept.__setitem__)
    for name, value in {"x": "deep", "ix": "deep", "y": "top", "iy": "top"}.items():
        schema = contract.events.types[name].schema
        assert schema is not None
        assert SchemaCheck(schema)(value) == ()
        assert SchemaCheck(schema)("other") != ()
    assert set(kept) == {
        "c.yaml",
        "a/mid.yaml",
        "a/b/base.yaml",
        "s.json",
        "a/b/s.json",
        "a/b/t.json",
    }
    stored = parse(kept.pop("c.yaml"), "c.yaml", kept.__getitem__)
    assert stored.extends == contract.extends == ("a/b/base.yaml", "a/mid.yaml")


def mistakes(top: str, **files: str) -> list[str]:
    texts = {f"{name}.yaml": text for name, text in files.items()}

    def read(name: str) -> str:
        if name not in texts:
            raise FileNotFoundError(2, "no such file")
        return texts[name]

    with pytest.raises(ContractError) as caught:
        parse(top, "dir/top.yaml", read)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_mistake_is_told_in_the_file_where_it_stands() -> None:
    base = "wsrec: 1\nevents: {types: {a: }}\nspans:\n  s: {open: a, close: b, key: []}\n"
    top = "wsrec: 1\nextends: base.yaml\nspans:\n  s:\n    requires: aa\n    clos: b\n"
    assert mistakes(top, base=base) == [
        "dir/top.yaml:5:15: unknown event 'aa' in requires of span 's'; did you mean 'a'? "
        "(events are declared under events: types)",
        "dir/top.yaml:6:5: unknown key 'clos' in span 's'; did you mean 'close'?",
    ]
    assert mistakes("wsrec: 1\nextends: base.yaml", base=base.replace("a, close", "a, clos")) == [
        "dir/base.yaml:4:6: span 's' needs 'close', the event that closes it, or "
        "'must_close: false'",
        "dir/base.yaml:4:16: unknown key 'clos' in span 's'; did you mean 'close'?",
    ]


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ("extends: gone.yaml", "dir/top.yaml:2:10: extends 'gone.yaml': no such file"),
        (
            "extends: ../b.yaml",
            "top.yaml:2:10: extends '../b.yaml': it is outside",
        ),
        ("extends: /b.yaml", "it is outside the contract's folder"),
        ("extends: sub/../../b.yaml", "it is outside the contract's folder"),
        ("extends: base", "dir/top.yaml:2:10: extends 'base': no such file"),
        ("extends: 5", "dir/top.yaml:2:10: extends must be a word, not 5"),
        ("extends: [[a]]", "extends must be a word, not a list"),
        ("extends: list.yaml", "dir/list.yaml:1:1: the contract must be a mapping, not a list"),
        ("extends: broken.yaml", "dir/broken.yaml:2:"),
        (
            "extends: old.yaml",
            "dir/old.yaml:1:8: this version reads contracts of 'wsrec: 1', not 0",
        ),
        ("extends: bare.yaml", "dir/bare.yaml:1:1: a contract starts with 'wsrec: 1'"),
        (
            "extends: self.yaml",
            "a circle: dir/top.yaml extends dir/self.yaml extends dir/self.yaml",
        ),
        ("extends: ring1.yaml", "extends dir/ring1.yaml extends dir/ring2.yaml extends dir/ring1"),
        ("extends: a0.yaml", "dir/a6.yaml:2:10: extends 'a7.yaml': more than 8 levels"),
        ("extends: wide0.yaml", "more than 50 files"),
    ],
)
def test_what_cannot_be_extended(top: str, message: str) -> None:
    chain = {f"a{n}": f"wsrec: 1\nextends: a{n + 1}.yaml" for n in range(12)}
    wide = {
        f"wide{n}": f"wsrec: 1\nextends: [{', '.join([f'wide{n + 1}.yaml'] * 30)}]"
        for n in range(7)
    }
    files = {
        "list": "[]",
        "broken": "a: [\n]]",
        "old": "wsrec: 0",
        "bare": "events: {}",
        "self": "wsrec: 1\nextends: self.yaml",
        "ring1": "wsrec: 1\nextends: ring2.yaml",
        "ring2": "wsrec: 1\nextends: ring1.yaml",
    }
    found = mistakes(f"wsrec: 1\n{top}\nevents: {{}}", **files, **chain, **wide)
    assert any(message in each for each in found), found


TREES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 1), max_size=2),
    lambda below: st.dictionaries(st.sampled_from("abcd"), below, max_size=3),
    max_leaves=8,
)


def expected(under: object, top: object) -> object:
    if not isinstance(under, dict) or not isinstance(top, dict):
        return top
    both = {key: expected(under[key], top[key]) for key in under.keys() & top.keys()}
    return {
        key: value
        for key, value in (under | top | both).items()
        if not (key in both and value is None)
    }


@settings(deadline=None)
@given(TREES, TREES, TREES)
def test_merging_is_what_it_says(first: object, second: object, top: object) -> None:
    def text(value: object, **more: object) -> str:
        return json.dumps({"wsrec": 1, "x": value, **more})

    files = {"first.yaml": text(first), "second.yaml": text(second)}
    reader = Reader()
    source = Source("top", text(top, extends=["first.yaml", "second.yaml"]))
    tree = merged(reader, source, files.__getitem__)
    assert isinstance(tree.root.value, dict)
    whole = tree.root.plain()
    assert isinstance(whole, dict)
    lower = expected({"x": first}, {"x": second})
    assert whole.get("x", "gone") == {"x": "gone", **expected(lower, {"x": top})}["x"]  # type: ignore[dict-item]


def test_a_resolved_contract_says_the_same_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.json").write_text(
        '{"anyOf": [{"properties": {"type": {"const": "x"}}}]}'
    )
    (tmp_path / "sub" / "base.yaml").write_text("wsrec: 1\nevents: {schemas: x.json#/anyOf/0}\n")
    (tmp_path / "top.yaml").write_text(
        "wsrec: 1\nextends: [sub/base.yaml, agent-events]\n"
        "events: {name: /type, alias: {on: '1e3', 'null': 'yes'},\n"
        "  types: {a: {schema: sub/x.json}}}\n"
        "spans: {tool: null}\n"
    )
    whole = load(tmp_path / "top.yaml")
    (tmp_path / "alone.yaml").write_text(show(tmp_path / "top.yaml"))
    alone = load(tmp_path / "alone.yaml")
    assert (alone.extends, alone.spans, alone.session) == ((), whole.spans, whole.session)
    assert alone.events.alias == whole.events.alias
    assert (alone.decode, alone.severity) == (whole.decode, whole.severity)
    assert list(alone.events.types) == list(whole.events.types)
    for name, kind in alone.events.types.items():
        schema, before = kind.schema, whole.events.types[name].schema
        assert (schema is None) == (before is None)
        if schema is not None and before is not None:
            for value in ({"type": "x"}, {"type": "y"}, {"run_id": 5}):
                assert SchemaCheck(schema)(value) == SchemaCheck(before)(value)


@settings(deadline=None, max_examples=200)
@given(TREES | st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.floats(0, 9)))
def test_what_is_written_is_read_back(value: object) -> None:
    node = read(json.dumps({"a": value}), "a.json")
    assert read(write(node), "b.yaml").plain() == node.plain()


def test_packs_are_found_where_wsrec_is_installed_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "wsrec").symlink_to(Path(wsrec.__file__).parent, target_is_directory=True)
    code = (
        "import wsrec; from wsrec.schemas.packs import find; "
        "print(wsrec.__file__, *find('acp').extends)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.stderr == ""
    assert said.stdout.split() == [
        str(tmp_path / "wsrec/__init__.py"),
        *("pack", "jsonrpc/contract.yaml"),
    ]
