"""A repository of the files that are released."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.release import cli, packages

ROOT = Path(__file__).parents[2]
VERSION = yaml.safe_load((ROOT / "charts/ibgu/Chart.yaml").read_text())["version"]
FOLDERS = ("ibgu", "charts", "migrations", "docs")
FILES = ("pyproject.toml", "README.md", "LICENSE", packages.LOCK, cli.LOCK)


def git(repository: Path, *arguments: str) -> None:
    person = ["-c", "user.name=Olga", "-c", "user.email=olga@example.com"]
    environment = {**os.environ, "GIT_COMMITTER_DATE": "2026-11-20T12:00:00Z"}
    subprocess.run(["git", *person, *arguments], cwd=repository, env=environment, check=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository like this checkout, with a changelog that is ready for a release."""
    folder = tmp_path_factory.mktemp("repository")
    for part in FOLDERS + FILES:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, folder / part)
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {VERSION}\n\n- All of it.\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All of it")
    return folder
