"""The content of a step that people approve: once it has changed, approvals no longer count
(R50.13)."""

from hashlib import sha256

from msgspec import json

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.gates import unusable
from ibgu.core.model import carry_payload, names, traits
from ibgu.core.model.actions import every_action
from ibgu.core.model.grants import Approval, ApprovedContent


def in_plan(ctx: DecisionContext, approval: Approval) -> bool:
    return 0 <= approval.step < len(ctx.rollout.spec.plan)


def approved_content(ctx: DecisionContext, index: int) -> ApprovedContent | None:
    """Returns what one approves now who approves the plan's step with that index; None: that is not
    known before its payload can be read, or before the plan is valid."""
    spec, payload = ctx.rollout.spec, ctx.snapshot.payload
    actions = spec.plan[index].actions
    if not set(actions) <= set(every_action()):
        return None
    carries = carry_payload(actions)
    if carries and unusable(payload, ctx.now) is not None:
        return None
    annotations = dict(ctx.rollout.annotations)
    if any(traits(action).upgrades for action in actions):
        controls = ctx.rollout.controls
        annotations |= {key: controls[key] for key in names.BACKUP_ANNOTATIONS if key in controls}
    return ApprovedContent(
        plan=_digest([spec.cluster_label_selectors, spec.plan[: index + 1]]),
        annotations=_digest(annotations),
        payload=payload.digest if carries else "",
    )


def changes(then: ApprovedContent | None, now: ApprovedContent | None) -> str:
    """Returns the subject of what has changed, and its verb; empty: nothing, as far as is known."""
    if then is None or now is None or then == now:
        return ""
    if then.payload != now.payload:
        return "the ConfigMaps and Secrets that the step carries have"
    if then.annotations != now.annotations:
        return "annotations of the rollout that decide what happens on its clusters have"
    return "the plan or the selectors of the rollout have"


def _digest(content: object) -> str:
    return sha256(json.encode(content, order="deterministic")).hexdigest()
