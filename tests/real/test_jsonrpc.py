"""Protocols built on JSON-RPC: pygls' language server and client, and Node's own debugger."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient
from support.proxying import judged, proxy_process, sessions
from websockets.asyncio.client import connect

pytestmark = pytest.mark.real

SERVER = Path(__file__).with_name("lsp_server.py")
URI = "file:///words.txt"


@pytest.fixture
def language_server() -> Iterator[int]:
    """Run the language server; return its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with subprocess.Popen([sys.executable, str(SERVER), str(port)]) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.kill()


class Editor(LanguageClient):
    """Answers what the server asks, and notes what it tells."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.told: list[Any] = []
        self.feature(lsp.WORKSPACE_CONFIGURATION)(lambda params: [None for _ in params.items])
        self.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE)(lambda _: None)
        self.feature(lsp.PROGRESS)(lambda params: self.told.append(params.value))
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda _: self.told.append("diagnosed"))


async def edit(port: int) -> list[Any]:
    """Open a document, ask about it, cancel one question, have a command run; return it all."""
    editor = Editor()
    await editor.start_ws("127.0.0.1", port)
    await editor.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
    editor.initialized(lsp.InitializedParams())
    document = lsp.TextDocumentItem(URI, "plaintext", 1, "words ä€")
    editor.text_document_did_open(lsp.DidOpenTextDocumentParams(document))
    here = lsp.TextDocumentIdentifier(URI), lsp.Position(0, 1)
    hover = await editor.text_document_hover_async(lsp.HoverParams(*here))
    slow = editor.protocol.send_request("textDocument/completion", lsp.CompletionParams(*here))
    editor.cancel_request(lsp.CancelParams(id=next(iter(editor.protocol._request_futures))))
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asyncio.wrap_future(slow), 5)
    counted = await editor.workspace_execute_command_async(lsp.ExecuteCommandParams("count"))
    with pytest.raises(Exception, match="words/unknown"):
        await editor.protocol.send_request_async("words/unknown", {})
    await editor.shutdown_async(None)
    editor.exit(None)
    await editor.stop()  # type: ignore[no-untyped-call]
    return [hover, counted, *editor.told]


def test_a_language_server(recording: Path, language_server: int) -> None:
    with proxy_process(f"ws://127.0.0.1:{language_server}", recording) as proxy:
        hover, counted, *told = asyncio.run(asyncio.wait_for(edit(proxy.port), 20))
    assert (hover.contents.value, counted) == ("a word", 3)
    assert told[0] == "diagnosed"
    assert [each["kind"] for each in told[1:]] == ["begin", "report", "report", "end"]

    (session,) = judged(recording, "jsonrpc").sessions
    assert session.spans["request"] == 8  # two of them the server's
    assert session.spans["work"] == 1


@pytest.fixture
def debugger(node_folder: Path) -> Iterator[str]:
    """Run a program in Node with its debugger open; return the debugger's address."""
    program = ["node", "--inspect=127.0.0.1:0", "-e", "setInterval(() => {}, 1000)"]
    environment = {**os.environ, "NODE_OPTIONS": ""}
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"ws://\S+", process.stderr.readline())
            assert found is not None
            yield found[0]
        finally:
            process.kill()


async def debug(url: str) -> list[Any]:
    """Ask for several things at once; return the answers in the order of the questions."""
    asked = [
        ("Runtime.enable", {}),
        ("Runtime.evaluate", {"expression": "new Promise(d => setTimeout(() => d('late'), 50))",
                              "awaitPromise": True}),
        ("Runtime.evaluate", {"expression": "1 + 1"}),
        ("No.suchMethod", {}),
        ("Debugger.enable", {}),
    ]  # fmt: skip
    answers: dict[int, Any] = {}
    async with asyncio.timeout(10), connect(url, compression=None) as socket:
        for number, (method, params) in enumerate(asked):
            await socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while len(answers) < len(asked):
            message = json.loads(await socket.recv())
            if "id" in message:
                answers[message["id"]] = message
    return [answers[number] for number in range(len(asked))]


def test_a_debugger(recording: Path, debugger: str) -> None:
    upstream, _, path = debugger.removeprefix("ws://").partition("/")
    with proxy_process(f"ws://{upstream}", recording) as proxy:
        answers = asyncio.run(debug(f"{proxy.url}/{path}"))
    assert [each["result"]["result"]["value"] for each in answers[1:3]] == ["late", 2]
    assert answers[3]["error"]["code"] == -32601

    (session,) = judged(recording, "jsonrpc").sessions
    assert session.spans["request"] == 5
    assert session.events["Runtime.executionContextCreated"] == 1
    assert len(sessions(recording)) == 1
