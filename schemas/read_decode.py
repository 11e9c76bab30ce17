"""Reads `decode`, from messages to objects, and `applies_to`, which sessions are judged."""

from __future__ import annotations

from typing import Final

from .model import AppliesTo, Codec, Decode, Each
from .reader import Reader
from .source import Node

__all__ = ["APPLIES_KEYS", "CODECS", "STEP_KEYS", "read_applies_to", "read_decode"]

CODECS: Final[tuple[Codec, ...]] = (
    "json", "ndjson", "msgpack", "jsonrpc", "socketio", "jupyter",
)  # fmt: skip
STEP_KEYS: Final = ("split", "each", "when", "keep", "named", "kinds")
APPLIES_KEYS: Final = ("path", "subprotocol", "host")
MAX_SEPARATOR: Final = 16


def read_decode(reader: Reader, node: Node | None) -> Decode:
    """Return the decode steps; without any, each message is one JSON text."""
    codec: Codec | None = None
    each: list[Each] = []
    kinds = Decode().kinds
    split: str | None = None
    for item in reader.one_or_many(node):
        if not isinstance(item.value, dict):
            word = reader.text(item, "a decode step")
            if codec is not None and word in CODECS:
                reader.wrong(item, f"a second codec {word!r} after {codec!r}; a message has one")
            elif each and word:
                reader.wrong(item, f"codec {word!r} must stand before the 'each' steps")
            elif word:
                codec = reader.choice(item, "a decode step", CODECS, "json")
            continue
        step = reader.keys(item, "a decode step", STEP_KEYS)
        if not step and not item.value:
            reader.wrong(item, "a decode step without a key; one of split, each, kinds")
        if "kinds" in step:
            words = reader.one_or_many(step["kinds"])
            if not words:
                reader.wrong(step["kinds"], "kinds is an empty list, so no message is meant")
            kinds = tuple(
                reader.choice(word, "kinds", ("text", "binary"), "text") for word in words
            )
        if "split" in step:
            if split is not None:
                reader.wrong(step["split"], "a second 'split'; a message is split once")
            elif codec is not None or each:
                reader.wrong(step["split"], "'split' must stand before the codec")
            split = _separator(reader, step["split"])
        if "each" in step:
            each.append(_each(reader, step))
        for key in ("when", "keep", "named"):
            if key in step and "each" not in step:
                reader.wrong(item, f"{key!r} in a decode step needs 'each' beside it")
    if split is not None and codec in ("msgpack", "jupyter"):
        assert node is not None  # it had steps
        reader.wrong(node, f"'split' takes texts apart; {codec} is binary")
    return Decode(codec or "json", tuple(each), kinds, split)


def _separator(reader: Reader, node: Node) -> str:
    text = reader.text(node, "split")
    if len(text) > MAX_SEPARATOR:
        reader.wrong(node, f"split must be {MAX_SEPARATOR} characters at most")
    return text


def _each(reader: Reader, step: dict[str, Node]) -> Each:
    return Each(
        reader.pointer(step["each"], "each", star=True),
        tuple(
            (reader.pointer(key, "a key of 'when' in decode"), reader.scalars(item, "when"))
            for key, item in reader.entries(step.get("when"), "when").values()
        ),
        reader.boolean(step.get("named"), "named", default=False),
        reader.boolean(step.get("keep"), "keep", default=False),
    )


def read_applies_to(reader: Reader, node: Node | None) -> AppliesTo:
    """Return `applies_to`: patterns and names, each one or a list."""
    found = reader.keys(node, "applies_to", APPLIES_KEYS)
    if node is not None and node.value == {}:
        expected = ", ".join(APPLIES_KEYS)
        reader.wrong(node, f"applies_to says nothing; give one of {expected}")
    paths = reader.texts(found.get("path"), "applies_to: path")
    if "path" in found:
        for item in reader.one_or_many(found["path"]):
            if isinstance(item.value, str) and not item.value.startswith(("/", "*", "?", "[")):
                reader.wrong(item, f"applies_to: path {item.value!r} never fits; paths begin '/'")
    return AppliesTo(
        paths,
        reader.texts(found.get("subprotocol"), "applies_to: subprotocol"),
        reader.texts(found.get("host"), "applies_to: host"),
    )
