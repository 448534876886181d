"""Slow tests have a reason, and what was skipped is said at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiers import REASONS, SELECTED, SLOW

_ROOT = Path(__file__).parents[1]
_MODULE = """
import pytest

def test_quick():
    pass

@pytest.mark.slow("chaos")
def test_slow():
    pass

@pytest.mark.skip("no such program")
def test_skipped():
    pass
"""


def run(folder: Path, content: str, *options: str) -> str:
    module = folder / "test_a.py"
    module.write_text(content)
    common = ["-q", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *common, "-p", "tests.tiers", *options, str(module)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTEST_ADDOPTS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_slow_tests_can_be_left_out_and_skipped_ones_are_named(tmp_path: Path) -> None:
    output = run(tmp_path, _MODULE, "-m", "not slow")
    assert "1 passed, 1 skipped, 1 deselected" in output
    assert "1 skipped\n  1 x no such program" in output


def test_a_run_that_skipped_nothing_says_so(tmp_path: Path) -> None:
    assert "\n0 skipped" in run(tmp_path, _MODULE, "-k", "quick")


@pytest.mark.parametrize("marker", ["slow", "slow()", "slow('because')", "slow('chaos', 'net')"])
def test_a_slow_test_needs_one_known_reason(tmp_path: Path, marker: str) -> None:
    output = run(
        tmp_path, f"import pytest\npytestmark = pytest.mark.{marker}\ndef test_a(): pass\n"
    )
    assert "test_a: slow names no reason of tests/tiers.py" in output


def test_every_file_and_test_of_the_tables_exists() -> None:
    assert [path for path in SLOW if not (_ROOT / "tests" / path).exists()] == []
    for file, names in SELECTED.items():
        text = (_ROOT / "tests" / file).read_text()
        assert [name for name in names if name.partition("[")[0] not in text] == [], file


def test_every_reason_is_one_of_some_test() -> None:
    texts = [path.read_text() for path in (_ROOT / "tests").rglob("test_*.py")]
    marked = {key for key in REASONS if any(f'slow("{key}")' in text for text in texts)}
    assert marked | set(SLOW.values()) | {"drawn"} == set(REASONS)
