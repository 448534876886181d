"""The meaning of each rule of a policy, for every process that explains what the rule keeps."""

from collections.abc import Mapping

from ibgu.core.engine.gates.policies import (
    approvals,
    backups,
    canaries,
    cluster_hold,
    limits,
    policy,
    sources,
    times,
)
from ibgu.core.model import PolicyRule
from ibgu.core.model.meaning import Meaning

MEANINGS: Mapping[str, Meaning] = {
    PolicyRule.UNKNOWN: policy.UNKNOWN_MEANING,
    PolicyRule.INVALID: policy.INVALID_MEANING,
    PolicyRule.TIMES: times.MEANING,
    PolicyRule.TIME_ZONE: times.ZONE_MEANING,
    PolicyRule.NO_WINDOW: times.NO_WINDOW_MEANING,
    PolicyRule.SOURCE: sources.MEANING,
    PolicyRule.CANARIES: canaries.MEANING,
    PolicyRule.APPROVAL: approvals.MEANING,
    PolicyRule.BACKUP: backups.MEANING,
    PolicyRule.LIMITS: limits.MEANING,
    PolicyRule.CLUSTER_HOLD: cluster_hold.MEANING,
}
