"""`aftersale reconcile`: explain every order, refund, stock level, document and event from the databases alone."""

import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server, write_to_textfile
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy import running
from deploy.cli.output import Output
from deploy.reconcile.run import ABOUTS, Report, reconcile_now
from deploy.trouble import Trouble

SHOWN = 20


def run_reconcile(*, grace_seconds: float, output: Output) -> int:
    """Reconcile once; 0 when everything is explained, else 1."""
    running.apply()
    report = reconcile_now(grace_seconds)
    output.result(as_json(report), lambda console: show(console, report))
    return 1 if report.discrepancies else 0


def watch(*, grace_seconds: float, every_seconds: float, metrics_file: Path | None, metrics_port: int | None, output: Output) -> None:
    """Reconcile again and again until stopped, and keep the number of discrepancies where Prometheus finds it."""
    running.apply()
    registry = CollectorRegistry()
    found = Gauge("aftersale_reconcile_discrepancies", "What cannot be explained, by kind.", ["kind"], registry=registry)
    last = Gauge("aftersale_reconcile_last_run_timestamp_seconds", "When the last reconciliation ended.", registry=registry)
    took = Gauge("aftersale_reconcile_duration_seconds", "How long it took.", registry=registry)
    failed = Gauge("aftersale_reconcile_failed", "1 while reconciling is not possible (a database is away).", registry=registry)
    if metrics_port is not None:
        start_http_server(metrics_port, registry=registry)
    while True:
        began = time.monotonic()
        try:
            report = reconcile_now(grace_seconds)
        except Trouble as trouble:
            failed.set(1)
            output.warning(trouble.what)
        else:
            failed.set(0)
            for kind in ABOUTS:
                found.labels(kind).set(report.counted[kind])
            last.set_to_current_time()
            took.set(report.seconds)
            output.result(as_json(report), lambda console, report=report: show(console, report))  # type: ignore[misc]  # mypy: lambda defaults
        if metrics_file is not None:
            write_to_textfile(str(metrics_file), registry)
        time.sleep(max(1.0, every_seconds - (time.monotonic() - began)))


def as_json(report: Report) -> dict[str, object]:
    """A report for tools."""
    found = [{"kind": one.kind, "service": one.service, "store": one.store_id, "id": one.id, "detail": one.detail} for one in report.found]
    return {
        "discrepancies": report.discrepancies,
        "kinds": dict(report.counted),
        "found": found,
        "looked_at": report.looked_at,
        "settled_before": report.settled.isoformat(),
        "seconds": round(report.seconds, 2),
    }


def show(console: Console, report: Report) -> None:
    """A report for people: what is wrong, kind by kind, with the ids."""
    looked_at = ", ".join(f"{count:,} {table}" for table, count in report.looked_at.items())
    console.print(f"looked at {looked_at} in {report.seconds:.1f} s")
    if not report.discrepancies:
        console.print("[green]✓[/green] everything is explained")
        return
    for kind, count in report.counted.most_common():
        console.print(f"[red]✗[/red] [bold]{kind}[/bold] × {count:,}: it should hold that {ABOUTS[kind]}")
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 3))
        for one in [one for one in report.found if one.kind == kind][:SHOWN]:
            table.add_row(one.service, escape(one.store_id), escape(one.id), escape(one.detail))
        console.print(table)
        if count > SHOWN:
            console.print(f"   [dim]… and {count - SHOWN:,} more (--json lists up to a thousand)[/dim]")
