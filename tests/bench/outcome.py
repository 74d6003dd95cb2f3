"""All figures of a run, and how they are told: on the terminal, as JSON, as Markdown."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.events import INJECTED_MS, Lag, Rate
from tests.bench.machine import Look, described, doubts
from tests.bench.measures import Measured
from tests.bench.pages import PageCost
from tests.bench.system import Cost
from tests.bench.webhooks import Delivered, FeedCost

Rows = list[tuple[str, ...]]


@dataclass
class Outcome:
    """What one run measured."""

    tool: str
    before: Look
    after: Look | None = None
    echo_per_second: float = 0.0
    writes: list[Measured] = field(default_factory=list)
    pages: list[PageCost] = field(default_factory=list)
    lag_rate: float = 0.0
    lags: list[Lag] = field(default_factory=list)
    restock: Lag | None = None
    rates: list[Rate] = field(default_factory=list)
    one_worker: Rate | None = None
    two_workers: Rate | None = None
    delivered: list[Delivered] = field(default_factory=list)
    received: Lag | None = None
    feed: FeedCost | None = None
    at_rest: list[Cost] = field(default_factory=list)
    after_load: list[Cost] = field(default_factory=list)

    @property
    def doubts(self) -> list[str]:
        """Why these figures should not be quoted."""
        return doubts(self.before, self.after or self.before)

    def aims(self) -> Rows:
        """What was aimed at, and what was reached."""
        found: Rows = []
        for one in self.writes:
            if one.what.startswith("placing an order") and one.clients == 16 and one.ratio is not None:
                found.append(("placing, 16 clients, share of pgbench", "at least 0.20", f"{one.ratio:.2f}", _met(one.ratio >= 0.2)))
            if one.what.startswith("placing in batches"):
                found.append(("placing in batches", "at least 2,000/s", f"{one.per_second:,.0f}/s", _met(one.per_second >= 2_000)))
            if one.unit == "payments":
                found.append((f"{one.what}, p50", "at most 2 s", f"{one.p50_ms / 1000:.2f} s", _met(one.p50_ms <= 2_000)))
            if one.unit == "refunds" and one.ratio is not None:
                found.append((f"{one.what}, share of pgbench", "at least 0.20", f"{one.ratio:.2f}", _met(one.ratio >= 0.2)))
        if self.lags:
            worst = max(lag.p50_ms for lag in self.lags)
            found.append(("commit to consumed at 100 events/s, p50", "at most 20 ms", f"{worst:.1f} ms", _met(worst <= 20)))
        if self.restock:
            p50 = self.restock.p50_ms
            found.append(("approval to restocked, p50", "at most 50 ms", f"{p50:.1f} ms", _met(p50 <= 50)))
        if self.one_worker and self.two_workers:
            gain = self.two_workers.per_second / self.one_worker.per_second
            found.append((f"two workers, {INJECTED_MS} ms of waiting in each message", "at least 1.7", f"{gain:.2f}", _met(gain >= 1.7)))
        for many in self.delivered[1:]:  # one endpoint gets no more than its own number of calls a second
            rate = many.per_second
            what = f"deliveries of one worker to {many.endpoints} endpoints"
            found.append((what, "at least 1,000/s", f"{rate:,.0f}/s", _met(rate >= 1_000)))
        if self.received:
            p50, p99 = self.received.p50_ms, self.received.p99_ms
            found.append(("commit to received at 100 events/s, p50", "at most 30 ms", f"{p50:.1f} ms", _met(p50 <= 30)))
            found.append(("commit to received at 100 events/s, p99", "at most 150 ms", f"{p99:.1f} ms", _met(p99 <= 150)))
        if self.feed:
            pages = self.feed.per_second
            found.append((f"pages of {self.feed.page} events", "at least 50/s", f"{pages:.0f}/s", _met(pages >= 50)))
        if self.at_rest:
            total = sum(cost.pss_mb for cost in self.at_rest)
            found.append(("memory at rest, servers included", "at most 600 MB", f"{total:.0f} MB", _met(total <= 600)))
        return found

    def tables(self) -> dict[str, tuple[tuple[str, ...], Rows]]:
        """Every table with its head."""
        return {
            "Aims": (("what", "aim", "reached", ""), self.aims()),
            "Writes over HTTP": (
                (
                    "what",
                    "clients",
                    "per second",
                    "p50",
                    "p99",
                    "plain SQL",
                    "share",
                    "CPU each: service",
                    "PostgreSQL",
                    "generator's CPU",
                ),
                [_write_row(one) for one in self.writes],
            ),
            "Pages of 50 orders, one reader": (
                ("orders in the store", "page", "p50", "p99", "per second", "buffers per row"),
                [
                    (
                        f"{one.orders:,}",
                        one.page,
                        f"{one.p50_ms:.1f} ms",
                        f"{one.p99_ms:.1f} ms",
                        f"{one.per_second:,.0f}",
                        f"{one.buffers_per_row}",
                    )
                    for one in self.pages
                ],
            ),
            f"From commit to effect, at {self.lag_rate:.0f} orders a second": (
                ("reader", "events", "p50", "p99"),
                [
                    (lag.reader, f"{lag.events:,}", f"{lag.p50_ms:.1f} ms", f"{lag.p99_ms:.1f} ms")
                    for lag in (*self.lags, *(one for one in (self.restock, self.received) if one))
                ],
            ),
            "Events": (
                ("what", "per second", "aio-pika alone", "share"),
                [_rate_row(one) for one in (*self.rates, *(one for one in (self.one_worker, self.two_workers) if one))],
            ),
            "Deliveries by one worker": (
                ("endpoints", "per second", "bare aiohttp", "share", "CPU each: worker", "PostgreSQL", "bare aiohttp"),
                [_delivered_row(one) for one in self.delivered],
            ),
            "Pages of a store's feed, one reader": (
                ("events in the feed", "page", "p50", "p99", "per second", "CPU each", "rows examined", "buffers"),
                [_feed_row(self.feed)] if self.feed else [],
            ),
            "Memory and CPU": (
                ("process", "PSS at rest", "RSS at rest", "PSS after load", "CPU seconds of the run"),
                _cost_rows(self.at_rest, self.after_load),
            ),
        }


def _met(reached: bool) -> str:
    return "met" if reached else "MISSED"


def _write_row(one: Measured) -> tuple[str, ...]:
    limit, share = ("", "") if one.limit is None or one.ratio is None else (f"{one.limit.per_second:,.0f}", f"{one.ratio:.2f}")
    return (
        one.what,
        str(one.clients),
        f"{one.per_second:,.0f} {one.unit}",
        f"{one.p50_ms:.1f} ms",
        f"{one.p99_ms:.1f} ms",
        limit,
        share,
        f"{one.service_cpu_ms:.2f} ms",
        f"{one.postgres_cpu_ms:.2f} ms",
        f"{one.generator_cpu:.2f} cores",
    )


def _rate_row(one: Rate) -> tuple[str, ...]:
    return (
        one.what,
        f"{one.per_second:,.0f}",
        f"{one.limit:,.0f}" if one.limit else "",
        f"{one.per_second / one.limit:.2f}" if one.limit else "",
    )


def _delivered_row(one: Delivered) -> tuple[str, ...]:
    return (
        str(one.endpoints),
        f"{one.per_second:,.0f}",
        f"{one.bare_per_second:,.0f}",
        f"{one.ratio:.2f}",
        f"{one.worker_cpu_ms:.2f} ms",
        f"{one.postgres_cpu_ms:.2f} ms",
        f"{one.bare_cpu_ms:.2f} ms",
    )


def _feed_row(one: FeedCost) -> tuple[str, ...]:
    return (
        f"{one.events:,}",
        f"{one.page} events, {one.kilobytes:,.0f} kB",
        f"{one.p50_ms:.1f} ms",
        f"{one.p99_ms:.1f} ms",
        f"{one.per_second:,.0f}",
        f"{one.service_cpu_ms:.2f} ms",
        str(one.examined),
        str(one.buffers),
    )


def _cost_rows(rest: list[Cost], load: list[Cost]) -> Rows:
    later = {cost.process: cost for cost in load}
    if not rest:
        return []
    rows = [
        (
            one.process,
            f"{one.pss_mb:.0f} MB",
            f"{one.rss_mb:.0f} MB",
            f"{later[one.process].pss_mb:.0f} MB" if one.process in later else "",
            f"{later[one.process].cpu_seconds - one.cpu_seconds:.1f}" if one.process in later else "",
        )
        for one in rest
    ]
    return [
        *rows,
        (
            "together",
            f"{sum(c.pss_mb for c in rest):.0f} MB",
            f"{sum(c.rss_mb for c in rest):.0f} MB",
            f"{sum(c.pss_mb for c in load):.0f} MB",
            "",
        ),
    ]


def conditions(outcome: Outcome) -> list[str]:
    """Where and how it was measured."""
    after = outcome.after or outcome.before
    machine = described()
    return [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mb']:,} MB, Python {machine['python']}; "
        "everything on this machine: servers, services, load generator and pgbench share these cores.",
        f"pgbench {outcome.tool}; prepared; fsync and synchronous_commit on. "
        f"One 8 kB write with fdatasync took {outcome.before.flush_ms} ms before and {after.flush_ms} ms after.",
        f"Others used {outcome.before.strangers:.0%} of the cores before and {after.strangers:.0%} after; "
        f"the calibration loop took {outcome.before.loop_ms} and {after.loop_ms} ms.",
        f"The load generator by itself reaches {outcome.echo_per_second:,.0f} calls a second against an empty server.",
    ]


def to_terminal(outcome: Outcome) -> None:
    """Tables on the terminal, the doubts first and last."""
    console = Console()
    for title, (head, rows) in outcome.tables().items():
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        if rows:
            console.print(table)
    for line in conditions(outcome):
        console.print(line, highlight=False)
    for doubt in outcome.doubts:
        console.print(f"[bold red]Not to be quoted:[/] {doubt}", highlight=False)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, for machines."""
    return {"machine": described(), "quotable": not outcome.doubts, "doubts": outcome.doubts, **asdict(outcome)}


def to_markdown(outcome: Outcome, command: str) -> str:
    """The report that is committed."""
    lines = ["# Benchmarks", "", f"Made by `{command}`. Figures without their machine say little: run it on yours.", ""]
    lines += [f"**Not to be quoted:** {doubt}.\n" for doubt in outcome.doubts]
    lines += ["![Orders per second beside plain SQL](bench.svg)", ""]
    for title, (head, rows) in outcome.tables().items():
        if rows:
            lines += [f"## {title}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
            lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
    return "\n".join([*lines, "## Conditions", "", *(f"- {line}" for line in conditions(outcome)), ""])
