"""`aftersale reconcile`: explains every order, refund, stock level, document and event from the databases alone."""

import time
from dataclasses import asdict
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, start_http_server, write_to_textfile
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.reconcile.acknowledged import acknowledge, file, leave_out, read
from deploy.operator.reconcile.run import ABOUTS, CLOCKS, NOT_CHECKED, QUEUE_UNKNOWN, Report, reconcile_now
from deploy.operator.trouble import Trouble

SHOWN = 20


FIXES = {
    "effect": "`aftersale redrive` resends events that a service never received (safe at any time)",
    "message_parked": "`aftersale parked list`, fix the cause, `aftersale parked retry`",
    CLOCKS: "synchronise the clocks (`aftersale doctor` names them), then `aftersale reconcile --acknowledge KIND/ID --reason …`",
    NOT_CHECKED: "ANALYZE the tables, or give each check longer (--check-seconds)",
    QUEUE_UNKNOWN: "start RabbitMQ, or set AFTERSALE_…_AMQP_URL, and reconcile again",
}
"""Fixes by kind of finding, without the reader's name."""


def run_reconcile(grace_seconds: float, check_seconds: float, known: str | None, reason: str, output: Output) -> int:
    """Reconcile once; 0 when everything is explained, else 1. With a `known` finding: acknowledge it for its `reason`, then 0."""
    running.apply()
    report = reconcile_now(grace_seconds, check_seconds, output.progress)
    if known is not None:
        made = acknowledge(file(), known, reason, report)
        output.result(asdict(made), lambda console: console.print(f"[green]✓[/green] {escape(known)} is acknowledged"))
        return 0
    leave_out(report, read(file()))
    output.result(as_json(report), lambda console: show(console, report))
    return 1 if report.discrepancies else 0


def watch(
    grace_seconds: float,
    check_seconds: float,
    *,
    every_seconds: float,
    metrics_file: Path | None,
    metrics_port: int | None,
    output: Output,
) -> None:
    """Reconcile repeatedly until stopped, and publish the number of discrepancies for Prometheus."""
    running.apply()
    registry = CollectorRegistry()
    found = Gauge("aftersale_reconcile_discrepancies", "Discrepancies that cannot be explained, by kind.", ["kind"], registry=registry)
    last = Gauge("aftersale_reconcile_last_run_timestamp_seconds", "When the last reconciliation ended.", registry=registry)
    took = Gauge("aftersale_reconcile_duration_seconds", "How long the last reconciliation took.", registry=registry)
    failed = Gauge("aftersale_reconcile_failed", "1 while reconciling is not possible (a database is away).", registry=registry)
    if metrics_port is not None:
        start_http_server(metrics_port, registry=registry)
    while True:
        began = time.monotonic()
        try:
            report = reconcile_now(grace_seconds, check_seconds)
            leave_out(report, read(file()))
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
    """The report as JSON for tools."""
    found = [{"kind": one.kind, "service": one.service, "store": one.store_id, "id": one.id, "detail": one.detail} for one in report.found]
    return {
        "discrepancies": report.discrepancies,
        "kinds": {kind: count for kind, count in report.counted.items() if count},
        "found": found,
        "looked_at": report.looked_at,
        "on_its_way": report.on_its_way,
        "explained_by_what_is_on_its_way": report.explained,
        "acknowledged": dict(report.acknowledged),
        "settled_before": report.settled.isoformat(),
        "seconds": round(report.seconds, 2),
    }


def show(console: Console, report: Report) -> None:
    """Print the report for people: what is wrong, by kind, with the ids."""
    looked_at = ", ".join(f"{count:,} {table}" for table, count in report.looked_at.items())
    console.print(f"looked at {looked_at} in {report.seconds:.1f} s")
    for reader, counts in report.on_its_way.items():
        if any(counts.values()):
            console.print(f"on its way to {reader}: " + ", ".join(f"{count:,} {where}" for where, count in counts.items() if count))
    if report.acknowledged:
        console.print(f"[dim]{report.acknowledged.total():,} findings are acknowledged ({file()})[/dim]")
    if not report.discrepancies:
        console.print("[green]✓[/green] everything is explained")
        return
    for kind, count in (one for one in report.counted.most_common() if one[1]):
        console.print(f"[red]✗[/red] [bold]{kind}[/bold] × {count:,}: it should hold that {ABOUTS[kind]}")
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 3))
        for one in [one for one in report.found if one.kind == kind][:SHOWN]:
            table.add_row(one.service, escape(one.store_id), escape(one.id), escape(one.detail))
        console.print(table)
        if count > SHOWN:
            console.print(f"   [dim]… and {count - SHOWN:,} more (--json lists up to a thousand)[/dim]")
        if fix := FIXES.get(kind.partition("_in_")[0]):
            console.print(f"  [bold]Fix:[/bold] {fix}")
