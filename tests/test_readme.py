"""The README says what is there: its links, its commands, its services."""

import importlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()
SERVICES = ("orders", "refunds", "notes", "documents")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (PROJECT / target).exists()


def test_every_make_target_that_it_names_is_there() -> None:
    targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z]+)", README)) <= set(targets)


def test_the_table_of_services_is_complete_and_its_ports_are_the_real_ones() -> None:
    rows = dict(re.findall(r"^\| \[(\w+)\]\(services/\w+/README\.md\) \|.*127\.0\.0\.1:(\d+)/", README, re.MULTILINE))
    assert sorted(rows) == sorted(SERVICES)
    assert [rows[service] for service in SERVICES] == ["8001", "8002", "8003", "8004"]
    for service in SERVICES:
        assert importlib.import_module(f"services.{service}.app").SERVICE.name == service


def test_it_stays_short() -> None:
    assert len(README.split()) < 700
