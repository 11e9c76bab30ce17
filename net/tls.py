"""TLS on either side: the proxy's own certificate, and whom it trusts to be the backend."""

from __future__ import annotations

import ssl
from pathlib import Path

from .errors import SettingError

__all__ = ["client_context", "server_context"]


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return how clients are answered.

    Args:
        certificate: PEM, the proxy's own first, then those that lead to its authority.
        key: PEM; None when `certificate` holds it as well.

    Raises:
        SettingError: a file cannot be read, or the two do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, certificate, key)
    return context


def client_context(
    *,
    authorities: Path | None = None,
    verify: bool = True,
    certificate: Path | None = None,
    key: Path | None = None,
) -> ssl.SSLContext:
    """Return how the backend is connected to.

    Args:
        authorities: PEM, whom to trust instead of the system's authorities.
        verify: False takes any certificate, of anybody.
        certificate: PEM, what to show a backend that asks who is there.
        key: PEM; None when `certificate` holds it as well.

    Raises:
        SettingError: a file cannot be read, or the two do not belong together.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(f"{authorities}: {_why(error, 'no certificate in PEM')}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    if certificate is not None:
        _load_chain(context, certificate, key)
    return context


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for path in (certificate, key):
        if path is not None:
            try:
                path.open("rb").close()
            except OSError as error:
                raise SettingError(f"{path}: {error.strerror}") from error
    text = (key or certificate).read_bytes()
    if b"PRIVATE KEY" not in text:
        raise SettingError(f"{key or certificate}: holds no private key in PEM")
    if b"ENCRYPTED" in text:
        raise SettingError(
            f"{key or certificate}: the key has a passphrase, which nobody is there to give"
        )
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        both = f"{certificate} and {key}" if key is not None else f"{certificate}"
        raise SettingError(
            f"{both}: {_why(error, 'not a certificate and its key in PEM')}"
        ) from error
    except OSError as error:
        raise SettingError(f"{certificate}: {error.strerror or error}") from error


def _why(error: OSError, default: str) -> str:
    """Say what is wrong in words: OpenSSL's are its own, and often only "PEM lib"."""
    if isinstance(error, ssl.SSLError):
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        return "the key is not the certificate's" if mismatch else default
    return error.strerror or default
