"""Keys in files, and recordings that are sealed with them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support.recordings import Conversation, recorder_at
from support.tampering import split
from wsrec.store.keys import PublicKeys, SigningKey
from wsrec.store.reader import Recording
from wsrec.store.verify import Verification


class KeyFiles(NamedTuple):
    """A key pair, as OpenSSL writes it."""

    private: Path
    public: Path

    @property
    def signer(self) -> SigningKey:
        return SigningKey.read(self.private)

    @property
    def trusted(self) -> PublicKeys:
        return PublicKeys.read([self.public])


def key_files(folder: Path, name: str = "key") -> KeyFiles:
    key = Ed25519PrivateKey.generate()
    files = KeyFiles(folder / f"{name}.pem", folder / f"{name}-public.pem")
    files.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files.public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return files


def record_sealed(path: Path, keys: KeyFiles | None, *, sessions: int = 3) -> Path:
    """Record some sessions of two extents each."""
    with recorder_at(path, signer=keys.signer if keys else None) as recorder:
        for number in range(sessions):
            talk = Conversation(recorder).text("client", f"hi {number}")
            split(talk)
            talk.text("server", "ho").end()
    return path


def said(path: Path, keys: KeyFiles | PublicKeys | None) -> list[str]:
    """What a verification says that demands seals of these keys."""
    trusted = keys.trusted if isinstance(keys, KeyFiles) else keys
    with Recording.open(path) as recording:
        return [str(fault) for fault in Verification(recording, trusted).faults()]
