"""Reports to people what was decided, and what is wrong, by every way that fits."""

from collections.abc import Iterable

import structlog
from msgspec import Struct

from ibgu.controller import naming
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports import decision_log, measures
from ibgu.controller.reports.events import EventWriter
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.drivers import carry_payload
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Decision, Kind, OnStep, ReasonKind, Step
from ibgu.core.views.mistakes import mistakes
from ibgu.db.journal import rollout_of
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write, WriteResult

log = structlog.get_logger("ibgu.controller")

STATUS_REFUSED = "StatusRefused"
NOT_UNDERSTOOD = "AnnotationNotUnderstood"
"""Reasons of Warning Events that belong to no decision."""


class Reporter(Struct, frozen=True, eq=False):
    """Reporter makes statuses due, and writes Events, log lines and metrics."""

    _fleet: FleetState
    _mirror: Mirror
    _payloads: Payloads
    _quarantine: Quarantine
    _statuses: Statuses
    _events: EventWriter

    # -- decisions -----------------------------------------------------------------------------

    def decided(self, rollout: str, decisions: list[Decision], *, writes_suspended: bool) -> None:
        """Reports committed decisions on one rollout; to the hub only if it may be written."""
        if rollout in self._fleet.rollouts and not writes_suspended:
            self._statuses.mark_due(rollout)
        measures.count(decisions, self._fleet)
        decision_log.write(decisions, self._fleet)
        if writes_suspended:
            return
        self._events.write(self._fleet, decisions)
        for decision in decisions:
            if isinstance(decision, OnStep) and decision.kind is Kind.STEP_STARTED:
                self._warn_of_payload(decision.step)

    def _warn_of_payload(self, step: Step) -> None:
        """Warns of what a step can't carry because it is not on the hub, or carries
        unchecked."""
        if carry_payload(step.actions):
            state = self._payloads.state(step.rollout)
            for warning in state.warnings:
                self._events.warn(step.rollout, "PayloadMissing", warning)
            if state.unchecked:
                self._events.warn(step.rollout, "PayloadUnchecked", state.unchecked)

    def recovered(self, decisions: Iterable[Decision]) -> None:
        """Reports what the start decided after a restore."""
        for uid, own in by_rollout(decisions).items():
            with self._quarantine.best_effort(uid):
                self._events.write(self._fleet, own)

    # -- what is wrong -------------------------------------------------------------------------

    def quarantined(self) -> None:
        """Reports quarantined rollouts whose status can't say so, because another hold is shown or
        the journal does not have the rollout or its hold."""
        for uid in self._quarantine:
            tracked = self._fleet.rollouts.get(uid)
            hold = tracked.rollout.hold if tracked is not None else None
            shown = hold is None or hold.kind is ReasonKind.INTERNAL_ERROR
            if tracked is None or not shown or self._quarantine.untouchable(uid):
                self._events.warn(uid, ReasonKind.INTERNAL_ERROR, self._quarantine.error_of(uid))
                self._statuses.mark_due(uid)

    def changed_by_person(self, rollout: str) -> None:
        """Makes the status due, and warns of annotations that ibgu does not understand."""
        found = self._mirror.rollout_object(rollout)
        if found is None:
            return
        self._statuses.mark_due(rollout)
        with self._quarantine.best_effort(rollout):
            for words in mistakes(found.metadata.annotations, found.kind):
                self._events.warn(rollout, NOT_UNDERSTOOD, words)

    def write_failed(self, write: Write, error: HubError) -> None:
        log.warning("write failed", **naming.of_write(self._fleet, write), error=str(error))

    # -- statuses ------------------------------------------------------------------------------

    def status_due(self, rollout: str) -> None:
        self._statuses.mark_due(rollout)

    def status_changed(self, rollout: str) -> None:
        self._statuses.seen(rollout)

    def status_answered(self, result: WriteResult) -> None:
        """Reports a refused status once; it is retried, and refused again, until someone acts."""
        error = result.error
        if not self._statuses.answered(result) or error is None:
            return
        self.write_failed(result.write, error)
        if not error.transient:
            self._events.warn(result.write.owner, STATUS_REFUSED, _outdated(error))

    def deleted(self, rollout: str) -> None:
        """Drops the status of an IBGU that is deleted."""
        self._statuses.forget(rollout)

    def forget(self, rollout: str) -> None:
        """Drops what is kept of a rollout that is over."""
        self._events.forget(rollout)


def by_rollout(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(rollout_of(decision), []).append(decision)
    return found


def _outdated(error: HubError) -> str:
    return (
        f"the hub does not take this status, which shows an earlier time: {error.message}; the "
        "rollout goes on, and `ibgu status` shows it; do: fix whatever rejects it; ibgu retries"
    )
