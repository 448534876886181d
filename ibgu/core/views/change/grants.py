"""Grants that a person writes for a rollout: an approval, or broken glass (R50.13, R50.14)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.policies import CLUSTER_HOLD, UNKNOWN
from ibgu.core.model.actions import Risk
from ibgu.core.model.grants import Approval, ApprovalPoint, Grants, point_words
from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.rollout_policy import PolicyApproval
from ibgu.core.plan.approvers import missing_approvers
from ibgu.core.text.counted import first_names
from ibgu.core.text.spans import utc
from ibgu.core.views.change.danger import BREAK_GLASS, risk_of_approval
from ibgu.core.views.change.model import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.core.views.change.policies_asked import (
    Policies,
    approvals_asked,
    points_asked,
    policies_of,
    specs_of,
)
from ibgu.core.views.change.second import kubectl_create

NO_GRANTS = Grants()
_NAMED = 5
_VERSION = "ibgu.dev/v1alpha1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def approve(
    target: ChangeTarget,
    step: int | None,
    before: str,
    comment: str = "",
    lasts: timedelta | None = None,
    policies: Policies | None = None,
    grants: Grants = NO_GRANTS,
) -> RequestedChange:
    """Approves a step, from 1; None: the one that runs or comes next. `before`: what of it, see
    RolloutApprovalSpec. `policies`: those in force; None: they are not known. `grants`: those that
    ibgu has seen: what the person has approved already is not approved again. Raises ChangeRefused
    if the plan has no such thing."""
    number = step if step is not None else _next_step(target)
    if not 1 <= number <= len(target.actions):
        raise ChangeRefused(f"the plan of {target.name} has no step {number}")
    points = [*ApprovalPoint, *target.actions[number - 1]]
    if before not in points:
        raise ChangeRefused(
            f"step {number} of {target.name} has no {before}: approve {' or '.join(points)}"
        )
    spec: JsonObject = {"step": number, "before": before}
    if comment:
        spec["comment"] = comment
    end = target.now + lasts if lasts is not None else None
    if end is not None:
        spec["until"] = f"{end:{_TIME}}"
    known = _known_approval(target, grants, number - 1, before, end)
    what = f"{point_words(number, before)} of {target.name}"
    done = f"{target.who} approves {what}{_until(end)}"
    if known is not None:
        done = f"{target.who} has approved {what} already{_until(known.until)}"
    if policies is not None:
        actions = target.actions[number - 1]
        done += _unasked(points_asked(policies, target, actions), number, before)
        asked = approvals_asked(specs_of(policies, target), actions, before)
        done += _not_enough(target, asked, grants, number - 1, before)
    if known is not None:
        return RequestedChange(done, step=number)
    risk = risk_of_approval(before, target.actions[number - 1])
    return replace(_granted(target, "RolloutApproval", spec, done, risk), step=number)


def _known_approval(
    target: ChangeTarget, grants: Grants, step: int, before: str, end: datetime | None
) -> Approval | None:
    """Returns the approval by the same person that counts and lasts as long as the new one would;
    None: there is none. One of a step that has changed since does not count."""
    return next(
        (
            each
            for each in grants.approvals
            if each.user == target.who
            and each.counts(step, before, target.now)
            and (each.until is None or (end is not None and end <= each.until))
        ),
        None,
    )


def _until(end: datetime | None) -> str:
    return f" until {utc(end)}" if end is not None else ""


def _unasked(asked: Sequence[str] | None, number: int, before: str) -> str:
    """Returns that the approval lets nothing start, as no policy asks for it; empty: one does, or
    that is not known."""
    if asked is None or before in asked:
        return ""
    others = " and ".join(point_words(number, point) for point in asked)
    instead = f"of {others}" if others else f"of nothing in step {number}"
    what = point_words(number, before)
    return f"; no policy asks for approval of {what} now: the policies ask for approval {instead}"


def _not_enough(
    target: ChangeTarget, asked: Sequence[PolicyApproval], grants: Grants, step: int, before: str
) -> str:
    """Returns how many more people must approve; empty: nobody. `step`: its index."""
    most = missing_approvers(asked, grants, step, before, target.now, target.who)
    if most is None:
        return ""
    more = "one more person" if most.missing == 1 else f"{most.missing} more people"
    own = " (the step's author does not count)" if most.leaves_out(target.who) else ""
    unknown = " (it is not known who the step's author is)" if most.allows_for_author else ""
    return f"; {most.people} of {most.needed}{own}{unknown}: {more} must approve"


def _next_step(target: ChangeTarget) -> int:
    """Returns the step that runs or comes next, from 1. Raises ChangeRefused if the status does not
    say which."""
    if target.current is not None:
        return target.current + 1
    if target.conditions.get("Progressing", {}).get("status") != "False":
        return 1
    why = (
        "all its steps are completed"
        if target.completed
        else "its status does not tell yet which step comes next"
    )
    raise ChangeRefused(f"{target.name}: {why}; name the step with --step")


def break_glass(
    target: ChangeTarget,
    gates: Sequence[str],
    reason: str,
    lasts: timedelta,
    policies: Policies | None = None,
) -> RequestedChange:
    """Lets the rollout pass the gates for a while. `policies`: those in force; None: they are not
    known. Raises ChangeRefused for a gate that can't hold the rollout: it would open nothing, and
    look as if it did."""
    if target.completed and not target.tries_again:
        raise ChangeRefused(f"{target.name} is complete: no gate keeps anything of it")
    for gate in gates:
        if gate not in (CLUSTER_HOLD.name, UNKNOWN) and not gate.startswith(policy_gate("")):
            raise ChangeRefused(
                f"{gate} is no gate of policies: name {policy_gate('NAME')}, {CLUSTER_HOLD.name} "
                f"or {UNKNOWN}, as `ibgu explain` does"
            )
    if policies is not None:
        _require_gates(target, gates, policies)
    until = target.now + lasts
    spec: JsonObject = {"gates": list(gates), "reason": reason, "until": f"{until:{_TIME}}"}
    words = f"{target.name} passes {', '.join(gates)} until {utc(until)}"
    return _granted(target, "BreakGlass", spec, words, BREAK_GLASS)


def _require_gates(target: ChangeTarget, gates: Sequence[str], policies: Policies) -> None:
    """Raises ChangeRefused for a gate of a policy that can't hold the rollout."""
    known = [policy_gate(name) for name in policies_of(policies, target)]
    own = policy_gate("")
    wrong = [gate for gate in gates if gate.startswith(own) and gate not in known]
    if wrong:
        held = f"those in force are {first_names(known, _NAMED)}" if known else "none is in force"
        raise ChangeRefused(
            f"no gate {wrong[0]} can hold {target.name}: of the gates of policies for it {held}"
        )


def _granted(
    target: ChangeTarget, kind: str, spec: JsonObject, done: str, risk: Risk
) -> RequestedChange:
    rollout = {"kind": target.kind, "name": target.name, "uid": target.uid}
    # A name has at most 253 characters, and the API server appends five.
    prefix = f"{target.name[:200]}-"
    body: JsonObject = {
        "apiVersion": _VERSION,
        "kind": kind,
        "metadata": {"generateName": prefix, "namespace": target.namespace},
        "spec": {"rollout": rollout, "user": target.who, **spec},
    }
    return RequestedChange(done, kubectl_create(body), grant=body, risk=risk)
