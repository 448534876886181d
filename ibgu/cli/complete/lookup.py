"""Looks up names that only the REST API knows; errors stay silent, as a shell waits for the
result."""

from collections.abc import Callable, Iterator
from itertools import islice

from ibgu.cli.complete.words import CompletionItem, Slot
from ibgu.cli.read.options import DEFAULT_SERVER
from ibgu.cli.rest.target import RestTarget
from ibgu.client import Client, RestError
from ibgu.client.responses.rollouts import RolloutResponse

SECONDS = 2.0
"""Seconds to wait for a response."""
MOST = 100
_PRESENT = ("pending", "running", "complete")


def lookup(slot: Slot, environment: dict[str, str]) -> list[CompletionItem]:
    """Returns candidates for the value; none if the API can't be asked."""
    if (find := _FINDERS.get(slot.name)) is None:
        return []
    try:
        found = find(slot, _target(slot, environment))
        words = islice((each for each in found if each.word.startswith(slot.typed)), MOST)
        unique = {each.word: CompletionItem(slot.before + each.word, each.help) for each in words}
    except RestError:
        return []
    return list(unique.values())


def _target(slot: Slot, environment: dict[str, str]) -> RestTarget:
    def given(option: str, variable: str, default: str = "") -> str:
        return slot.values.get(option) or environment.get(variable) or default

    return RestTarget(
        server=given("--server", "IBGU_SERVER", DEFAULT_SERVER),
        token=given("--token", "IBGU_TOKEN"),
        ca_file=given("--ca-file", "IBGU_CA_FILE"),
        namespace=slot.values.get("--namespace", ""),
        seconds=SECONDS,
    )


def _rollouts(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    for rollout in _present(target, target.client()):
        yield CompletionItem(rollout.name, f"{rollout.phase}, {rollout.seed.version}")


def _present(target: RestTarget, client: Client) -> Iterator[RolloutResponse]:
    return client.rollouts(namespace=target.in_namespace(), state=_PRESENT)


def _clusters(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    """Yields the clusters of the named rollout, or else all that the caller may see."""
    client = target.client()
    if slot.given:
        for member in client.members(target.in_namespace(), slot.given[0], cluster=slot.typed):
            yield CompletionItem(member.cluster, member.outcome or member.state)
        return
    for name in client.clusters(prefix=slot.typed, namespace=slot.values.get("--namespace")):
        yield CompletionItem(name)


def _rollout_or_cluster(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    """Yields rollouts and clusters, as `explain` takes both; the second name is always a
    cluster's."""
    if not slot.given:
        yield from _rollouts(slot, target)
    yield from _clusters(slot, target)


def _causes(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    for name in slot.given[:1]:
        for group in target.client().failures(target.in_namespace(), name).items:
            yield CompletionItem(group.failure or group.cause or "", f"{group.count} clusters")


def _next_actions(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    """Yields the steps that may be appended now and begin with what is typed."""
    name, *typed = slot.given
    for permit in target.client().actions(target.in_namespace(), name).items:
        for step in permit.plans:
            if list(step[: len(typed)]) == typed and len(step) > len(typed):
                yield CompletionItem(step[len(typed)], "+".join(step))


def _namespaces(slot: Slot, target: RestTarget) -> Iterator[CompletionItem]:
    for rollout in target.client().rollouts(state=_PRESENT):
        yield CompletionItem(rollout.namespace)


_FINDERS: dict[str, Callable[[Slot, RestTarget], Iterator[CompletionItem]]] = {
    "name": _rollouts,
    "names": _rollout_or_cluster,
    "cluster": _clusters,
    "clusters": _clusters,
    "prefix": _clusters,
    "--rollout": _rollouts,
    "actions": _next_actions,
    "--cluster": _clusters,
    "--cause": _causes,
    "--namespace": _namespaces,
}
