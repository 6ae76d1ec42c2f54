"""Where messages may be sent: outside only, so that nobody reaches our own servers through us (SSRF)."""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Self
from urllib.parse import urlsplit

from reelwarden_common.errors import Refused, Transient

LONGEST_URL = 500
_NAT64 = IPv6Network("64:ff9b::/96")


class BadAddress(Refused):
    """Nothing is sent there; the message says why."""


class NoSuchHost(Transient):
    """Its name is not known now."""


@dataclass(frozen=True)
class Target:
    """A web address, taken apart."""

    url: str
    scheme: str
    host: str
    port: int

    @classmethod
    def read(cls, url: str, *, private: bool = False) -> Self:
        """Of the text of an address; `private`: plain HTTP and own networks may be reached (a setting).

        Raises:
            BadAddress: not one that we send to.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise BadAddress(f"{url[:100]} is no web address") from error
        if parts.scheme not in (("https", "http") if private else ("https",)):
            raise BadAddress("the address must begin with https://")
        if not parts.hostname or parts.username or parts.password or len(url) > LONGEST_URL:
            raise BadAddress("the address must name a host, no account, and have at most 500 characters")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise BadAddress("the address must be written in ASCII, without spaces")
        target = cls(url, parts.scheme, parts.hostname, port)
        if not private and (literal := _literal(target.host)) and not is_outside(literal):
            raise BadAddress(f"{target.host} is not an address of the outside")
        return target


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_outside(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is of the public net, however it is written."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_outside(inner)
        if address in _NAT64:
            return is_outside(IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


async def resolve(target: Target, *, private: bool = False) -> str:
    """The IP address to connect to, looked up now: a name that moved inside since is found here.

    Raises:
        NoSuchHost: the name is not known.
        BadAddress: it leads inside.
    """
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NoSuchHost(f"{target.host}: {error}") from error
    addresses = [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    inside = [one for one in addresses if not is_outside(one)]
    if not addresses or (inside and not private):
        raise BadAddress(f"{target.host} leads to {inside[0] if inside else 'nothing'}, which is not outside")
    return str(addresses[0])
