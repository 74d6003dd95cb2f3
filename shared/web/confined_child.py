"""The inside of a confined process: it reads questions on standard input, answers on standard output, and can do nothing else.

It holds no secret (its environment is empty), opens no connection and starts no program (the kernel refuses both), writes no
file, and has a fixed amount of memory. Whatever harm a question does, it costs this process and one answer at most.

Protocol, both ways: 4 bytes big-endian length, then that many bytes. In: the question. Out: one byte (`A` for an answer, `R` for
a refusal as JSON, `E` for an error's text), then the content.
"""

import ctypes
import json
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

# Numbers of socket, connect, execve, execveat, ptrace by machine; AUDIT_ARCH_* as seccomp reports it.
_REFUSED = {"x86_64": (0xC000003E, (41, 42, 59, 322, 101)), "aarch64": (0xC00000B7, (198, 203, 221, 281, 117))}
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM


class Refusal(Exception):  # noqa: N818  (an answer, not an error)
    """The question is refused; `code` says why, `facts` are JSON."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        super().__init__(code)


def confine(memory_mb: int) -> None:
    """Give up all rights that the work does not need. On Linux the kernel refuses network connections and starting programs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; this process ends when its input does
    limit = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and platform.machine() in _REFUSED:
        _refuse_calls(*_REFUSED[platform.machine()])


def _refuse_calls(architecture: int, numbers: tuple[int, ...]) -> None:
    """A seccomp filter: another architecture's calls and the given ones fail with EPERM. Raises OSError if it cannot be set."""
    program = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, 0)]
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        program.append((_JUMP_EQUAL, left, 0, number))
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the process could not be confined")


def serve(answer: Callable[[bytes], bytes], source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends, or the memory does. Any other exception in `answer` affects only that answer."""
    while header := source.read(4):
        try:
            made = b"A" + answer(source.read(struct.unpack(">I", header)[0]))
        except Refusal as refusal:
            made = b"R" + json.dumps({"code": refusal.code, **refusal.facts}).encode()
        except MemoryError:
            return  # what fills the memory is not known: the caller may ask a new process
        except Exception as error:  # no error may affect the next answer
            made = b"E" + f"{type(error).__name__}: {str(error)[:300]}".encode()
        sink.write(struct.pack(">I", len(made)) + made)
        sink.flush()
