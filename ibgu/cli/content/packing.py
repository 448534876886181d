"""Packs files into the ConfigMap that an ImageBasedGroupUpgrade names in `oadpContent`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ibgu.cli.content.files import text_of
from ibgu.cli.errors import MISUSED, fail
from ibgu.core.drivers.ibu.preflight.oadp import NAMESPACE
from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works import LIMIT
from ibgu.core.model.kinds import ConfigMap, ObjectMeta

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MAX_NAME = 253
_BREAKS = re.compile(r"[\r\x85\u2028\u2029]")
"""The line ends that YAML would read as others."""


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        fail(f"--name: {name!r} is not a valid ConfigMap name; use one such as oadp-cm", MISUSED)


def texts_of(files: Sequence[Path]) -> dict[str, str]:
    """Returns the texts by the names that `oc create configmap --from-file` gives them."""
    for path in files:
        if not _KEY.fullmatch(path.name):
            fail(f"{path}: its name can't be a key of a ConfigMap: use letters, digits, - . and _")
    return {path.name: text_of(path) for path in files}


def packed(name: str, texts: Mapping[str, str]) -> str:
    """Returns the ConfigMap as YAML; it fails if no ManifestWork can carry it."""
    found = ConfigMap(ObjectMeta(name=name, namespace=NAMESPACE), data=dict(texts))
    try:
        build([found])
    except PayloadError:
        largest = max(texts, key=lambda key: len(texts[key].encode()))
        fail(
            f"the files are too large: a ManifestWork carries at most {LIMIT} bytes, for "
            f"all ConfigMaps and the pull secret; the largest is {largest} with "
            f"{len(texts[largest].encode())} bytes"
        )
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": dict(sorted(texts.items())),
    }
    return yaml.dump(body, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=2**20)


class _Readable(yaml.SafeDumper):
    """_Readable writes texts line by line, where YAML can keep them so."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    style = '"' if _BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)
