"""Runs the program that a kubeconfig names for its user's credentials, as kubectl does.

Its protocol is ExecCredential (client.authentication.k8s.io).
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.connection.credentials import NoCredentials

SECONDS = 60.0
"""The longest that a program may take that asks nobody."""


class PluginFailed(NoCredentials):
    """PluginFailed says in its text why there are no credentials."""


class PluginCredential(Struct, frozen=True, rename="camel"):
    """PluginCredential is the status of an ExecCredential."""

    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: Annotated[datetime, Meta(tz=True)] | None = None


class _Variable(Struct, frozen=True):
    name: str
    value: str


class ExecPlugin(Struct, frozen=True, rename="camel"):
    """ExecPlugin is the field `exec` of a kubeconfig's user."""

    command: str
    api_version: str
    args: list[str] | None = None
    env: list[_Variable] | None = None
    interactive_mode: str = "IfAvailable"
    provide_cluster_info: bool = False


class _Answer(Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    status: PluginCredential


async def ask(plugin: ExecPlugin, cluster: JsonObject, folder: Path) -> PluginCredential:
    """Returns what the program answers; `folder`: that of the kubeconfig. Raises PluginFailed."""
    interactive = _interactive(plugin)
    spec: JsonObject = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(cluster)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    given = {each.name: each.value for each in plugin.env or ()}
    command = plugin.command
    try:
        process = await asyncio.create_subprocess_exec(
            # As for kubectl, one with a slash is relative to the kubeconfig.
            str(folder / command) if "/" in command else command,
            *(plugin.args or ()),
            env={**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=None if interactive else DEVNULL,
            stdout=PIPE,
            # What it asks a person must be seen.
            stderr=None if interactive else PIPE,
        )
    except OSError as error:
        raise PluginFailed(f"can't run {command}: {error.strerror}") from error
    output, errors = await _ended(process, None if interactive else SECONDS)
    if process.returncode:
        said = (errors or b"").decode(errors="replace").strip()
        raise PluginFailed(f"{command} ended with {process.returncode}. {said}".rstrip(". "))
    return _read(output, plugin.api_version)


def _interactive(plugin: ExecPlugin) -> bool:
    """Whether a person is there to be asked. Raises PluginFailed if one must be, and is not."""
    there = sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not there:
        raise PluginFailed("it asks a person (interactiveMode: Always), and there is no terminal")
    return there and plugin.interactive_mode != "Never"


def _cluster_info(cluster: JsonObject) -> JsonObject:
    names = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data")
    found = {name: cluster[name] for name in (*names, "proxy-url") if name in cluster}
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == "client.authentication.k8s.io/exec":
            found["config"] = extension.get("extension")
    return found


async def _ended(process: Process, seconds: float | None) -> tuple[bytes, bytes | None]:
    try:
        async with asyncio.timeout(seconds):
            return await process.communicate()
    except TimeoutError as error:
        raise PluginFailed(f"it gave no answer within {seconds:.0f} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _read(output: bytes, version: str) -> PluginCredential:
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PluginFailed(f"its answer is no ExecCredential: {error}") from error
    if answer.kind != "ExecCredential" or answer.api_version != version:
        raise PluginFailed(f"its answer is no ExecCredential of {version}")
    found = answer.status
    if not found.token and not (found.client_certificate_data and found.client_key_data):
        raise PluginFailed("its answer has neither a token nor a certificate with its key")
    return found
