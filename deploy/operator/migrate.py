"""`aftersale migrate`: migrates every schema to head, and does nothing else."""

import os

from deploy.operator import given, running
from deploy.operator.output import Output
from deploy.operator.provision import migrate_all
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble


def run_migrate(output: Output) -> None:
    """Migrate every schema of the system that the environment names or that `up` runs. Raises Trouble if there is none.

    An administrator's URL is not enough: each schema is migrated as its own role, so that the role owns what is created.
    """
    if not running.is_configured(os.environ) and any(os.environ.get(name) for name in (given.POSTGRES, given.AMQP)):
        raise Trouble(
            f"`migrate` runs as the services' own roles, but only the administrator's URLs ({given.POSTGRES}) are set.",
            "`./aftersale provision --print-env > FILE` creates the roles and prints their URLs; load it (`set -a; . FILE`), then migrate",
        )
    migrate_all(running.apply())
    output.result({"migrated": list(SERVICES)}, lambda console: console.print("[green]✓[/green] every schema is at head"))
