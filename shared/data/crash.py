"""Named places where a test may kill the process: before and after every commit, publish, confirm and ack.

`AFTERSALE_CRASH_AT="commit.after:orders.place"` kills with SIGKILL at that place, `…#3` the third time it is reached. In production
it costs one comparison with None. tests/faults scans the source and fails on a commit, publish or ack without its crash points.
"""

import os
import signal
from itertools import count

VARIABLE = "AFTERSALE_CRASH_AT"


def _armed() -> tuple[str, int] | None:
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return None
    place, _, nth = wanted.partition("#")
    return place, int(nth or 1)


_ARMED = _armed()
_PASSED = count(1)


def crash_point(point: str, name: str) -> None:
    """Die here by SIGKILL if this place is armed. `name` is that of the transaction, event type or handler."""
    if _ARMED is not None and f"{point}:{name}" == _ARMED[0] and next(_PASSED) == _ARMED[1]:
        os.kill(os.getpid(), signal.SIGKILL)
