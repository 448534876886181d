"""The topics of notifications; receivers are filtered by these names."""

from enum import StrEnum


class Topic(StrEnum):
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_COMPLETED = "rollout.completed"
    ROLLOUT_HELD = "rollout.held"
    ROLLOUT_RELEASED = "rollout.released"
    ROLLOUT_STALLED = "rollout.stalled"
    ROLLOUT_MOVING = "rollout.moving"
    ROLLOUT_BREAK_GLASS = "rollout.break-glass"
    ROLLOUT_DELETED = "rollout.deleted"
    STEP_STARTED = "step.started"
    STEP_FINISHED = "step.finished"
    STEP_HELD = "step.held"
    STEP_CIRCUIT_BREAKER = "step.circuit-breaker"
    STEP_RELEASED = "step.released"
    STEP_APPROVAL_NEEDED = "step.approval-needed"
    STEP_APPROVAL_SETTLED = "step.approval-settled"
    STEP_FOLLOW_UP = "step.follow-up"
    CLUSTERS_FAILED = "clusters.failed"
