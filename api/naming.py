"""From messages to named events, as a contract says: of recordings and of live connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from ..checks.decode import Decoder
from ..checks.events import Extractor
from ..checks.undecodable import Undecodable
from ..schemas.model import Contract, Scalar

__all__ = ["Fields", "Named", "Namer"]


class Fields(Mapping[str, Scalar]):
    """What a contract reads from an object; read-only, and can be copied and pickled."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Scalar]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> Scalar:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


class Named(NamedTuple):
    """An application object that was in a message."""

    name: str | None
    """None: the contract finds no name in it."""
    value: object
    fields: Mapping[str, Scalar]


class Namer:
    """Takes messages apart as one contract says, with the code that judges by it."""

    def __init__(self, contract: Contract) -> None:
        self._decode = Decoder(contract.decode)
        self._extract = Extractor(contract)

    def objects(
        self,
        sender: Literal["client", "server"],
        kind: Literal["text", "binary"],
        data: str | bytes,
    ) -> Iterator[Named]:
        """Yield what is in a message, in order; nothing where the contract looks at none such."""
        if kind not in self._decode.kinds or sender not in self._extract.senders:
            return
        for value in self._decode(data):
            if not isinstance(value, Undecodable):
                name, fields, _ = self._extract.read(value)
                yield Named(name, value, Fields(fields))
