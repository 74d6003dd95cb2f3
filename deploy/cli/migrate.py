"""`aftersale migrate`."""

import os

from deploy import running
from deploy.cli.output import Output
from deploy.provision import migrate_all, provision
from deploy.servers import given


def run_migrate(output: Output) -> None:
    """Where administrator's URLs are given: roles, schemas, queues and migrations. Else: migrations on what runs."""
    if named := given.given(running.up_state()) if not running.is_configured(os.environ) else None:
        provision(named, say=output.progress)
    else:
        migrate_all(running.apply())
    output.result({"migrated": list(running.SERVICES)}, lambda console: console.print("[green]✓[/green] every schema is at head"))
