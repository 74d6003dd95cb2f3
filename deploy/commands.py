"""The list of commands. Each imports what it needs when it is called, so that the runner stays small and every start quick."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deploy.operator.output import AsJson, Output, trouble
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble
from kit.importing.cli import importing
from kit.importing.host import Host
from kit.importing.stopped import CannotImport

app = typer.Typer(
    name="aftersale",
    help="Everything that happens to an order after checkout: run it, look into it, show it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _registered(name: str) -> str:
    """The name of a service, as an argument."""
    if name not in SERVICES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(SERVICES)}.")
    return name


class RoleName(StrEnum):
    """What a process of a service does."""

    api = "api"
    worker = "worker"


class ActorName(StrEnum):
    """For whom a token speaks."""

    platform = "platform"
    staff = "staff"
    customer = "customer"
    guest = "guest"


ONE_OF = "|".join(SERVICES)
IMPORT_TOKEN_SECONDS = 24 * 3600
Store = Annotated[str, typer.Option(help="The store (tenant).")]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start PostgreSQL, RabbitMQ and all services on this machine, until Ctrl-C. Data stays."""
    from deploy.local.up import run_up

    raise typer.Exit(run_up(Output(as_json=as_json)))


@app.command()
def run(
    services: Annotated[list[str], typer.Argument(parser=_registered, metavar=ONE_OF, help="One or several, in one process.")],
    role: Annotated[list[RoleName] | None, typer.Option(help="api, worker, or both (the default).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API, for a single service; 0 takes a free one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run services in this process with the settings of the environment (or of this clone's `up`): how production and scaling work."""
    from deploy.operator.run import run_services

    run_services(services, [one.value for one in role or RoleName], port, Output(as_json=as_json))


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring every service's schema to head, each under its own role."""
    from deploy.operator.migrate import run_migrate

    run_migrate(Output(as_json=as_json))


@app.command()
def provision(
    *,
    name: Annotated[str, typer.Option(help="The database, the first word of every role, and the namespace of the queues.")] = "aftersale",
    connection_limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            envvar="AFTERSALE_ROLE_CONNECTION_LIMIT",
            help="Connections of each role at most; else half of what the server takes, for a role without a limit.",
        ),
    ] = None,
    print_env: Annotated[bool, typer.Option("--print-env", help="Print the services' settings, passwords included.")] = False,
    print_definitions: Annotated[
        bool, typer.Option("--print-definitions", help="Print users, rights and queues for RabbitMQ's import, passwords hashed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make what the services need in given servers: roles, schemas, queues. What is there stays as it is, passwords above all."""
    from deploy.operator.provision import Asked, run_provision

    run_provision(Asked(name, connection_limit, print_env, print_definitions), Output(as_json=as_json))


@app.command()
def token(
    role: Annotated[ActorName, typer.Argument(help="For whom it speaks.")],
    *,
    store: Store = "demo",
    subject: Annotated[str, typer.Option(help="Who: the customer's, staff member's or platform's id; for a guest, the order's.")] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="How long it is good for.")] = 24,
    read_only: Annotated[bool, typer.Option("--read-only", help="It may look, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """A bearer token, signed with this clone's local key."""
    from deploy.operator.token import show_token

    show_token(role.value, store=store, subject=subject, hours=hours, read_only=read_only, output=Output(as_json=as_json))


@app.command()
def address(as_json: AsJson = False) -> None:
    """The one address under which the running services are reached."""
    from deploy.operator import running

    running.apply()
    url = running.one_address()
    Output(as_json=as_json).result({"address": url}, lambda console: console.print(url, soft_wrap=True))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look at everything that the system needs, and say for each whether it is well, or the fix."""
    from deploy.local import machine
    from deploy.operator.doctor import run_doctor

    raise typer.Exit(run_doctor(machine.look(), Output(as_json=as_json)))


@app.command()
def redrive(
    *,
    service: Annotated[
        list[str] | None, typer.Option(parser=_registered, metavar=ONE_OF, help="Only events that this service told; may be repeated.")
    ] = None,
    reader: Annotated[
        list[str] | None, typer.Option(parser=_registered, metavar=ONE_OF, help="Only events that this service reads; may be repeated.")
    ] = None,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="Only of this type, such as order.placed.v1.")] = None,
    since: Annotated[str | None, typer.Option(help="Only what was recorded since, such as 2026-11-26T18:00:00Z.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; say what would go again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again what was published and a reader never heard of: a queue was deleted or purged, a database restored. Safe at any time."""
    from deploy.operator.redrive import Wanted, run_redrive, since_when

    services, readers = (tuple(some or SERVICES) for some in (service, reader))
    wanted = Wanted(services, readers, tuple(event_type or ()), since_when(since), dry_run)
    run_redrive(wanted, Output(as_json=as_json))


@app.command()
def settings(
    service: Annotated[str, typer.Argument(parser=_registered, metavar=ONE_OF, help="Of which service.")] = SERVICES[0],
    as_json: AsJson = False,
) -> None:
    """Every setting with its value, where it comes from, its unit and what it is for. Secrets are masked."""
    from deploy.operator.settings import show_settings

    show_settings(service, Output(as_json=as_json))


@app.command()
def demo(
    picture: Annotated[Path | None, typer.Option(help="Also save what is shown as an SVG picture.")] = None, as_json: AsJson = False
) -> None:
    """Play one order's life on the running system: each call, each event as it crosses RabbitMQ, and what every service did with it."""
    from deploy.local.demo.story import run_demo

    raise typer.Exit(run_demo(Output(as_json=as_json), picture))


parked = typer.Typer(help="Messages that failed, and rows that cannot be read or published, each with the reason.", no_args_is_help=True)
app.add_typer(parked, name="parked")


@parked.command("list")
def parked_list(as_json: AsJson = False) -> None:
    """All of them, in every service."""
    from deploy.operator.parked import list_parked

    list_parked(Output(as_json=as_json))


@parked.command("show")
def parked_show(parked_id: Annotated[str, typer.Argument(help="The id in the list.")], as_json: AsJson = False) -> None:
    """One message, or one row that was set aside, with everything that is known about it."""
    from deploy.operator.parked import show_parked

    show_parked(parked_id, Output(as_json=as_json))


@parked.command("retry")
def parked_retry(
    parked_id: Annotated[str, typer.Argument(help="The id in the list, or `all`.")],
    as_json: AsJson = False,
) -> None:
    """Let it be tried again at once; the running processes take it within a second."""
    from deploy.operator.parked import retry_parked

    retry_parked(parked_id, Output(as_json=as_json))


@parked.command("discard")
def parked_discard(
    parked_id: Annotated[str, typer.Argument(help="The id in the list.")],
    reason: Annotated[str, typer.Option(help="Why it may be forgotten; it is kept beside the message.")],
    as_json: AsJson = False,
) -> None:
    """Let go of one for good: it is never tried again and counts no longer, and stays with the reason."""
    from deploy.operator.parked import discard_parked

    discard_parked(parked_id, reason, Output(as_json=as_json))


def _import_host() -> Host:
    """What the kit's importer needs of the system that runs here."""
    from deploy.operator import running
    from deploy.operator.output import terminal
    from deploy.operator.tokens import local_token
    from shared.contracts.actor import Actor

    def urls() -> dict[str, str]:
        running.apply()
        return {service: running.address(service) for service in ("orders", "refunds")}

    def token(store: str) -> str:
        return local_token(running.up_state(), Actor(store, "platform", "import"), IMPORT_TOKEN_SECONDS)

    return Host(urls, token, lambda as_json: Output(as_json=as_json), lambda: terminal(stderr=True, soft_wrap=False))


app.add_typer(importing(_import_host), name="import")


@app.command()
def reconcile(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until stopped, every so often.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds from one start to the next, with --watch.")] = 30.0,
    grace: Annotated[
        float,
        typer.Option(min=0, help="Seconds that what is in no queue may take to arrive; what is younger waits for the next time."),
    ] = 30.0,
    check_seconds: Annotated[float, typer.Option(min=1, help="Longest time for one check; then it is said that it was not made.")] = 120.0,
    acknowledge: Annotated[str | None, typer.Option(help="KIND/ID of a finding that is known from now on: it raises nothing more.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is known, with --acknowledge.")] = "",
    metrics_file: Annotated[Path | None, typer.Option(help="Keep the number of discrepancies in this Prometheus text file.")] = None,
    metrics_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Serve it to Prometheus on this port.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain every order, refund, stock level, document and event from the databases alone; exit code 1 where something cannot be."""
    from deploy.operator.reconcile import command

    output = Output(as_json=as_json)
    if watch:
        asked = command.Asked(grace, check_seconds)
        command.watch(asked, every_seconds=every, metrics_file=metrics_file, metrics_port=metrics_port, output=output)
    raise typer.Exit(command.run_reconcile(command.Asked(grace, check_seconds, acknowledge, reason), output))


def main() -> None:
    """Run the command; what cannot be done is one line with the fix, never a traceback."""
    try:
        app(prog_name="aftersale")
    except (Trouble, CannotImport) as error:
        trouble(error.what, error.fix, as_json="--json" in sys.argv)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
