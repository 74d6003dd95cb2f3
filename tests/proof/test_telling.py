"""What `make proof` stores and reports, tested with made-up figures."""

from dataclasses import replace
from pathlib import Path

from shared.process.settings import Settings
from tests.attacks import ATTACKS
from tests.proof import p19_report
from tests.proof.ledger import Entry, Ledger
from tests.proof.mutants import MUTANTS
from tests.proof.others import percentile
from tests.proof.p19 import Beside
from tests.proof.webhooks import TROUBLES

QUIET = {"read": {"calls": 100, "p50_ms": 5.0, "p99_ms": 10.0}, "effect": {"calls": 100, "p50_ms": 5.0, "p99_ms": 10.0}}
KEPT = Beside("huge_heads", True, QUIET, QUIET, {}, {"answered 401": 25_000})


def test_what_is_proven_for_a_commit_is_not_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "proof" / "ledger.json"
    Ledger(kept).note(Entry("mutants", "p1_one", "good", 3.0, "abc1234"))
    Ledger(kept).note(Entry("mutants", "p1_two", "green", 3.0, "abc1234"))
    again = Ledger(kept)
    assert again.is_done("mutants", "p1_one", "abc1234")
    assert not again.is_done("mutants", "p1_one", "def5678")
    assert not again.is_done("mutants", "p1_two", "abc1234")
    assert not again.is_done("fuzz", "orders", "abc1234")


def test_what_was_tried_with_changes_in_the_tree_is_run_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(Entry("mutants", "p1_one", "good", 3.0, "abc1234+"))
    assert not ledger.is_done("mutants", "p1_one", "abc1234+")


def test_the_report_has_a_row_for_everything(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(Entry("mutants", "p1_one", "a | b\nc", 3.2, "abc1234"))
    ledger.note(Entry("refusing", "cost", "good", 3.2, "abc1234", {"note": "0.10 ms"}))
    told = ledger.report([("refusing", "cost"), ("mutants", "p1_one"), ("fuzz", "orders")])
    assert "| mutants | p1_one | a \\| b c | 3 | `abc1234` |" in told
    assert "| fuzz | orders | not run |  |  |" in told
    assert "| refusing | cost | good (0.10 ms) | 3 | `abc1234` |" in told
    assert "1 of 3 good" in told


def test_the_promise_is_three_times_the_quiet_p99_and_fifty_milliseconds() -> None:
    slow = QUIET | {"read": {"calls": 100, "p50_ms": 5.0, "p99_ms": 80.0}}
    slower = QUIET | {"read": {"calls": 100, "p50_ms": 5.0, "p99_ms": 81.0}}
    assert KEPT.broken() == []
    assert KEPT.worst() == "read: p99 10 ms, beside it 10 ms"
    assert replace(KEPT, during=slow).broken() == []
    assert replace(KEPT, during=slower).broken() == ["read: p99 81 ms, bound 80 ms"]
    assert replace(KEPT, refusals={"read 503": 2}).broken() == ["2 × read 503"]
    late = QUIET | {"effect": {"calls": 100, "p50_ms": 5.0, "p99_ms": 9_000.0}}
    assert replace(KEPT, during=late, refusals={"effect 404": 1}).broken() == []


def test_the_report_of_attacks_names_every_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    for what in ("huge_heads", "huge_heads, guard taken out"):
        ledger.note(Entry("p19", what, "good", 60.0, "abc1234", {"beside": KEPT.told()}))
    told = p19_report.told(ledger)
    assert told.count("\n## ") == len(ATTACKS)
    assert "0 of 1 did, 1 did not (huge heads)." in told
    assert "| guarded | read | 5 / 10 | 5 / 10 | 80 |" in told
    assert "- Guarded: nobody else refused; of the attack: answered 401 25,000." in told


def test_every_guard_that_an_attack_takes_out_is_a_mutant_or_a_setting() -> None:
    patches = {path.stem for path in MUTANTS.glob("*.patch")}
    assert {name: set(attack.broken) - patches for name, attack in ATTACKS.items() if set(attack.broken) - patches} == {}
    settings = {f"AFTERSALE_{name.upper()}" for name in Settings.model_fields}
    assert {name: set(attack.unguarded) - settings for name, attack in ATTACKS.items() if set(attack.unguarded) - settings} == {}
    assert {trouble.guard for trouble in TROUBLES.values()} <= patches
    unmeasured = {name for name, attack in ATTACKS.items() if not attack.broken and not attack.unguarded}
    assert unmeasured == {"no_tokens", "bad_tokens", "event_backlog"}


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50.0, 99.0, 7.0)
