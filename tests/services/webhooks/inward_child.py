"""Sends to every address that leads inward, in a network namespace of its own: python -m tests.services.webhooks.inward_child

All that this namespace has is `lo`, through which every packet of either family goes, wherever it is addressed. Says, as JSON, how each
attempt ended and how many packets were sent.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from services.webhooks.delivery.sending import Sender

INWARD = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.254", "192.0.0.8", "192.168.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2001::1", "2001:db8::1",
    "3fff::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
)  # fmt: skip
PUBLIC = "93.184.215.14"
ODD = ("127.1", "0177.0.0.1", "2130706433", "0x7f.1", "0x7f000001", "127.0.0.1.", "localhost", "①②⑦.⓪.⓪.①")


def packets() -> int:
    """Packets that were sent through `lo` so far."""
    [line] = [line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:")]
    return int(line.split()[10])


async def attempts() -> dict[str, str | None]:
    """How each attempt ended."""
    flip = cycle([[PUBLIC], ["169.254.169.254"]])  # a name that leads elsewhere at every look
    names = {f"name-{place}.example": [address] for place, address in enumerate(INWARD)}

    async def lookup(host: str, port: int) -> Sequence[str]:
        if host == "mixed.example":
            return [PUBLIC, "10.0.0.1"]
        return next(flip) if host == "rebinding.example" else names[host]

    said: dict[str, str | None] = {}
    async with Sender(total_seconds=1, connect_seconds=0.3, lookup=lookup) as sender:

        async def once(url: str) -> str | None:
            return (await sender.send(url=url, headers={}, body=b"{}", loopback=False, endpoint="one")).failed

        for address, name in zip(INWARD, names, strict=True):
            said[name] = await once(f"https://{name}/")
            said[address] = await once(f"https://[{address}]/" if ":" in address else f"https://{address}/")
        for odd in ODD:
            said[odd] = await once(f"https://{odd}/")
        said["mixed.example"] = await once("https://mixed.example/")
        if "--public" in sys.argv:
            said[PUBLIC] = await once(f"https://{PUBLIC}/")
            said["rebinding.example"] = await once("https://rebinding.example/")
            said["rebinding.example again"] = await once("https://rebinding.example/")
    return said


if __name__ == "__main__":
    before = packets()
    ended = asyncio.run(attempts())
    print(json.dumps({"ended": ended, "packets": packets() - before}))  # noqa: T201  (a command: this is its output)
