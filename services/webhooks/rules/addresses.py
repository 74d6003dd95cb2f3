"""Which addresses lead inward: to this machine, its network, its cloud's own services, or to nobody. Pure: nothing is looked up.

The table is explicit. Python's `is_global` calls several spellings of loopback and of a cloud's metadata service global
(docs/decisions/0901-the-dialled-address-is-vetted.md).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

INWARD_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, and this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own agent, under an address that looks public
        "169.254.0.0/16",  # link-local; most clouds' metadata at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks between devices
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

INWARD_V6 = tuple(
    IPv6Network(network)
    for network in (
        # Only 2000::/3 is assigned for public use; the three networks around it hold loopback (::1), discarding (100::), unique local
        # (fc00::), link-local (fe80::), site-local (fec0::) and multicast addresses (ff00::), and NAT64 of a site's own (64:ff9b:1::).
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",  # protocol assignments: benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)

CARRIES_V4_LAST = tuple(
    IPv6Network(network)
    for network in (
        "::/96",  # compatible with IPv4
        "::ffff:0:0/96",  # mapped
        "::ffff:0:0:0/96",  # translated
        "64:ff9b::/96",  # NAT64
    )
)
TEREDO = IPv6Network("2001::/32")
SIX_TO_FOUR = IPv6Network("2002::/16")

LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
LOOPBACK_V6 = IPv6Address("::1")


def inward(address: IPv4Address | IPv6Address, *, loopback: bool) -> bool:
    """Whether nothing may be sent to `address`. An IPv6 address that carries IPv4 addresses is judged by those.

    `loopback` is the development setting: it lets this machine's own addresses pass, and no others.
    """
    if isinstance(address, IPv4Address):
        return not (loopback and address in LOOPBACK_V4) and any(address in network for network in INWARD_V4)
    if address == LOOPBACK_V6:
        return not loopback
    carried = _carried(address)
    if carried:
        return any(inward(one, loopback=loopback) for one in carried)
    return any(address in network for network in INWARD_V6)


def _carried(address: IPv6Address) -> tuple[IPv4Address, ...]:
    number = int(address)
    if any(address in network for network in CARRIES_V4_LAST):
        return (_v4(number),)
    if address in SIX_TO_FOUR:
        return (_v4(number >> 80),)
    if address in TEREDO:
        return _v4(number >> 64), _v4(~number)  # its server, and its client with every bit inverted
    return ()


def _v4(number: int) -> IPv4Address:
    return IPv4Address(number & 0xFFFF_FFFF)
