"""`import …`: the importer's commands, to be mounted by a command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kit.host import Host


def importing(host: Callable[[], Host]) -> typer.Typer:
    """The commands; each calls `host` when it runs."""
    app = typer.Typer(help="Import a shop's history through the public APIs, with every row and penny accounted for.", no_args_is_help=True)

    @app.command("online-retail")
    def import_online_retail(
        file: Annotated[Path, typer.Argument(help="The Online Retail CSV, gzipped or not.")],
        *,
        store: Annotated[str, typer.Option(help="The store (tenant).")] = "demo",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Place nothing; show what would become of each row.")] = False,
        rows: Annotated[Path | None, typer.Option(help="Write what became of each row to this CSV file.")] = None,
        token: Annotated[
            str,
            typer.Option(envvar="AFTERSALE_TOKEN", help="A platform token of the store (default: one as from `aftersale token platform`)."),
        ] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")] = False,
    ) -> None:
        """Import a UK shop's real orders (Chen et al., UCI) with their payments and refunds. A second run continues and repeats nothing."""
        from kit.importing.command import Wanted
        from kit.importing.command import import_online_retail as carry_out

        wanted = Wanted(file, store, token, dry_run=dry_run, rows_file=rows)
        lent = host()
        raise typer.Exit(carry_out(wanted, lent, lent.output(as_json)))

    return app
