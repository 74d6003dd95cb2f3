"""The commands of `aftersale`. Each imports what it needs when it is called, so that the runner stays small and every start is quick."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deploy.operator.output import AsJson, Output, trouble
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from kit.cli import webhooks
from kit.host import CannotDo, Host
from kit.importing.cli import importing

if TYPE_CHECKING:
    from deploy.operator.answers import Check

app = typer.Typer(
    name="aftersale",
    help="Run, inspect and demonstrate everything that happens to an order after checkout.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _registered(name: str, among: tuple[str, ...] = SERVICES) -> str:
    """The name of a service, as an argument."""
    if name not in among:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(among)}.")
    return name


def _reading(name: str) -> str:
    """The name of a service that consumes events, as an option."""
    return _registered(name, READERS)


class RoleName(StrEnum):
    """What a process of a service does."""

    api = "api"
    worker = "worker"


ONE_OF = "|".join(SERVICES)
IMPORT_TOKEN_SECONDS = 24 * 3600
Store = Annotated[str, typer.Option(help="The store (tenant).")]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start PostgreSQL, RabbitMQ and all services on this machine, until Ctrl-C. The data stays."""
    from deploy.local.up import run_up

    raise typer.Exit(run_up(Output(as_json=as_json)))


@app.command()
def run(
    services: Annotated[list[str], typer.Argument(parser=_registered, metavar=ONE_OF, help="One or more services, run in one process.")],
    role: Annotated[list[RoleName] | None, typer.Option(help="api, worker, or both (the default).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API, for a single service; 0 picks a free one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run services in this process, with settings from the environment or from this clone's `up`. Production runs and scales this way."""
    from deploy.operator.run import run_services

    run_services(services, [one.value for one in role or RoleName], port, Output(as_json=as_json))


@app.command("run-queues")
def run_queues(as_json: AsJson = False) -> None:
    """Make the queues that stores order, with RabbitMQ's administrator in AFTERSALE_AMQP_ADMIN_API. Only this process has its rights."""
    from deploy.operator.run_queues import run_queues as run_until_stopped

    run_until_stopped(Output(as_json=as_json))


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Migrate every service's schema to head, each as its own role."""
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
            help="Connection limit of each role. By default a role without a limit gets half of the server's connections.",
        ),
    ] = None,
    print_env: Annotated[bool, typer.Option("--print-env", help="Print the services' settings, passwords included.")] = False,
    print_definitions: Annotated[
        bool, typer.Option("--print-definitions", help="Print users, permissions and queues for RabbitMQ to import, with hashed passwords.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create what the services need on existing servers, and close their database to everybody else.

    PostgreSQL: a database, and a role and a schema for each service. An existing role keeps its password, but every run sets its
    time-outs and search path, and its connection limit where it has none or --connection-limit is given. An administrator
    that is not a superuser becomes a member of each.

    PUBLIC loses the right to enter the services' database, to use its schema `public` and to make large objects in it, and the right to
    enter `postgres` and `template1`: roles that may enter those two today are granted it by name, roles made later are not. Other databases
    are left alone and named where the services' roles may enter them.

    RabbitMQ: the exchange, queues and bindings that are missing. Users are never created: see --print-definitions.

    Passwords that are known are stored in this clone's folder, with a key for signing tokens unless AFTERSALE_KEYS_FILE is set.
    """
    from deploy.operator.provision import run_provision

    output = Output(as_json=as_json)
    run_provision(output, name=name, connection_limit=connection_limit, print_env=print_env, print_definitions=print_definitions)


@app.command()
def token(
    role: Annotated[Literal["platform", "staff", "customer", "guest"], typer.Argument(help="Role to issue the token for.")],
    *,
    store: Store = "demo",
    subject: Annotated[str, typer.Option(help="Id of the customer, staff member or platform; for a guest, of the order.")] = "",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="Lifetime in hours.")] = 24,
    read_only: Annotated[bool, typer.Option("--read-only", help="Allow reading only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a bearer token, signed with the first secret in AFTERSALE_KEYS_FILE that may issue it (default: this clone's key)."""
    from deploy.operator.tokens import show_token

    show_token(role, store=store, subject=subject, hours=hours, read_only=read_only, output=Output(as_json=as_json))


@app.command()
def address(as_json: AsJson = False) -> None:
    """Print the address that serves all running services: the setting `public_url`, else a port of this machine."""
    from deploy.operator.answers import show_address

    show_address(Output(as_json=as_json))


@app.command()
def generate(as_json: AsJson = False) -> None:
    """Generate the published documents of all services, the proxy's configuration (deploy/proxy) and the client's code (kit/client)."""
    from deploy.operator.generated import write

    names = write()
    Output(as_json=as_json).result({"written": names}, lambda console: console.print(f"[green]✓[/green] wrote {len(names)} files"))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check everything that the system needs, and print the fix for whatever is wrong."""
    from deploy.operator.doctor import run_doctor

    raise typer.Exit(run_doctor(_machine(), Output(as_json=as_json)))


def _machine() -> "Iterable[Check]":
    """Checks of what `make up` needs on this machine; none where only the operator's commands are installed."""
    if find_spec("deploy.local") is None:
        return ()
    from deploy.local import machine

    return machine.look()


@app.command()
def redrive(
    *,
    service: Annotated[
        list[str] | None, typer.Option(parser=_registered, metavar=ONE_OF, help="Only events published by this service; may be repeated.")
    ] = None,
    reader: Annotated[
        list[str] | None,
        typer.Option(parser=_reading, metavar="|".join(READERS), help="Only events consumed by this service; may be repeated."),
    ] = None,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="Only of this type, such as order.placed.v1.")] = None,
    since: Annotated[str | None, typer.Option(help="Only events recorded since this time, such as 2026-11-26T18:00:00Z.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; show what would be sent again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Resend events that a service never received because a queue was deleted or purged, or a database restored. Safe at any time."""
    from deploy.operator.redrive import Wanted, run_redrive, since_when

    wanted = Wanted(tuple(service or SERVICES), tuple(reader or READERS), tuple(event_type or ()), since_when(since), dry_run)
    run_redrive(wanted, Output(as_json=as_json))


@app.command()
def settings(
    service: Annotated[str, typer.Argument(parser=_registered, metavar=ONE_OF, help="The service whose settings to show.")] = SERVICES[0],
    as_json: AsJson = False,
) -> None:
    """Show every setting with its value, source, unit and purpose. Secrets are masked."""
    from deploy.operator.settings import show_settings

    show_settings(service, Output(as_json=as_json))


@app.command()
def demo(
    picture: Annotated[Path | None, typer.Option(help="Also save the output as an SVG image.")] = None, as_json: AsJson = False
) -> None:
    """Play one order's life on the running system: each call, each event as it crosses RabbitMQ, and what every service does with it."""
    from deploy.local.demo.story import run_demo

    raise typer.Exit(run_demo(Output(as_json=as_json), picture))


parked = typer.Typer(help="Failed messages, and rows that cannot be read or published, each with the reason.", no_args_is_help=True)
app.add_typer(parked, name="parked")


@parked.command("list")
def parked_list(as_json: AsJson = False) -> None:
    """List failed messages and unusable rows of all services."""
    from deploy.operator.parked import list_parked

    list_parked(Output(as_json=as_json))


@parked.command("show")
def parked_show(parked_id: Annotated[str, typer.Argument(help="The id in the list.")], as_json: AsJson = False) -> None:
    """Show one message, or one row that was set aside, in full."""
    from deploy.operator.parked import show_parked

    show_parked(parked_id, Output(as_json=as_json))


@parked.command("retry")
def parked_retry(
    parked_id: Annotated[str, typer.Argument(help="The id in the list, or `all`.")],
    as_json: AsJson = False,
) -> None:
    """Retry one of them, or `all`, now; the running processes pick it up within a second."""
    from deploy.operator.parked import retry_parked

    retry_parked(parked_id, Output(as_json=as_json))


@parked.command("discard")
def parked_discard(
    parked_id: Annotated[str, typer.Argument(help="The id in the list.")],
    reason: Annotated[str, typer.Option(help="Why it can be discarded; stored with the message.")],
    as_json: AsJson = False,
) -> None:
    """Give up on one: it is never retried and no longer counted, but its row stays, with the reason."""
    from deploy.operator.parked import discard_parked

    discard_parked(parked_id, reason, Output(as_json=as_json))


def _host() -> Host:
    """Connect the kit's commands to the running system."""
    from deploy.operator import running
    from deploy.operator.output import terminal
    from deploy.operator.tokens import local_token
    from shared.contracts.actor import Actor

    def address() -> str:
        running.apply()
        return running.one_address()

    def token(store: str) -> str:
        return local_token(running.up_state(), Actor(store, "platform", "command-line"), IMPORT_TOKEN_SECONDS)

    return Host(address, token, lambda as_json: Output(as_json=as_json), lambda: terminal(stderr=True, soft_wrap=False))


app.add_typer(importing(_host), name="import")
app.add_typer(webhooks.endpoints(_host), name="endpoints")
app.add_typer(webhooks.deliveries(_host), name="deliveries")
app.add_typer(webhooks.events(_host), name="events")


@app.command()
def reconcile(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until stopped.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between starts, with --watch.")] = 30.0,
    grace: Annotated[
        float,
        typer.Option(min=0, help="Seconds that a published event may take to arrive; younger events are left for the next run."),
    ] = 30.0,
    check_seconds: Annotated[
        float, typer.Option(min=1, help="Time limit of one check in seconds; a check that exceeds it is reported as not completed.")
    ] = 120.0,
    acknowledge: Annotated[
        str | None, typer.Option(help="KIND/ID of a finding that is known and no longer counts as a discrepancy.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why the finding is acceptable, with --acknowledge.")] = "",
    metrics_file: Annotated[Path | None, typer.Option(help="Write the number of discrepancies to this Prometheus text file.")] = None,
    metrics_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Serve the number to Prometheus on this port.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain every order, refund, stock level, document and event from the databases alone; exit with 1 if any cannot be explained."""
    from deploy.operator.reconcile import command

    output = Output(as_json=as_json)
    if watch:
        command.watch(grace, check_seconds, every_seconds=every, metrics_file=metrics_file, metrics_port=metrics_port, output=output)
    raise typer.Exit(command.run_reconcile(grace, check_seconds, acknowledge, reason, output))


def main() -> None:
    """Run the command; a failure is one line with the fix, never a traceback."""
    try:
        app(prog_name="aftersale")
    except (Trouble, CannotDo) as error:
        trouble(error.what, error.fix, as_json="--json" in sys.argv)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
