"""Asks REST for the rollout's clusters, and where newer rollouts have taken them."""

from collections.abc import Iterable

from ibgu.cli.stragglers.facts import Elsewhere, RestFacts
from ibgu.client import Client
from ibgu.client.responses import MemberResponse, RolloutResponse

_PRESENT = ("pending", "running", "complete")


def known(client: Client, namespace: str, name: str, label: str = "") -> RestFacts:
    """Returns what the journal knows; `label`: only of clusters with such labels. Raises
    RestError."""
    rollout = client.rollout(namespace, name)
    steps = client.steps(namespace, name).items
    members = _newest(client.members(namespace, name, label=label or None))
    return RestFacts(rollout, steps, members, tuple(_newer(client, rollout)), label)


def _newest(members: Iterable[MemberResponse]) -> dict[str, MemberResponse]:
    """Returns the newest member of each cluster: members come in the order of their steps."""
    return {member.cluster: member for member in members}


def _newer(client: Client, than: RolloutResponse) -> Iterable[Elsewhere]:
    for rollout in client.rollouts(state=_PRESENT):
        if rollout.created_at > than.created_at and rollout.started_at:
            members = _newest(client.members(rollout.namespace, rollout.name, uid=rollout.uid))
            yield Elsewhere(f"{rollout.namespace}/{rollout.name}", members)
