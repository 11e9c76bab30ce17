"""Settings as they are written on a command line, and the options that they make."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import urlsplit

from ..net.address import parse_address
from ..net.amounts import one_of, positive, seconds, size
from ..net.errors import SettingError
from ..net.tls import client_context, server_context
from ..net.upstream import Upstream
from ..redaction.rules import Rules, read_key
from ..store.durability import Durability
from .front import Front, HostHeader, parse_network, parse_origin
from .keep import read_keep
from .options import Options

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["read_redaction_key", "read_rules", "read_settings", "read_sign_key"]


def read_settings(
    upstream: Upstream,
    *,
    listen: str,
    output: Path,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    upstream_ca: Path | None = None,
    upstream_cert: Path | None = None,
    upstream_key: Path | None = None,
    upstream_name: str | None = None,
    insecure: bool = False,
    host_header: HostHeader = "client",
    allow_origin: Sequence[str] = (),
    trusted_proxy: Sequence[str] = (),
    max_sessions: int = Options().max_sessions,
    header_timeout: str = "10s",
    handshake_timeout: str = "30s",
    idle_timeout: str | None = None,
    buffer: str | None = None,
    drain: str = "0s",
    close_timeout: str = "5s",
    durability: str | None = None,
    on_recorder_failure: Literal["close", "forward"] | None = None,
    redact: Sequence[str] = (),
    default_redaction: bool = True,
    redact_key_file: Path | None = None,
    sign_key: Path | None = None,
    contract: str | None = None,
    rotate_size: str | None = None,
    rotate_every: str | None = None,
    retain_days: int | None = None,
    max_disk: str | None = None,
    min_free: str = "256m",
) -> Options:
    """Return the options; the parameters are the command line's, word for word.

    Raises:
        SettingError: one of them cannot be used.
        ContractError: the contract has mistakes.
    """
    one_of(host_header, "--host-header", get_args(HostHeader))
    one_of(durability, "--durability", (None, *Durability))
    one_of(on_recorder_failure, "--on-recorder-failure", (None, "close", "forward"))
    if max_sessions < 1:
        raise SettingError(f"--max-sessions: {max_sessions} lets nobody in")
    secure = upstream.origin.startswith("https:")
    if not secure and (insecure or upstream_ca or upstream_cert or upstream_key or upstream_name):
        raise SettingError(
            f"{upstream}: --insecure, --upstream-ca, -cert, -key and -name are for a wss or"
            " https upstream"
        )
    if insecure and upstream_ca:
        raise SettingError("--insecure trusts everybody, --upstream-ca does not: give one of them")
    for key, certificate, name in (
        (tls_key, tls_cert, "tls"),
        (upstream_key, upstream_cert, "upstream"),
    ):
        if key is not None and certificate is None:
            raise SettingError(f"--{name}-key needs --{name}-cert")
    rules = read_rules(redact, defaults=default_redaction)
    if durability not in (None, Durability.ASYNC) and rules.about_payloads:
        raise SettingError(
            f"--durability {durability} puts bytes on the disk before --redact json: and regex:"
            " can be applied, which need whole messages; with these rules only async is possible"
        )
    upstream_tls: ssl.SSLContext | None = None
    if secure:
        upstream_tls = client_context(
            authorities=upstream_ca,
            verify=not insecure,
            certificate=upstream_cert,
            key=upstream_key,
        )
    return Options(
        listen=parse_address(listen),
        tls=None if tls_cert is None else server_context(tls_cert, tls_key),
        upstream_tls=upstream_tls,
        upstream_name=upstream_name,
        front=Front(
            host_header=host_header,
            host=urlsplit(upstream.origin).netloc,
            origins=frozenset(map(parse_origin, allow_origin)),
            trusted=tuple(map(parse_network, trusted_proxy)),
        ),
        max_sessions=max_sessions,
        header_timeout=positive(header_timeout, "header-timeout"),
        handshake_timeout=positive(handshake_timeout, "handshake-timeout"),
        idle_timeout=None if idle_timeout is None else positive(idle_timeout, "idle-timeout"),
        buffer=None if buffer is None else size(buffer, "buffer", "4k", "2g"),
        drain=seconds(drain, "drain"),
        close_timeout=seconds(close_timeout, "close-timeout"),
        durability=None if durability is None else Durability(durability),
        goes_on=None if on_recorder_failure is None else on_recorder_failure == "forward",
        redaction=rules,
        redaction_key=read_redaction_key(redact_key_file),
        signer=read_sign_key(sign_key),
        contract=read_contract(contract),
        keep=read_keep(
            output,
            rotate_size=rotate_size,
            rotate_every=rotate_every,
            retain_days=retain_days,
            max_disk=max_disk,
            min_free=min_free,
        ),
    )


def read_rules(redact: Sequence[str], *, defaults: bool) -> Rules:
    """Return the rules that `--redact` and `--no-default-redaction` make.

    Raises:
        SettingError: one of them cannot be used.
    """
    try:
        return Rules.parse(redact, defaults=defaults)
    except ValueError as error:
        raise SettingError(f"--redact: {error}") from error


def read_redaction_key(path: Path | None) -> bytes | None:
    """Return the key in a file; None without one.

    Raises:
        SettingError: there is none in it.
    """
    try:
        return None if path is None else read_key(path)
    except ValueError as error:
        raise SettingError(f"--redact-key-file: {error}") from error


def read_contract(name: str | None) -> str | None:
    """Return what is stored of a contract; None without one.

    Raises:
        ContractError: it has mistakes, or is larger than a recording stores.
    """
    if name is None:
        return None
    from ..schemas.archive import Archive  # who stores none need not wait for the libraries

    return Archive.of(name).text()


def read_sign_key(path: Path | None) -> SigningKey | None:
    """Return the private key in a file; None without one.

    Raises:
        SettingError: there is none in it that can be used.
    """
    if path is None:
        return None
    from ..store.keys import SigningKey  # who does not seal need not wait for the library

    try:
        return SigningKey.read(path)
    except ValueError as error:
        raise SettingError(f"--sign-key: {error}") from error
