"""Whether this machine is quiet enough to be believed: who else is working on it, and whether it is as fast after as before."""

import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

MAX_STRANGERS = 0.25
"""Cores that others may use while we rest, of all cores."""
MAX_STEAL = 0.05
MAX_DRIFT = 1.25
"""How much slower the calibration loop may be after the run than before."""
REST_SECONDS = 2.0
LOOPS = 7


@dataclass(frozen=True)
class Look:
    """One look at the machine, taken while nothing of ours works."""

    load_average: float
    strangers: float  # share of all cores that was busy
    steal: float  # share that the hypervisor kept
    loop_ms: float  # a fixed piece of Python, in milliseconds, median
    flush_ms: float  # one 8 kB write with fdatasync, in milliseconds, median


def look(folder: Path) -> Look:
    """Rest for two seconds and look; `folder` is on the disk that counts."""
    before = _jiffies()
    time.sleep(REST_SECONDS * 0.2)
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
    after = _jiffies()
    spent = [b - a for a, b in zip(before, after, strict=True)]
    total = sum(spent[:8]) or 1
    busy = total - spent[3] - spent[4]
    loops = sorted(_loop() for _ in range(LOOPS))
    return Look(os.getloadavg()[0], round(busy / total, 3), round(spent[7] / total, 3), round(median(loops), 2), round(_flush(folder), 3))


def doubts(before: Look, after: Look) -> list[str]:
    """Why these figures should not be quoted; empty where nothing speaks against it."""
    found = []
    for when, one in (("before", before), ("after", after)):
        if one.strangers > MAX_STRANGERS:
            found.append(f"{one.strangers:.0%} of the cores were at work for others {when} the run (at most {MAX_STRANGERS:.0%})")
        if one.steal > MAX_STEAL:
            found.append(f"the hypervisor kept {one.steal:.0%} of the time {when} the run (at most {MAX_STEAL:.0%})")
    drift = max(before.loop_ms, after.loop_ms) / min(before.loop_ms, after.loop_ms)
    if drift > MAX_DRIFT:
        found.append(f"the same loop took {before.loop_ms} ms before and {after.loop_ms} ms after the run")
    return found


def described() -> dict[str, object]:
    """What the machine is, without its name."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next((int(line.split()[1]) // 1024 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {"processor": model, "cores": os.cpu_count(), "memory_mb": memory, "python": platform.python_version()}


def as_dict(one: Look) -> dict[str, float]:
    """For JSON."""
    return asdict(one)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _jiffies() -> list[int]:
    return [int(word) for word in _lines("/proc/stat")[0].split()[1:]]


def _loop() -> float:
    began = time.perf_counter()
    total = 0
    for number in range(200_000):
        total += number * number % 7
    return (time.perf_counter() - began) * 1000


def _flush(folder: Path) -> float:
    path = folder / "flush"
    took = []
    with path.open("wb", buffering=0) as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return median(took)
