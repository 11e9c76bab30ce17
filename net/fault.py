"""What went wrong with a connection, in a line."""

from __future__ import annotations

import os
import socket
import ssl

import aiohttp

__all__ = ["in_a_line", "reason"]


def reason(error: OSError) -> str:
    """Say what went wrong without the address, which event loops put into `strerror`."""
    if isinstance(error, ssl.SSLError | socket.gaierror):  # their numbers are not errno's
        return error.strerror or str(error) or "the TLS handshake failed"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__


def in_a_line(fault: Exception) -> str:
    """Say in a line why a backend could not be spoken to."""
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    if isinstance(fault, aiohttp.ClientConnectorError):
        return f"cannot be reached: {reason(fault.os_error)}"
    if isinstance(fault, aiohttp.ClientResponseError):
        return f"its answer is not HTTP: {fault.message.partition(':')[0].strip()}"
    return " ".join(str(fault).split()) or type(fault).__name__
