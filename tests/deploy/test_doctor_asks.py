"""The doctor asks every process for itself, and names the fix of what each says."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import asyncpg
import pytest

from deploy.commands import _machine
from deploy.operator.answers import LOOKED_AT_ITSELF, NOT_READY, WARNINGS, ask, ask_the_one_address, show_address
from deploy.operator.doctor import _broker_users, _let_in
from deploy.operator.output import Output
from deploy.operator.trouble import Trouble


@contextmanager
def process(status: int = 200, *, ahead_seconds: float = 0.0, **said: Any) -> Iterator[str]:
    """A process that answers so, with a clock of its own; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            now = (datetime.now(UTC) + timedelta(seconds=ahead_seconds)).isoformat()
            body = json.dumps({"ready": status == 200, "checks": {}, "warnings": [], "now": now} | said).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that http.server gives it)
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked(monkeypatch: pytest.MonkeyPatch, api: str, *others: str) -> list[tuple[str, bool, str]]:
    """What is found of notes: what, whether it is well, and the fix where it is not."""
    monkeypatch.setenv("AFTERSALE_NOTES_API_URL", api)
    monkeypatch.setenv("AFTERSALE_NOTES_PROCESS_URLS", ", ".join(others))
    return [(check.what, check.ok, "" if check.ok else check.fix) for check in ask("notes")]


def test_processes_that_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with process() as api, process() as worker:
        assert asked(monkeypatch, api, worker) == [("notes process", True, ""), ("notes process clock", True, "")] * 2


def test_a_worker_that_stands_still_with_a_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with process() as api, process(503, ahead_seconds=-300, checks={"database": True, "consumer": False}) as worker:
        assert asked(monkeypatch, api, worker)[2:] == [
            ("notes process", False, NOT_READY["consumer"]),
            ("notes process clock", False, f"synchronise the clock of {worker} and of this machine (NTP)"),
        ]


@pytest.mark.parametrize("code", WARNINGS)
def test_each_warning_has_its_fix(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    with process(warnings=[{"code": code, "detail": "Something."}]) as api:
        assert asked(monkeypatch, api)[2:] == [(f"notes {code}", False, WARNINGS[code])]


@pytest.mark.parametrize("code", LOOKED_AT_ITSELF)
def test_what_the_doctor_reads_by_itself_is_not_said_twice(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    with process(warnings=[{"code": code, "detail": "Something."}]) as api:
        assert asked(monkeypatch, api)[2:] == []


def test_a_process_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "http://127.0.0.1:9") == [("notes process", False, "start it (`make up`, or ./aftersale run)")]


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (asyncpg.InvalidPasswordError("x"), "put the role's current password into AFTERSALE_NOTES_DATABASE_URL"),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), "put the role's current password into AFTERSALE_NOTES_DATABASE_URL"),
        (asyncpg.InvalidCatalogNameError("x"), "run ./aftersale provision"),
        (asyncpg.TooManyConnectionsError("x"), "run fewer processes"),
        (asyncpg.CannotConnectNowError("x"), "see PostgreSQL's log"),
    ],
)
def test_a_server_that_answers_and_refuses_is_not_one_that_is_away(error: asyncpg.PostgresError, fix: str) -> None:
    assert _let_in("notes", error).startswith(fix)


def test_services_that_share_a_user_of_the_broker_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("ORDERS", "REFUNDS", "NOTES", "DOCUMENTS"):
        monkeypatch.setenv(f"AFTERSALE_{service}_AMQP_URL", f"amqp://{service.lower()}:x@127.0.0.1/")
    assert (_broker_users().ok, _broker_users().found) == (True, "each service has its own")
    monkeypatch.setenv("AFTERSALE_NOTES_AMQP_URL", "amqp://orders:x@127.0.0.1/")
    assert not _broker_users().ok
    assert "P20 does not hold" in _broker_users().found


@pytest.mark.parametrize(
    ("said", "found"),
    [({"info": {"title": "Aftersale"}}, None), ({"info": {"title": "Another"}}, "something else"), ({}, "something else")],
)
def test_the_one_address_is_asked_for_its_description(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], found: str | None) -> None:
    with process(**said) as url:
        monkeypatch.setenv("AFTERSALE_ORDERS_PUBLIC_URL", url)
        check = ask_the_one_address()
    assert (check.ok, check.severe) == (found is None, found is None)
    assert (found or url) in check.found


def test_a_stranger_that_speaks_no_http_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        monkeypatch.setenv("AFTERSALE_ORDERS_PUBLIC_URL", url)
        monkeypatch.setenv("AFTERSALE_ORDERS_API_URL", url)
        for ask_it in (ask_the_one_address, lambda: ask("orders")[0]):
            greets = threading.Thread(target=_greet, args=(stranger,))
            greets.start()
            check = ask_it()
            greets.join()
            assert (check.ok, check.found) == (False, f"no answer from {url}: SSH-2.0-OpenSSH\r\n")


def _greet(stranger: socket.socket) -> None:
    caller, _ = stranger.accept()
    with caller:
        caller.sendall(b"SSH-2.0-OpenSSH\r\n")


def test_an_address_at_which_nobody_listens_is_said_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFTERSALE_DATABASE_URL", "postgresql://127.0.0.1:9/aftersale")
    monkeypatch.setenv("AFTERSALE_PUBLIC_PORT", "9")
    assert not ask_the_one_address().severe
    with pytest.raises(Trouble, match=r"not served at one address: no answer from http://127\.0\.0\.1:9"):
        show_address(Output(as_json=True))
    monkeypatch.setenv("AFTERSALE_PUBLIC_URL", "https://shop.invalid/aftersale")
    show_address(Output(as_json=True))
    assert json.loads(capsys.readouterr().out) == {"address": "https://shop.invalid/aftersale"}


def test_the_doctor_does_without_what_is_in_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(_machine())
    monkeypatch.setitem(sys.modules, "deploy.local", None)
    assert list(_machine()) == []
