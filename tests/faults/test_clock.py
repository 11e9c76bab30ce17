"""The wall clock jumps, the process stands still: order and times stay what they are."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support.modes import start_in
from support.numbered import traffic
from support.promise import compare, intact
from support.raw import backend, conversation_with_process

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/time.h>

static long offset(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("CLOCK_OFFSET"), "r");
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    now->tv_sec += offset();
    return result;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
"""
"""A wall clock that a file can move; libfaketime has `time.sleep` fail when it may not touch the
monotonic clock."""

DAY, YEAR = 86_400, 365 * 86_400


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the clock as a library to be loaded first."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("clock")
    source, made = folder / "clock.c", folder / "clock.so"
    source.write_text(CLOCK)
    command = [compiler, "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


@pytest.mark.faults
@conversation_with_process
async def test_the_wall_clock_jumps(
    mode: str, recording: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")
    async with backend() as behind:
        monkeypatch.setenv("LD_PRELOAD", str(library))
        monkeypatch.setenv("CLOCK_OFFSET", str(offset))
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        monkeypatch.undo()
        async with traffic(proxy.port, behind, seed=9) as flow:
            for seconds in (-DAY, YEAR, 0):
                await flow.arrived(5_000)
                offset.write_text(str(seconds))
                await flow.open()
            await flow.arrived(5_000)
            await flow.quiet()
            proxy.signal(signal.SIGTERM)
            await flow.ended()
        assert await proxy.over() == (0, "")
    found = compare(recording, flow.talks)
    assert (found.missing, found.recorded) == ([], found.arrived)
    intact(recording)
    started = sessions(recording)
    assert [at for _, at in started] == sorted(at for _, at in started)
    assert started[-1][1] < 60 * 10**9
    assert {day[:4] for day, _ in started} >= {started[0][0][:4], str(int(started[0][0][:4]) + 1)}


def sessions(recording: Path) -> list[tuple[str, int]]:
    """Return when each session began, by the wall clock and by the monotonic one."""
    with closing(sqlite3.connect(recording)) as connection:
        return connection.execute(
            "SELECT started_at, started_ns FROM sessions ORDER BY id"
        ).fetchall()


@pytest.mark.faults
@conversation_with_process
async def test_the_process_stands_still(mode: str, recording: Path) -> None:
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        async with traffic(proxy.port, behind, seed=10) as flow:
            for _ in range(2):
                await flow.arrived(5_000)
                proxy.signal(signal.SIGSTOP)
                try:
                    await asyncio.sleep(0.5)
                finally:
                    proxy.signal(signal.SIGCONT)
            await flow.arrived(5_000)
            await flow.quiet()
            proxy.signal(signal.SIGTERM)
            await flow.ended()
        assert await proxy.over() == (0, "")
    found = compare(recording, flow.talks)
    assert (found.missing, found.recorded) == ([], found.arrived)
    intact(recording)
