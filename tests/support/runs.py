"""Runs with items and their parts, for contracts with any rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Value", "conversation"]

Value = dict[str, Any]


def conversation(runs: Sequence[Sequence[int]], *, crossed: bool) -> list[Value]:
    """`hello`, then runs with items of so many deltas; `crossed`: the runs take turns."""
    talks: list[list[Value]] = []
    for number, items in enumerate(runs):
        ids: Value = {"run": f"r{number}", "who": "u"}
        talk: list[Value] = [{"type": "run_started", **ids}, {"type": "progress", **ids}]
        for item, deltas in enumerate(items):
            of = {**ids, "item": f"r{number}i{item}"}
            talk.append({"type": "item_added", **of})
            parts = [f"{number}.{item}.{part} " for part in range(deltas)]
            for n, part in enumerate(parts, 1):
                talk.append({"type": "item_delta", **of, "delta": part, "n": n})
            talk.append({"type": "item_done", **of, "text": "".join(parts), "total": deltas})
        talks.append([*talk, {"type": "progress", **ids}, {"type": "run_finished", **ids}])
    merged: list[Value] = [{"type": "hello", "who": "u"}]
    if crossed:
        longest = max(map(len, talks), default=0)
        merged += [talk[n] for n in range(longest) for talk in talks if n < len(talk)]
    else:
        merged += [value for talk in talks for value in talk]
    return [{**value, "seq": n, "id": f"e{n}"} for n, value in enumerate(merged)]
