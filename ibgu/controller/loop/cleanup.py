"""Forgets rollouts that are deleted, and then all that is known of those that are over."""

from msgspec import Struct

from ibgu.controller.effects.adopting import Adoption
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.reports.reporter import Reporter
from ibgu.core.engine.state import FleetState, TrackedRollout


class Cleanup(Struct, frozen=True, eq=False):
    """Cleanup drops from memory what deleted rollouts leave there; their history stays."""

    _fleet: FleetState
    _mirror: Mirror
    _payloads: Payloads
    _preflights: Preflights
    _lister: MembershipLister
    _adopting: Adoption
    _follow_ups: PolicyFollowUps
    _outcomes: WriteOutcomes
    _reporter: Reporter

    def deleted(self, tracked: TrackedRollout) -> None:
        """Drops what a deleted rollout needs no more; all of it once nothing is left to do."""
        uid = tracked.rollout.uid
        self._payloads.forget(uid)
        self._preflights.forget(uid)
        self._lister.forget(uid)
        self._reporter.deleted(uid)
        if self._through_with(tracked):
            self._adopting.forget(uid)
            self._follow_ups.forget(tracked)
            self._outcomes.forget(tracked)
            self._reporter.forget(uid)
            self._fleet.forget(uid)

    def _through_with(self, tracked: TrackedRollout) -> bool:
        """Returns whether nothing is left of a deleted rollout, in its members or on the hub."""
        busy = any(step.unfinished or step.watched or step.paused for step in tracked.steps)
        works = self._mirror.works.keys_by("rollout", tracked.rollout.uid)
        return not (busy or works or tracked.rollout.adopting_since)
