"""How a connection says whose it is: a user, and one of the user's threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlencode

from yarl import URL

__all__ = ["Identify", "addressed"]

Identify = (
    Literal["query", "headers"]
    | Callable[[str | None, str | None], tuple[Mapping[str, str], Mapping[str, str]]]
)
"""Where `user_id` and `thread_id` go:

- `query`: query parameters of these names, behind those that the URL has;
- `headers`: `X-User-ID` and `X-Thread-ID`;
- a function that is called with both and returns the query parameters and the headers to add.
"""


def addressed(
    url: str, identify: Identify, user_id: str | None, thread_id: str | None
) -> tuple[URL, Mapping[str, str]]:
    """Return the URL that is asked for, and the headers to add.

    Raises:
        ValueError: the URL is no ws or wss URL, or `identify` is none of the three.
    """
    parsed = URL(url, encoded=True)  # what it has of a query goes out as it is written
    if parsed.scheme not in ("ws", "wss") or not parsed.host:
        raise ValueError(f"{url!r}: expected a ws or wss URL such as ws://127.0.0.1:8000/ws")
    query, headers = _sent(identify, user_id, thread_id)
    if query:
        text = "&".join(filter(None, (parsed.raw_query_string, urlencode(query))))
        parsed = URL.build(
            scheme=parsed.scheme,
            authority=parsed.raw_authority,
            path=parsed.raw_path,
            query_string=text,
            encoded=True,
        )
    return parsed, headers


def _sent(
    identify: Identify, user_id: str | None, thread_id: str | None
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    if callable(identify):
        return identify(user_id, thread_id)
    if identify == "query":
        return _given(user_id=user_id, thread_id=thread_id), {}
    if identify == "headers":
        return {}, _given(**{"X-User-ID": user_id, "X-Thread-ID": thread_id})
    raise ValueError(f"identify={identify!r}: expected 'query', 'headers' or a function")


def _given(**values: str | None) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if value is not None}
