"""Which values look like ids that somebody made up, and which two may stand for each other."""

from __future__ import annotations

import re
from functools import lru_cache
from random import Random
from typing import Final

__all__ = [
    "LONG",
    "alike",
    "by_chance",
    "is_id",
    "kind",
    "may_be_random",
    "names_id",
    "renewed",
    "word",
]

LONG: Final = 8
"""Ids of so many characters are also found inside longer texts."""

_ID: Final = re.compile(r"[!-~]{1,128}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_KIND: Final = (14, 19)
"""Where its version and variant stand."""
_HEX: Final = re.compile(r"[0-9a-f]{8,128}|[0-9A-F]{8,128}")
_DIGITS: Final = re.compile(r"[0-9]{16,40}")
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_PREFIX: Final = re.compile(r"([A-Za-z][A-Za-z0-9]{0,23}(?:_[a-z]{2,12}){0,2}?)([_-])(.{6,})")
_DIGIT: Final = re.compile(r"[0-9]")
_MIXED: Final = re.compile(r"[0-9]|[a-z].*[A-Z]|[A-Z].*[a-z]|\A.\Z")
"""What stands before `_` or `-`: it is rather where a random id has that by chance."""
_ONE_CASE: Final = re.compile(r"[a-z_-]*|[A-Z_-]*")
_TOLD: Final = 12
"""Characters of an id that may look like a word by chance."""
_ANYHOW: Final = "random "
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_CHANGE: Final = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_ROUGH: Final = 5
_ROUGH_LETTERS: Final = 3
"""In a random run letters of either case and digits follow each other without order: every fifth
place at least is one where they change, every third where there are letters alone. In words,
dates and versions there are fewer."""


def is_id(text: str) -> bool:
    """Say whether a text can be an id at all: printable, without spaces, not too long."""
    return _ID.fullmatch(text) is not None


def word(text: str) -> bool:
    """Say whether an id is rather a name that somebody gave, like `python` or `weather-agent`."""
    if _DIGIT.search(text) or len(text) >= 32:
        return False
    return text.islower() or text.isupper() or not _random(text)


def may_be_random(text: str) -> bool:
    """Say whether a text that looks like a word may be a random id all the same."""
    return len(text) >= _TOLD and not text.islower() and not text.isupper()


def by_chance(recorded: str, live: str) -> bool:
    """Say whether one of two texts looks like a word by chance, as the other one tells."""
    odd, other = (recorded, live) if word(recorded) else (live, recorded)
    if len(odd) != len(other) or not may_be_random(odd):
        return False
    return kind(other) is not None or (may_be_random(other) and not word(other))


def names_id(path: tuple[str, ...]) -> bool:
    """Say whether a member is one for ids by its name; an item of a list, by the list's name."""
    if not path:
        return False
    name = path[-1]
    if name.isdecimal() and len(path) > 1:
        name = path[-2].removesuffix("s")
    return name in ("id", "sid", "uuid", "guid") or name.endswith(
        ("_id", "Id", "ID", "_sid", "Sid", "_uuid", "Uuid")
    )


def _random(run: str) -> bool:
    rough = _ROUGH if _DIGIT.search(run) else _ROUGH_LETTERS
    return len(_CHANGE.findall(run)) * rough >= len(run) - 1


def _is_hex(text: str) -> bool:
    if _HEX.fullmatch(text) is None or text.isdecimal():
        return False
    return len(text) >= 32 or _DIGIT.search(text) is not None


def kind(text: str) -> str | None:
    """Return what kind of id a text looks like; None: like none. Equal kinds may be exchanged."""
    return _kind(text) if LONG <= len(text) <= 128 else None


@lru_cache(maxsize=4096)
def _kind(text: str) -> str | None:
    if _UUID.fullmatch(text):
        return "uuid"
    if _is_hex(text):
        return f"hex {len(text)}"
    if _DIGITS.fullmatch(text):
        return "digits"
    if _ULID.fullmatch(text):
        return "ulid"
    prefixed = _PREFIX.fullmatch(text)
    random = _URL_SAFE.fullmatch(text) is not None and _is_random(text)
    if (
        prefixed is not None
        and _is_random(prefixed[3])
        and not (random and _MIXED.search(prefixed[1]))
    ):
        return f"{prefixed[1]}{prefixed[2]}"
    return f"{_ANYHOW}{len(text) // 8}" if random else None


def alike(recorded: str, live: str) -> bool:
    """Say whether two ids are of one kind.

    One random id in some dozens looks like none, for want of a digit or of changes between upper
    and lower case, or as if it began with a prefix: it is known by the other one, which is as
    long and, if that has a prefix, begins with the same.
    """
    sort, other = kind(recorded), kind(live)
    if sort == other:
        return sort is not None
    if len(recorded) != len(live) or not _URL_SAFE.fullmatch(recorded + live):
        return False
    if sort is not None and other is not None:
        return _ANYHOW in (sort[: len(_ANYHOW)], other[: len(_ANYHOW)])
    odd, prefix = (live, _prefix(recorded)) if other is None else (recorded, _prefix(live))
    rest = odd.removeprefix(prefix)
    return odd.startswith(prefix) and len(rest) >= LONG and not _ONE_CASE.fullmatch(rest)


def _prefix(text: str) -> str:
    """Return the prefix by which an id is of its kind."""
    found = kind(text) or ""
    return found if text.startswith(found) else ""


def _is_random(text: str) -> bool:
    """Say whether a run of letters and digits in it, long enough to tell, is random."""
    if _UUID.fullmatch(text) or _is_hex(text):
        return True
    if not _URL_SAFE.fullmatch(text.ljust(16, "_")):
        return False
    return any(len(run) >= LONG and _random(run) for run in _RUN.findall(text))


def renewed(text: str, random: Random) -> str:
    """Return another id of the same kind: each letter and digit of it by one of its sort."""
    prefixed = None if _UUID.fullmatch(text) else _PREFIX.fullmatch(text)
    kept = "" if prefixed is None else prefixed[1] + prefixed[2]
    rest = text.removeprefix(kept)
    uuid = _UUID.fullmatch(rest) is not None
    letters = "abcdef" if uuid or _HEX.fullmatch(rest) else "abcdefghjkmnpqrstvwxyz"
    found = []
    for place, each in enumerate(rest):
        if place == 0 or (uuid and place in _UUID_KIND):
            found.append(each)  # a ULID does not begin with any character, nor a number with 0
        elif each.isdecimal():
            found.append(random.choice("0123456789"))
        elif each.isalpha():
            new = random.choice(letters)  # those that a ULID may have
            found.append(new.upper() if each.isupper() else new)
        else:
            found.append(each)
    return kept + "".join(found)
