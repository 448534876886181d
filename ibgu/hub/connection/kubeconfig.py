"""Reads the kubeconfig as kubectl does: of several files, the first that has an entry counts.

The library has no say in which context that is: of several files, it takes the last one's. It takes
a second to import, too, and its errors are Python's.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject

DEFAULT_KUBECONFIG = "~/.kube/config"
LISTS = {"contexts": "context", "clusters": "cluster", "users": "user"}
"""Lists of named entries, each with the field that holds the entry."""
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class InvalidKubeconfig(Exception):
    """InvalidKubeconfig says in its text why a kubeconfig can't be used."""


class CurrentContext(Struct, frozen=True):
    """CurrentContext describes a context; its fields are empty where the kubeconfig lacks them."""

    context: str = ""
    """The name of the context."""
    hub: str = ""
    """Address of its cluster's API server."""
    namespace: str = ""
    user: JsonObject = {}
    """The kubeconfig's user: token, tokenFile, exec, ..."""
    folder: Path = Path()
    """The folder of the file that the user is in: relative paths begin there."""


def named() -> str:
    """Returns the paths of the files that are read."""
    return os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG


def current(paths: str) -> CurrentContext:
    """Returns the current context, empty if no file exists. Raises InvalidKubeconfig."""
    if not _existing(paths):
        return CurrentContext()
    files = read(paths)
    name = current_context(files)
    _, context = entry(files, "contexts", name)
    _, cluster = entry(files, "clusters", str(context.get("cluster")))
    folder, user = entry(files, "users", str(context.get("user")))
    hub, namespace = str(cluster.get("server") or ""), str(context.get("namespace") or "")
    return CurrentContext(name, hub, namespace, user, folder)


def problem(paths: str, context: str | None = None) -> str:
    """Returns why the files that KUBECONFIG names can't be used; empty if unknown."""
    try:
        for part in _parts(read(paths), context):
            _check_files(*part)
    except InvalidKubeconfig as error:
        return str(error)
    return ""


def read(paths: str) -> list[tuple[Path, JsonObject]]:
    """Returns the files that exist, each with its folder. Raises InvalidKubeconfig."""
    found = _existing(paths)
    if not found:
        raise InvalidKubeconfig("there is no such file")
    return [(path.parent, _content(path)) for path in found]


def _existing(paths: str) -> list[Path]:
    given = (Path(path).expanduser() for path in paths.split(os.pathsep) if path)
    return [path for path in given if path.exists()]


def entry(files: list[tuple[Path, JsonObject]], many: str, name: str) -> tuple[Path, JsonObject]:
    """Returns the first entry of that name, empty if there is none, and its file's folder."""
    for folder, content in files:
        for each in content.get(many) or ():
            if each["name"] == name:
                return folder, each.get(LISTS[many]) or {}
    return Path(), {}


def error_text(error: Exception) -> str:
    """Returns what is wrong with a kubeconfig; a YAML parser's message may quote its secrets."""
    import yaml

    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark
        return f"it is no YAML (line {mark.line + 1})" if mark else "it is no YAML"
    said = str(error)
    if said.startswith("exec: "):
        return f"the program that it names for the token failed ({said.removeprefix('exec: ')})"
    return said


def _content(path: Path) -> JsonObject:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidKubeconfig(error_text(error)) from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(map(_well_formed, map(content.get, LISTS))):
        raise InvalidKubeconfig("it is no kubeconfig: contexts, clusters and users have no names")
    return content


def _well_formed(entries: Any) -> bool:
    return entries is None or (
        isinstance(entries, list)
        and all(isinstance(each, dict) and "name" in each for each in entries)
        and all(isinstance(each.get(one) or {}, dict) for each in entries for one in LISTS.values())
    )


def _parts(
    files: list[tuple[Path, JsonObject]], context: str | None
) -> Iterator[tuple[Path, JsonObject]]:
    """Returns the cluster and the user of the context. Raises InvalidKubeconfig."""
    name = context or current_context(files)
    if not name:
        raise InvalidKubeconfig(
            "it has no current context; kubectl config use-context NAME chooses one"
        )
    _, found = entry(files, "contexts", name)
    if not found:
        raise InvalidKubeconfig(
            f"its current context, {name}, is not in it; kubectl config get-contexts lists those "
            "that are"
        )
    for many, one in (("clusters", "cluster"), ("users", "user")):
        folder, part = entry(files, many, str(found.get(one)))
        if not part:
            raise InvalidKubeconfig(f"the {one} of its context {name} is not in it")
        yield folder, part


def current_context(files: list[tuple[Path, JsonObject]]) -> str:
    """Returns the current context; empty if none is chosen."""
    names = (content.get("current-context") for _, content in files)
    return str(next((name for name in names if name), ""))


def _check_files(folder: Path, part: JsonObject) -> None:
    for key in _FILES:
        if (named := part.get(key)) and not (folder / str(named)).exists():
            raise InvalidKubeconfig(f"{named}, which it names as {key}, is not there")
    program = (part.get("exec") or {}).get("command")
    if program and not shutil.which(program) and not (folder / program).exists():
        raise InvalidKubeconfig(f"{program}, the program that it names for the token, is not there")
