"""A confined process for tests: takes as many seconds as it is told, or says who it is."""

import os
import sys
import time

from shared.web.confined_child import confine, serve


def answer(question: bytes) -> bytes:
    if question == b"pid":
        return str(os.getpid()).encode()
    time.sleep(float(question))
    return b"done"


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    serve(answer, sys.stdin.buffer, sys.stdout.buffer)
