"""What was proven for which commit: stored in docs/proof.json, where any clone resumes; reported in docs/proof.md and docs/p19.md."""

import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.stack import PROJECT

KEPT = PROJECT / "docs" / "proof.json"
REPORT = PROJECT / "docs" / "proof.md"
NOT_THE_PRODUCT = ":!docs"
"""A report is committed after its run, which must not count as a change of the code that was proven."""


@dataclass(frozen=True)
class Entry:
    """One thing that was tried: `result` is `good`, or what is wrong."""

    part: str
    what: str
    result: str
    seconds: float
    commit: str
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it was proven."""
        return self.result == "good"

    @property
    def told(self) -> str:
        """The result, with the figure that it is based on."""
        note = self.found.get("note")
        return f"{self.result} ({note})" if note else self.result


def commit_of_the_code() -> str:
    """The last commit that changed more than docs, with a plus if the tree differs from it."""
    last = _git("log", "-1", "--format=%h", "--", ".", NOT_THE_PRODUCT)
    return last + ("+" if _git("status", "--porcelain", "--", ".", NOT_THE_PRODUCT) else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


class Ledger:
    """The newest entry for each part and name."""

    def __init__(self, kept: Path = KEPT) -> None:
        self._kept = kept
        self._entries: dict[tuple[str, str], Entry] = {}
        if kept.exists():
            for one in json.loads(kept.read_text()):
                self._entries[one["part"], one["what"]] = Entry(**one)

    def is_done(self, part: str, what: str, commit: str) -> bool:
        """Whether it was proven for this commit; never for a tree with changes that are not committed."""
        entry = self._entries.get((part, what))
        return entry is not None and entry.good and entry.commit == commit and not commit.endswith("+")

    def note(self, entry: Entry) -> None:
        """Store it at once."""
        self._entries[entry.part, entry.what] = entry
        self._kept.parent.mkdir(exist_ok=True)
        self._kept.write_text(json.dumps([asdict(one) for one in self._entries.values()], indent=1))

    def of(self, part: str) -> list[Entry]:
        """Everything of one part."""
        return [entry for entry in self._entries.values() if entry.part == part]

    def report(self, wanted: list[tuple[str, str]]) -> str:
        """docs/proof.md: a row for each of `wanted`, in that order."""
        rows = []
        for key in wanted:
            entry = self._entries.get(key)
            told = ("not run", "", "") if entry is None else (entry.told, f"{entry.seconds:.0f}", f"`{entry.commit}`")
            rows.append("| " + " | ".join((*key, *(_cell(text) for text in told))) + " |")
        entries = [self._entries[key] for key in wanted if key in self._entries]
        good = sum(entry.good for entry in entries)
        lines = [
            "# Proof", "",
            "Checking that the tests can fail takes longer than a newcomer should wait, so `make proof` is run by hand. It resumes where",
            "it stopped: what is proven for a commit is not run again. `make proof ONLY=mutants` runs one part, `ONLY=mutants/p1` the",
            "steps that begin with that. A mutant is good if its test failed by the assertion that it names; an attack is good if P19 held",
            "for other stores during it, and did not once its guard was taken out (figures in [p19.md](p19.md)).", "",
            f"{good} of {len(wanted)} good, in {sum(entry.seconds for entry in entries) / 60:.0f} minutes of running.", "",
            "| part | what | result | seconds | commit |", "| --- | --- | --- | ---: | --- |", *rows, "",
        ]  # fmt: skip
        return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:300]
