"""The proxies that are compared: how each is found, configured and started."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .processes import Child, MeasureError

__all__ = ["TARGETS", "Proxy", "Target"]

START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that listens; without a process for `direct`."""

    port: int
    child: Child | None = None
    recording: Path | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One of the proxies that are compared."""

    name: str
    version: Callable[[], str | None]
    """What is installed, None when nothing is."""
    start: Callable[[int, Path, int], Proxy]
    """Given the agent's port, an empty folder and a CPU."""


def _start_direct(agent: int, _folder: Path, _cpu: int) -> Proxy:
    return Proxy(agent)


def _start_wsrec(agent: int, folder: Path, cpu: int, durability: str = "process") -> Proxy:
    recording = folder / "session.db"
    argv = [sys.executable, "-m", "wsrec", "proxy", f"ws://127.0.0.1:{agent}"]
    argv += ["-l", "127.0.0.1:0", "-o", str(recording), "--format", "json"]
    argv += ["--durability", durability]
    child = Child(argv, cpu=cpu, folder=folder, talks=True)
    try:
        line = child.line(START_SECONDS)
        port = json.loads(line)["port"]
        if not isinstance(port, int):
            raise MeasureError(f"wsrec printed {line[:200]}")
    except (ValueError, KeyError, TypeError):
        child.stop()
        raise MeasureError(f"wsrec printed {line[:200]}") from None
    except MeasureError:
        child.stop()
        raise
    return Proxy(port, child, recording)


_NGINX = """\
daemon off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{agent};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_read_timeout 1h;
            proxy_send_timeout 1h;
        }}
    }}
}}
"""


def _start_nginx(agent: int, folder: Path, cpu: int) -> Proxy:
    port = _free_port()
    # Its worker would leave root for a user that cannot enter our folder.
    user = "user root;\n" if os.geteuid() == 0 else ""
    text = _NGINX.format(folder=folder, port=port, agent=agent, user=user)
    config = _write(folder / "nginx.conf", text)
    argv = [_found("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    return _listening(Child(argv, cpu=cpu, folder=folder, talks=False), port)


_HAPROXY = """\
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    default_backend agent
backend agent
    server agent 127.0.0.1:{agent}
"""


def _start_haproxy(agent: int, folder: Path, cpu: int) -> Proxy:
    port = _free_port()
    config = _write(folder / "haproxy.cfg", _HAPROXY.format(port=port, agent=agent))
    argv = [_found("haproxy"), "-db", "-f", str(config)]
    return _listening(Child(argv, cpu=cpu, folder=folder, talks=False), port)


def _start_mitmproxy(agent: int, folder: Path, cpu: int) -> Proxy:
    port = _free_port()
    argv = [_found("mitmdump"), "--mode", f"reverse:http://127.0.0.1:{agent}"]
    argv += ["--listen-host", "127.0.0.1", "--listen-port", str(port), "--quiet"]
    argv += ["--set", f"confdir={folder}", "--set", "flow_detail=0"]
    return _listening(Child(argv, cpu=cpu, folder=folder, talks=False), port)


def _listening(child: Child, port: int) -> Proxy:
    """Wait until `port` takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while child.running() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return Proxy(port, child)
    problem = "did not listen" if child.running() else "ended early"
    child.stop()
    raise MeasureError(f"{child.name} {problem}{child.complaint()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _find(program: str) -> str | None:
    """Return the path of a program: from its own environment variable, PATH or an sbin folder."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin"
    return shutil.which(os.environ.get(program.upper()) or program, path=path)


def _found(program: str) -> str:
    path = _find(program)
    if path is None:
        raise MeasureError(f"{program} is not installed")
    return path


def _asked(program: str, option: str) -> Callable[[], str | None]:
    """Ask a program for its version: the first line that it prints."""

    def version() -> str | None:
        path = _find(program)
        if path is None:
            return None
        try:
            answer = subprocess.run([path, option], capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        lines = (answer.stdout + answer.stderr).decode(errors="replace").split("\n")
        return lines[0].strip()

    return version


def _wsrec_version() -> str | None:
    argv = [sys.executable, "-m", "wsrec", "--version"]
    answer = subprocess.run(argv, capture_output=True, timeout=30, check=False, cwd="/")
    return answer.stdout.decode().strip() if answer.returncode == 0 else None


_ALL = (
    Target("direct", lambda: "no proxy", _start_direct),
    Target("wsrec", _wsrec_version, _start_wsrec),
    Target("wsrec-async", _wsrec_version, partial(_start_wsrec, durability="async")),
    Target("wsrec-power", _wsrec_version, partial(_start_wsrec, durability="power")),
    Target("nginx", _asked("nginx", "-v"), _start_nginx),
    Target("haproxy", _asked("haproxy", "-v"), _start_haproxy),
    Target("mitmproxy", _asked("mitmdump", "--version"), _start_mitmproxy),
)

TARGETS = {target.name: target for target in _ALL}
