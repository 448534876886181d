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


def stages() -> dict[str, list[tuple[str, str]]]:
    """Returns the stages by name; the last one, which has none, under ""."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            current = found.setdefault(rest.partition(" AS ")[2], [])
        elif found:
            current.append((name, rest))
    return found


@pytest.mark.parametrize("part", ["image", "build", "cli", "sandbox"])
def test_the_image_has_what_was_tested(part: str) -> None:
    found = pins(f"requirements-{part}.lock")
    assert found
    assert found.items() <= pins("requirements.lock").items()


def test_the_image_has_every_package_that_ibgu_needs() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed
    needed = {Requirement(each).name for each in re.findall(r'"(.+?)"', listed[1])}
    assert {canonicalize_name(name) for name in needed} <= set(pins("requirements-image.lock"))


def test_the_image_runs_as_a_numeric_user_other_than_root() -> None:
    for stage in ("runtime", "sandbox"):
        users = [rest for name, rest in stages()[stage] if name == "USER"]
        assert int(users[-1].split(":")[0]) > 0


def test_base_images_are_pinned_and_can_be_replaced() -> None:
    arguments = [rest.partition("=")[::2] for name, rest in instructions() if name == "ARG"]
    pinned = r"[^:]+:\d+\.\d+\.\d+-[\w-]+@sha256:[0-9a-f]{64}"
    assert all(re.fullmatch(pinned, image) for _, image in arguments)
    bases = {rest.split()[0] for name, rest in instructions() if name == "FROM"}
    assert bases - set(stages()) == {f"${{{name}}}" for name, _ in arguments}


def test_a_plain_build_makes_what_the_chart_runs() -> None:
    *_, (last, rest) = instructions()
    assert (last, rest) == ("FROM", "runtime")


def test_copied_files_exist_and_are_not_ignored() -> None:
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY"]
    sources = {source for line in copied for source in line if not line[0].startswith("--from")}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert let_in <= sources
    assert all(source.split("/")[0] in let_in for source in sources)
    assert all((ROOT / source).exists() for source in sources)


def test_the_chart_runs_the_images_entrypoint() -> None:
    """Arguments only: the chart replaces CMD, never ENTRYPOINT."""
    assert dict(stages()["runtime"])["ENTRYPOINT"] == '["ibgu"]'
    chart = (ROOT / "charts/ibgu/templates/deployments.yaml").read_text()
    assert "command:" not in chart.split("containers:")[1].split("env:")[0]
    version = yaml.safe_load((ROOT / "charts/ibgu/Chart.yaml").read_text())["appVersion"]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
