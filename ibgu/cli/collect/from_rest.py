"""Collects what the REST API and its process return."""

import ssl
import urllib.error
import urllib.request
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import urlsplit

from ibgu.cli.collect.bundle import Bundle
from ibgu.cli.collect.from_hub import RestRollout
from ibgu.client import Client, RestError

_PROCESS = {"server/readyz.json": "/readyz", "server/metrics.txt": "/metrics"}
_SECONDS = 10.0


def from_rest(bundle: Bundle, client: Client, namespace: str, name: str) -> RestRollout:
    """Collects from the REST API. Raises RestError if the rollout can't be seen at all."""
    rollout = client.rollout(namespace, name)
    bundle.one("rollout.json", rollout)
    clusters: set[str] = set()

    def members() -> None:
        found = list(client.members(namespace, name))
        clusters.update(member.cluster for member in found)
        bundle.many("members.jsonl", found)

    gathered = {
        "steps.json": lambda: bundle.one("steps.json", client.steps(namespace, name)),
        "failures.json": lambda: bundle.one("failures.json", client.failures(namespace, name)),
        "members.jsonl": members,
        "events.jsonl": lambda: bundle.many("events.jsonl", client.events(namespace, name)),
    }
    for file, gather in gathered.items():
        bundle.tried(file, gather)
    return RestRollout(_hub(bundle, client), rollout, clusters)


def _hub(bundle: Bundle, client: Client) -> str:
    try:
        return client.whoami().hub
    except RestError as error:
        bundle.failed("hub of the REST API", str(error))
        return ""


def from_process(bundle: Bundle, server: str, ca_file: str) -> None:
    """Collects from the process's own paths, which need no token and get none."""
    for file, path in _PROCESS.items():
        bundle.tried(file, partial(_fetch, bundle, file, server.rstrip("/"), path, ca_file))


def _fetch(bundle: Bundle, file: str, server: str, path: str, ca_file: str) -> None:
    """Fetches a file; a 503 of /readyz is kept, because it says what is missing. Raises
    RestError."""
    url, handlers = f"{server}{path}", []
    if urlsplit(url).scheme == "https":
        context = ssl.create_default_context(cafile=ca_file or None)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=_SECONDS) as answer:
            bundle.write(file, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise RestError(f"{url}: HTTP {error.code}{_hint(path, error.code)}") from error
            bundle.write(file, error.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        raise RestError(f"{url}: {error}") from error


def _hint(path: str, code: int) -> str:
    if path != "/metrics" or code != HTTPStatus.NOT_FOUND:
        return ""
    return " (where IBGU_METRICS_LISTEN is set, metrics are at that address alone)"
