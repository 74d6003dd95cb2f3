"""Asks each process for its readiness, warnings and clock, and checks that the one address serves this system."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble
from shared.web.published import published

ASK_SECONDS = 5
CLOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    what: str
    ok: bool
    found: str
    fix: str = ""
    severe: bool = True
    """False for a warning: the doctor shows it, but the system still counts as healthy."""


NOT_READY = {
    "database": "see its database above: does it answer, accept the role and take writes?",
    "consumer": "see the broker above; the worker reconnects by itself, and `consumer` in its log says why it has not yet",
    "keys": "fix the keys file: the process started without a readable one",
    "not_stopping": "the process is stopping: start another",
}
WARNINGS = {
    "database_away": "start PostgreSQL, or put the role's current password into AFTERSALE_…_DATABASE_URL and restart the process",
    "broker_away": "start RabbitMQ, or check AFTERSALE_…_AMQP_URL; events wait in the outbox and are then sent",
    "keys_file": "fix the keys file; the process keeps using the keys that it read last",
    "lock_timeout": "run ./aftersale migrate: it limits how long the role waits for a lock",
    "messages_wait": "`aftersale parked list` shows what blocks them; they are retried automatically",
    "consumer_stands_still": "it reconnects by itself; if that does not help, its log says why each delivery fails",
    "background_work": "its log says why it fails; it continues by itself once the cause is gone",
    "clock": "synchronise its clock with the database's (NTP)",
}
LOOKED_AT_ITSELF = ("parked", "set_aside", "outbox_waits")
"""Warnings about tables that the doctor reads itself."""


def addresses(service: str) -> list[str]:
    """The base URLs of a service's processes: its API, and those in AFTERSALE_<SERVICE>_PROCESS_URLS (workers, replicas)."""
    more = running.setting(service, "PROCESS_URLS")
    return list(dict.fromkeys([running.address(service), *(url.strip().rstrip("/") for url in more.split(",") if url.strip())]))


def ask(service: str) -> list[Check]:
    """Check every process of a service."""
    return [check for url in addresses(service) for check in _of(service, url)]


def _of(service: str, url: str) -> Iterator[Check]:
    before = datetime.now(UTC)
    try:
        answer = _readiness(url)
    except (OSError, ValueError, HTTPException) as error:
        yield Check(f"{service} process", False, f"no answer from {url}: {error}", "start it (`make up`, or ./aftersale run)")
        return
    middle = before + (datetime.now(UTC) - before) / 2
    bad = [name for name, good in answer.get("checks", {}).items() if not good]
    fix = NOT_READY.get(bad[0], f"see {url}/health/ready") if bad else f"see {url}/health/ready"
    yield Check(f"{service} process", bool(answer.get("ready")), f"{url}" + (f": not {', '.join(bad)}" if bad else ""), fix)
    if "now" in answer:
        ahead = (datetime.fromisoformat(answer["now"]) - middle).total_seconds()
        found = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine"
        yield Check(
            f"{service} process clock", abs(ahead) < CLOCK_SECONDS, found, f"synchronise the clock of {url} and of this machine (NTP)"
        )
    for warned in answer.get("warnings", []):
        code = str(warned["code"])
        if code not in LOOKED_AT_ITSELF:
            yield Check(f"{service} {code}", False, str(warned["detail"]), WARNINGS.get(code, f"see {url}/health/ready"))


def ask_the_one_address() -> Check:
    """Whether the one address answers, and for this system: its OpenAPI document tells, as health is not public.

    A failure is only a warning, since services may be reached separately.
    """
    url, what = running.one_address(), "One address"
    try:
        title = _json(f"{url}/openapi.json").get("info", {}).get("title")
    except (OSError, ValueError, HTTPException, AttributeError) as error:
        fix = (
            "start the services in one process or a proxy (deploy/proxy/Caddyfile), or set AFTERSALE_PUBLIC_URL to where callers reach them"
        )
        return Check(what, False, f"no answer from {url}: {error}", fix, severe=False)
    if title != published("openapi.json")["info"]["title"]:
        fix = "set AFTERSALE_PUBLIC_URL, or AFTERSALE_PUBLIC_PORT, to where callers reach these services"
        return Check(what, False, f"{url} answers for something else", fix, severe=False)
    return Check(what, True, url)


def show_address(output: Output) -> None:
    """Print the one address. Raises Trouble if nothing is running, or if the address is on this machine and does not answer."""
    running.apply()
    found = ask_the_one_address()
    url = running.one_address()
    if not found.ok and not running.setting(SERVICES[0], "PUBLIC_URL"):
        raise Trouble(f"The services are not served at one address: {found.found}.", found.fix)
    output.result({"address": url}, lambda console: console.print(url, soft_wrap=True))


def _readiness(url: str) -> dict[str, Any]:
    """The JSON of /health/ready, whatever its status. Raises OSError, ValueError or HTTPException if there is none."""
    try:
        return _json(f"{url}/health/ready")
    except urllib.error.HTTPError as error:
        return _object(error)


def _json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:  # noqa: S310  (addresses of our own)
        return _object(answer)


def _object(answer: Any) -> dict[str, Any]:
    said = json.load(answer)
    if not isinstance(said, dict):
        raise ValueError("the answer is not a JSON object")
    return said
