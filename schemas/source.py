"""YAML or JSON text as a tree of nodes that know their line and column.

Built from the parser's flat event stream, so that depth, size and aliases are
bounded while reading: nothing recurses and no alias is ever expanded. Scalars
follow YAML 1.2's core schema (`on` and `yes` are words, `1:30` is not a
number); tags other than the standard ones are refused, so nothing is ever
constructed from the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

import yaml

from .mistakes import ContractError, Mistake

__all__ = ["Node", "read", "write"]

MAX_CHARS: Final = 256 * 1024
MAX_DEPTH: Final = 48
MAX_NODES: Final = 20_000

_INT: Final = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\Z")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS: Final = {"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE: Final = re.compile("[\ud800-\udfff]")

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands; line and column count from 1."""

    line: int
    column: int
    value: Scalar | list[Node] | dict[str, tuple[Node, Node]]
    """A mapping keeps the node of each key beside that of its value."""
    origin: str
    """What messages call the file that it stands in."""

    @property
    def kind(self) -> str:
        """What the value is, in the words of an error message."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        return repr(self.value) if len(str(self.value)) < 60 else "a long text"

    def plain(self) -> object:
        """Return the value without places, as a JSON decoder would."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, (_, item) in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if event.style is not None or event.tag in _TAGS:
        # JSON spells a character beyond the BMP as two escapes; YAML reads each for itself.
        return _PAIR.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
        )
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


class _Builder:
    """Folds parser events into nodes."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.mistakes: list[Mistake] = []
        self.root: Node | None = None
        self.open: list[Node] = []
        self.keys: list[Node | None] = []
        """For each open node: the key that waits for its value."""
        self.count = 0
        self.last = (1, 1)
        """Line and column of what was read last."""

    def stop(self, line: int, column: int, message: str) -> NoReturn:
        raise ContractError([*self.mistakes, Mistake(self.origin, line, column, message)])

    def place(self, node: Node) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self.stop(node.line, node.column, f"more than {MAX_NODES} values in one contract")
        if not self.open:
            if self.root is not None:
                self.stop(node.line, node.column, "a second document; a contract is one document")
            self.root = node
            return
        parent = self.open[-1].value
        if isinstance(parent, list):
            parent.append(node)
            return
        assert isinstance(parent, dict)  # only these two are ever opened
        key = self.keys[-1]
        if key is None:
            if isinstance(node.value, dict | list):
                self.stop(node.line, node.column, "a key must be a word, not a list or mapping")
            self.keys[-1] = node
            return
        self.keys[-1] = None
        name = key.value if isinstance(key.value, str) else str(key.plain())
        if name in parent:
            first = parent[name][0].line
            message = f"duplicate key {name!r}, first given on line {first}"
            self.mistakes.append(Mistake(self.origin, key.line, key.column, message))
            return
        parent[name] = (key, node)

    def take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        assert mark is not None  # the parser always sets it
        line, column = self.last = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            self.stop(line, column, f"aliases (*{event.anchor}) are not allowed in a contract")
        if isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.AliasEvent):
            tag = getattr(event, "tag", None)
            if tag is not None and tag not in _TAGS:
                self.stop(line, column, f"the tag {tag!r} is not allowed in a contract")
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
            if isinstance(value, str) and _LONE.search(value):
                self.stop(line, column, "a lone surrogate, which is no character")
            self.place(Node(line, column, value, self.origin))
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            empty: list[Node] | dict[str, tuple[Node, Node]] = (
                [] if isinstance(event, yaml.SequenceStartEvent) else {}
            )
            opened = Node(line, column, empty, self.origin)
            self.place(opened)
            self.open.append(opened)
            self.keys.append(None)
            if len(self.open) > MAX_DEPTH:
                self.stop(line, column, f"nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self.open.pop()
            self.keys.pop()


def _plainly(error: yaml.MarkedYAMLError) -> tuple[int, int, str]:
    """Return line and column of what is wrong, and it in words that need no grammar of YAML."""
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "not YAML"
    began = error.context_mark
    if problem == "could not find expected ':'" and began is not None:
        mark, problem = began, "a key without ':' behind it"
    elif problem.startswith("expected <block end>") and began is not None:
        problem = f"this does not go on with what began in line {began.line + 1}; is it indented"
        problem += " as much?"
    elif problem == "mapping values are not allowed here":
        problem = "no ':' here: indent this line as the one before, or quote a text that has one"
    elif problem == "found character '\\t' that cannot start any token":
        problem = "a tab; only spaces indent"
    return (mark.line + 1, mark.column + 1, problem) if mark else (0, 0, problem)


def read(text: str, origin: str) -> Node:
    """Return the one document in `text`; `origin` is its name in messages.

    Raises ContractError: not YAML, not one document, too large or deep, a
    duplicate key, an alias or a foreign tag.
    """
    builder = _Builder(origin)
    if len(text) > MAX_CHARS:
        builder.stop(0, 0, f"longer than {MAX_CHARS} characters")
    if text.lstrip()[:1] in ("{", "["):
        # JSON may be indented with tabs, YAML may not; no JSON string holds a raw tab.
        text = text.replace("\t", " ")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line, column, problem = _plainly(error)
        builder.stop(line, column, f"not valid YAML: {problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        builder.stop(line, column, f"not valid YAML: the character U+{error.character:04X}")
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        # The parser's own arithmetic: an escape beyond Unicode, a version of thousands of digits.
        builder.stop(*builder.last, "not valid YAML: a number too large, behind this place")
    if builder.root is None:
        builder.stop(1, 1, "the contract is empty")
    if builder.mistakes:
        raise ContractError(builder.mistakes)
    return builder.root


class _Writer(yaml.SafeDumper):
    """Writes what `read` reads back: words that would be something else are in quotes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _word(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    other = text in _WORDS or _INT.match(text) or _FLOAT.match(text)
    plain = text.isprintable() and not other
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Writer.add_representer(str, _word)


def write(node: Node) -> str:
    """Return a tree as YAML, in its order, without the comments it was read with."""
    text: str = yaml.dump(
        node.plain(), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100
    )
    return text
