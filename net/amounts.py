"""Times and sizes on the command line; what is wrong names the option."""

from __future__ import annotations

import re

from ..schemas.durations import parse_duration
from ..schemas.sizes import parse_size
from .errors import SettingError

__all__ = ["interval", "positive", "seconds", "size"]

_LONG = {"d": 86_400, "w": 604_800}


def seconds(text: str, name: str) -> float:
    """Return the seconds that `--name` says.

    Raises:
        SettingError: it is no time.
    """
    try:
        return parse_duration(text) / 1e9
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
    if match := re.fullmatch(r"([0-9]{1,6})([dw])", text):
        return positive(f"{int(match[1]) * _LONG[match[2]]}s", name)
    return positive(text, name)


def size(text: str, name: str, least: str, most: str | None = None) -> int:
    """Return the bytes that `--name` says, from `least` on and below `most`.

    Raises:
        SettingError: it is no size, or another one.
    """
    try:
        number = parse_size(text)
    except ValueError as error:
        raise SettingError(f"--{name}: {error}") from error
    if most is not None and not parse_size(least) <= number < parse_size(most):
        raise SettingError(f"--{name}: {text!r} is not between {least} and {most}")
    if number < parse_size(least):
        raise SettingError(f"--{name}: {text!r} is less than {least}")
    return number
