"""What the URL of an endpoint may be, decided by its text alone.

What its name resolves to is judged whenever it is dialled (delivery/dialing.py). Names are refused as Unicode, so that the owner of an
endpoint sees the name that is called: a look-alike has another xn-- form.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from services.webhooks.rules.addresses import inward
from shared.contracts.errors import Invalid

MAX_URL_CHARACTERS = 2_000
MAX_HOST_CHARACTERS = 253
PORTS = frozenset((443, 8443))
DEFAULT_PORTS = {"http": 80, "https": 443}

_VISIBLE = re.compile(r"[!-~]+")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?P<fragment>#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_REST = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

Address = TypeVar("Address", IPv4Address, IPv6Address)


def accepted_url(text: str, *, loopback: bool = False, ports: Collection[int] = PORTS, at: str = "/url") -> str:
    """The URL as it is stored and called: scheme and host in small letters, no default port, at least the path `/`.

    `loopback` is the development setting: this machine may be named too, then also by http and with any port. Raises Invalid `bad_url`,
    or `inward_address` for an address to which nothing is sent.
    """
    try:
        scheme, authority, rest = _parts(text)
        host, port = _host_and_port(authority)
        address = _address(host)
        if address is not None and inward(address, loopback=loopback):
            raise Invalid("inward_address", "The address is not a public one: nothing is sent to it.", at=at)
        if not (loopback and _is_this_machine(address or host)):
            _check_public(scheme, address or host, port, ports)
    except ValueError as error:
        raise Invalid("bad_url", str(error), at=at) from None
    shown = host if address is None else f"[{address}]" if address.version == 6 else str(address)
    return f"{scheme}://{shown}{'' if port in (None, DEFAULT_PORTS[scheme]) else f':{port}'}{rest if rest.startswith('/') else f'/{rest}'}"


def _parts(text: str) -> tuple[str, str, str]:
    if len(text) > MAX_URL_CHARACTERS:
        raise ValueError(f"A URL has at most {MAX_URL_CHARACTERS:,} characters.")
    if not _VISIBLE.fullmatch(text):
        raise ValueError("A URL is written in visible ASCII characters: an international name in its xn-- form, anything else as %XX.")
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError("The URL must begin with https:// and name a host.")
    if found["fragment"] is not None:
        raise ValueError("The URL must not have a fragment (#…): it would never be sent.")
    if "@" in found["authority"]:
        raise ValueError("The URL must not contain a user or password; use a header of the endpoint instead.")
    if not _REST.fullmatch(found["rest"]):
        raise ValueError("A path or query is written in letters, digits and -._~!$&'()*+,;=:@/? and has anything else as %XX.")
    return found["scheme"].lower(), found["authority"].lower(), found["rest"]


def _host_and_port(authority: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or not found["host"]:
        raise ValueError("The URL must name a host and, after a colon, at most a port.")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port < 65_536:
        raise ValueError("A port is a number from 1 to 65535.")
    return found["host"], port


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """None if the host is a name."""
    if host.startswith("["):
        return _literal(IPv6Address, host[1:-1])
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # resolvers read 127.1, 0177.0.0.1, 0x7f.1 and 2130706433 as addresses, all of them loopback
        return _literal(IPv4Address, host)
    if len(host) > MAX_HOST_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"A host has at most {MAX_HOST_CHARACTERS} characters; its parts are letters, digits and inner hyphens, up to 63.")
    return None


def _literal(kind: type[Address], text: str) -> Address:
    try:
        if "%" in text:  # ipaddress would accept an interface
            raise ValueError
        return kind(text)
    except ValueError:
        raise ValueError("An address is written as four decimal numbers, or as IPv6 in brackets without an interface.") from None


def _is_this_machine(host: IPv4Address | IPv6Address | str) -> bool:
    return host == "localhost" if isinstance(host, str) else host.is_loopback


def _check_public(scheme: str, host: IPv4Address | IPv6Address | str, port: int | None, ports: Collection[int]) -> None:
    if scheme != "https":
        raise ValueError("The URL must begin with https://.")
    if isinstance(host, str) and "." not in host:
        raise ValueError("The host must be a full name, such as hooks.example.com.")
    if (port or DEFAULT_PORTS[scheme]) not in ports:
        raise ValueError(f"The port must be one of {', '.join(str(one) for one in sorted(ports))}.")
