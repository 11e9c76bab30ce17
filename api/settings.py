"""What `wsrec.Proxy` can be told: the options of `wsrec proxy`, by the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from ..schemas.mistakes import did_you_mean

__all__ = ["ProxySettings", "as_written"]

_File = str | PathLike[str]


class ProxySettings(TypedDict, total=False):
    """Times and sizes are written as on the command line: `"30s"`, `"500m"`; docs/proxy.md."""

    listen: str
    tls_cert: _File | None
    tls_key: _File | None
    upstream_ca: _File | None
    upstream_cert: _File | None
    upstream_key: _File | None
    upstream_name: str | None
    insecure: bool
    host_header: Literal["client", "upstream"]
    allow_origin: Sequence[str]
    trusted_proxy: Sequence[str]
    max_sessions: int
    header_timeout: str
    handshake_timeout: str
    idle_timeout: str | None
    buffer: str | None
    drain: str
    close_timeout: str
    durability: Literal["async", "process", "power"] | None
    on_recorder_failure: Literal["close", "forward"] | None
    redact: Sequence[str]
    default_redaction: bool
    redact_key_file: _File | None
    sign_key: _File | None
    contract: _File | None
    rotate_size: str | None
    rotate_every: str | None
    retain_days: int | None
    max_disk: str | None
    min_free: str


_FILES: Final = frozenset(
    (
        *("tls_cert", "tls_key", "upstream_ca", "upstream_cert", "upstream_key"),
        *("redact_key_file", "sign_key"),
    )
)
_LISTS: Final = frozenset(("allow_origin", "trusted_proxy", "redact"))


def as_written(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the command line gives them: paths, and lists of one where one is given.

    Raises:
        TypeError: there is no setting of that name.
    """
    known = ProxySettings.__annotations__
    written: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in known:
            raise TypeError(f"wsrec.Proxy has no setting {name!r}{did_you_mean(name, known)}")
        if value is not None:
            if name in _FILES:
                value = Path(value)
            elif name in _LISTS and isinstance(value, str):
                value = (value,)
            elif name == "contract":
                value = str(value)
        written[name] = value
    return written
