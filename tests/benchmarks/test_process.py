"""The measured process gets its share of the cores, whatever plays the fleet beside it."""

import os
from pathlib import Path

from tests.benchmarks.process import start


def test_the_controller_has_a_session_of_its_own(tmp_path: Path) -> None:
    """Linux shares the cores by session; in that of the benchmark it would queue with the fleet."""
    running = start({"KUBECONFIG": str(tmp_path / "none")}, tmp_path / "log")
    try:
        assert os.getsid(running.pid) == running.pid != os.getsid(0)
    finally:
        running.kill()
        running.wait()
