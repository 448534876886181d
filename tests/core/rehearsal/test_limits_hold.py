"""No rehearsal exceeds a limit, whatever is drawn."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.rehearsal.budgets import FailureBudgets, UpgradeBreakers
from ibgu.core.rehearsal.holds import RunTallies
from ibgu.core.rehearsal.membership import Membership
from ibgu.core.rehearsal.model import Odds, PlannedStep, RehearsedPlan, draw
from ibgu.core.rehearsal.record import RunRecord
from ibgu.core.rehearsal.rules import rules_of
from ibgu.core.rehearsal.step import StepRun
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.gates.policies.policy import SITE, policy

PREP, UPGRADE = Action.PREP.value, Action.UPGRADE.value
NEIGHBOURS = 3
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def cluster(number: int, sites: int) -> ClusterView:
    name = f"site-{number}"
    return ClusterView(
        name=name, uid=name, accepted=True, deleting=False, reachable=True, local=False,
        labels={SITE: str(number % sites)},
    )  # fmt: skip


@given(
    clusters=st.integers(0, 40),
    sites=st.integers(1, 6),
    slots=st.integers(1, 15),
    in_flight=st.integers(1, 12),
    maximum=st.integers(1, 3),
    failing=st.floats(0, 1),
    timeout=st.integers(5, 600),
    chain=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_no_more_clusters_are_in_flight_than_any_limit_allows(
    clusters: int,
    sites: int,
    slots: int,
    in_flight: int,
    maximum: int,
    failing: float,
    timeout: int,
    chain: bool,
    seed: int,
) -> None:
    names = [f"site-{number}" for number in range(NEIGHBOURS)]
    plan = RehearsedPlan(
        steps=tuple(
            PlannedStep(each, slots, timedelta(minutes=timeout))
            for each in ([(PREP, UPGRADE)] if chain else [(PREP,), (UPGRADE,)])
        ),
        selectors=[LabelSelector()],
        clusters=[cluster(number, sites) for number in range(clusters)],
        begin=BEGIN,
        policies=[
            policy(inFlight=in_flight, perTopology=[{"label": SITE, "maximum": maximum}]),
            policy("z", neverTogether=[{"clusters": names}]),
        ],
    )
    odds = {PREP: Odds(300, 900, failing / 2), UPGRADE: Odds(1200, 2400, failing)}
    fleet = Membership(plan)
    draws = draw(odds, clusters, Random(seed).random)
    for rules in rules_of(plan, fleet.clusters):
        record, tallies = (
            RunRecord(len(plan.policies)),
            RunTallies(FailureBudgets([]), UpgradeBreakers([])),
        )
        run = Watched(rules, range(clusters), draws, record, tallies, 0.0, {})
        run.most, run.sites, run.maximum = min(slots, in_flight), sites, maximum
        ended = run.run()
        if ended.held is Held.NOT:
            assert ended.succeeded + ended.failed + ended.never_started == clusters
            assert len(ended.ended) == ended.succeeded + ended.failed


class Watched(StepRun):
    """Watched looks at who is in flight whenever time goes on."""

    most = sites = maximum = 0

    def _advance(self, until: float) -> None:
        flying = self._action.keys() | self._dark.keys()
        assert len(self._action) <= self.most
        assert max(Counter(each % self.sites for each in flying).values(), default=0) <= (
            self.maximum
        )
        assert sum(each < NEIGHBOURS for each in flying) <= 1
        assert until >= self._now
        super()._advance(until)
