"""Reads and writes files of content: manifests by themselves, or in ConfigMaps."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from ibgu.cli.errors import MISUSED, fail
from ibgu.core.model.document import Document
from ibgu.documents import MAX_BYTES, config_maps, read, read_config_map, read_content

SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILES = 1_000
STANDARD_INPUT = Path("-")


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
        content = _content(path)
        if len(content) > MAX_BYTES:
            fail(f"{path}: is larger than {MAX_BYTES} bytes, the most that a ConfigMap has")
        return content.decode()
    except UnicodeDecodeError:
        fail(f"{path}: isn't UTF-8 text")
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)


def _content(path: Path) -> bytes:
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    if not path.is_file():
        fail(f"{path}: no such file or directory", MISUSED)
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def documents_of(
    files: Iterable[Path], is_content: Callable[[list[Document]], bool] = lambda found: True
) -> list[Document]:
    """Returns the files' documents; instead of ConfigMaps those in their data, if `is_content` says
    so."""
    found: list[Document] = []
    for path in files:
        for document in _documents(text_of(path), str(path)):
            packed = config_maps(document)
            inside = [each for one in packed for each in read_config_map(one)]
            found += inside if packed and is_content(inside) else [document]
    return found


def _documents(text: str, file: str) -> list[Document]:
    """Returns the documents; of a file with ConfigMaps only the texts in these are carried."""
    found = read(text, file)
    return found if any(map(config_maps, found)) else read_content(text, file)


def policies_in(documents: Iterable[Document]) -> list[Document]:
    """Returns the RolloutPolicies, and what can't be read and may be one; ends the command if there
    are none."""
    found = [each for each in documents if each.kind == "RolloutPolicy" or each.problem]
    if not found:
        fail("there is no RolloutPolicy in these files", MISUSED)
    return found


def has_objects(documents: Iterable[Document]) -> bool:
    """Returns whether a ConfigMap carries manifests: others are manifests themselves."""
    return any(each.kind and each.api_version for each in documents)


def write(text: str, path: Path | None) -> None:
    """Writes the text into the file, or to the standard output."""
    if path is None:
        typer.echo(text, nl=False)
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)
