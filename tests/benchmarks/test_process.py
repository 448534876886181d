"""What plays a fleet takes no time from what is measured beside it."""

import subprocess
import sys

_TOLD = """
import os
from tests.benchmarks.process import last_in_line
nice = lambda: os.getpriority(os.PRIO_PROCESS, 0)
print(nice())
with last_in_line():
    print(nice())
print(nice())
"""


def test_a_fleet_comes_last_while_something_is_measured() -> None:
    """In a process of its own: not everybody may go back, and who may not is told."""
    done = subprocess.run([sys.executable, "-c", _TOLD], capture_output=True, text=True, check=True)
    before, within, *said, after = done.stdout.splitlines()
    assert int(within) == min(19, int(before) + 10)
    assert (after == before) is not bool(said)
