"""P13: not one packet leaves for an address that is not public, whatever the name, notation or answer; counted by the kernel."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.services.webhooks.inward_child import INWARD, ODD, PUBLIC
from tests.stack import PROJECT

ALLOWED = os.getuid() == 0 and subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0
NAMESPACE = "ip link set lo up && ip route add default dev lo && ip -6 route add default dev lo && exec {}"


def sent(*more: str) -> dict[str, Any]:
    """What the child says from its namespace, in which any packet would go through `lo`."""
    command = f"{sys.executable} -m tests.services.webhooks.inward_child {' '.join(more)}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", NAMESPACE.format(command)], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(not ALLOWED, reason="a network namespace may not be made here")
def test_nothing_is_sent_inward() -> None:
    said = sent()
    assert said["packets"] == 0
    names = {f"name-{place}.example" for place in range(len(INWARD))}
    inward = {what for what, failed in said["ended"].items() if failed == "inward_address"}
    assert {*names, *INWARD, "mixed.example"} - inward == set()
    assert {said["ended"][odd] for odd in ODD} <= {"bad_url", "inward_address"}


@pytest.mark.skipif(not ALLOWED, reason="a network namespace may not be made here")
def test_a_public_address_is_dialled_and_a_name_that_moves_inward_is_not() -> None:
    """Also shows that the counter counts: what is dialled sends packets."""
    said = sent("--public")
    assert said["packets"] > 0
    assert said["ended"][PUBLIC] == "timed_out"
    assert (said["ended"]["rebinding.example"], said["ended"]["rebinding.example again"]) == ("timed_out", "inward_address")
