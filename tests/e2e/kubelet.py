"""The chart's pods as processes: a kubelet for a sandbox hub, which has no container engine.

Each container runs the `ibgu` of this checkout in a mount namespace of its own, with the
environment that the chart gives it, and finds the hub as in a pod: by its service account's files.
What differs from a pod: the ports (processes share a network), the paths of mounted Secrets and
ConfigMaps, and everything that isolates a container.
"""

import base64
import itertools
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.servers import free_port

Object = dict[str, Any]

POLL: Final = 0.5
"""Seconds between two looks at the hub."""
_PROGRAM = Path(sys.executable).with_name("ibgu")
_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
_ISOLATED = ("unshare", "--map-root-user", "--mount", "sh", "-c")
_SCRIPT = (
    f'mount -t tmpfs tmpfs /run && mkdir -p {_ACCOUNT} && cp -r "$0"/. {_ACCOUNT} && exec "$@"'
)
_WORKLOADS = (
    ("/apis/apps/v1/namespaces/{}/deployments", "Deployment"),
    ("/apis/batch/v1/namespaces/{}/jobs", "Job"),
)
_SERVER = {":8080": "IBGU_LISTEN", ":8081": "IBGU_METRICS_LISTEN"}


def isolates() -> bool:
    """Whether this machine gives a process its own mounts."""
    return subprocess.run([*_ISOLATED, "true"], capture_output=True, check=False).returncode == 0


def answers(url: str) -> bool:
    """Whether a GET succeeds; `url` is asked again and again, and a client of httpx loads the
    machine's certificates each time."""
    at = urlsplit(url)
    connection = HTTPConnection(str(at.hostname), at.port, timeout=30)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("GET", at.path)
        return connection.getresponse().status < HTTPStatus.MULTIPLE_CHOICES
    return False


class Pod:
    """A container's process, with its folder for mounts, log and account."""

    def __init__(self, hub: SandboxHub, namespace: str, template: Object, folder: Path) -> None:
        self._kubectl = Kubectl(hub)
        self._namespace = namespace
        self._folder = folder
        self.labels: dict[str, str] = template["metadata"]["labels"]
        spec = template["spec"]
        (self._container,) = spec["containers"]
        folder.mkdir(parents=True)
        (folder / "account").mkdir()
        self._environment = self._resolved(spec, hub)
        self.log = folder / "log"
        self._process = self._start(self._container["args"])

    @property
    def listens_at(self) -> str:
        return f"http://{self._environment['IBGU_LISTEN']}"

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of `ibgu` in the pod, as `kubectl exec` does."""
        return subprocess.run(
            self._argv(command), env=self._environment, capture_output=True, text=True, check=False
        )

    def exit_code(self) -> int | None:
        return self._process.poll()

    def ready(self) -> bool:
        return answers(self.listens_at + self._container["readinessProbe"]["httpGet"]["path"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _start(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self._argv(arguments), env=self._environment, stdout=log, stderr=log
            )

    def _argv(self, arguments: tuple[str, ...] | list[str]) -> list[str]:
        return [*_ISOLATED, _SCRIPT, str(self._folder / "account"), str(_PROGRAM), *arguments]

    def _resolved(self, spec: Object, hub: SandboxHub) -> dict[str, str]:
        """Returns the container's environment, and writes the files that it names."""
        given = {each["name"]: self._value(each) for each in self._container.get("env", [])}
        moved = self._mounted(spec)
        given = {name: _at_its_place(value, moved) for name, value in given.items()}
        for name in _SERVER.values():
            if name in given:
                given[name] = f"127.0.0.1:{free_port()}"
        if account := spec.get("serviceAccountName"):
            self._write_account(account, hub)
            at = urlsplit(hub.url)
            given |= {"KUBERNETES_SERVICE_HOST": str(at.hostname)}
            given |= {"KUBERNETES_SERVICE_PORT": str(at.port)}
        return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **given}

    def _value(self, variable: Object) -> str:
        if "value" in variable:
            return str(variable["value"])
        return self._data("secret", variable["valueFrom"]["secretKeyRef"]["name"])[
            variable["valueFrom"]["secretKeyRef"]["key"]
        ]

    def _mounted(self, spec: Object) -> dict[str, str]:
        """Writes Secrets and ConfigMaps; returns the folder of each path. What their texts say of
        the paths is changed as well."""
        volumes = {each["name"]: each for each in spec["volumes"]}
        mounts = [(each["mountPath"], each["name"]) for each in self._container["volumeMounts"]]
        moved = {path: str(self._folder / name) for path, name in mounts}
        for path, name in mounts:
            if secret := volumes[name].get("secret"):
                data = self._data("secret", secret["secretName"])
            elif config := volumes[name].get("configMap"):
                data = self._data("configmap", config["name"])
            else:
                del moved[path]
                continue
            folder = self._folder / name
            folder.mkdir()
            for key, text in data.items():
                (folder / key).write_text(_at_its_place(text, moved))
        return moved

    def _data(self, kind: str, name: str) -> dict[str, str]:
        data: dict[str, str] = self._kubectl.get(kind, name, "-n", self._namespace)["data"]
        if kind == "secret":
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
        return data

    def _write_account(self, account: str, hub: SandboxHub) -> None:
        token = self._kubectl("create", "token", account, "-n", self._namespace)
        folder = self._folder / "account"
        (folder / "token").write_text(token.strip())
        (folder / "namespace").write_text(self._namespace)
        shutil.copy(hub.ca_file, folder / "ca.crt")


class Kubelet:
    """Runs the Jobs and Deployments of one namespace, and writes their status."""

    def __init__(self, hub: SandboxHub, namespace: str, folder: Path) -> None:
        self._hub = hub
        self._kubectl = Kubectl(hub)
        self._namespace = namespace
        self._folder = folder
        self._pods: dict[str, list[Pod]] = {}
        self._reported: dict[str, int] = {}
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")
        self.failure: BaseException | None = None

    @contextmanager
    def running(self) -> Iterator["Kubelet"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()
            for pods in self._pods.values():
                for pod in pods:
                    pod.stop()

    def pods(self, deployment: str) -> list[Pod]:
        """Returns the pods of the Deployment's newest template."""
        # The kubelet's thread adds pods meanwhile.
        known = list(self._pods.items())
        found = [pods for key, pods in known if key.startswith(f"{deployment}/")]
        return found[-1] if found else []

    def selected(self, selector: Mapping[str, str]) -> list[Pod]:
        """Returns the ready pods that a Service with the selector leads to."""
        pods = [pod for pods in list(self._pods.values()) for pod in pods]
        return [pod for pod in pods if selector.items() <= pod.labels.items() and pod.ready()]

    def _run(self) -> None:
        try:
            with httpx.Client(
                base_url=self._hub.url,
                verify=ssl.create_default_context(cafile=str(self._hub.ca_file)),
                headers={"Authorization": f"Bearer {self._hub.token('admin')}"},
                trust_env=False,
                timeout=60,
            ) as client:
                while not self._ended.wait(POLL):
                    self._look(client)
        except BaseException as error:
            self.failure = error
            raise

    def _look(self, client: httpx.Client) -> None:
        listed = [each for path, kind in _WORKLOADS for each in self._listed(client, path, kind)]
        wanted = {_key(each): each for each in listed}
        for key in [key for key in self._pods if key not in wanted]:
            for pod in self._pods.pop(key):
                pod.stop()
        for key, workload in wanted.items():
            if key not in self._pods:
                self._pods[key] = [
                    Pod(self._hub, self._namespace, workload["spec"]["template"], folder)
                    for folder in self._folders(workload)
                ]
            self._report(key, workload)

    def _listed(self, client: httpx.Client, path: str, kind: str) -> list[Object]:
        answer = client.get(path.format(self._namespace)).raise_for_status()
        return [{"kind": kind, **each} for each in answer.json()["items"]]

    def _folders(self, workload: Object) -> list[Path]:
        name, number = workload["metadata"]["name"], next(self._numbers)
        replicas = workload["spec"].get("replicas", 1)
        return [self._folder / f"{name}-{number}-{each}" for each in range(replicas)]

    def _report(self, key: str, workload: Object) -> None:
        pods = self._pods[key]
        if workload["kind"] == "Job":
            done = sum(pod.exit_code() == 0 for pod in pods)
            status = _completed(workload) if done else {}
        else:
            done = sum(pod.exit_code() is None and pod.ready() for pod in pods)
            status = _available(workload, done)
        if status and self._reported.get(key) != done:
            self._reported[key] = done
            patch = json.dumps({"status": status})
            at = (workload["kind"], workload["metadata"]["name"], "-n", self._namespace)
            self._kubectl("patch", *at, "--subresource=status", "--type=merge", "-p", patch)


def _at_its_place(text: str, moved: Mapping[str, str]) -> str:
    """Replaces paths of the pod by those on this machine."""
    for path, folder in moved.items():
        text = text.replace(f"{path}/", f"{folder}/")
    return text


def _key(workload: Object) -> str:
    """Changes with the template: its pods are replaced."""
    metadata = workload["metadata"]
    template = json.dumps(workload["spec"]["template"], sort_keys=True)
    return f"{metadata['name']}/{metadata['uid']}/{template}"


def _available(workload: Object, count: int) -> Object:
    replicas = workload["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas"), replicas)
    ready = dict.fromkeys(("readyReplicas", "availableReplicas"), count)
    generation = {"observedGeneration": workload["metadata"]["generation"]}
    return generation | counts | ready | {"unavailableReplicas": replicas - count}


def _completed(job: Object) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        {"type": each, "status": "True", "reason": "CompletionsReached", "lastTransitionTime": now}
        for each in ("SuccessCriteriaMet", "Complete")
    ]
    return {
        "conditions": conditions,
        "startTime": job["metadata"]["creationTimestamp"],
        "completionTime": now,
        "succeeded": 1,
    }
