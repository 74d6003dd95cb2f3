"""What a benchmark says of itself: it refuses a busy machine, keeps its reference whole, and draws what it measured."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.bench import picture
from tests.bench.events import Lag, Rate
from tests.bench.machine import Look, doubts
from tests.bench.measures import Measured
from tests.bench.outcome import Outcome, to_json, to_markdown
from tests.bench.pages import PageCost
from tests.bench.reference import Limit, sections
from tests.bench.system import Cost
from tests.bench.webhooks import Delivered, FeedCost

QUIET = Look(load_average=0.2, strangers=0.03, steal=0.0, loop_ms=12.0, flush_ms=0.2)


def an_outcome(**changes: object) -> Outcome:
    limit = Limit(5_000.0, 3.2, 16)
    outcome = Outcome("of the PostgreSQL wheel", QUIET, QUIET)
    outcome.writes = [Measured("placing an order of 3 lines", 16, 1_250.0, "orders", 12.0, 30.0, limit, 0.2, 0.7, 0.3)]
    outcome.pages = [PageCost(1_000, "newest", 3.0, 5.0, 300.0, 50, 100)]
    outcome.lag_rate, outcome.lags = 100.0, [Lag("notes", 1_000, 9.0, 40.0), Lag("refunds", 1_000, 21.0, 60.0)]
    outcome.one_worker, outcome.two_workers = Rate("one", 38.0), Rate("two", 74.0)
    outcome.delivered = [Delivered(1, 5_000, 800.0, 0.9, 0.3, 2_000.0, 0.4), Delivered(50, 5_000, 1_100.0, 0.9, 0.3, 2_000.0, 0.4)]
    outcome.received, outcome.feed = Lag("an endpoint", 1_000, 25.0, 160.0), FeedCost(10_000, 500, 600.0, 15.0, 20.0, 60.0, 14.0, 500, 9)
    outcome.at_rest = outcome.after_load = [Cost("PostgreSQL", 60.0, 90.0, 1.0)]
    for name, value in changes.items():
        setattr(outcome, name, value)
    return outcome


def test_a_quiet_machine_raises_no_doubt() -> None:
    assert doubts(QUIET, QUIET) == []
    assert an_outcome().doubts == []


def test_strangers_steal_and_drift_are_told_each() -> None:
    assert "31% of the cores were at work for others after the run" in doubts(QUIET, replace(QUIET, strangers=0.31))[0]
    assert "the hypervisor kept 9%" in doubts(replace(QUIET, steal=0.09), QUIET)[0]
    assert doubts(QUIET, replace(QUIET, loop_ms=15.1)) == ["the same loop took 12.0 ms before and 15.1 ms after the run"]


def test_a_doubtful_run_says_so_wherever_it_is_told() -> None:
    outcome = an_outcome(after=replace(QUIET, strangers=0.9))
    assert to_json(outcome)["quotable"] is False
    assert "**Not to be quoted:** 90% of the cores" in to_markdown(outcome, "make bench")
    assert "Not to be quoted: 90% of the cores" in picture.svg(outcome)


def test_aims_are_met_or_missed_by_their_figures() -> None:
    aims = {row[0]: row[2:] for row in an_outcome().aims()}
    assert aims["placing, 16 clients, share of pgbench"] == ("0.25", "met")
    assert aims["commit to consumed at 100 events/s, p50"] == ("21.0 ms", "MISSED")  # the slowest reader counts
    assert aims["two workers, 50 ms of waiting in each message"] == ("1.95", "met")
    assert aims["deliveries of one worker to 50 endpoints"] == ("1,100/s", "met")
    assert aims["commit to received at 100 events/s, p50"] == ("25.0 ms", "met")
    assert aims["commit to received at 100 events/s, p99"] == ("160.0 ms", "MISSED")
    assert aims["pages of 500 events"] == ("60/s", "met")
    assert aims["memory at rest, servers included"] == ("60 MB", "met")


def test_a_part_that_was_not_measured_has_no_table() -> None:
    told = to_markdown(an_outcome(at_rest=[], after_load=[], writes=[]), "make bench")
    assert "| 50 | 1,100 | 2,000 | 0.55 | 0.90 ms | 0.30 ms | 0.40 ms |" in told
    assert "| 10,000 | 500 events, 600 kB | 15.0 ms | 20.0 ms | 60 | 14.00 ms | 500 | 9 |" in told
    assert "Memory and CPU" not in told


def test_the_picture_is_well_formed_and_to_scale() -> None:
    root = ElementTree.fromstring(picture.svg(an_outcome()))
    widths = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")][3:]
    assert round(widths[1] / widths[0], 2) == 0.25


def test_the_reference_has_every_section_and_leaves_nothing_out_of_a_write() -> None:
    found = sections()
    assert list(found) == ["setup", "place", "change", "refund"]
    for table in ("orders.orders", "orders.lines", "orders.changes", "orders.events", "orders.idempotency"):
        assert f"insert into {table} " in found["place"]
    for table in ("refunds.refunds", "refunds.refund_lines", "refunds.claims", "refunds.approvals", "refunds.events"):
        assert f"insert into {table} " in found["refund"]


@pytest.mark.parametrize("section", sorted(sections()))
def test_no_literal_of_the_reference_looks_like_a_variable(section: str) -> None:
    """pgbench would take it for one, within quotes too, and then not know its type."""
    literals = re.findall(r"'[^']*'", "\n".join(line for line in sections()[section].splitlines() if not line.startswith("--")))
    assert [literal for literal in literals if re.search(r"(?<!:):\w", literal)] == []
