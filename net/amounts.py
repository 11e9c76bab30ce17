"""Times, sizes and choices as settings say them; what is wrong names the setting.

The library takes them as the command line does, and not everybody has types checked there.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ..schemas.durations import parse_duration
from ..schemas.sizes import parse_size
from .errors import SettingError

__all__ = ["interval", "one_of", "positive", "seconds", "size"]

_LONG = {"d": 86_400, "w": 604_800}


def seconds(text: str, name: str) -> float:
    """Return the seconds that `--name` says.

    Raises:
        SettingError: it is no time.
    """
    try:
        return parse_duration(str(text)) / 1e9
    except ValueError as error:
        raise SettingError(f"--{name}: {error}") from error


def positive(text: str, name: str) -> float:
    """Return the seconds that `--name` says, more than none.

    Raises:
        SettingError: it is no time, or none is left.
    """
    time = seconds(text, name)
    if not time:
        raise SettingError(f"--{name}: {text!r} leaves no time at all")
    return time


def interval(text: str, name: str) -> float:
    """Return seconds, of a time that may also be in days and weeks, such as `1d`.

    Raises:
        SettingError: it is no time, or none is left.
    """
    if match := re.fullmatch(r"([0-9]{1,6})([dw])", str(text)):
        return positive(f"{int(match[1]) * _LONG[match[2]]}s", name)
    return positive(text, name)


def size(text: str, name: str, least: str, most: str | None = None) -> int:
    """Return the bytes that `--name` says, from `least` on and below `most`.

    Raises:
        SettingError: it is no size, or another one.
    """
    try:
        number = parse_size(str(text))
    except ValueError as error:
        raise SettingError(f"--{name}: {error}") from error
    if most is not None and not parse_size(least) <= number < parse_size(most):
        raise SettingError(f"--{name}: {text!r} is not between {least} and {most}")
    if number < parse_size(least):
        raise SettingError(f"--{name}: {text!r} is less than {least}")
    return number


def one_of(value: str | None, name: str, values: Collection[str | None]) -> None:
    """Refuse a value that is none of those there are; None may be one.

    Raises:
        SettingError: it is.
    """
    if value not in values:
        known = ", ".join(each for each in values if each is not None)
        raise SettingError(f"{name}: {value!r} is none of {known}")
