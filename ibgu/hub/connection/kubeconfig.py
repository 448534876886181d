"""Reads the kubeconfig as kubectl does: of several files, the first that has an entry counts."""

import os
import shutil
from pathlib import Path
from typing import Any

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.connection.credentials import NoCredentials

DEFAULT_KUBECONFIG = "~/.kube/config"
LISTS = {"contexts": "context", "clusters": "cluster", "users": "user"}
"""Lists of named entries, each with the field that holds the entry."""
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class InvalidKubeconfig(NoCredentials):
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


class UsedContext(Struct, frozen=True):
    """UsedContext is a context with its cluster and its user, and the folders of their files:
    relative paths begin there."""

    name: str
    cluster: JsonObject
    cluster_folder: Path
    user: JsonObject
    user_folder: Path


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
        used(paths, context)
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
    return [path for path in given if _exists(path)]


def _exists(path: Path) -> bool:
    """Whether there is a file, or one that may not be read: reading it says why."""
    try:
        return path.exists()
    except OSError:
        return True


def entry(files: list[tuple[Path, JsonObject]], many: str, name: str) -> tuple[Path, JsonObject]:
    """Returns the first entry of that name, empty if there is none, and its file's folder."""
    for folder, content in files:
        for each in content.get(many) or ():
            if each["name"] == name:
                return folder, each.get(LISTS[many]) or {}
    return Path(), {}


def _has(files: list[tuple[Path, JsonObject]], many: str, name: str) -> bool:
    return any(each["name"] == name for _, content in files for each in content.get(many) or ())


def _content(path: Path) -> JsonObject:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        # The parser's own words may quote secrets.
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise InvalidKubeconfig(f"it is no YAML{line}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidKubeconfig(str(error)) from error
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


def used(paths: str, context: str | None) -> UsedContext:
    """Returns the context, the current one by default. Raises InvalidKubeconfig."""
    files = read(paths)
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
    cluster_folder, cluster = entry(files, "clusters", str(found.get("cluster")))
    if not cluster:
        raise InvalidKubeconfig(f"the cluster of its context {name} is not in it")
    # A context without a user is that of a hub that knows nobody.
    named = str(found.get("user") or "")
    if named and not _has(files, "users", named):
        raise InvalidKubeconfig(f"the user of its context {name} is not in it")
    user_folder, user = entry(files, "users", named)
    _check_files(cluster_folder, cluster)
    _check_files(user_folder, user)
    return UsedContext(name, cluster, cluster_folder, user, user_folder)


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
