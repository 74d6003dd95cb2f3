"""`aftersale import online-retail`: imports a real shop's history through the public APIs, and prints the account of it."""

import asyncio
import csv
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kit.client.problems import ClientError
from kit.giving_up import cannot
from kit.host import CannotDo, Host, Output
from kit.importing import carry_out
from kit.importing.account import Account, Bucket, account, foreseen
from kit.importing.mapping import OUTCOMES, Plan, plan
from kit.importing.online_retail import Unreadable, read
from kit.importing.results import Results

COLUMNS = ("goods", "shipping", "rounding", "rejected")
SHOWN_DIFFERENCES = 10
TABLE_WIDTH = 132


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command's options."""

    file: Path
    store: str
    token: str
    dry_run: bool
    rows_file: Path | None


def import_online_retail(wanted: Wanted, host: Host, output: Output) -> int:
    """Import, or report what an import would do; 0 when every row and penny is explained. Raises CannotDo, and what `host` raises."""
    began = time.monotonic()
    made = _read(wanted.file, output)
    differs: dict[str, str] = {}
    if wanted.dry_run:
        results = foreseen(made)
    else:
        results, differs = _carry_out(made, wanted, host, output)
    kept = account(made, results)
    if wanted.rows_file is not None:
        _write_rows(wanted.rows_file, kept)
    seconds = time.monotonic() - began
    shown = _as_json(wanted, kept, differs, seconds)
    output.result(shown, lambda console: _show(console, seconds, kept, differs, dry_run=wanted.dry_run))
    return 0 if kept.adds_up and not differs else 1


def _read(file: Path, output: Output) -> Plan:
    output.progress(f"reading {file.name}")
    try:
        source = read(file)
    except FileNotFoundError:
        raise CannotDo(f"There is no file {file}.", "name the Online Retail CSV, gzipped or not") from None
    except (Unreadable, OSError) as error:
        raise CannotDo(f"{file.name} cannot be imported: {error}", "see the columns in docs/import.md") from error
    made = plan(source)
    output.progress(f"{len(source.rows):,} rows: {len(made.orders):,} orders to place")
    return made


def _carry_out(made: Plan, wanted: Wanted, host: Host, output: Output) -> tuple[Results, dict[str, str]]:
    address = host.address()
    token = wanted.token or host.token(wanted.store)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    bar = Progress(*columns, console=host.terminal())
    task = bar.add_task("orders placed", total=len(made.orders))

    def advance(count: int) -> None:
        bar.advance(task, count)

    try:
        with nullcontext() if output.as_json else bar:
            return asyncio.run(_run(made, address, token, wanted, advance))
    except* (CannotDo, ClientError) as troubles:
        first: BaseException = troubles
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise (cannot(first, later="run the same import again: it continues") if isinstance(first, ClientError) else first) from None


async def _run(made: Plan, address: str, token: str, wanted: Wanted, advance: Callable[[int], None]) -> tuple[Results, dict[str, str]]:
    async with carry_out.connected(address, token) as client:
        work = carry_out.Work(client, made, advance)
        return await carry_out.carry_out(work), await carry_out.read_back(work)


class _Rate(ProgressColumn):
    """The rate, in items per second."""

    def render(self, task: Task) -> Text:
        """`12/s`, or nothing before the first item is done."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", justify="right")


def _write_rows(path: Path, kept: Account) -> None:
    """Write every row with what became of it: the full account."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ("row", "invoice", "stock_code", "quantity", "unit_price", "value", "became", "outcome", "orders", *COLUMNS, "detail")
        )
        for entry in kept.entries:
            row, columns = entry.row, entry.columns
            amounts = [getattr(columns, name) for name in COLUMNS]
            became = OUTCOMES[entry.outcome][0]
            what = (row.number, row.invoice, row.code, row.quantity, row.price, row.value, became, entry.outcome)
            table.writerow((*what, " ".join(entry.orders), *amounts, entry.detail))


def _as_json(wanted: Wanted, kept: Account, differs: dict[str, str], seconds: float) -> dict[str, Any]:
    def bucket(one: Bucket) -> dict[str, Any]:
        amounts = {name: str(getattr(one.columns, name)) for name in COLUMNS}
        return {"rows": one.rows, "file": str(one.file), **amounts, "unexplained": str(one.unexplained)}

    return {
        "dry_run": wanted.dry_run,
        "seconds": round(seconds, 1),
        "orders": kept.orders,
        "guests": kept.guests,
        "cancelled": kept.cancelled,
        "refunds": kept.refunds,
        "outcomes": {outcome: {"became": OUTCOMES[outcome][0], **bucket(one)} for outcome, one in kept.buckets.items()},
        "whole": bucket(kept.whole),
        "unexplained_rows": kept.unexplained_rows,
        "differs": differs,
    }


def _show(console: Console, seconds: float, kept: Account, differs: dict[str, str], *, dry_run: bool) -> None:
    console.width = max(console.width, TABLE_WIDTH)  # a narrower terminal wraps the lines; nothing is cut off
    console.print(account_table(kept), soft_wrap=False)
    for outcome in kept.buckets:
        console.print(f"[dim]{outcome.replace('_', ' ')}: {OUTCOMES[outcome][1]}[/dim]")
    verb = "would be" if dry_run else "are"
    console.print(f"{kept.orders:,} orders of the past {verb} placed ({kept.guests:,} of customers made up), in {seconds:,.0f} s")
    console.print(f"{kept.refunds:,} of them with refunds, {kept.cancelled:,} cancelled; no stock is moved, no document issued")
    for invoice, why in list(differs.items())[:SHOWN_DIFFERENCES]:
        console.print(f"[red]✗[/red] invoice {invoice} {escape(why)}")
    mark = "[green]✓[/green]" if kept.adds_up else "[red]✗[/red]"
    console.print(f"{mark} {kept.unexplained_rows:,} rows and {kept.whole.unexplained} pounds of the file are unexplained")


def account_table(kept: Account) -> Table:
    """The account for people: a row for each outcome, and a column for each kind of amount that occurs."""
    used = [name for name in COLUMNS if any(getattr(one.columns, name) for one in kept.buckets.values())]
    table = Table(title="What became of every row and penny (pounds)", title_justify="left", box=None, header_style="bold")
    for heading in ("became", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", "file", *used):
        table.add_column(heading.replace("_", " "), justify="right", no_wrap=True)
    for outcome, one in kept.buckets.items():
        amounts = (_pounds(getattr(one.columns, name)) for name in used)
        table.add_row(OUTCOMES[outcome][0], outcome.replace("_", " "), f"{one.rows:,}", _pounds(one.file), *amounts)
    whole = kept.whole
    table.add_section()
    table.add_row("", "the whole file", f"{whole.rows:,}", _pounds(whole.file), *(_pounds(getattr(whole.columns, name)) for name in used))
    return table


def _pounds(amount: Decimal) -> str:
    """Pounds with pence, and with smaller fractions if there are any."""
    return f"{amount:,.3f}" if amount != round(amount, 2) else f"{amount:,.2f}" if amount else "·"
