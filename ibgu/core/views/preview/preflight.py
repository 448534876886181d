"""The part of a previewed plan that preflight judges."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action, action_named
from ibgu.core.drivers.ibu.preflight.facts import (
    ClusterFacts,
    PayloadFacts,
    PreflightFacts,
    StepFacts,
)
from ibgu.core.drivers.ibu.preflight.policies import ClusterPolicies
from ibgu.core.model.document import ObjectField
from ibgu.core.views.preview.model import Preview, Proposal
from ibgu.core.views.preview.time import safe


class PreflightInputs(Struct, frozen=True):
    """PreflightInputs is what hub and journal say besides the preview."""

    payload: PayloadFacts = PayloadFacts()
    holders: Mapping[str, str] = {}
    """The other rollout that works on a cluster, by cluster."""
    rollback_until: Mapping[str, datetime] = {}
    rollback_over: frozenset[str] = frozenset()
    policies: Mapping[str, ClusterPolicies] = {}
    """Those of the clusters, if the plan's annotations count their manifests."""
    uninspected: str = "only the cluster knows"
    """Why nothing was read on clusters."""


def prepares(found: Preview) -> bool:
    """Returns whether a step that has not begun brings a payload that preflight's rules know."""
    actions = (action for step in found.steps for action in step.actions)
    return any(traits(each).carries_payload and traits(each).preflight for each in actions)


def expires(found: Preview) -> bool:
    """Returns whether the first step that has not begun may come too late for clusters."""
    return any(traits(action).expires for step in found.steps[:1] for action in step.actions)


def preflight_facts(
    name: str,
    proposal: Proposal,
    found: Preview,
    reported: Mapping[str, ClusterFacts],
    answers: PreflightInputs,
) -> PreflightFacts:
    """Returns the facts; `name`: namespace and name of the object that asks for the plan."""
    seed = proposal.spec.ibu_spec.seed_image_ref if prepares(found) else None
    return PreflightFacts(
        clusters=tuple(reported[each] for each in found.selected),
        itself=ObjectField(f"{proposal.driver.kind} {name}"),
        planned=bool(found.steps or found.problems),
        problems=found.problems,
        nobody=found.nobody,
        steps=tuple(
            StepFacts(
                step.index + 1,
                len(step.clusters),
                step.waves,
                step.allowed,
                safe(step, proposal.rollback_time),
            )
            for step in found.steps
        ),
        target=seed.version if seed else "",
        seed=seed,
        payload=answers.payload,
        annotations=proposal.annotations,
        policies=answers.policies,
        in_flight=proposal.running.in_flight if proposal.running else frozenset(),
        holders=answers.holders,
        rollback_until=answers.rollback_until,
        rollback_over=answers.rollback_over,
        ends=found.latest,
        first=_first(found),
        spec=proposal.spec,
        uninspected=answers.uninspected,
    )


def _first(found: Preview) -> Action | None:
    """Returns the first action of an image-based upgrade; None: another kind, or no step is
    left."""
    return action_named(found.steps[0].actions[0]) if found.steps else None
