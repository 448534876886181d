"""Reads the event log once, and judges each start by policies that were not in force then.

It is an answer of the first order: in truth a start that is held moves all that comes after it.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.assurance.certify.cases import RolloutCase
from ibgu.core.assurance.certify.certifier import Certifier
from ibgu.core.assurance.certify.events import Event
from ibgu.core.assurance.certify.policy_failures import canary_of
from ibgu.core.assurance.certify.policy_starts import Objection, Start
from ibgu.core.assurance.certify.starts import StartReader
from ibgu.core.assurance.simulate.clusters import LabelledClusters
from ibgu.core.assurance.simulate.judgement import PolicyJudge
from ibgu.core.assurance.simulate.outcome import HeldStart, PolicyOutcome, SimulationOutcome
from ibgu.core.assurance.simulate.upgrade_ends import UpgradeEnds
from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model.proofs import KindProofs
from ibgu.core.model.rollout_policy import RolloutPolicy

SHOWN = 20
"""The starts of each policy that are kept in words; all are counted."""
FIELDS = {
    "R50.3": "limits",
    "R50.4": "windows",
    "R50.5": "freezes",
    "R50.9": "failureBudget",
    "R50.10": "breaker",
    "R50.11": "canaries",
    "R50.13": "approval",
    "R50.15": "backup",
}
"""What of a policy each rule is about."""


class _Tally:
    """_Tally counts what one policy would have held."""

    def __init__(self) -> None:
        self.held = 0
        self.passed = 0
        self.clusters: set[tuple[str, str]] = set()
        self.unknown: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.first: list[HeldStart] = []

    def note(self, found: Objection, event: Event, rollout: RolloutCase, start: Start) -> None:
        if found.unknown:
            self.unknown[found.unknown] += 1
            return
        self.held += 1
        self.clusters.add((event.rollout, start.cluster))
        self.reasons[FIELDS[found.rule]] += 1
        if len(self.first) < SHOWN:
            self.first.append(
                HeldStart(
                    rollout=rollout.name,
                    step=start.step,
                    cluster=start.cluster,
                    action=start.action,
                    at=start.at,
                    rule=found.rule,
                    why=found.words,
                    until=found.until,
                )
            )

    def outcome(self, policy: str) -> PolicyOutcome:
        return PolicyOutcome(
            policy=policy,
            held=self.held,
            clusters=len(self.clusters),
            passed=self.passed,
            unjudged=self.unknown.total(),
            unknown=dict(sorted(self.unknown.items())),
            reasons=dict(self.reasons.most_common()),
            first=tuple(self.first),
        )


class PolicySimulation:
    """PolicySimulation judges the starts of some rollouts by policies, which it takes as in force
    since before the first event."""

    def __init__(
        self,
        proofs: KindProofs,
        policies: Sequence[RolloutPolicy],
        subjects: Collection[str] | None = None,
        *,
        since: datetime | None = None,
        clusters: LabelledClusters | None = None,
        durations: DurationsByAction | None = None,
    ) -> None:
        """`proofs`: of each kind of change in the log. `subjects`: uids of the rollouts to judge;
        None: all. `since`: earlier starts are not judged. `durations`: how long actions take."""
        self._certifier = Certifier(proofs, subjects)
        self._reader = StartReader(self._certifier.audit)
        self._upgrades = UpgradeEnds()
        self._since = since
        known = clusters or LabelledClusters()
        self._judges = [
            PolicyJudge(each.metadata.name, each.spec, known, durations or {}, self._upgrades)
            for each in policies
        ]
        self._tallies = [_Tally() for _ in policies]
        self._rollouts: set[str] = set()
        self._starts = 0
        self._lost = 0

    def feed(self, event: Event) -> None:
        """Reads the next event, whichever rollout it is of."""
        audit = self._certifier.audit
        self._certifier.feed(event)
        rollout = audit.rollouts.get(event.rollout)
        if event.kind == "RunIntended" and audit.subject(event.rollout) and self._counts(event):
            if rollout is None:
                self._lost += 1
            else:
                self._judge(event, rollout)
        self._reader.read(event)
        if rollout is not None:
            self._upgrades.read(event, rollout)

    def count(self, event: Event) -> None:
        """Counts the next event, of another rollout on other clusters, for the limits of
        policies."""
        self._reader.read(event)

    def outcome(self) -> SimulationOutcome:
        return SimulationOutcome(
            rollouts=len(self._rollouts),
            starts=self._starts,
            lost=self._lost,
            policies=tuple(
                tally.outcome(judge.name)
                for judge, tally in zip(self._judges, self._tallies, strict=True)
            ),
        )

    def _counts(self, event: Event) -> bool:
        return self._since is None or event.at >= self._since

    def _judge(self, event: Event, rollout: RolloutCase) -> None:
        start = self._reader.start(event, rollout)
        if start is None:
            return
        self._starts += 1
        self._rollouts.add(event.rollout)
        asked = []
        for judge, tally in zip(self._judges, self._tallies, strict=True):
            spec, seen = judge.about(start, rollout)
            if not rollout.grants.passes(policy_gate(judge.name), event.at):
                asked.append((judge, tally, spec, seen))
                continue
            alone = replace(seen, is_canary=canary_of(spec, seen))
            tally.passed += judge.objection(spec, alone, rollout) is not None
        answers = {canary_of(spec, seen) for _, _, spec, seen in asked}
        # A canary of one policy waits for the canaries of no other.
        is_canary = True if True in answers else None if None in answers else False
        for judge, tally, spec, seen in asked:
            found = judge.objection(spec, replace(seen, is_canary=is_canary), rollout)
            if found is not None:
                tally.note(found, event, rollout, start)
