"""A language server on pygls: `python lsp_server.py PORT`; it ends when its one client has left."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

server = LanguageServer("words", "1")


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
async def opened(ls: LanguageServer, params: lsp.DidOpenTextDocumentParams) -> None:
    """Ask for the settings, and find a fault."""
    section = lsp.ConfigurationItem(section="words")
    await ls.workspace_configuration_async(lsp.ConfigurationParams([section]))
    place = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 5))
    fault = lsp.Diagnostic(range=place, message="a word")
    ls.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(params.text_document.uri, [fault])
    )


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
async def hover(_: LanguageServer, __: lsp.HoverParams) -> lsp.Hover:
    """Say what is there."""
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.PlainText, "a word"))


@server.feature(lsp.TEXT_DOCUMENT_COMPLETION)
async def completion(_: LanguageServer, __: lsp.CompletionParams) -> list[lsp.CompletionItem]:
    """Take long, to be cancelled."""
    await asyncio.sleep(30)
    return []


@server.command("count")
async def count(ls: LanguageServer, *_: Any) -> int:
    """Count, and tell how far it is."""
    progress = ls.work_done_progress
    await progress.create_async("counting")
    progress.begin("counting", lsp.WorkDoneProgressBegin(title="counting", percentage=0))
    for percentage in (30, 60):
        progress.report("counting", lsp.WorkDoneProgressReport(percentage=percentage))
    progress.end("counting", lsp.WorkDoneProgressEnd(message="done"))
    return 3


server.start_ws("127.0.0.1", int(sys.argv[1]))
