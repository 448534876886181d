"""What plays a fleet takes no time from what is measured beside it."""

import os
import subprocess
import sys

_TOLD = """
import os
from tests.benchmarks.process import last_in_line
nice = lambda: os.getpriority(os.PRIO_PROCESS, 0)
before = nice()
with last_in_line():
    within = nice()
print(within - before, nice() - before)
"""


def test_a_fleet_comes_last_while_something_is_measured() -> None:
    """In a process of its own: who is not root can't go back."""
    told = subprocess.run(
        [sys.executable, "-c", _TOLD], capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == ["10", "0" if os.geteuid() == 0 else "10"]
