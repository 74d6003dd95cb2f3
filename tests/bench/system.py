"""What it costs to be there: memory and CPU of each process, servers included."""

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers.private import PrivateServers

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """One process with all its children. PSS shares out what several processes hold together; RSS counts it for each."""

    process: str
    pss_mb: float
    rss_mb: float
    cpu_seconds: float


def cost(name: str, pid: int) -> Cost:
    """What `pid` and its descendants hold and have used."""
    family = [pid, *_descendants(pid)]
    pss, rss = (sum(_rollup(one, key) for one in family) / 1024 for key in ("Pss:", "Rss:"))
    return Cost(name, round(pss, 1), round(rss, 1), round(sum(_cpu(one) for one in family), 2))


def servers_cost(servers: PrivateServers) -> list[Cost]:
    """Both servers."""
    found = []
    for name, process in (("PostgreSQL", servers.postgres.process), ("RabbitMQ", servers.rabbitmq.process)):
        if process is not None:
            found.append(cost(name, process.pid))
    return found


def _descendants(pid: int) -> list[int]:
    children = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _stat(int(path.name))[1] == str(pid)]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["?", "0"]


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / TICKS if len(fields) > 14 else 0.0


def _rollup(pid: int, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(key))
