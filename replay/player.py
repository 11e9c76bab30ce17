"""Plays the client half of a recording's sessions against a live server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from time import monotonic_ns

from ..report.plays import Played
from ..store.model import Session
from .ahead import Ahead
from .clock import happens
from .cue import Cue
from .performance import perform
from .schedule import Schedule, Span
from .stage import Stage

__all__ = ["play"]


async def play(stage: Stage, sessions: Iterable[Session]) -> list[Played]:
    """Play sessions, each once, with the overlap that they had; return what came of each.

    Once the stage is told to stop, or the recording cannot be read on, those that run are closed
    with 1001, and no other begins: these are unplayed.

    Raises:
        RecordingError: the beginnings of sessions cannot be read; nothing was played.
    """
    by_id = {session.id: session for session in sessions}
    settings = stage.settings
    first_ns = await stage.script.first_ns(by_id)
    spans = [Span.of(each, first_ns.get(each.id)) for each in by_id.values()]
    schedule = Schedule(spans, settings.pacing, settings.concurrency)
    ahead = Ahead(stage.script, schedule.order)
    played: list[Played] = []
    running: dict[asyncio.Task[Played], int] = {}
    cues: dict[int, Cue] = {}
    over: deque[asyncio.Task[Played]] = deque()
    news = asyncio.Event()

    def ended(task: asyncio.Task[Played]) -> None:
        over.append(task)
        news.set()

    def then(told: Callable[[int], None], number: int) -> None:
        told(number)
        news.set()

    stopping = asyncio.ensure_future(stage.stopped.wait())
    stopping.add_done_callback(lambda _: news.set())
    try:
        await ahead.ready()
        began_ns = monotonic_ns()
        while running or (schedule.waiting and not stage.stopped.is_set()):
            due_ns = None
            if not stage.stopped.is_set():
                for number in schedule.begin(monotonic_ns() - began_ns):
                    cue = cues[number] = Cue(
                        partial(then, schedule.sent, number),
                        partial(then, schedule.answered, number),
                    )
                    work = perform(stage, by_id[number], ahead.take(number), cue)
                    task = asyncio.ensure_future(work)
                    task.add_done_callback(ended)
                    running[task] = number
                due_ns = schedule.due_ns
            for number in [each for each in cues if schedule.may_end(each)]:
                cues.pop(number).may_end()
            await happens(news, None if due_ns is None else began_ns + due_ns)
            news.clear()
            while over:
                number = running.pop(over[0])
                cues.pop(number, None)
                schedule.over(number)
                played.append(over.popleft().result())
    finally:
        tasks = [*running, stopping]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ahead.close()
    unplayed = (
        Played(session=number, target=by_id[number].target, why="interrupted")
        for number in schedule.order
    )
    return sorted([*played, *unplayed], key=lambda each: each.session or 0)
