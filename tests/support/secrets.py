"""A secret to look for: in every form in which it could be found on a disk or on a screen."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from urllib.parse import quote

CANARY = "kanarie-7Vq!fZ/9x=Lw4T"
"""What must not be found. Its signs are changed by percent-encoding and by JSON."""


def forms(secret: str) -> dict[str, bytes]:
    """Return the secret as it is, and as it would be found if somebody had encoded it."""
    raw = secret.encode()
    return {
        "itself": raw,
        "reversed": raw[::-1],
        "percent-encoded": quote(secret, safe="").encode(),
        "in hex": raw.hex().encode(),
        "UTF-16": secret.encode("utf-16-le"),
        # Each has a middle that does not depend on what stands around it.
        **{
            f"base64 at {at}": base64.b64encode(b"x" * at + raw)[4 * (at > 0) :].rstrip(b"=")[:-2]
            for at in range(3)
        },
    }


def found_in(data: bytes | bytearray, secret: str = CANARY) -> list[str]:
    """Return the forms in which a secret occurs."""
    return [name for name, form in forms(secret).items() if form in data]


def leaks(folder: Path, secret: str = CANARY) -> list[str]:
    """Return every file of a folder that holds the secret, and how."""
    return [
        f"{path.name}: {form}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for form in found_in(path.read_bytes(), secret)
    ]


def deflated(text: bytes, *, level: int = 9) -> bytes:
    """Return the payload of a compressed message (RFC 7692 §7.2.1); with level 0 it is legible."""
    squeeze = zlib.compressobj(level, wbits=-15)
    return (squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
