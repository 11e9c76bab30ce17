"""docs/ci.md: the script of each recipe runs as it stands, and ends as a build wants it to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pages import blocks, page
from support.proxying import sessions

ROOT = Path(__file__).parents[2]
GITHUB, GITLAB = map(yaml.safe_load, blocks(page("ci.md"), "yaml"))
INSTALL = "pip install -r requirements.txt"

SCRIPTS: Mapping[str, str] = {
    **{
        f"github {name}": "\n(\n".join(
            ["", *(f"{step['run']}\n)" for step in job["steps"] if "run" in step)]
        )
        for name, job in GITHUB["jobs"].items()
    },
    **{
        f"gitlab {name}": "\n".join(job["script"])
        for name, job in GITLAB.items()
        if isinstance(job, dict)
    },
}
"""What a runner makes of each job: GitHub's gives each step a shell of its own."""
FIRST = "gitlab record-and-judge"


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the first job has recorded, as the page says: the recording that is kept."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    folder = tmp_path_factory.mktemp("golden")
    done = build(folder, SCRIPTS[FIRST])
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "session.db"


def build(
    folder: Path, script: str, broken: str = '"type": "tool_completed"'
) -> subprocess.CompletedProcess[str]:
    """Run a job in a folder that holds a checkout, on a port that is free."""
    shutil.copy(ROOT / "examples" / "ci" / "client.py", folder)
    agent = (ROOT / "examples" / "ci" / "agent.py").read_text("utf-8")
    assert agent.count('"type": "tool_completed"') == 1
    (folder / "agent.py").write_text(agent.replace('"type": "tool_completed"', broken))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = script.replace(INSTALL, "true").replace("8000", str(port))
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def environment() -> dict[str, Any]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}


@pytest.mark.parametrize("job", [job for job in SCRIPTS if job != FIRST])
def test_a_job_passes(job: str, golden: Path, tmp_path: Path) -> None:
    shutil.copy(golden, tmp_path / "golden.db")
    done = build(tmp_path, SCRIPTS[job])
    assert done.returncode == 0, done.stdout + done.stderr
    made = {path.name for path in tmp_path.glob("*.db")} - {"golden.db"}
    if "client-alone" in job:
        assert not made
    else:
        (recording,) = made
        (session,) = sessions(tmp_path / recording)
        assert session.server_frames >= 10


@pytest.mark.parametrize("job", ["github record-and-judge", "gitlab replay"])
def test_a_build_that_has_broken_the_agent_fails(job: str, golden: Path, tmp_path: Path) -> None:
    """Its client sees nothing of that, but the contract and the replay do."""
    shutil.copy(golden, tmp_path / "golden.db")
    done = build(tmp_path, SCRIPTS[job], broken='"type": "tool_finished"')
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tool_completed" in done.stdout
    if "replay" in job:
        assert (
            "verdict   differs: 2 missing, 2 extra" in done.stdout
        )  # the diff is made all the same


def test_every_artifact_is_made(golden: Path) -> None:
    assert {path.name for path in golden.parent.iterdir()} >= {"session.db", "sessions.xml"}
    assert "sessions.xml" in GITHUB["jobs"]["record-and-judge"]["steps"][-1]["with"]["path"]
