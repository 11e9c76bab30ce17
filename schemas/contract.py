"""Loads a contract: text in, a frozen Contract or every mistake in it out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from .codes import CODES, SEVERITIES, Severity
from .extends import Source, merged, resolved
from .folders import Files, files_of, packs_only, read_text
from .jsonschemas import SchemaFiles
from .mistakes import ContractError, Mistake
from .model import Contract
from .models import Models
from .read_decode import read_applies_to, read_decode
from .read_events import read_events
from .read_names import Names, rule_names
from .read_schemas import Schemas
from .read_spans import read_session, read_spans, unknown_code
from .reader import Reader
from .source import Node, write

__all__ = ["CONTRACT_KEYS", "HEARTBEAT_KEYS", "freeze", "load", "parse", "show"]

CONTRACT_KEYS: Final = (
    "wsrec", "name", "description", "extends", "applies_to",
    "decode", "events", "spans", "session", "heartbeats", "severity",
)  # fmt: skip
HEARTBEAT_KEYS: Final = ("event", "answer")


def parse(
    text: str, origin: str, files: Files = packs_only, models: Models | None = None
) -> Contract:
    """Return the contract in `text`, YAML or JSON.

    `origin` is its name in messages; `files` gives the text of a file of its folder, or of a pack,
    and raises OSError or ValueError; `models` makes the schemas of types, where code is trusted.
    Raises ContractError with all mistakes.
    """
    reader = Reader()
    tree = merged(reader, Source(origin, text), files)
    root = tree.root
    found = reader.keys(root, "the contract", CONTRACT_KEYS)
    if not root.value:
        reader.finish()
    if not found.keys() & {"events", "spans", "session"}:
        reader.wrong(root, "the contract states nothing: no events, spans or session")
    schemas = Schemas(SchemaFiles(files), tree.folders, models)
    events = read_events(reader, found.get("events"), schemas)
    names = rule_names(found.get("spans"), events)
    contract = Contract(
        reader.text(found["name"], "name") if "name" in found else Path(origin).stem,
        origin,
        text,
        reader.text(found["description"], "description") if "description" in found else "",
        extends=tree.bases,
        applies_to=read_applies_to(reader, found.get("applies_to")),
        decode=read_decode(reader, found.get("decode")),
        events=events,
        spans=read_spans(reader, found.get("spans"), names),
        session=read_session(reader, found.get("session"), names),
        heartbeats=_heartbeats(reader, found.get("heartbeats"), names),
        severity=_severity(reader, found.get("severity")),
    )
    reader.finish()
    return replace(contract, doubts=tuple(sorted(set(reader.doubts))))


def _heartbeats(
    reader: Reader, node: Node | None, names: Names
) -> tuple[tuple[str, str | None], ...]:
    found: dict[str, str | None] = {}
    if node is not None and node.value == []:
        reader.wrong(node, "heartbeats is an empty list")
    for item in reader.items(node, "heartbeats"):
        named, answer = item, None
        if isinstance(item.value, dict):
            parts = reader.keys(item, "heartbeats", HEARTBEAT_KEYS)
            if "event" not in parts:
                reader.wrong(item, "heartbeats needs 'event': what only says that a peer is there")
                continue
            named = parts["event"]
            if "answer" in parts:
                answer = reader.text(parts["answer"], "answer in heartbeats")
                reader.declared(parts["answer"], answer, "heartbeats", names.declared)
        event = reader.text(named, "heartbeats")
        reader.declared(named, event, "heartbeats", names.declared)
        if event in found:
            reader.wrong(named, f"event {event!r} is given twice in heartbeats")
        found[event] = answer
    return tuple(found.items())


def _severity(
    reader: Reader, node: Node | None
) -> tuple[tuple[str, Severity | Literal["off"]], ...]:
    found: list[tuple[str, Severity | Literal["off"]]] = []
    levels: tuple[Severity | Literal["off"], ...] = (*SEVERITIES, "off")
    for word, (key, item) in reader.entries(node, "severity").items():
        message = unknown_code(word, set(CODES))
        if message is not None:
            reader.wrong(key, message)
        found.append((word, reader.choice(item, f"severity of {word}", levels, "error")))
    return tuple(found)


def load(
    path: Path,
    origin: str | None = None,
    keep: Callable[[str, str], object] = lambda name, text: None,
    *,
    trust_code: bool = False,
) -> Contract:
    """Return the contract in a file; what it names may only come from the file's own folder.

    Args:
        path: the file.
        origin: what it is called in messages, instead of its path.
        keep: called with name and text of each file that is read, relative to the folder; and of
            each type's schema, as if it were frozen.
        trust_code: import the modules of `module:Type`, which runs them.

    Raises:
        ContractError: with all its mistakes, also when the file cannot be read.
    """
    origin = origin or str(path)
    text = _text(path, origin)
    keep(path.name, text)
    folder = path.resolve().parent
    with Models(folder) if trust_code else nullcontext() as models:
        contract = parse(text, origin, files_of(folder, keep), models)
    for name, schema in models.texts.items() if models else ():
        keep(name, schema)
    return contract


def freeze(path: Path) -> dict[str, str]:
    """Return the schemas of all types that a contract names, by the name of the file for each.

    This imports the types' modules. Raises ContractError.
    """
    folder = path.resolve().parent
    with Models(folder) as models:
        parse(_text(path, str(path)), str(path), files_of(folder), models)
    return dict(sorted(models.texts.items()))


def show(path: Path, origin: str | None = None) -> str:
    """Return a contract merged with all it extends, as YAML; raises ContractError."""
    origin = origin or str(path)
    return show_text(_text(path, origin), origin, files_of(path.resolve().parent))


def show_text(text: str, origin: str, files: Files) -> str:
    """Do what `show` does for a contract's text; the arguments are those of `parse`."""
    reader = Reader()
    tree = merged(reader, Source(origin, text), files)
    reader.finish()
    return write(resolved(tree))


def _text(path: Path, origin: str) -> str:
    try:
        return read_text(path)
    except OSError as error:
        message = error.strerror or "cannot be read"
        raise ContractError([Mistake(origin, 0, 0, message)]) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        text = f"not a text file (UTF-8): the byte 0x{error.object[error.start]:02X}"
        raise ContractError([Mistake(origin, line, column, text)]) from None
    except ValueError:
        raise ContractError([Mistake(origin, 0, 0, "far too long for a contract")]) from None
