"""`python -m ibgu.api.rehearsal.worker`: the process that rehearses, from its input to its output.

It gets no token, no address and no setting, and bounds itself, should its parent be gone.
"""

import os
import resource
import sys
import time

from msgspec import msgpack

# The actions of every kind are declared by its driver.
import ibgu.core.drivers  # noqa: F401
from ibgu.api.rehearsal.work import TOO_LARGE, RehearsalWork, outlooks

_NICE = 10
"""The controller and the API come first."""


def main() -> int:
    work = msgpack.decode(sys.stdin.buffer.read(), type=RehearsalWork)
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (work.cpu_seconds, work.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (work.memory, work.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = msgpack.encode(outlooks(work, time.monotonic))
    except MemoryError:
        return TOO_LARGE
    sys.stdout.buffer.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
