"""Ed25519 keys in PEM files, as OpenSSL makes them: to seal recordings and to check seals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

__all__ = ["PublicKeys", "SigningKey"]

_MOST = 64 << 10
"""Bytes: more than a file with a key, and text around it, has."""


class SigningKey:
    """Signs; see `seal.Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()
        """The public key, 32 bytes."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the key in a file: PKCS#8, not encrypted.

        Raises:
            ValueError: it cannot be read, or there is no such key in it; one line.
        """
        text = _read(path)
        try:
            key = load_pem_private_key(text, None)
        except TypeError:
            raise ValueError(f"{path}: has a passphrase, and nobody is there to be asked") from None
        except (ValueError, UnsupportedAlgorithm):
            if b"PUBLIC KEY" in text:
                raise ValueError(f"{path}: is a public key; the private one signs") from None
            raise ValueError(f"{path}: holds no private key in PEM") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path}: holds a key of another kind than Ed25519")
        return cls(key)

    def sign(self, statement: bytes) -> bytes:
        """Return the signature, 64 bytes; always the same of the same statement."""
        return self._key.sign(statement)

    def trusted(self) -> PublicKeys:
        """Return what checks the seals of this key."""
        return PublicKeys([self._key.public_key()])


class PublicKeys:
    """Those whose seals are believed."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key.public_bytes_raw(): key for key in keys}

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Self:
        """Return the keys in files, one in each: SubjectPublicKeyInfo, as PEM.

        Raises:
            ValueError: one cannot be read, or there is no such key in it; one line.
        """
        return cls(map(_public, paths))

    def wrong(self, key: object, signature: object, statement: bytes) -> str | None:
        """Return what is wrong with a seal, to be said behind "its seal"; None: it is right.

        `key` and `signature` are what a file says, of any type.
        """
        known = self._keys.get(key) if isinstance(key, bytes) else None
        if known is None:
            return "is by a key that was not given"
        try:
            known.verify(signature if isinstance(signature, bytes) else b"", statement)
        except InvalidSignature:
            return "is not one of what is recorded here"
        return None


def _public(path: Path) -> Ed25519PublicKey:
    text = _read(path)
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        if b"PRIVATE KEY" in text:
            raise ValueError(
                f"{path}: is a private key; openssl pkey -in KEY -pubout writes the public one"
            ) from None
        raise ValueError(f"{path}: holds no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path}: holds a key of another kind than Ed25519")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
