"""P13: which addresses nothing may be sent to, by every notation that reaches them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.rules.addresses import INWARD_V4, INWARD_V6, inward

CALLED_GLOBAL_BY_PYTHON = (
    "2002:7f00:1::1", "64:ff9b::a9fe:a9fe", "::7f00:1", "224.0.0.1", "ff02::1", "fec0::1", "192.0.0.8", "3fff::1",
)  # fmt: skip

INWARD = (
    *CALLED_GLOBAL_BY_PYTHON,
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::f7f7:f7f7",
    "2001:0:808:808::80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:c0a8:101::1",
    "2002:a9fe:a9fe::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff0e::1",
)

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "168.63.129.15",
    "192.0.1.1",
    "::8.8.8.8",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:0:808:808::f7f7:f7f7",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2002:808:808::1",
    "2606:4700:4700::1111",
    "2a00::1",
)


@pytest.mark.parametrize("text", INWARD)
def test_nothing_is_sent_inward(text: str) -> None:
    assert inward(ip_address(text), loopback=False) is True


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_not_refused(text: str) -> None:
    assert (inward(ip_address(text), loopback=False), inward(ip_address(text), loopback=True)) == (False, False)


@pytest.mark.parametrize("text", ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"])
def test_development_lets_loopback_pass(text: str) -> None:
    assert (inward(ip_address(text), loopback=False), inward(ip_address(text), loopback=True)) == (True, False)


@pytest.mark.parametrize("text", ["0.0.0.0", "10.0.0.1", "169.254.169.254", "::", "::ffff:10.0.0.1", "fe80::1", "fd00::1"])
def test_development_lets_nothing_else_pass(text: str) -> None:
    assert inward(ip_address(text), loopback=True) is True


BESIDE: dict[str, tuple[bool, bool]] = {
    "0.0.0.0/8": (False, False),
    "10.0.0.0/8": (False, False),
    "100.64.0.0/10": (False, False),
    "127.0.0.0/8": (False, False),
    "168.63.129.16/32": (False, False),
    "169.254.0.0/16": (False, False),
    "172.16.0.0/12": (False, False),
    "192.0.0.0/24": (False, False),
    "192.0.2.0/24": (False, False),
    "192.88.99.0/24": (False, False),
    "192.168.0.0/16": (False, False),
    "198.18.0.0/15": (False, False),
    "198.51.100.0/24": (False, False),
    "203.0.113.0/24": (False, False),
    "224.0.0.0/4": (False, True),
    "240.0.0.0/4": (True, False),
    "::/3": (False, False),
    "4000::/2": (False, True),
    "8000::/1": (True, False),
    "2001::/23": (False, False),
    "2001:db8::/32": (False, False),
    "3fff::/20": (False, False),
}
"""Of each denied network: whether the address before it and the one after it are inward too (False where there is none)."""


@pytest.mark.parametrize("network", [*INWARD_V4, *INWARD_V6], ids=str)
def test_a_network_is_denied_from_its_first_address_to_its_last(network: IPv4Network | IPv6Network) -> None:
    first, last = network.network_address, network.broadcast_address
    assert inward(first, loopback=False), first
    assert inward(last, loopback=False), last
    made = IPv4Address if isinstance(network, IPv4Network) else IPv6Address
    numbers = (int(first) - 1, int(last) + 1)
    beside = tuple(0 <= number < 2**network.max_prefixlen and inward(made(number), loopback=False) for number in numbers)
    assert beside == BESIDE[str(network)]


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_every_coat(inside: IPv4Address) -> None:
    """The same IPv4 address, carried by IPv6 in each of the ways there are."""
    number, judged = int(inside), inward(inside, loopback=False)
    public = int(ip_address("8.8.8.8"))
    coats = (
        number,
        int(ip_address("::ffff:0:0")) + number,
        int(ip_address("::ffff:0:0:0")) + number,
        int(ip_address("64:ff9b::")) + number,
        int(ip_address("2002::")) + (number << 80),
        int(ip_address("2001::")) + (number << 64) + (public ^ 0xFFFF_FFFF),
        int(ip_address("2001::")) + (public << 64) + (number ^ 0xFFFF_FFFF),
    )
    assert {inward(IPv6Address(coat), loopback=False) for coat in coats} == {judged}


@given(st.ip_addresses())
def test_what_python_calls_private_is_inward(address: IPv4Address | IPv6Address) -> None:
    """Python's table is no guard by itself, but ours has nothing less than it; apart from addresses that carry another."""
    carrying = isinstance(address, IPv6Address) and any(
        address in ip_network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "2001::/32", "2002::/16")
    )
    if not carrying and not address.is_global:
        assert inward(address, loopback=False)
