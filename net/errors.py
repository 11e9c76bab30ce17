"""What an operator can get wrong."""

from __future__ import annotations

__all__ = ["SettingError"]


class SettingError(ValueError):
    """A setting that cannot be used; the message is one line for people, and names it."""
