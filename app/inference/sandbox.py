"""Takes rights away from the process that calls it, for good and without being root.

| what | by | holds on |
| --- | --- | --- |
| memory, size of written files, no core dump | rlimits | Linux, macOS (memory: Linux) |
| processor time of one task | a soft rlimit that is moved on with each task | Linux, macOS |
| files: only this program's own, and only to read | Landlock | Linux 5.13 and newer |
| no socket, no new process, no signal, no other process's memory | seccomp | Linux on x86-64 and ARM64 |

Not held: what the process has read already stays readable to it, and its answer to the parent is a pickle; code
that took the process over could write one that runs in the parent.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
SECCOMP_ALLOW, SECCOMP_ERRNO = 0x7FFF0000, 0x00050000
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_READ = 0b1100
"""Read files and list folders."""

LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights about files an ABI knows; all of them are taken away."""

CLONE_THREAD = 0x10000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DENIED = {
    "x86_64": {
        "socket": 41,
        "connect": 42,
        "accept": 43,
        "bind": 49,
        "listen": 50,
        "socketpair": 53,
        "fork": 57,
        "vfork": 58,
        "execve": 59,
        "kill": 62,
        "ptrace": 101,
        "mount": 165,
        "tkill": 200,
        "unshare": 272,
        "accept4": 288,
        "perf_event_open": 298,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "bpf": 321,
        "execveat": 322,
        "userfaultfd": 323,
    },
    "aarch64": {
        "mount": 40,
        "unshare": 97,
        "ptrace": 117,
        "kill": 129,
        "tkill": 130,
        "socket": 198,
        "socketpair": 199,
        "bind": 200,
        "listen": 201,
        "accept": 202,
        "connect": 203,
        "execve": 221,
        "perf_event_open": 241,
        "accept4": 242,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "bpf": 280,
        "execveat": 281,
        "userfaultfd": 282,
    },
}
DENIED_EVERYWHERE = {"pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435


def confine(memory_bytes: int, readable: Sequence[Path]) -> frozenset[str]:
    """Take away everything but computing and reading some files.

    Args:
        memory_bytes: most the process may ever map.
        readable: files and folders that may still be read.

    Returns:
        Which of "landlock" and "seccomp" hold here.
    """
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform != "linux":
        return frozenset()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return frozenset()
    holding = {"landlock": _read_only(libc, readable), "seccomp": _deny_calls(libc)}
    return frozenset(name for name, holds in holding.items() if holds)


def allow_processor_time(seconds: int) -> None:
    """Let the process compute for so long from now on; then the kernel ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, hard))


def _read_only(libc: ctypes.CDLL, readable: Sequence[Path]) -> bool:
    abi = libc.syscall(LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return False
    rights = (1 << max(count for since, count in LANDLOCK_FILE_RIGHTS.items() if since <= abi)) - 1
    ruleset = libc.syscall(LANDLOCK_CREATE, ctypes.byref(ctypes.c_uint64(rights)), 8, 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            if path.exists():
                _allow_reading(libc, ruleset, path)
        return bool(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = LANDLOCK_READ if path.is_dir() else LANDLOCK_READ & 0b0100
        rule = struct.pack("=Qi", rights, folder)
        if libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0) != 0:
            raise OSError(ctypes.get_errno(), f"Landlock took no rule for {path}")
    finally:
        os.close(folder)


def _deny_calls(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        return False
    program = b"".join(_filter(machine))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def _filter(machine: str) -> list[bytes]:
    """The seccomp program. Threads are allowed, and whoever asks for clone3 is sent to clone, whose flags show."""
    load_call, load_architecture, load_flags = (_step(0x20, offset) for offset in (0, 4, 16))
    allow, deny = _step(0x06, SECCOMP_ALLOW), _step(0x06, SECCOMP_ERRNO | errno.EPERM)
    numbers = [*DENIED[machine].values(), *DENIED_EVERYWHERE.values()]
    return [
        load_architecture,
        *_unless_equal(ARCHITECTURES[machine], deny),
        load_call,
        *(step for number in numbers for step in _if_equal(number, deny)),
        *_if_equal(CLONE3, _step(0x06, SECCOMP_ERRNO | errno.ENOSYS)),
        _step(0x15, CLONE[machine], true=0, false=3),
        load_flags,
        _step(0x45, CLONE_THREAD, true=1, false=0),
        deny,
        allow,
    ]


def _step(code: int, value: int, *, true: int = 0, false: int = 0) -> bytes:
    """One instruction; true and false say how many to skip after a comparison."""
    return struct.pack("HBBI", code, true, false, value)


def _if_equal(value: int, then: bytes) -> tuple[bytes, bytes]:
    return _step(0x15, value, true=0, false=1), then


def _unless_equal(value: int, then: bytes) -> tuple[bytes, bytes]:
    return _step(0x15, value, true=1, false=0), then
