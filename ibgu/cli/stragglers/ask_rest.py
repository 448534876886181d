"""Asks REST for the rollout's clusters, and where newer rollouts have taken them."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from ibgu.cli.stragglers.facts import NewerRollout, RestFacts
from ibgu.client import Client
from ibgu.client.responses import MemberResponse, RolloutResponse

_PRESENT = ("pending", "running", "complete")
_TIMELINE_POINTS = 2
"""Points of a timeline, which is not shown."""
TRIES = 4
"""How often a rollout is read that changes meanwhile."""


def rest_facts(client: Client, namespace: str, name: str, label: str = "") -> RestFacts:
    """Returns what the journal knows, as of one moment unless the rollout changes all the time;
    `label`: only of clusters with such labels. Raises RestError."""
    for _ in range(TRIES):
        found = _read(client, namespace, name, label)
        if not _moved(client, found):
            return found
    return replace(found, moved=True)


def _read(client: Client, namespace: str, name: str, label: str) -> RestFacts:
    view = client.view(namespace, name, points=_TIMELINE_POINTS)
    members = _newest(client.members(namespace, name, label=label or None))
    newer = tuple(_newer(client, view.rollout))
    return RestFacts(view.rollout, view.steps, members, newer, view.seq, selector=label)


def _moved(client: Client, found: RestFacts) -> bool:
    """Returns whether the history of any of the rollouts has gone on since the first answer."""
    rollouts = (found.rollout, *(other.rollout for other in found.newer))
    return any(
        event
        for each in rollouts
        for event in client.events(each.namespace, each.name, after=found.seq, uid=each.uid)
    )


def _newest(members: Iterable[MemberResponse]) -> dict[str, MemberResponse]:
    """Returns the newest member of each cluster: members come in the order of their steps."""
    return {member.cluster: member for member in members}


def _newer(client: Client, than: RolloutResponse) -> Iterable[NewerRollout]:
    for rollout in client.rollouts(state=_PRESENT):
        if _age(rollout) > _age(than) and rollout.started_at:
            members = list(client.members(rollout.namespace, rollout.name, uid=rollout.uid))
            acted = {each.cluster for each in members if _has_acted(each)}
            yield NewerRollout(rollout, _newest(each for each in members if each.cluster in acted))


def _has_acted(member: MemberResponse) -> bool:
    """Whether the rollout has acted on the cluster: it has the cluster no earlier (R42.6). A note
    says of an action that the cluster had done it before."""
    return member.started_at is not None or any(not done.note for done in member.completed)


def _age(of: RolloutResponse) -> tuple[datetime, str]:
    """Returns the sort key by age (R6.3); the uid decides between rollouts of one second."""
    return (of.created_at, of.uid)
