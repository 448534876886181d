"""Packs files into a ConfigMap that an ImageBasedGroupUpgrade names in `oadpContent` or
`extraManifests`."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import typer
import yaml
from msgspec import Struct

from ibgu.cli.content.files import STANDARD_INPUT, files_of, text_of, write
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.show.lint import as_text, errors
from ibgu.cli.show.output_style import page, stderr
from ibgu.core.drivers.ibu.preflight import PreflightFinding
from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.driver import PayloadError, TemplateRefused
from ibgu.core.engine.works import LIMIT
from ibgu.core.model.document import Document
from ibgu.core.model.kinds import ConfigMap, ObjectMeta
from ibgu.documents import read_content

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_BREAKS = re.compile(r"[\r\x85\u2028\u2029]")
"""The line ends that YAML would read as others."""


class Packing(Struct, frozen=True):
    """Packing is the ConfigMap that is asked for."""

    name: str
    namespace: str
    output: Path | None
    """The file to write; None: the standard output."""
    force: bool
    """Whether it is packed in spite of errors."""


Lint = Callable[[tuple[Document, ...]], Sequence[PreflightFinding]]


def pack(paths: Sequence[Path], wanted: Packing, lint: Lint) -> None:
    """Writes the ConfigMap, if `lint` finds no error in the files; its findings go to the standard
    error."""
    check_names(wanted)
    texts = texts_of(keys_of(files_of(paths), wanted.output))
    read = (read_content(text, str(file)) for file, text in texts.values())
    documents = tuple(chain.from_iterable(read))
    findings = lint(documents)
    if findings:
        typer.echo(page(as_text(findings, len(documents), stderr())), err=True)
    if errors(findings) and not wanted.force:
        fail("nothing was packed: correct the errors, or pack it all the same with --force")
    contents = {key: text for key, (_, text) in texts.items()}
    write(packed(wanted.name, wanted.namespace, contents), wanted.output)


def check_names(wanted: Packing) -> None:
    if not is_object_name(wanted.name):
        fail(f"--name: {wanted.name!r} isn't a valid name of a ConfigMap, such as oadp-cm", MISUSED)
    if not _NAMESPACE.fullmatch(wanted.namespace):
        words = f"--namespace: {wanted.namespace!r} isn't a valid name of a namespace"
        fail(words, MISUSED)


def keys_of(files: Sequence[Path], output: Path | None) -> dict[str, Path]:
    """Returns the files by the names that `oc create configmap --from-file` gives them."""
    found: dict[str, Path] = {}
    for path in files:
        if path == STANDARD_INPUT:
            fail("the standard input has no name, and so no key in a ConfigMap", MISUSED)
        if not _KEY.fullmatch(path.name):
            fail(f"{path}: its name can't be a key of a ConfigMap: use letters, digits, - . and _")
        if output is not None and path.resolve() == output.resolve():
            fail(f"{path}: is among the files to pack: write the ConfigMap elsewhere", MISUSED)
        other = found.setdefault(path.name, path)
        if other != path:
            fail(f"{path}: {other} has that name, too, and a ConfigMap has each key once")
    return found


def texts_of(files: Mapping[str, Path]) -> dict[str, tuple[Path, str]]:
    return {key: (path, text_of(path)) for key, path in files.items()}


def packed(name: str, namespace: str, texts: Mapping[str, str]) -> str:
    """Returns the ConfigMap as YAML; it fails if no ManifestWork can carry it."""
    found = ConfigMap(ObjectMeta(name=name, namespace=namespace), data=dict(texts))
    try:
        build([found])
    except TemplateRefused:
        pass  # P42 has said so, and --force packs it all the same
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
        "metadata": {"name": name, "namespace": namespace},
        "data": dict(sorted(texts.items())),
    }
    return yaml.dump(body, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=2**20)


class _Readable(yaml.SafeDumper):
    """_Readable writes texts line by line, where YAML can keep them so."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    style = '"' if _BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)
