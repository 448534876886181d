"""Judges a start by one version of a RolloutPolicy (R50.1, and the other rules by modules of their
own)."""

from collections.abc import Iterable

from msgspec.structs import replace

from ibgu.core.model.rollout_policy import RolloutPolicySpec
from tests.oracle.policy_approvals import of_approvals
from tests.oracle.policy_failures import of_failures
from tests.oracle.policy_limits import of_limits
from tests.oracle.policy_starts import (
    ROLLOUTS,
    UNFOLLOWED,
    Objection,
    Start,
    about,
    of_cluster,
)
from tests.oracle.policy_times import of_times


def objection(
    spec: RolloutPolicySpec | None, start: Start, more: Iterable[Objection] = ()
) -> Objection | None:
    """Returns why the policy does not allow the start: what is certain first. None: it does.
    `more`: what else the policy has against it."""
    if spec is None:
        return Objection(unknown=UNFOLLOWED)
    held = about(spec, start)
    if held is False:
        return None
    own = of_cluster(spec, start)
    found = [*of_times(own, start), *of_limits(own, start), *of_failures(spec, start), *more]
    found += of_approvals(own, start)
    if held is None:
        found = [replace(each, unknown=each.unknown or ROLLOUTS) for each in found]
    return min(found, key=lambda each: (bool(each.unknown), bool(each.if_there)), default=None)
