"""The README matches the project: its links, its commands, its services."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.operator.registry import REGISTRY

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/conventions.md",
    "docs/architecture.md",
    "shared/README.md",
    "deploy/README.md",
    "kit/client/README.md",
)
SERVICES = tuple(REGISTRY)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    here = PROJECT / page
    targets = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", here.read_text()))
    assert [target for target in sorted(targets) if not (here.parent / target).exists()] == []


def test_the_changelog_has_the_release_in_the_making_and_names_the_others_by_their_commits() -> None:
    log = (PROJECT / "CHANGELOG.md").read_text()
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    making, *released = re.findall(r"^## (.+)$", log, re.MULTILINE)
    assert making == f"Unreleased ({version})"
    assert released
    assert [one for one in released if not re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d, [0-9a-f]{7,40}\)", one)] == []


def test_every_make_target_that_it_names_is_there() -> None:
    targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z]+)", README)) <= set(targets)


def test_the_table_of_services_is_complete_and_names_the_paths_of_each() -> None:
    rows = dict(re.findall(r"^\| \[(\w+)\]\(services/\w+/README\.md\) \|[^|]+\| (.+) \|$", README, re.MULTILINE))
    assert sorted(rows) == sorted(SERVICES)
    for service in SERVICES:
        assert rows[service] == " ".join(f"`/v1/{noun}`" for noun in REGISTRY[service].service().nouns)


def test_it_assumes_no_port() -> None:
    assert re.findall(r"127\.0\.0\.1|localhost", README) == []


def test_it_stays_short() -> None:
    assert len(README.split()) < 760


def test_the_figures_that_it_quotes_are_those_of_the_last_bench() -> None:
    bench = json.loads((PROJECT / "docs" / "bench.json").read_text())
    assert bench["quotable"]
    writes = {(one["what"], one["clients"]): one for one in bench["writes"]}
    pages = [page for page in bench["pages"] if page["orders"] == 1_000_000]
    quoted = {
        "orders placed, 16 clients": _beside_sql(writes["placing an order of 3 lines", 16]),
        "orders placed in batches": _beside_sql(writes["placing in batches of 500", 2]),
        "commit → effect elsewhere, median": f"{max(lag['p50_ms'] for lag in bench['lags']):.0f} ms at 100 a second",
        "a page among 1,000,000 orders, median": f"{max(page['p50_ms'] for page in pages):.0f} ms",
    }
    assert [f"| {what} | {figure} |" for what, figure in quoted.items() if f"| {what} | {figure} |" not in README] == []


def _beside_sql(one: dict[str, Any]) -> str:
    return f"{one['per_second']:,.0f} a second, {one['per_second'] / one['limit']['per_second']:.2f} of plain SQL"
