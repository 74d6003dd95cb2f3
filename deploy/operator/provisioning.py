"""`aftersale provision`: what the services need in servers that are there already."""

import json
import shlex
import sys
from dataclasses import dataclass

from deploy.operator import given
from deploy.operator.output import Output
from deploy.operator.provision import Provided, definitions, provide
from deploy.operator.state import PROJECT, State, base_folder
from deploy.operator.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    name: str
    connection_limit: int | None
    print_env: bool
    print_definitions: bool


def run_provision(asked: Asked, output: Output) -> None:
    """Make what is missing, say what was done, and print what was asked for (alone on stdout). Raises Trouble."""
    if asked.print_env and asked.print_definitions:
        raise Trouble("Only one of the two can be printed at a time.", "run it once with --print-env and once with --print-definitions")
    state = State(base_folder(PROJECT) / "up")
    servers = given.given(state)
    if servers is None:
        raise Trouble(
            f"Neither {given.POSTGRES} nor {given.AMQP} is set.",
            "set both to an administrator's URLs; for servers of this machine's own there is `make up`, which provisions by itself",
        )
    state.hold()
    try:
        done: list[str] = []
        provided = provide(servers, asked.name, lambda line: _did(line, done, output), connection_limit=asked.connection_limit)
        if asked.print_definitions:
            wanted = definitions(servers.amqp_url, asked.name, provided)
            output.result({"definitions": wanted}, lambda console: _write(json.dumps(wanted, indent=1)))
        elif asked.print_env:
            output.result({"environment": provided.settings}, lambda console: _write(as_environment(asked.name, provided)))
        else:
            _sum_up(done, provided, state, output)
    finally:
        state.let_go()


def as_environment(name: str, provided: Provided) -> str:
    """The services' settings as lines for a shell's `set -a; . FILE`; where a password is not known, a comment says so."""
    lines = [f"{key}={shlex.quote(value)}" for key, value in sorted(provided.settings.items())]
    lines += [
        f"# AFTERSALE_{service.upper()}_DATABASE_URL: the role {name}_{service} was there, and its password is not known here"
        for service in provided.unknown
    ]
    return "\n".join(lines)


def _did(line: str, done: list[str], output: Output) -> None:
    done.append(line)
    output.progress(line)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")


def _sum_up(done: list[str], provided: Provided, state: State, output: Output) -> None:
    value = {"did": done, "password_unknown": list(provided.unknown), "own_broker_users": provided.own_users, "kept_in": str(state.folder)}
    output.result(
        value,
        lambda console: console.print(
            f"[green]✓[/green] provisioned; the passwords that are known here are kept in {state.folder}\n"
            "  Next: `./aftersale provision --print-env` for the services' environment, and in it `./aftersale migrate`",
        ),
    )
