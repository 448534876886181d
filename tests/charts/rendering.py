"""The chart as helm renders it."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ibgu.resources import shipped
from ibgu.sandbox.users import SYSTEM_NAMESPACE
from tests.tools.binaries import tools

Object = dict[str, Any]

CHART = shipped("charts/ibgu")


class RenderError(AssertionError):
    """The text is helm's."""


def helm(*arguments: str, stdin: str = "") -> str:
    """Its standard output; it neither reads nor writes the user's own helm."""
    with tempfile.TemporaryDirectory() as empty:
        homes = {f"HELM_{name}_HOME": empty for name in ("CONFIG", "CACHE", "DATA")}
        done = subprocess.run(
            [tools().helm, *arguments],
            input=stdin,
            env=os.environ | homes,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def template(values: Mapping[str, Any], apis: Iterable[str] = (), *options: str) -> str:
    """As helm prints it; `apis` are those that the hub serves besides Kubernetes' own."""
    served = [argument for api in apis for argument in ("--api-versions", api)]
    return helm(
        *("template", "ibgu", str(CHART), "--namespace", SYSTEM_NAMESPACE, "--values", "-"),
        *(*served, *options),
        stdin=yaml.safe_dump(dict(values)),
    )


def render(
    values: Mapping[str, Any] | None = None, apis: Iterable[str] = (), *options: str
) -> list[Object]:
    """The objects, hooks among them."""
    return _parsed(template(values or {}, apis, *options))


def _parsed(text: str) -> list[Object]:
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


@cache
def chart_yaml() -> Object:
    loaded: Object = yaml.safe_load((Path(CHART) / "Chart.yaml").read_text())
    return loaded
