"""A confined process for tests: waits as many seconds as it is told, computes without end, fills its memory, or says who it is."""

import os
import sys
import time

from shared.web.confined_child import confine, serve

hoard: list[bytearray] = []


def answer(question: bytes) -> bytes:
    if question == b"pid":
        return str(os.getpid()).encode()
    if question.startswith(b"hoard "):
        hoard.append(bytearray(int(question.split()[1]) * 2**20))
        return str(os.getpid()).encode()
    while question == b"burn":
        pass
    time.sleep(float(question))
    return b"done"


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    serve(answer, sys.stdin.buffer, sys.stdout.buffer)
