"""RFC 7692: permessage-deflate, what was agreed to, and both directions of it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "INFLATE_LIMIT",
    "Deflater",
    "Extensions",
    "InflateError",
    "InflateLimitError",
    "Inflater",
]

INFLATE_LIMIT = 64 << 20
"""How far one message may grow, in bytes; beyond it lies a bomb rather than a message."""

_TAIL = b"\x00\x00\xff\xff"
"""What a sender leaves out at the end of each message (§7.2.1)."""

_EMPTY = b"\x00"
"""An empty message (§7.2.3.6)."""

_LAST_BLOCK = b"\x03\x00"
"""An empty block that ends a stream."""

_OUT = 1 << 20
"""How many bytes are inflated at once: a bomb must not stand in memory before it is known."""

_STEP = 1024
"""How much is inflated at once behind a final block: zlib copies what follows each of them."""

_WINDOW = 32 << 10
"""How far back a compressed message may refer (RFC 1951 §2)."""

_MOST_BITS = 15
"""Of a window: that makes 32 KiB (§7.1.2.1)."""

_LEAST_BITS = 9
"""For a window smaller than this zlib compresses nothing, though 8 may be agreed to."""

_WINDOW_BITS = frozenset(str(bits) for bits in range(8, 16))

_PARAMETER = re.compile(r'\s*([^=;,\s]+)\s*(?:=\s*("[^"]*"|[^;,\s]*))?\s*')


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the backend's `Sec-WebSocket-Extensions` agreed to."""

    deflate: bool = False
    server_keeps_context: bool = True
    client_keeps_context: bool = True
    others: tuple[str, ...] = ()
    """Extensions whose meaning is not known here: their RSV bits are nobody's fault."""
    server_window_bits: int = _MOST_BITS
    """The server compresses with a window of two to the power of this many bytes, at most."""
    client_window_bits: int = _MOST_BITS

    @classmethod
    def parse(cls, header: str | None) -> Extensions:
        """Read the header's value, several joined by commas; never raises."""
        deflate = False
        parameters: dict[str, str | None] = {}
        others: list[str] = []
        for extension in (header or "").split(","):
            name, *settings = (piece.strip() for piece in extension.split(";"))
            if name.lower() == "permessage-deflate":
                deflate = True
                parameters = {
                    match[1].lower(): match[2]
                    for text in settings
                    if (match := _PARAMETER.match(text))
                }
            elif name:
                others.append(name)
        return cls(
            deflate=deflate,
            server_keeps_context="server_no_context_takeover" not in parameters,
            client_keeps_context="client_no_context_takeover" not in parameters,
            others=tuple(others),
            server_window_bits=_window_bits(parameters.get("server_max_window_bits")),
            client_window_bits=_window_bits(parameters.get("client_max_window_bits")),
        )

    @property
    def compresses(self) -> bool:
        """Whether RSV1 says that a message is compressed, and nothing else is done to it.

        An unknown extension may sit on top of the compressed bytes.
        """
        return self.deflate and not self.others

    def inflater(
        self, sender: Literal["client", "server"], limit: int = INFLATE_LIMIT
    ) -> Inflater | None:
        """Return what inflates the messages of `sender`, or None when nothing needs it.

        `limit` is how far one message may grow, in bytes.
        """
        if not self.compresses:
            return None
        keeps = self.client_keeps_context if sender == "client" else self.server_keeps_context
        return Inflater(keeps_context=keeps, limit=limit)

    def deflater(self, sender: Literal["client", "server"]) -> Deflater | None:
        """Return what compresses the messages of `sender`, or None when nothing may."""
        if not self.compresses:
            return None
        if sender == "client":
            return Deflater(self.client_window_bits, keeps_context=self.client_keeps_context)
        return Deflater(self.server_window_bits, keeps_context=self.server_keeps_context)

    @property
    def rsv_bits(self) -> int:
        """The RSV bits that may be set, as in `Frame.rsv`."""
        return 7 if self.others else 4 if self.deflate else 0


def _window_bits(text: str | None) -> int:
    """Return a parameter's value; the most for none, or for one that has no meaning."""
    digits = (text or "").strip('"')
    if digits in _WINDOW_BITS:
        return int(digits)
    return _MOST_BITS


class InflateError(Exception):
    """The bytes are no DEFLATE data, or an earlier failure lost the context they need."""


class InflateLimitError(Exception):
    """The message grows beyond the limit."""


class Deflater:
    """Compresses the messages of one direction."""

    __slots__ = ("_bits", "_keeps_context", "_zlib")

    def __init__(self, bits: int, *, keeps_context: bool) -> None:
        """`bits` of the window, 8 to 15; `keeps_context`: messages refer to those before."""
        self._bits = bits
        self._keeps_context = keeps_context
        self.forget()

    def forget(self) -> None:
        """Refer to no earlier message: the peer may have lost them."""
        # Without matches nothing is referred to, so that any window is large enough.
        strategy = zlib.Z_HUFFMAN_ONLY if self._bits < _LEAST_BITS else zlib.Z_DEFAULT_STRATEGY
        self._zlib = zlib.compressobj(wbits=-max(self._bits, _LEAST_BITS), strategy=strategy)

    def message(self, data: bytes) -> bytes:
        """Return what a message's frames hold (§7.2.1)."""
        if not data:
            return _EMPTY  # zlib flushes nothing when nothing has come since
        if not self._keeps_context:
            self.forget()
        out = self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        return out[: -len(_TAIL)]


class Inflater:
    """Inflates the compressed messages of one direction, piece by piece."""

    __slots__ = ("_inside", "_keeps_context", "_limit", "_size", "_usable", "_window", "_zlib")

    def __init__(self, *, keeps_context: bool, limit: int = INFLATE_LIMIT) -> None:
        self._keeps_context = keeps_context
        self._limit = limit
        self._size = 0
        self._begin_stream()

    def _begin_stream(self) -> None:
        self._usable = True
        self._inside = False  # something came since the stream, or the message in it, began
        self._window = bytearray()  # what later messages may refer to, and somewhat more
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # reads every smaller window too

    @property
    def usable(self) -> bool:
        """False once a failure has lost the context that later messages need."""
        return self._usable

    @property
    def context(self) -> bytes | None:
        """What the next message may refer to, for `resume`; None: it cannot be inflated."""
        if not self._usable:
            return None
        # A faulty message may have ended inside a block: that cannot be carried, as only what
        # goes on between two blocks can. There, the last block of a stream may follow.
        probe = self._zlib.copy()
        try:
            if probe.decompress(_LAST_BLOCK) or not probe.eof:
                return None
        except zlib.error:
            return None
        return bytes(self._window[-_WINDOW:])

    def resume(self, context: bytes | None) -> None:
        """Go on between two messages, where another inflater had this `context`."""
        self._begin_stream()
        if context is None:
            self._usable = False
        elif context:
            self._window += context
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS, zdict=context)

    def begin(self) -> None:
        """Begin a message, whatever became of the one before."""
        self._size = 0
        if not self._keeps_context:
            self._begin_stream()

    def feed(self, data: bytes | bytearray) -> Generator[bytes]:
        """Inflate one piece of a message; yield what comes of it, `_OUT` bytes at a time at most.

        Raises:
            InflateError: the bytes are no DEFLATE data.
            InflateLimitError: the message has grown beyond the limit; what fits was yielded.
        """
        rest = yield from self._inflate(data)
        if rest != _TAIL:
            for start in range(0, len(rest), _STEP):
                step = rest[start : start + _STEP]
                while step:
                    step = yield from self._inflate(step)

    def _inflate(self, data: bytes | bytearray) -> Generator[bytes, None, bytes]:
        """Inflate up to the end of the stream; return what lies behind that."""
        if data:
            self._inside = True
        more = True
        while more:
            most = min(self._limit - self._size + 1, _OUT)
            try:
                out = self._zlib.decompress(data, most)
            except zlib.error as error:
                self._usable = False
                raise InflateError(str(error)) from error
            self._size += len(out)
            if self._size > self._limit:
                self._usable = False
                yield out[: self._limit - self._size]
                raise InflateLimitError
            if out:
                if self._keeps_context:
                    self._window += out[-_WINDOW:]
                    if len(self._window) > 4 * _WINDOW:
                        del self._window[:-_WINDOW]
                yield out
            data = self._zlib.unconsumed_tail
            more = len(out) == most and not self._zlib.eof
        if not self._zlib.eof:
            return b""
        # A block with BFINAL ended the stream (§7.2.3.4 allows it); another one may follow.
        rest = self._zlib.unused_data
        self._begin_stream()
        return rest

    def end(self) -> Generator[bytes]:
        """Inflate what the end of the message brings: the four octets the sender left out."""
        if self._inside:
            yield from self.feed(_TAIL)
        self._inside = False
