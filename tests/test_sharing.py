"""A process that tests keeps its hub of e2e while anything is left that needs it."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_CONFTEST = "from tests.sharing import pytest_collection_modifyitems, pytest_xdist_make_scheduler\n"
_HUB = """
from pathlib import Path
import pytest

@pytest.fixture(scope="package")
def hub():
    with Path(__file__).with_name("starts").open("a") as starts:
        starts.write("started ")
"""
_NEEDS_HUB = """
def test_first(hub):
    pass

def test_second(hub):
    pass
"""


def test_simulations_between_scenes_start_no_hub_again(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    for module in ("e2e/test_a", "e2e/test_b", "e2e/test_c"):
        _write(folder / f"{module}.py", _NEEDS_HUB)
    for module in ("simulation/test_a", "simulation/test_b", "simulation/test_c"):
        _write(folder / f"{module}.py", _NEEDS_HUB.replace("hub", ""))
    _write(folder / "conftest.py", _CONFTEST)
    _write(folder / "e2e" / "conftest.py", _HUB)
    _write(folder / "e2e" / "__init__.py", "")

    common = ["-q", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    parallel = ["-n", "1", "--dist", "loadscope", "--no-loadscope-reorder"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *common, *parallel, str(folder)],
        env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "12 passed" in done.stdout, (done.stdout, done.stderr)
    assert (folder / "e2e" / "starts").read_text() == "started "


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
