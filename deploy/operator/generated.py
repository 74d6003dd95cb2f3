"""Generates the files that follow from the services and are committed.

The documents that every API serves, a proxy's configuration, and the Python client's models and calls.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.operator.client_code.files import FOLDERS, client_code
from deploy.operator.registry import REGISTRY
from deploy.operator.state import PROJECT
from shared.messaging.asyncapi import asyncapi_of_all
from shared.process.service import Service
from shared.process.settings import Settings
from shared.web.app import described
from shared.web.dispatch import API, OF_ANY, Table
from shared.web.openapi import merged
from shared.web.problems import KERNEL_PROBLEMS
from shared.web.published import FOLDER, as_text

TITLE = "Aftersale"
DESCRIPTION = "Everything that happens to a shop's order after checkout."
CLIENT = PROJECT / "kit" / "client"
CADDYFILE = PROJECT / "deploy" / "proxy" / "Caddyfile"

_HEAD = """\
# One address for all services: the same table as shared/web/dispatch.py, written by `./aftersale generate`.
# Paths are passed on as they were sent. Paths that are not listed, such as health and metrics, are answered with 404.
{$AFTERSALE_PUBLIC_ADDRESS::8000} {
"""
# Paths that any service can answer: the first reachable one does, and one that was unreachable is skipped for a while.
_NEXT_ONE = """ {
			lb_policy first
			lb_try_duration 5s
			fail_duration 10s
		}"""
_NOT_FOUND = """\
	handle {
		header Content-Type application/problem+json
		respond `{"type": "/problems/no_such_route", "title": "Not Found", "status": 404, "code": "no_such_route"}` 404
	}
}
"""


def generated() -> dict[Path, str]:
    """The content of each generated file, computed from the services of this tree."""
    services = [one.service() for one in REGISTRY.values()]
    openapi = merged({one.name: described(one).openapi() for one in services}, title=TITLE, description=DESCRIPTION, version="1")
    namespace = str(Settings.model_fields["amqp_namespace"].default)
    return {
        FOLDER / "openapi.json": as_text(openapi),
        FOLDER / "asyncapi.json": as_text(asyncapi_of_all(TITLE, namespace)),
        FOLDER / "problems.json": as_text(_problems(services)),
        CADDYFILE: caddyfile(Table.of((one.name, one.nouns) for one in services), {one.name: one.port for one in REGISTRY.values()}),
        **{CLIENT / name: text for name, text in client_code(openapi).items()},
    }


def write() -> list[str]:
    """Write the generated files, and remove those that a group of calls had which is gone; returns what was written, by path."""
    files = generated()
    for path in abandoned(files):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return [str(path.relative_to(PROJECT)) for path in files]


def abandoned(files: Mapping[Path, str]) -> list[Path]:
    """Files in the client's generated folders that are not among `files`."""
    return [path for folder in FOLDERS for path in sorted((CLIENT / folder).glob("*.py")) if path not in files]


def _problems(services: Sequence[Service]) -> dict[str, str]:
    """Each code with its explanation; for a code that several services use, their explanations joined."""
    said: dict[str, list[str]] = {code: [text] for code, text in KERNEL_PROBLEMS.items()}
    for service in services:
        for code, text in service.problems.items():
            if text not in said.setdefault(code, []):
                said[code].append(text)
    return {code: " ".join(texts) for code, texts in sorted(said.items())}


def caddyfile(table: Table, ports: dict[str, int]) -> str:
    """The table as a Caddyfile, which takes each service's address from the environment (AFTERSALE_<SERVICE>_UPSTREAM)."""
    upstreams = {name: f"{{$AFTERSALE_{name.upper()}_UPSTREAM:{name}:{ports[name]}}}" for name in table.services}
    parts = [_HEAD]
    for name, upstream in upstreams.items():
        paths = [f"{API}{noun}" for noun in table.nouns_of(name)]
        parts.append(_handle(name, paths, upstream))
    return "".join([*parts, _handle("any", OF_ANY, " ".join(upstreams.values()) + _NEXT_ONE), _NOT_FOUND])


def _handle(name: str, paths: Sequence[str], proxy: str) -> str:
    with_children = " ".join(path if path.endswith(".json") else f"{path} {path}/*" for path in paths)
    return f"\t@{name} path {with_children}\n\thandle @{name} {{\n\t\treverse_proxy {proxy}\n\t}}\n\n"
