"""Collects the logs of ibgu's own pods, as far as the kubeconfig's user may read them."""

from collections.abc import Iterator

from msgspec import Struct

from ibgu.cli.collect.bundle import Bundle
from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub import paths
from ibgu.hub.client import HubClient

SELECTOR = "app.kubernetes.io/name=ibgu"
"""Selects the chart's pods."""
LINES = 50_000
"""The newest ones of each container."""
BYTES = 32 * 1024 * 1024
SECONDS = 120.0


class Container(Struct, frozen=True):
    name: str


class ContainerStatus(Struct, frozen=True, rename="camel"):
    name: str
    restart_count: int = 0


class PodSpec(Struct, frozen=True):
    containers: list[Container] = []


class PodStatus(Struct, frozen=True, rename="camel"):
    container_statuses: list[ContainerStatus] = []


class Pod(Struct, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Log(Struct, frozen=True):
    pod: str
    container: str
    previous: bool = False
    """Whether it is the log from before the container's last restart."""

    @property
    def file(self) -> str:
        return f"hub/logs/{self.pod}.{self.container}{'.previous' if self.previous else ''}.log"

    @property
    def query(self) -> dict[str, str]:
        asked = {"container": self.container, "tailLines": str(LINES), "limitBytes": str(BYTES)}
        return asked | ({"previous": "true"} if self.previous else {})


async def logs(bundle: Bundle, client: HubClient, namespace: str) -> None:
    """Collects the logs; `namespace`: where ibgu runs. Raises HubError if the pods can't be
    listed."""
    found: list[Pod] = []
    async for pods, _ in client.list_pages(paths.pods(namespace), Pod, selector=SELECTOR):
        found.extend(pods)
    if not found:
        words = f"no pod of ibgu (label {SELECTOR}) in namespace {namespace}; IBGU_NAMESPACE"
        bundle.failed("hub/logs", f"{words} says where ibgu runs")
    for log in (log for pod in found for log in _of(pod)):
        await bundle.tried_on_hub(log.file, _one(bundle, client, namespace, log))


def _of(pod: Pod) -> Iterator[Log]:
    restarted = {each.name for each in pod.status.container_statuses if each.restart_count}
    for container in pod.spec.containers:
        yield Log(pod.metadata.name, container.name)
        if container.name in restarted:
            yield Log(pod.metadata.name, container.name, previous=True)


async def _one(bundle: Bundle, client: HubClient, namespace: str, log: Log) -> None:
    path = paths.pod_log(namespace, log.pod)
    text = await client.request("GET", path, query=log.query, timeout=SECONDS)
    bundle.write(log.file, text.decode(errors="replace"))
