"""What is decided before anything is started: where servers come from, which ports, whose folder. No I/O but small files."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from deploy.local.places import hold_state, shut
from deploy.local.servers.rabbitmq import version_of
from deploy.local.servers.resolve import choose
from deploy.operator import running
from deploy.operator.databases import as_user
from deploy.operator.given import given
from deploy.operator.settings import _masked
from deploy.operator.state import PROJECT, State, choose_port, clone_name, is_free
from deploy.operator.trouble import Trouble
from shared.messaging.broker import password_hash


@pytest.mark.parametrize(
    ("asked", "before", "engine", "images", "expected"),
    [
        ("", "", "27.1", True, "docker"),
        ("", "", "27.1", False, "private"),
        ("", "", None, True, "private"),
        ("", "private", "27.1", True, "private"),  # its data is there
        ("", "docker", "27.1", True, "docker"),
        ("", "docker", None, True, "and this clone's data is in its volumes"),
        ("private", "docker", "27.1", True, "private"),
        ("docker", "private", "27.1", True, "docker"),
        ("docker", "", None, True, "Docker does not answer"),
        ("docker", "", "27.1", False, "Docker does not answer"),
        ("podman", "", "27.1", True, "AFTERSALE_SERVERS=podman is not a valid value"),
    ],
)  # fmt: skip
def test_docker_or_private(*, asked: str, before: str, engine: str | None, images: bool, expected: str) -> None:
    if expected in ("docker", "private"):
        assert choose(asked, before, lambda: engine, lambda: images) == expected
        return
    with pytest.raises(Trouble, match=re.escape(expected)) as refused:
        choose(asked, before, lambda: engine, lambda: images)
    assert refused.value.fix


def test_private_was_asked_for_so_docker_is_not_even_looked_at() -> None:
    def never() -> str | None:
        raise AssertionError("looked")

    assert choose("private", "", never, lambda: True) == "private"


def test_urls_of_the_environment_come_first_and_both_are_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = State(tmp_path)
    monkeypatch.delenv("AFTERSALE_POSTGRES_ADMIN_URL", raising=False)
    monkeypatch.delenv("AFTERSALE_AMQP_ADMIN_URL", raising=False)
    assert given(state) is None
    monkeypatch.setenv("AFTERSALE_POSTGRES_ADMIN_URL", "postgresql://a@h/d")
    with pytest.raises(Trouble, match="AFTERSALE_AMQP_ADMIN_URL is not set"):
        given(state)
    monkeypatch.setenv("AFTERSALE_AMQP_ADMIN_URL", "amqp://a@h/")
    found = given(state)
    assert found is not None
    assert (found.kind, found.postgres_url, found.amqp_url) == ("environment", "postgresql://a@h/d", "amqp://a@h/")


@pytest.mark.parametrize(
    ("wanted", "taken", "busy", "expected"),
    [
        ([8001], set(), set(), 8001),
        ([25000, 8001], set(), {25000}, 8001),  # the kept one is busy now: the preferred one
        ([8001], {8001}, set(), None),  # ours, but for something else
        ([8001], set(), {8001}, None),
        ([], set(), set(), None),
    ],
)
def test_ports(*, wanted: list[int], taken: set[int], busy: set[int], expected: int | None) -> None:
    port = choose_port(wanted, taken, lambda candidate: candidate not in busy)
    assert port == expected if expected else 20_000 <= port < 32_000


def test_ports_and_secrets_are_kept_and_only_the_owner_may_read_them(tmp_path: Path) -> None:
    first = State(tmp_path)
    port, secret = first.port("postgres"), first.secret("postgres")
    again = State(tmp_path)
    assert (again.port("postgres"), again.secret("postgres")) == (port, secret)
    assert first.port("rabbitmq") != port
    assert len(secret) == 40
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_folder_has_one_holder_and_says_who() -> None:
    folder = PROJECT / ".aftersale" / f"test-choices-{os.getpid()}"
    one, other = State(folder), State(folder)
    assert one.holder() is None
    one.hold()
    try:
        assert other.holder() == os.getpid()
        with pytest.raises(Trouble, match=f"Process {os.getpid()} already runs from this folder"):
            other.hold()
    finally:
        one.let_go()
        assert other.holder() is None
        other.hold().let_go()
        one.remove()


def test_a_test_runs_folder_goes_with_it_and_those_of_dead_runs_go_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFTERSALE_HOME", str(tmp_path))
    dead = tmp_path / "test-1-dead"
    dead.mkdir()
    (dead / "lock").write_text("1")
    state = hold_state(PROJECT, "test")
    assert not dead.exists()
    beside = hold_state(PROJECT, "test")
    assert state.folder.is_dir()
    assert beside.folder != state.folder
    state.let_go()
    beside.let_go()
    assert not list(tmp_path.glob("test-*"))


def test_clones_have_names_of_their_own(tmp_path: Path) -> None:
    assert clone_name(tmp_path) == clone_name(tmp_path / "x" / "..")
    assert clone_name(tmp_path) != clone_name(tmp_path / "x")


@pytest.mark.parametrize(
    ("url", "database", "expected"),
    [
        ("postgresql://postgres:x@127.0.0.1:5432/postgres", "shop", "postgresql://shop_orders:p%40ss@127.0.0.1:5432/shop"),
        ("postgresql://h/postgres?ssl=require", "shop", "postgresql://shop_orders:p%40ss@h/shop?ssl=require"),
        ("amqp://guest:guest@h:5672/%2Fvhost", None, "amqp://shop_orders:p%40ss@h:5672/%2Fvhost"),
    ],
)
def test_the_same_server_as_another_user(url: str, database: str | None, expected: str) -> None:
    assert as_user(url, "shop_orders", "p@ss", database) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("amqp://user:secret@host:5672/", "amqp://***@host:5672/"), ("postgresql://u:p%40@h/d", "postgresql://***@h/d"), ("secret", "***")],
)
def test_secrets_are_masked(text: str, expected: str) -> None:
    assert _masked(text) == expected


def test_password_hash_is_rabbitmqs() -> None:
    """The example of RabbitMQ's documentation: salt 908D C60A, password test12."""
    assert password_hash("test12", bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_the_version_is_read_from_the_packages_file_names(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "plugins" / "rabbit-3.10.8").mkdir(parents=True)
    (tmp_path / "plugins" / "rabbit_common-3.12.1").mkdir()
    assert version_of(tmp_path / "bin") == (3, 10, 8)
    assert version_of(tmp_path) == ()


def test_a_service_is_found_where_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AFTERSALE_ORDERS_HTTP_PORT",
        "AFTERSALE_ORDERS_HTTP_HOST",
        "AFTERSALE_HTTP_HOST",
        "AFTERSALE_HTTP_PORT",
        "AFTERSALE_ORDERS_API_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    assert running.address("orders") == "http://127.0.0.1:8001"
    monkeypatch.setenv("AFTERSALE_HTTP_PORT", "9000")
    assert running.address("orders") == "http://127.0.0.1:9000"
    monkeypatch.setenv("AFTERSALE_ORDERS_HTTP_PORT", "9001")
    assert running.address("orders") == "http://127.0.0.1:9001"
    monkeypatch.setenv("AFTERSALE_ORDERS_API_URL", "https://orders.example/")
    assert running.address("orders") == "https://orders.example"


def test_what_runs_is_found_only_while_it_is_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AFTERSALE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AFTERSALE_HOME", str(tmp_path))
    assert running.local_settings() == {}
    with pytest.raises(Trouble, match="Nothing is running"):
        running.apply()
    state = running.up_state().hold()
    state.keep("running", {"AFTERSALE_AMQP_NAMESPACE": "mine"})
    assert running.local_settings() == {"AFTERSALE_AMQP_NAMESPACE": "mine"}
    monkeypatch.setenv("AFTERSALE_DATABASE_URL", "postgresql://elsewhere/")
    assert running.local_settings() == {}, "the environment names another system"
    monkeypatch.delenv("AFTERSALE_DATABASE_URL")
    state.let_go()
    assert running.local_settings() == {}
    assert json.loads((tmp_path / "up" / "running.json").read_text())


def test_a_port_of_one_clone_is_no_other_clones(tmp_path: Path) -> None:
    """Clones that start in the same second find the same ports free, before any server listens there."""
    first, second = State(tmp_path / "first").hold(), State(tmp_path / "second").hold()
    port = choose_port([], set(), is_free)
    assert first.port("http_orders", preferred=port) == port
    assert second.port("http_orders", preferred=port) != port
    assert first.port("http_orders", preferred=port) == port
    first.let_go()
    third = State(tmp_path / "third").hold()
    assert third.port("http_orders", preferred=port) == port
    for state in (second, third):
        state.let_go()


def test_what_was_left_open_to_others_is_shut(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    attachment = folder / "files" / "refunds" / "0123" / "attachment_1"
    attachment.parent.mkdir(parents=True)
    for path in (attachment, folder / "services.log", folder / "ports.json"):
        path.write_text("a customer's")
        path.chmod(0o644)
    shut(folder)
    modes = {str(path.relative_to(folder)): oct(path.stat().st_mode & 0o777) for path in [*folder.rglob("*")]}
    assert modes == {
        "services.log": "0o600", "ports.json": "0o600", "files": "0o700", "files/refunds": "0o700", "files/refunds/0123": "0o700",
        "files/refunds/0123/attachment_1": "0o600",
    }  # fmt: skip
    assert folder.stat().st_mode & 0o066 == 0
