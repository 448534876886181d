"""A test that stands still is named, wherever it does so, and the others run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_CONFTEST = """
from tests import deadlines
from tests.deadlines import (
    pytest_configure,
    pytest_runtest_call,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)
from tests.sharing import pytest_xdist_make_scheduler

deadlines.LIMIT = 3.0
"""
_IN_TEARDOWN = """
import time
import pytest

@pytest.fixture
def fixture():
    yield
    time.sleep(600)

def test_fails(fixture):
    assert False
"""
_TWO = """
import time

def test_always():
    time.sleep(600)

def test_never():
    pass
"""


def run(folder: Path, content: str, *options: str) -> subprocess.CompletedProcess[str]:
    module = folder / "tests" / "a" / "test_a.py"
    module.parent.mkdir(parents=True)
    module.write_text(content)
    (folder / "tests" / "conftest.py").write_text(_CONFTEST)
    common = ["-q", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *common, *options, str(module)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_teardown_after_a_failure_is_limited_too(tmp_path: Path) -> None:
    done = run(tmp_path, _IN_TEARDOWN)
    assert done.returncode == 1
    assert "Timeout (0:00:03)!" in done.stderr
    assert "in fixture" in done.stderr


def test_a_test_that_ends_its_process_fails_and_the_others_run(tmp_path: Path) -> None:
    done = run(tmp_path, _TWO, "-n", "1", "--dist", "loadscope")
    assert "1 failed, 1 passed" in done.stdout, (done.stdout, done.stderr)
    assert "crashed while running 'tests/a/test_a.py::test_always'" in done.stdout


@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
def test_each_phase_of_every_test_here_is_limited(pytestconfig: pytest.Config, phase: str) -> None:
    hook = getattr(pytestconfig.hook, f"pytest_runtest_{phase}")
    assert "tests.deadlines" in {each.function.__module__ for each in hook.get_hookimpls()}
