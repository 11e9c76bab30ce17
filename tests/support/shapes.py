"""The five events of an agent's run in the shapes in which one product's parts send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["NAMES", "SHAPES", "Shape"]

NAMES = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")

Event = dict[str, Any]
Shape = Callable[..., Event]
"""Name, run, user and number of an event; what is sent."""


def _said(name: str, thought: str, result: str) -> dict[str, Any]:
    """Return what an event is sent for, under the word for it that a shape uses."""
    if name == "agent_thinking":
        return {thought: "Which tool can answer this?"}
    return {result: "Eleven hits."} if name == "agent_completed" else {}


def bridge(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """Flat, ISO timestamp, the details in data, no call id."""
    event: Event = {"type": name, "run_id": run, "user_id": user, "agent_name": "triage"}
    data = {"status": "x", "message": name, **_said(name, "reasoning", "result")}
    if name.startswith("tool"):
        event["tool_name"] = "search"
        data["parameters"] = {"query": "q"}
    return event | {"timestamp": f"2026-01-01T00:00:{number % 60:02}.25Z", "data": data}


def manager(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """Flat, critical, an execution id that may be null, float timestamp."""
    event: Event = {
        "type": name,
        "critical": True,
        "run_id": run,
        "user_id": user,
        "thread_id": "t1",
    }
    if name.startswith("tool"):
        event |= {"tool_name": "search", "tool_args": {}, "execution_id": None}
    event |= {"success": True, "execution_time": 0.5} if name == "tool_completed" else {}
    return event | {"timestamp": 1767225600.25 + number, **_said(name, "reasoning", "result")}


def end_to_end(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """The real name in data.event, turn_id for run_id, tool_name in data.payload."""
    payload = {"tool_name": "search"} if name.startswith("tool") else {}
    payload |= _said(name, "thought", "response")
    data = {"event": name, "type": name, "turn_id": run, "user_id": user, "payload": payload}
    outer = {"agent_started": "system_message", "agent_completed": "agent_response_complete"}
    return {"type": outer.get(name, "agent_progress"), "data": data, "timestamp": number + 0.5}


def guide(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """Everything in payload, no run id at all."""
    payload: dict[str, Any] = {"agent_name": "triage"} | _said(name, "thought", "final_response")
    if name.startswith("tool"):
        payload |= {"tool_name": "search", "result": {"hits": 11}}
    return {"type": name, "payload": payload, "thread_id": run, "timestamp": number + 2.5}


def validator(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """Ids on top, the rest in payload."""
    payload: dict[str, Any] = _said(name, "thought", "response")
    if name.startswith("tool"):
        payload |= {"tool_name": "search", "results": []}
    event: Event = {"type": name, "run_id": run, "user_id": user, "agent_name": "triage"}
    return event | {"timestamp": number + 1.0, "payload": payload}


def suite(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """All on top, no call id, a duration."""
    event: Event = {"type": name, "run_id": run, "user_id": user, "timestamp": number + 1.5}
    if name.startswith("tool"):
        event |= {"tool_name": "search", "parameters": {}}
    event |= {"results": {}, "duration": 0.5} if name == "tool_completed" else {}
    return event | _said(name, "reasoning", "final_response")


def golden(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """All on top, with an execution id."""
    event: Event = {"type": name, "run_id": run, "user_id": user, "agent_name": "triage"}
    if name.startswith("tool"):
        event |= {"tool_name": "search", "tool_args": {}, "execution_id": f"{run}-c1"}
    event |= {"success": True, "results": {}} if name == "tool_completed" else {}
    return event | {"timestamp": number + 0.25, **_said(name, "thought", "result")}


def frontend(name: str, run: str = "r1", user: str = "u1", number: int = 0) -> dict[str, Any]:
    """Ids and tool in payload, a whole number as timestamp, other words for the tool's events."""
    payload = {"run_id": run, "user_id": user, "agent_type": "triage", "timestamp": number}
    if name.startswith("tool"):
        payload |= {"tool_name": "search", "args": {}}
    words = {"tool_executing": "tool_started", "tool_completed": "tool_result"}
    return {"type": words.get(name, name), "payload": payload | _said(name, "thought", "response")}


SHAPES: dict[str, Shape] = {
    "bridge": bridge,
    "manager": manager,
    "end_to_end": end_to_end,
    "guide": guide,
    "validator": validator,
    "suite": suite,
    "golden": golden,
    "frontend": frontend,
}
