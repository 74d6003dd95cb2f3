"""What the URL of an endpoint may be."""

import re
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.webhooks.rules.urls import MAX_HOST_CHARACTERS, MAX_URL_CHARACTERS, accepted_url
from shared.contracts.errors import Invalid

LONGEST_NAME = ".".join(("a" * 63, "b" * 63, "c" * 63, "d" * 57, "com"))
assert len(LONGEST_NAME) == MAX_HOST_CHARACTERS


def refusal(text: str, *, loopback: bool = False) -> tuple[str, str]:
    """The code, and the sentence of the one field that is wrong."""
    with pytest.raises(Invalid) as refused:
        accepted_url(text, loopback=loopback)
    (only,) = refused.value.errors
    assert (only.pointer, only.code) == ("/url", refused.value.code)
    return refused.value.code, only.message


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("https://hooks.example.com/in", "https://hooks.example.com/in"),
        ("HTTPS://Hooks.Example.COM/In?A=b", "https://hooks.example.com/In?A=b"),
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://hooks.example.com?a=b", "https://hooks.example.com/?a=b"),
        ("https://hooks.example.com:443/", "https://hooks.example.com/"),
        ("https://hooks.example.com:8443/", "https://hooks.example.com:8443/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://[::ffff:8.8.8.8]/", "https://[::ffff:808:808]/"),
        ("https://example.com/a/../b//c/%2e%2E/;d=1,2?x=%20&y=a+b/c?&z", "https://example.com/a/../b//c/%2e%2E/;d=1,2?x=%20&y=a+b/c?&z"),
        (f"https://{LONGEST_NAME}/", f"https://{LONGEST_NAME}/"),
    ],
)
def test_a_url_is_stored_as_it_is_called(given: str, stored: str) -> None:
    assert accepted_url(given) == stored
    assert accepted_url(stored) == stored
    assert str(URL(stored, encoded=True)) == stored


VISIBLE = "A URL is written in visible ASCII characters: an international name in its xn-- form, anything else as %XX."
BEGINS = "The URL must begin with https:// and name a host."
HTTPS = "The URL must begin with https://."
USER = "The URL must not contain a user or password; use a header of the endpoint instead."
FRAGMENT = "The URL must not have a fragment (#…): it would never be sent."
PATH = "A path or query is written in letters, digits and -._~!$&'()*+,;=:@/? and has anything else as %XX."
HOST = "The URL must name a host and, after a colon, at most a port."
NAME = "A host has at most 253 characters; its parts are letters, digits and inner hyphens, up to 63."
FULL = "The host must be a full name, such as hooks.example.com."
PORT = "The port must be one of 443, 8443."
NUMBER = "A port is a number from 1 to 65535."
LITERAL = "An address is written as four decimal numbers, or as IPv6 in brackets without an interface."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", VISIBLE),
        ("https://example.com/" + "a" * (MAX_URL_CHARACTERS - 19), "A URL has at most 2,000 characters."),
        (" https://example.com/", VISIBLE),
        ("https://example.com/\n", VISIBLE),
        ("https://example.com/a b", VISIBLE),
        ("https://exam\tple.com/", VISIBLE),
        ("https://example.com/\x00", VISIBLE),
        ("https://example.com/\x7f", VISIBLE),
        ("https://bücher.example/", VISIBLE),
        ("https://ехаmple.com/", VISIBLE),
        ("https://①②⑦.⓪.⓪.①/", VISIBLE),
        ("https://１２７.０.０.１/", VISIBLE),
        ("https://example。com/", VISIBLE),
        ("https://example.com/ä", VISIBLE),
        ("example.com/hook", BEGINS),
        ("//example.com/hook", BEGINS),
        ("https:/example.com", BEGINS),
        ("https:example.com", BEGINS),
        ("ftp://example.com/", BEGINS),
        ("file:///etc/passwd", BEGINS),
        ("gopher://example.com/", BEGINS),
        ("javascript:alert(1)", BEGINS),
        ("http://example.com/", HTTPS),
        ("http://example.com:443/", HTTPS),
        ("https://user:pass@example.com/", USER),
        ("https://user@example.com/", USER),
        ("https://@example.com/", USER),
        ("https://8.8.8.8@127.0.0.1/", USER),
        ("https://example.com/#here", FRAGMENT),
        ("https://example.com#", FRAGMENT),
        ("https://example.com/a\\b", PATH),
        ("https://example.com/%zz", PATH),
        ("https://example.com/%2", PATH),
        ("https://example.com/a|b", PATH),
        ("https://example.com/?a[]=1", PATH),
        ("https:///hook", HOST),
        ("https://:443/", HOST),
        ("https://example.com:/", HOST),
        ("https://example.com:44x/", HOST),
        ("https://example.com:443:443/", HOST),
        ("https://example.com:123456/", HOST),
        ("https://[::1/", HOST),
        ("https://::1/", HOST),
        ("https://[8.8.8.8]x/", HOST),
        ("https://example.com:0/", NUMBER),
        ("https://example.com:65536/", NUMBER),
        ("https://example.com:22/", PORT),
        ("https://example.com:80/", PORT),
        ("https://8.8.8.8:25/", PORT),
        ("https://localhost/", FULL),
        ("https://intranet/", FULL),
        ("https://example.com./", NAME),
        ("https://.example.com/", NAME),
        ("https://exa..mple.com/", NAME),
        ("https://-example.com/", NAME),
        ("https://example-.com/", NAME),
        ("https://exa_mple.com/", NAME),
        ("https://exa%6dple.com/", NAME),
        ("https://exam*ple.com/", NAME),
        ("https://example.com\\.evil.com/", NAME),
        (f"https://{'a' * 64}.com/", NAME),
        (f"https://x{LONGEST_NAME}/", NAME),
        ("https://127.1/", LITERAL),
        ("https://0177.0.0.1/", LITERAL),
        ("https://2130706433/", LITERAL),
        ("https://0x7f000001/", LITERAL),
        ("https://0x7f.1/", LITERAL),
        ("https://0X7F.0.0.0x1/", LITERAL),
        ("https://0x/", LITERAL),
        ("https://127.0.0.01/", LITERAL),
        ("https://1.2.3.4.5/", LITERAL),
        ("https://256.1.1.1/", LITERAL),
        ("https://example.123/", LITERAL),
        ("https://[127.0.0.1]/", LITERAL),
        ("https://[]/", LITERAL),
        ("https://[1.2]/", LITERAL),
        ("https://[fe80::1%25eth0]/", LITERAL),
        ("https://[fe80::1%eth0]/", LITERAL),
        ("https://[v1.fe80::a]/", LITERAL),
    ],
)
def test_what_is_refused_and_what_would_be_accepted(given: str, sentence: str) -> None:
    assert refusal(given) == ("bad_url", sentence)


@pytest.mark.parametrize(
    "given",
    [
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::1]/",
        "https://[fd00:ec2::254]/",
        "http://127.0.0.1/",
        "https://127.0.0.1:22/",
    ],
)
def test_an_inward_address_is_refused_at_once(given: str) -> None:
    assert refusal(given) == ("inward_address", "The address is not a public one: nothing is sent to it.")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("http://localhost:8080/in", "http://localhost:8080/in"),
        ("http://LOCALHOST:80", "http://localhost/"),
        ("https://localhost:9/", "https://localhost:9/"),
        ("http://127.0.0.1:45123/", "http://127.0.0.1:45123/"),
        ("http://127.8.8.8/", "http://127.8.8.8/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_development_may_name_this_machine_with_any_port(given: str, stored: str) -> None:
    assert accepted_url(given, loopback=True) == stored


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("http://example.com/", "bad_url"),
        ("https://example.com:8080/", "bad_url"),
        ("http://127.1/", "bad_url"),
        ("https://intranet/", "bad_url"),
        ("http://10.0.0.1/", "inward_address"),
        ("http://169.254.169.254/", "inward_address"),
        ("http://[::]/", "inward_address"),
    ],
)
def test_development_changes_nothing_else(given: str, code: str) -> None:
    assert refusal(given, loopback=True)[0] == code


def test_the_ports_are_the_operators_choice() -> None:
    assert accepted_url("https://example.com:4443/", ports=(4443,)) == "https://example.com:4443/"
    with pytest.raises(Invalid, match=r"The port must be one of 4443\."):
        accepted_url("https://example.com/", ports=(4443,))


@given(st.from_regex(re.compile(r"https://[!-~]{0,40}"), fullmatch=True))
def test_what_is_accepted_is_read_alike_by_the_client(text: str) -> None:
    """No two readings of one text: the parser that the HTTP client uses finds the same host and port."""
    try:
        stored = accepted_url(text)
    except Invalid:
        return
    read = URL(stored, encoded=True)
    assert (read.scheme, read.user, read.password, read.fragment) == ("https", None, None, "")
    assert read.port in {443, 8443}
    assert str(read) == stored


@given(st.ip_addresses(v=4), st.sampled_from(["{:d}", "0x{:x}", "0{:o}"]))
def test_numbers_other_than_four_decimals_are_refused(address: IPv4Address, notation: str) -> None:
    assert refusal(f"https://{notation.format(int(address))}/") == ("bad_url", LITERAL)
