"""Answers of wsrec's own, where no backend answers."""

from __future__ import annotations

from aiohttp import web

from .headers import Pairs

__all__ = ["answer"]


class _Answer(web.Response):
    """A response in HTTP/1.1: aiohttp would claim whatever version the request came in."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop("Server", None)

    async def _write_headers(self) -> None:
        assert self._payload_writer is not None
        line = f"HTTP/1.1 {self.status} {self.reason}"
        await self._payload_writer.write_headers(line, self.headers)


def answer(status: int, text: str, headers: Pairs | None = None) -> web.Response:
    """Return a response of wsrec's own, one line of text; the connection ends with it."""
    response = _Answer(status=status, text=f"wsrec: {text}\n", headers={"Connection": "close"})
    for name, value in headers or []:
        response.headers.add(name, value)
    response.force_close()
    return response
