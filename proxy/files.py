"""How many connections the operating system lets this process have."""

from __future__ import annotations

import sys

__all__ = ["connections_that_fit"]

_RESERVE = 96
"""Files for everything else: the recording, the event loop, clients that are told to come again."""
_EACH = 2
"""Files of a session: its client's socket and its backend's."""


def connections_that_fit() -> int:
    """Raise the limit of open files as far as is allowed; return the sessions it is enough for."""
    if sys.platform == "win32":
        return 1 << 20  # sockets are no files there
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and soft != resource.RLIM_INFINITY:
        wanted = 1 << 16 if hard == resource.RLIM_INFINITY else min(hard, 1 << 16)
        if wanted > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return 1 << 20
    return max((soft - _RESERVE) // _EACH, 1)
