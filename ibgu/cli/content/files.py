"""Reads and writes files of content: manifests by themselves, or in ConfigMaps."""

from collections.abc import Iterable
from pathlib import Path

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.core.model.document import Document
from ibgu.documents import MAX_BYTES, read, read_config_map

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 1_000


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Returns the files, those of directories by name; subdirectories are left out, as
    `oc create configmap --from-file` does."""
    found: list[Path] = []
    for path in paths:
        try:
            found += _below(path) if path.is_dir() else [path]
        except OSError as error:
            fail(f"{path}: {error.strerror}", MISUSED)
    if len(found) > MAX_FILES:
        fail(f"{len(found)} files: at most {MAX_FILES} are read at once", MISUSED)
    return found


def _below(directory: Path) -> list[Path]:
    below = sorted(directory.iterdir())
    found = [each for each in below if each.suffix in SUFFIXES and each.is_file()]
    if not found:
        fail(f"{directory}: no file ends with {', '.join(SUFFIXES)}", MISUSED)
    return found


def text_of(path: Path) -> str:
    """Returns the file's text, if it is one that a ConfigMap can have."""
    try:
        if not path.is_file():
            fail(f"{path}: no such file or directory", MISUSED)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            fail(f"{path}: is larger than {MAX_BYTES} bytes, the most that a ConfigMap has")
        return content.decode()
    except UnicodeDecodeError:
        fail(f"{path}: is not UTF-8 text")
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)


def documents_of(files: Iterable[Path]) -> list[Document]:
    """Returns the files' documents; instead of a ConfigMap, those in its data."""
    found: list[Document] = []
    for path in files:
        for document in read(text_of(path), str(path)):
            packed = document.kind == "ConfigMap" and document.api_version == "v1"
            found += read_config_map(document) if packed else [document]
    return found


def write(text: str, path: Path | None) -> None:
    """Writes the text into the file, or to the standard output."""
    if path is None:
        typer.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)
