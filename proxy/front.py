"""What the proxy says in front of the backend: which sites it lets in, whose word it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from ..net.errors import SettingError
from ..net.headers import Pairs
from ..net.refusal import RefusedError

__all__ = ["Front", "HostHeader", "parse_network", "parse_origin"]

HostHeader = Literal["client", "upstream"]
"""Whose name the backend gets in `Host`: the one the client used, or the upstream's own."""

Network = IPv4Network | IPv6Network

_FORWARDED = frozenset(
    {
        *("forwarded", "true-client-ip", "x-client-ip", "x-cluster-client-ip"),
        *("x-original-forwarded-for", "x-real-ip"),
    }
)
_FORWARDED_PREFIX = "x-forwarded"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The settings, and what follows from them for a request."""

    host_header: HostHeader = "client"
    host: str = ""
    """The upstream's own host and port."""
    origins: frozenset[str] = frozenset()
    """Origins whose pages may connect; empty lets everybody's."""
    trusted: Sequence[Network] = ()
    """Proxies in front of this one whose forwarding headers are believed."""

    def admit(self, headers: Pairs) -> None:
        """Keep browsers out that show a page of another site.

        A client that sends no Origin is no browser, and lets nobody else speak through it.

        Raises:
            RefusedError: an Origin that is not among `origins`.
        """
        if self.origins:
            for name, value in headers:
                if name.lower() == "origin" and value.strip().lower() not in self.origins:
                    raise RefusedError(HTTPStatus.FORBIDDEN, "this Origin may not connect here")

    def pass_on(self, headers: Pairs, peer: str | None, scheme: str) -> Pairs:
        """Return the headers that the backend gets of a request from the address `peer`.

        Backends believe forwarding headers that come from a near proxy, and this is one: what
        an untrusted peer says of itself stays here. Behind a trusted proxy the list goes on.
        """
        believed = self._trusts(peer)
        out = [
            (name, self.host if self._replaces(name) else value)
            for name, value in headers
            if believed or not _is_forwarding(name)
        ]
        if not self.trusted or peer is None:
            return out
        if not believed:
            hosts = [value for name, value in headers if name.lower() == "host"]
            out.append(("X-Forwarded-Proto", scheme))
            out += [("X-Forwarded-Host", host) for host in hosts]
        lists = [place for place, (name, _) in enumerate(out) if name.lower() == "x-forwarded-for"]
        if not lists:
            return [*out, ("X-Forwarded-For", peer)]
        name, so_far = out[lists[-1]]
        out[lists[-1]] = name, f"{so_far}, {peer}"
        return out

    def _replaces(self, name: str) -> bool:
        return self.host_header == "upstream" and name.lower() == "host"

    def _trusts(self, peer: str | None) -> bool:
        if peer is None:  # a Unix socket: only who may open the file gets here
            return bool(self.trusted)
        address = ip_address(peer.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.trusted)


def parse_network(text: str) -> Network:
    """Read an address such as `10.0.0.1`, or a network such as `10.0.0.0/8`.

    Raises:
        SettingError: it is neither.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingError(f"{text!r}: expected an address or a network, such as 10.0.0.0/8") from (
            error
        )


def parse_origin(text: str) -> str:
    """Read an origin such as `https://app.example.com`, as a browser writes it (RFC 6454 §6.1).

    Raises:
        SettingError: it is none; a page's whole URL, for example.
    """
    scheme, separator, host = text.lower().partition("://")
    if text.lower() != "null" and (
        not separator or not scheme or not host or set(host) & set("/?#@ ")
    ):
        raise SettingError(
            f"{text!r}: expected scheme, host and port, such as http://localhost:3000"
        )
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, '-'))}" if host else "null"


def _is_forwarding(name: str) -> bool:
    lower = name.lower().replace("_", "-")  # CGI and WSGI make no difference between the two
    return lower in _FORWARDED or lower.startswith(_FORWARDED_PREFIX)
