"""Leaves a cluster in the middle of an upgrade that somebody began before."""

from ibgu.sim.clock import timestamp
from ibgu.sim.lca.checks import parse_version
from ibgu.sim.lca.conditions import Conditions, set_condition
from ibgu.sim.lca.script_steps import SetCondition, completed
from ibgu.sim.spoke import IBU, Spoke

_AGE = 86400.0
"""Seconds ago at which the former Prep ended."""


def leave_unfinished(spoke: Spoke, version: str, now: float) -> None:
    """Gives the ImageBasedUpgrade the state after a Prep with another seed, which nobody upgraded
    or aborted. A cluster without an ImageBasedUpgrade is left as it is."""
    if spoke.ibu is None:
        return
    major, minor, patch, _ = parse_version(version)
    seed = {"version": f"{major}.{minor}.{patch + 1}", "image": "quay.io/seed:former"}
    ibu = spoke.update(IBU, {**spoke.ibu, "spec": {"stage": "Prep", "seedImageRef": seed}}, now)
    generation, ended = ibu["metadata"]["generation"], now - _AGE
    prep = {
        "stage": "Prep",
        "startTime": timestamp(ended - 600.0),
        "completionTime": timestamp(ended),
    }
    status = {
        "observedGeneration": generation,
        "conditions": _conditions(generation, ended),
        "validNextStages": ["Idle", "Upgrade"],
        "history": [prep],
    }
    spoke.write_status(IBU, status, now)


def _conditions(generation: int, ended: float) -> Conditions:
    conditions: Conditions = []
    for written in (
        SetCondition("Idle", "False", "InProgress", "In progress"),
        *completed("Prep", "Prep stage completed successfully"),
    ):
        if isinstance(written, SetCondition):
            conditions = set_condition(
                conditions,
                written.type,
                written.status,
                written.reason,
                written.message,
                generation=generation,
                now=ended,
            )
    return conditions
