"""Loads a contract: text in, a frozen Contract or every mistake in it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from .codes import CODES, SEVERITIES, Severity
from .jsonschemas import MAX_CHARS, SchemaFiles
from .mistakes import ContractError, Mistake
from .model import Contract
from .read_decode import read_applies_to, read_decode
from .read_events import read_events
from .read_names import rule_names
from .read_spans import read_session, read_spans, unknown_code
from .reader import Reader
from .source import Node, read

__all__ = ["CONTRACT_KEYS", "load", "parse"]

CONTRACT_KEYS: Final = (
    "wsrec", "name", "description", "applies_to",
    "decode", "events", "spans", "session", "severity",
)  # fmt: skip
CONTRACT_LATER: Final = ("extends",)


def _nowhere(name: str) -> str:
    raise ValueError("this contract has no folder, so it cannot name files")


def parse(text: str, origin: str, files: Callable[[str], str] = _nowhere) -> Contract:
    """Return the contract in `text`, YAML or JSON.

    `origin` is its name in messages; `files` gives the text of a file of its
    folder and raises OSError or ValueError. Raises ContractError with all mistakes.
    """
    root = read(text, origin)
    reader = Reader(origin)
    found = reader.keys(root, "the contract", CONTRACT_KEYS, CONTRACT_LATER)
    if not isinstance(root.value, dict):
        reader.finish()
    if "wsrec" not in found:
        reader.wrong(root, "a contract starts with 'wsrec: 1', the version of its language")
    elif found["wsrec"].value != 1 or isinstance(found["wsrec"].value, bool):
        node = found["wsrec"]
        reader.wrong(node, f"this version reads contracts of 'wsrec: 1', not {node.kind}")
    if not found.keys() & {"events", "spans", "session"}:
        reader.wrong(root, "the contract states nothing: no events, spans or session")
    events = read_events(reader, found.get("events"), SchemaFiles(files))
    names = rule_names(found.get("spans"), events)
    contract = Contract(
        reader.text(found["name"], "name") if "name" in found else Path(origin).stem,
        origin,
        text,
        reader.text(found["description"], "description") if "description" in found else "",
        applies_to=read_applies_to(reader, found.get("applies_to")),
        decode=read_decode(reader, found.get("decode")),
        events=events,
        spans=read_spans(reader, found.get("spans"), names),
        session=read_session(reader, found.get("session"), names),
        severity=_severity(reader, found.get("severity")),
    )
    reader.finish()
    return contract


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


def load(path: Path, origin: str | None = None) -> Contract:
    """Return the contract in a file; its schemas may only come from the file's own folder.

    `origin` is what it is called in messages, instead of its path. Raises ContractError, also
    when the file cannot be read.
    """
    origin = origin or str(path)
    folder = path.resolve().parent

    def files(name: str) -> str:
        target = (folder / name).resolve()
        if not target.is_relative_to(folder):
            raise ValueError("it is outside the contract's folder")
        if target.is_file() and target.stat().st_size > MAX_CHARS:
            raise ValueError(f"it is longer than {MAX_CHARS} bytes")
        return target.read_text("utf-8")

    try:
        if path.is_file() and path.stat().st_size > MAX_CHARS:
            raise ContractError([Mistake(origin, 0, 0, "far too long for a contract")])
        text = path.read_text("utf-8-sig")
    except OSError as error:
        message = error.strerror or "cannot be read"
        raise ContractError([Mistake(origin, 0, 0, message)]) from None
    except UnicodeDecodeError:
        raise ContractError([Mistake(origin, 0, 0, "not a text file (UTF-8)")]) from None
    return parse(text, origin, files)
