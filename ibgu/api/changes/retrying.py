"""Determines whether failed clusters of a rollout can be retried."""

from datetime import UTC, datetime

import msgspec

from ibgu.api.changes.other_rollouts import others_of
from ibgu.api.requests.access import Caller
from ibgu.core.drivers import DRIVERS
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views import change
from ibgu.core.views.change import ChangeTarget
from ibgu.core.views.stragglers.retry import for_retry
from ibgu.db.reads import Reads


async def why_no_retry(rollout: Rollout, reads: Reads, caller: Caller) -> str:
    """Returns why the request would be refused, by what the journal knows of the hub; empty if it
    would not."""
    members = await reads.failed_ever(rollout.uid)
    clusters = [member.cluster for member in members]
    others = await others_of(rollout, clusters, reads, caller)
    known = await reads.labels(clusters)
    labels = {name: each.labels for name, each in known.items() if each.there}
    if None in labels.values() or len(known) < len(clusters):
        return ""
    table = DRIVERS[rollout.kind].actions
    who, now = caller.user.username, datetime.now(UTC)
    target = ChangeTarget(_as_on_the_hub(rollout), who, now, table)
    failures = [
        change.failure(
            member,
            found,
            others.newer.get(member.cluster, ""),
            aborted=member.cluster in others.aborted,
        )
        for member in members
        for found in [labels.get(member.cluster)]
    ]
    return change.why_no_retry(target, failures)


def _as_on_the_hub(rollout: Rollout) -> JsonObject:
    metadata = {"namespace": rollout.namespace, "name": rollout.name, "uid": rollout.uid}
    driver = DRIVERS[rollout.kind]
    known = rollout.annotations | rollout.controls
    return {
        "apiVersion": driver.api_version,
        "kind": rollout.kind,
        "metadata": {**metadata, "annotations": for_retry(driver, known)},
        "spec": msgspec.to_builtins(rollout.spec),
    }
