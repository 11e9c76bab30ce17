"""RFC 6455 and RFC 7692 as pure code: bytes in, values out; no sockets, no clock, no asyncio."""
