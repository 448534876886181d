"""The Dockerfile, as far as it can be checked without building it."""

import re
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pins(file: str) -> dict[str, str]:
    """Name and version of each package."""
    found = re.findall(r"^([\w.\[\],-]+)==([^\s;\\]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name.split("[")[0]): version for name, version in found}


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


@pytest.mark.parametrize("lock", ["requirements-image.lock", "requirements-build.lock"])
def test_the_image_has_what_was_tested(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements.lock").items()


def test_the_image_has_every_package_that_ibgu_needs() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed
    needed = {Requirement(each).name for each in re.findall(r'"(.+?)"', listed[1])}
    assert {canonicalize_name(name) for name in needed} <= set(pins("requirements-image.lock"))


def test_it_runs_as_a_number_that_is_not_root() -> None:
    [user] = [rest for name, rest in instructions() if name == "USER"]
    assert int(user.split(":")[0]) > 0


def test_the_base_image_is_pinned_and_can_be_replaced() -> None:
    argument = dict(instructions())["ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=\S+:\d+\.\d+\.\d+-slim-\w+", argument)
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert set(bases) == {"${PYTHON_IMAGE}"}


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY"]
    sources = {source for line in copied for source in line if not line[0].startswith("--from")}
    assert sources
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


def test_the_chart_runs_the_images_entrypoint() -> None:
    """Arguments only: the chart replaces CMD, never ENTRYPOINT."""
    assert dict(instructions())["ENTRYPOINT"] == '["ibgu"]'
    chart = (ROOT / "charts/ibgu/templates/deployments.yaml").read_text()
    assert "command:" not in chart.split("containers:")[1].split("env:")[0]
    version = yaml.safe_load((ROOT / "charts/ibgu/Chart.yaml").read_text())["appVersion"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
