"""`python -m tests.security.burst PORT SIZE`: one burst after the other of connections that wait.

It is a process of its own, so that it takes no time from who is measured. It ends at any input.
"""

import errno
import select
import socket
import sys
import time
from contextlib import suppress

_HALF_A_HEAD = b"GET /api/v1/rollouts HTTP/1.1\r\nHost: ib"
_MAX_SECONDS = 120.0
"""Seconds, whatever becomes of who started it."""
_FROM = "127.0.0.2"
"""The address of nobody who asks meanwhile."""
_EVERY = 1.0
"""Seconds from one burst to the next."""


def main(port: int, size: int) -> int:
    """Returns how many connections were made."""
    ends = time.monotonic() + _MAX_SECONDS
    held: list[socket.socket] = []
    made = 0
    while time.monotonic() < ends and not select.select([sys.stdin], [], [], 0)[0]:
        fresh = [_connecting(port) for _ in range(size)]
        made += len(fresh)
        for each in fresh[::2]:
            with suppress(OSError):
                each.send(_HALF_A_HEAD)
        for each in held:
            each.close()
        held = fresh
        select.select([sys.stdin], [], [], _EVERY)
    return made


def _connecting(port: int) -> socket.socket:
    found = socket.socket()
    found.setblocking(False)
    found.bind((_FROM, 0))
    code = found.connect_ex(("127.0.0.1", port))
    assert code in (0, errno.EINPROGRESS, errno.EAGAIN), errno.errorcode[code]
    return found


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2])))
