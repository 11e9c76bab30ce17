"""Every mistake in a contract is told with its line, its column and the nearest valid word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from wsrec.schemas.contract import parse
from wsrec.schemas.mistakes import ContractError, nearest, slip_of
from wsrec.schemas.packs import find, packs
from wsrec.schemas.reader import MAX_MISTAKES

SPAN = "spans:\n  run: {key: id, open: a, close: b, %s}\n"
EVENTS = "events: {name: /type, fields: {id: /id}, types: {a: , b: , tool_completed: }}\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(ContractError) as caught:
        parse(text, "c.yaml")
    return [str(mistake) for mistake in caught.value.mistakes]


def inside(rules: str) -> list[str]:
    """The mistakes of a span with these rules; they stand on line 4."""
    return mistakes("wsrec: 1\n" + EVENTS + SPAN % rules)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("requires_all: a", "unknown key 'requires_all' in span 'run'; did you mean 'requires'?"),
        ("requires: tool_complete", "unknown event 'tool_complete' in requires of span 'run'; "
         "did you mean 'tool_completed'?"),
        ("count: {tool_complete: {max: 1}}", "unknown event 'tool_complete' in count"),
        ("count: {a: {most: 1}}", "unknown key 'most' in count of span 'run': a"),
        ("count: {a: {max: -1}}", "must be a whole number from 0"),
        ("count: {a: {min: 2, max: 1}}", "min 2 is more than max 1"),
        ("same: userr", "unknown field 'userr' in same of span 'run'; "
         "expected one of id (fields are declared under events: fields)"),
        ("in: runn", "unknown span 'runn' in 'in' of span 'run'"),
        ("in: run", "unknown span 'run'"),
        ("must_close: maybe", "must_close of span 'run' must be true or false, not 'maybe'"),
        ("pair: filo", "pair of span 'run' must be one of key, fifo, lifo, not 'filo'"),
        ("after_close: forbidden", "did you mean 'forbid'?"),
        ("latency: {frist: {max: 1s}}", "unknown key 'frist' in latency of span 'run'; "
         "did you mean 'first'?"),
        ("latency: {gap: {max: 5}}", "latency of span 'run': gap: max must be a duration"),
        ("latency: {gap: {max: 5 sec}}", "'5 sec' is not a duration such as 250ms, 2s or 5m"),
        ("latency: {gap: {}}", "latency of span 'run': gap limits nothing"),
        ("latency: {gap: {p95: 1s, min_samples: 0}}", "min_samples must be a whole number"),
        ("latency: {first: {after: x, max: 1s}}", "unknown event 'x' in latency of span 'run'"),
        ("order: {before: [a, b]}", "order of span 'run' must be a list, not a mapping"),
        ("order: [{before: [a]}]", "before in order of span 'run' takes 2 or more events"),
        ("order: [{never: a}]", "needs either 'between' or 'after' beside it"),
        ("order: [{responds: {to: a}}]", "responds needs both 'to' and 'with'"),
        ("order: [{responds: {to: a, with: []}}]", "responds needs an event in 'with'"),
        ("order: [{after: a}]", "is one of before, responds, never"),
        ("during: {event: a, sender: clinet}", "did you mean 'client'?"),
        ("during: {event: a, when: {idd: 1}}", "unknown field 'idd' in when; did you mean 'id'?"),
        ("during: {event: c, when: {id: []}}", "when: id is an empty list, so nothing is meant"),
        ("during: {event: a, when: {has: [x]}}", "unknown field 'x' in when: has"),
        ("during: 5", "during of span 'run' must be a word, not 5"),
        ("abort: b", "'b' is both in close and in abort of span 'run'"),
        ("same: [id, id]", "field 'id' is given twice in same of span 'run'"),
        ("same: {absent: differs}", "same of span 'run' needs 'field'"),
        ("same: {field: id, absent: differ}", "did you mean 'differs'?"),
        ("unique: di", "unknown field 'di' in unique of span 'run'; did you mean 'id'?"),
        ("unique: [id, id]", "given twice in unique"),
        ("monotonic: {id: 1}", "monotonic of span 'run': id must be a mapping, not 1"),
        ("monotonic: {id: {by: 0}}", "monotonic of span 'run': by must be a whole number from 1"),
        ("monotonic: {id: {bye: 1}}", "unknown key 'bye' in monotonic of span 'run': id; did you"),
        ("monotonic: {}", "is an empty mapping; it names a field"),
        ("monotonic: [id, {id: {by: 1}}]", "field 'id' is given twice in monotonic"),
        ("during: c, fold: {join: d, equals: id}", "unknown field 'd' in fold of span 'run': join"),
        ("during: c, fold: {join: id}", "fold of span 'run' needs 'equals'"),
        ("during: c, fold: {join: id, sum: id}", "takes exactly one of join, last, sum"),
        ("during: c, fold: id", "fold of span 'run' must be a mapping, not 'id'"),
        ("fold: {last: id, equals: id}", "fold of span 'run' needs 'during'"),
        ("nest: 1", "nest of span 'run' must be true or false, not 1"),
        ("nest: true, once: true", "opens a key again while open, which 'once' forbids"),
        ("nest: true, pair: fifo", "closes the innermost first, 'pair: fifo' the oldest"),
        ("requires: [a, a]", "event 'a' is given twice in requires of span 'run'"),
        ("machine: {}", "machine of span 'run' needs 'start': the state it begins in"),
        ("machine: [a]", "machine of span 'run' must be a mapping, not a list"),
        ("machine: {start: i, i: {a: o}}", "unknown state 'o' in state 'i' of machine of span"),
        ("machine: {start: idel, idle: {}}", "unknown state 'idel' in start of machine of span "
         "'run'; did you mean 'idle'?"),
        ("machine: {start: i, i: {c: i}}", "unknown event 'c' in state 'i' of machine"),
        ("machine: {start: i, i: a}", "state 'i' of machine of span 'run' must be a mapping"),
        ("machine: {start: i, i: {a: i}, o: {}}", "state 'o' of machine of span 'run' is never "
         "reached from 'i'"),
        ("machine: {start: i, end: [o], i: {a: i}}", "state 'o' in end of machine of span 'run'"),
        ("machine: {start: i, i: {a: error}, error: {}}", "cannot be named 'error'"),
        ("machine: {start: i, end: error, i: {a: i}}", "lists 'error', which is no state"),
        ("machine: {start: i, end: [i, i], i: {}}", "'i' is given twice in end of machine"),
        ("once: true, once: true", "duplicate key 'once', first given on line 4"),
    ],
)  # fmt: skip
def test_mistakes_in_a_span(rules: str, message: str) -> None:
    found = inside(rules)
    assert any(message in each for each in found), found
    assert all(re.match(r"c\.yaml:[345]:\d+: ", each) for each in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml:1:1: the contract is empty"),
        ("wsrec: 1", "c.yaml:1:1: the contract states nothing: no events, spans or session"),
        ("- 1", "c.yaml:1:1: the contract must be a mapping, not a list"),
        ("events: {}", "starts with 'wsrec: 1'"),
        ("wsrec: 2\nevents: {}", "c.yaml:1:8: this version reads contracts of 'wsrec: 1', not 2"),
        ("wsrec: 1\nevent: {}", "c.yaml:2:1: unknown key 'event' in the contract; did you mean "
         "'events'?"),
        ("wsrec: 1\nextends: agent-event\nevents: {}", "c.yaml:2:10: extends 'agent-event': no "
         "pack of that name; did you mean 'agent-events'?"),
        ("wsrec: 1\nextends: [x.yaml]\nevents: {}", "c.yaml:2:11: extends 'x.yaml': this contract "
         "has no folder"),
        ("wsrec: 1\nextends: {a: b}\nevents: {}", "extends must be a word, not a mapping"),
        ("wsrec: 1\napplies_to: {}\nevents: {}", "applies_to says nothing; give one of path, "),
        ("wsrec: 1\napplies_to: {pth: /x}\nevents: {}", "did you mean 'path'?"),
        ("wsrec: 1\napplies_to: {path: ws}\nevents: {}", "'ws' never fits; paths begin '/'"),
        ("wsrec: 1\napplies_to: {host: [a, a]}\nevents: {}", "'a' is given twice in applies_to"),
        ("wsrec: 1\napplies_to: {host: 5}\nevents: {}", "applies_to: host must be a word, not 5"),
        ("wsrec: 1\nname: 5\nevents: {}", "c.yaml:2:7: name must be a word, not 5"),
        ("wsrec: 1\nevents: {name: type}", "'type' is not a JSON Pointer: it must start with '/'"),
        ("wsrec: 1\nevents: {name: /a~2}", "'~' must be '~0' or '~1'"),
        ("wsrec: 1\nevents: {name: {only: true}}", "unknown key 'only'"),
        ("wsrec: 1\nevents: {name: {join: [/a], literal: b}}", "is a pointer or one of only_key"),
        ("wsrec: 1\nevents: {fields: {id: /a/*}}", "'*' is not allowed in field 'id'"),
        ("wsrec: 1\nevents: {fields: {has: /a}}", "a field cannot be named 'has'"),
        ("wsrec: 1\nevents: {types: {a: {sender: me}}}", "sender of event 'a' must be one of"),
        ("wsrec: 1\nevents: {types: {a: {schema: x.json}}}", "no folder, so it cannot name files"),
        ("wsrec: 1\nevents: {types: {a: {schema: 'm:T'}}}", "m:T is code, and there is "
         "no m.T.schema.json: freeze it with `wsrec contract freeze --trust-code`"),
        ("wsrec: 1\nevents: {types: {a: {schema: {type: strin}}}}", "not a JSON Schema: at /type"),
        ("wsrec: 1\nevents: {types: {a: {schema: {type: strin}}}}", "; did you mean 'string'?"),
        ("wsrec: 1\nevents: {unknown: error}", "must be one of allow, warn, fail"),
        ("wsrec: 1\nevents: {unknown_fields: error}", "unknown_fields of events must be one of"),
        ("wsrec: 1\nevents: {missing_fields: alow}", "did you mean 'allow'?"),
        ("wsrec: 1\nevents: {types: {a: {missing_fields: 1}}}", "missing_fields of event 'a' must"),
        ("wsrec: 1\nevents: {schemas: []}", "events: schemas is an empty list"),
        ("wsrec: 1\nevents: {schemas: [5]}", "schemas-1: a JSON Schema is an object or a boolean"),
        ("wsrec: 1\nevents: {schemas: {}}", "the schema has no constant at /type"),
        ("wsrec: 1\nevents: {schemas: {anyOf: [{properties: {type: {const: a}}}, {}]}}",
         "c.yaml:2:19: events: schemas: inline:schemas-1: alternative 2 of the schema has no "
         "constant at /type, so nothing says which event it is"),
        ("wsrec: 1\nevents: {schemas: {$defs: {A: {type: object}}, oneOf: [{$ref: '#/$defs/A'}]}}",
         "alternative 'A' has no constant"),
        ("wsrec: 1\nevents: {name: {only_key: true}, schemas: {}}", "schemas needs a pointer in"),
        ("wsrec: 1\nevents:\n  unknown_fields: fail\n"
         "  types: {a: {schema: {items: {$dynamicRef: '#'}}}}",
         "$dynamicRef and $recursiveRef cannot be followed"),
        ("wsrec: 1\ndecode: [{split: ''}, json]\nevents: {}", "split must be a word, not ''"),
        ("wsrec: 1\ndecode: [json, {split: ;}]\nevents: {}", "'split' must stand before the codec"),
        ("wsrec: 1\ndecode: [{split: a}, {split: b}]\nevents: {}", "a second 'split'"),
        ("wsrec: 1\ndecode: [{split: a}, msgpack]\nevents: {}", "msgpack is binary"),
        ("wsrec: 1\ndecode: [{split: 12345678901234567890}]\nevents: {}", "split must be"),
        ("wsrec: 1\ndecode: [{split: abcdefghijklmnopq}]\nevents: {}", "16 characters at most"),
        ("wsrec: 1\ndecode: [{}]\nevents: {}", "a decode step without a key"),
        ('wsrec: 1\nname: "\\ud800"\nevents: {}', "c.yaml:2:7: a lone surrogate"),
        ("wsrec: 1\ndecode: jsn\nevents: {}", "did you mean 'json'?"),
        ("wsrec: 1\ndecode: [json, msgpack]\nevents: {}", "a second codec 'msgpack' after 'json'"),
        ("wsrec: 1\ndecode: [{each: /a}, json]\nevents: {}", "must stand before the 'each' steps"),
        ("wsrec: 1\ndecode: [{when: {/a: 1}}]\nevents: {}", "needs 'each' beside it"),
        ("wsrec: 1\nevents: {fields: {a: /a}}\nsession: {monotonic: {a: {by: 1, equal: allow}}}",
         "'by' and 'equal: allow' exclude each other"),
        ("wsrec: 1\ndecode: [{keep: true}]\nevents: {}", "'keep' in a decode step needs 'each'"),
        ("wsrec: 1\nevents: {fields: {a: {text: b}}}", "unknown key 'text' in field 'a'"),
        ("wsrec: 1\ndecode: [{named: true}]\nevents: {}", "'named' in a decode step needs 'each'"),
        ("wsrec: 1\ndecode: [{each: /a, named: 1}]\nevents: {}", "named must be true or false"),
        ("wsrec: 1\ndecode: [{each: /a, when: {a: 1}}]\nevents: {}", "'a' is not a JSON Pointer"),
        ("wsrec: 1\ndecode: [{kinds: []}]\nevents: {}", "c.yaml:2:18: kinds is an empty list"),
        ("wsrec: 1\ndecode: [{each: /a, when: {/b: []}}]\nevents: {}", "when is an empty list"),
        ("wsrec: 1\ndecode: [{kinds: [texts]}]\nevents: {}", "did you mean 'text'?"),
        ("wsrec: 1\nspans: {s: {}}", "span 's' needs 'open'"),
        ("wsrec: 1\nspans: {s: 5}", "span 's' must be a mapping, not 5"),
        ("wsrec: 1\nspans: {s: {open: a, key: k}}", "span 's' needs 'close'"),
        ("wsrec: 1\nspans: {s: {open: a, close: b}}", "span 's' needs 'key'"),
        ("wsrec: 1\nspans: {s: {open: [], close: b, key: []}}", "span 's' needs 'open'"),
        ("wsrec: 1\nspans: {s: {open: a, close: [], key: []}}", "span 's' needs 'close'"),
        ("wsrec: 1\nspans: {s: {open: a, close: b, key: [], pair: lifo}}", "span 's' needs a key"),
        ("wsrec: 1\nspans: {s: {open: a, close: a, key: []}}", "is both in open and in close"),
        ("wsrec: 1\nspans:\n  a: {in: b, open: x, close: y, key: []}\n"
         "  b: {in: a, open: x, close: y, key: []}", "c.yaml:3:3: span 'a' is inside itself"),
        ("wsrec: 1\nsession: {close_codes: 99}", "a close code must be a whole number from 1000"),
        ("wsrec: 1\nsession: {closed_by: me}", "must be one of client, server, proxy"),
        ("wsrec: 1\nsession: {reconnect: {max: 3s}}", "reconnect needs both 'max' and 'by'"),
        ("wsrec: 1\nsession: {machine: {}}", "machine of session needs 'start'"),
        ("wsrec: 1\nsession: {max_messages: 0}", "max_messages must be a whole number from 1"),
        ("wsrec: 1\nevents: {}\nseverity: {span.missin: off}", "did you mean 'span.missing'?"),
        ("wsrec: 1\nevents: {}\nseverity: {span: loud}", "severity of span must be one of"),
        ("wsrec: 1\nevents: {a: [}", "c.yaml:2:14: not valid YAML"),
        ("wsrec: 1\n\tevents: {}", "c.yaml:2:1: not valid YAML: a tab; only spaces indent"),
        ("wsrec: 1\nname jobs\nevents: {}", "c.yaml:2:1: not valid YAML: a key without ':'"),
        ("wsrec: 1\nevents:\n  name: /t\n   unknown: fail", "c.yaml:4:11: not valid YAML: no ':'"),
        ("wsrec: 1\nevents:\n   name: /t\n  unknown: fail", "c.yaml:4:3: not valid YAML: "
         "this does not go on with what began in line 1; is it indented as much?"),
        ("wsrec: 1\n---\nwsrec: 1", "a second document"),
        ("wsrec: 1\nevents: !!python/object:os.system {}", "is not allowed in a contract"),
        ("wsrec: 1\nevents: &a {name: *a}", "aliases (*a) are not allowed in a contract"),
        ("wsrec: 1\n? [a, b]\n: c", "a key must be a word"),
        ('{"wsrec": 1,\n\t"event": {}}', "c.yaml:2:2: unknown key 'event'"),
        ("[" * 100_000, "nested deeper than"),
        ("- a\n" * 30_000, "more than 20000 values"),
        ("#" * 300_000, "longer than 262144 characters"),
        ("a: \x07", "not valid YAML"),
        ("wsrec: 1\nname: a\0b", "c.yaml:2:8: not valid YAML: the character U+0000"),
        ("wsrec: 1\r\nname: a\x07b", "c.yaml:2:8: not valid YAML: the character U+0007"),
        ('{"wsrec": 1,\n "name": "\\UFFFFFFFF"}', "c.yaml:2:2: not valid YAML: a number too large"),
        ("wsrec: 1\nevents: {a: *a}", "aliases (*a) are not allowed in a contract"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "c.yaml:2:8: aliases (*a) are not allowed"),
        ("wsrec: .nan\nevents: {}", "this version reads contracts of 'wsrec: 1', not '.nan'"),
        ("wsrec: 1\nsession: {max_messages: 1e309}", "must be a whole number"),
        ("wsrec: 1\r\nevents: {}\r\nspan: {}\r\n", "c.yaml:3:1: unknown key 'span'"),
        ("wsrec: 1\nwsrec: 1\nevents: {}", "c.yaml:2:1: duplicate key 'wsrec', first given on"),
        ("wsrec: 1\nevents: {types: {a: {schema: {$ref: 'https://x.example/s.json'}}}}",
         "references are never fetched"),
        ("wsrec: 1\nevents: {types: {a: {schema: {$ref: 'file:///etc/passwd'}}}}",
         "references are never fetched"),
        ("wsrec: 1\nevents: {types: {a: {schema: {pattern: '(a+)\\1'}}}}", "linear time"),
        ("wsrec: 1\nevents: {types: {a: {schema: /etc/passwd}}}", "outside the contract's folder"),
        ("wsrec: 1\nevents: {types: {a: {schema: 'pack:none/x.json'}}}", "no pack of that name"),
        ("wsrec: 1\nevents: {}\nheartbeats: [a, {event: a}]", "'a' is given twice in heartbeats"),
        ("wsrec: 1\nevents: {}\nheartbeats: [{answer: a}]", "heartbeats needs 'event'"),
        ("wsrec: 1\nevents: {}\nheartbeats: [{evnt: a}]", "did you mean 'event'?"),
        ("wsrec: 1\nevents: {}\nheartbeats: {a: b}", "heartbeats must be a list"),
        ("wsrec: 1\nevents: {}\nheartbeats: []", "heartbeats is an empty list"),
    ],
)  # fmt: skip
def test_mistakes_in_a_contract(text: str, message: str) -> None:
    found = mistakes(text)
    assert any(message in each for each in found), found
    assert all("\n" not in each for each in found)


def test_all_mistakes_are_found_in_one_reading_and_in_order() -> None:
    found = mistakes("wsrec: 3\nevents: {nam: /t}\nsession: {idel: 3s}\nseverity: {x: y}\n")
    assert [each.split(":")[1] for each in found] == ["1", "2", "3", "4", "4"]


@pytest.mark.timeout(20)
def test_of_very_many_mistakes_the_first_are_told() -> None:
    types = ", ".join(f"event_{number}: " for number in range(6000))
    words = ", ".join(f"evnt_{number}" for number in range(3000))
    found = mistakes(f"wsrec: 1\nevents: {{types: {{{types}}}}}\nsession:\n  requires: [{words}]\n")

    assert len(found) == MAX_MISTAKES + 1
    assert "unknown event 'evnt_0' in requires of session; did you mean 'event_" in found[0]
    assert found[-1].endswith(f"and more: reading ended here, after {MAX_MISTAKES} mistakes")


def test_the_nearest_word() -> None:
    assert nearest("requires_all", {"requires", "order"}) == "requires"
    assert nearest("zzz", {"requires"}) is None
    assert nearest("x" * 10**6, {"requires"}) is None
    assert nearest("event_77x", {f"event_{number}" for number in range(900)}) == "event_77"


def test_what_there_is_to_choose_from_is_told_once() -> None:
    (found,) = mistakes("wsrec: 1\nevents: {unknown: reject}")
    assert found.endswith("must be one of allow, warn, fail, not 'reject'")


def test_a_folder_that_holds_no_contract_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as told:
        find(str(tmp_path))
    assert str(told.value) == f"{tmp_path}: a folder without a contract.yaml"


DECLARED = ("reply.start", "reply.delta", "hello", "subscribe", "x.ping", "step_1", "message_send")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("reply.strat", "reply.start"),
        ("reply.detla", "reply.delta"),
        ("reply.deelta", "reply.delta"),
        ("repy.delta", "reply.delta"),
        ("reply.dalta", "reply.delta"),
        ("reply_start", "reply.start"),
        ("Reply.Start", "reply.start"),
        ("helo", "hello"),
    ],
)
def test_a_slip_of_the_finger(word: str, meant: str) -> None:
    assert slip_of(word, DECLARED) == meant


@pytest.mark.parametrize(
    "word",
    ["subscribed", "unsubscribe", "x.pong", "step_2", "message_sent", "reply.stop", "reply.start",
     "prereply.start", "zzz", ""],
)  # fmt: skip
def test_another_word_is_no_slip(word: str) -> None:
    assert slip_of(word, DECLARED) is None


RULES = """wsrec: 1
events:
  fields: {id: /id}
  alias: {greeting: %(hello)s}
  types: {hello: , turn.start: , turn.delta: , turn.end: }
spans:
  turn:
    key: id
    open: %(start)s
    during: {event: %(delta)s}
    close: turn.end
session:
  first: %(hello)s
  order: [{before: [%(start)s, turn.end]}]
heartbeats: [{event: %(hello)s, answer: %(delta)s}]
"""
CORRECT = {"hello": "hello", "start": "turn.start", "delta": "turn.delta"}


def test_a_name_that_is_most_likely_misspelt_is_told_and_nothing_is_refused() -> None:
    contract = parse(RULES % {"hello": "helo", "start": "turn.strat", "delta": "turn.dlta"}, "c")

    assert [str(doubt).replace(" is no event of 'types'", "") for doubt in contract.doubts] == [
        "c:4:21: warning: 'helo' in alias 'greeting'; did you mean 'hello'?",
        "c:9:11: warning: 'turn.strat' in open of span 'turn'; did you mean 'turn.start'?",
        "c:10:21: warning: 'turn.dlta' in during of span 'turn'; did you mean 'turn.delta'?",
        "c:13:10: warning: 'helo' in first of session; did you mean 'hello'?",
        "c:14:21: warning: 'turn.strat' in order of session: before; did you mean 'turn.start'?",
        "c:15:22: warning: 'helo' in heartbeats; did you mean 'hello'?",
        "c:15:36: warning: 'turn.dlta' in heartbeats; did you mean 'turn.delta'?",
    ]


def test_where_no_types_are_declared_there_is_nothing_to_misspell() -> None:
    assert parse(RULES % CORRECT, "c").doubts == ()
    assert parse("wsrec: 1\nevents: {}\nsession: {first: helo, last: hello}\n", "c").doubts == ()


@pytest.mark.parametrize("pack", packs())
def test_no_pack_raises_a_doubt(pack: str) -> None:
    assert find(pack).doubts == ()


SCHEMA = """wsrec: 1
events:
  types:
    a:
      schema:
        requird: [type]
        properties: {maxLenght: {maxLenght: 5}, b: {items: {propertis: {}}}}
        anyOf: [{require: [b]}]
        default: {requird: 1}
        dependentRequired: {requird: [b]}
        x-note: ours
        enumNames: [ours]
        nullable: true
"""


def test_a_keyword_of_a_schema_that_is_most_likely_misspelt_is_told() -> None:
    said = "is no keyword of JSON Schema, so it says nothing; did you mean"
    assert [str(doubt) for doubt in parse(SCHEMA, "c").doubts] == [
        f"c:6:9: warning: 'requird' {said} 'required'?",
        f"c:7:34: warning: 'maxLenght' {said} 'maxLength'?",
        f"c:7:61: warning: 'propertis' {said} 'properties'?",
        f"c:8:18: warning: 'require' {said} 'required'?",
    ]


def test_bytes_that_are_no_text_have_a_place(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("wsrec: 1\nname: \u00e9".encode() + b"\xff")
    with pytest.raises(ContractError) as told:
        find(str(tmp_path / "c.yaml"))
    assert str(told.value).endswith("c.yaml:2:8: not a text file (UTF-8): the byte 0xFF")
