"""Another IBGU for some clusters of a rollout, with its ibuSpec, its annotations for the clusters,
and a plan of its own."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.counted import first_names
from ibgu.core.text.natural import natural_key
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget
from ibgu.core.views.stragglers.members import Plan
from ibgu.core.views.stragglers.retry import NAME_LABEL, manifest

_NAMED = 5
_BASE = 200
"""Characters of the old name that the new one keeps."""


def second(
    target: ChangeTarget, word: str, labels: Mapping[str, Mapping[str, str]], plan: Plan
) -> JsonObject:
    """Returns the manifest; `labels`: those of its clusters, by name.

    The name follows from clusters and plan, so that two requests create one IBGU. Raises
    ChangeRefused if a cluster can't be selected.
    """
    if unlabelled := [name for name, found in labels.items() if found.get(NAME_LABEL) != name]:
        raise ChangeRefused(
            f"{some(unlabelled)} can't be selected: the ManagedCluster lacks the label "
            f"{NAME_LABEL} with its name; set it (`kubectl label managedcluster {unlabelled[0]} "
            f"{NAME_LABEL}={unlabelled[0]}`), then repeat"
        )
    names = sorted(labels, key=natural_key)
    digest = sha256(_json([names, plan]).encode()).hexdigest()[:8]
    return manifest(target.object, f"{target.name[:_BASE]}-{word}-{digest}", names, plan)


def with_bounds(body: JsonObject, max_concurrency: int | None, timeout: int | None) -> JsonObject:
    """Returns the manifest with these bounds in each step of its plan; `timeout`: minutes; None: as
    it is."""
    bounds = {"maxConcurrency": max_concurrency, "timeout": timeout}
    given = {name: value for name, value in bounds.items() if value is not None}
    plan = [
        {**item, "rolloutStrategy": {**item["rolloutStrategy"], **given}}
        for item in body["spec"]["plan"]
    ]
    return {**body, "spec": {**body["spec"], "plan": plan}}


def kubectl_create(body: JsonObject) -> str:
    return f"kubectl create -f - <<'EOF'\n{_json(body)}\nEOF"


def some(names: Sequence[str]) -> str:
    return first_names(names, _NAMED)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
