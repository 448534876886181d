"""PodDisruptionBudgets that block the drain of nodes: Check warns, and Update and Pools say so."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.budgets import BudgetView
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import view_version
from ibgu.core.drivers.cluster_version.spec import problem_of_update, update_of
from ibgu.core.drivers.cluster_version.states import verdict_on_update
from ibgu.core.engine.driver import VerdictKind
from ibgu.core.model import Outcome, ReasonKind, names
from ibgu.core.model.kinds import FeedbackValue
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update, node
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    conditions,
    of_pool,
    pool,
    seen,
    value,
    values,
    with_update,
)
from tests.core.engine.decide.fleet import InMemoryEngine

ROLLOUT = with_update(disruption_budgets=["shop/database", "shop/database"])
BLOCKS = BudgetView(name="shop/database", healthy=1, needed=1, pods=1)
WORDS = (
    "blocked by the PodDisruptionBudget shop/database (0 disruptions allowed, 1 of 1 needed pods "
    "healthy)"
)
BEHIND = (pool(machines=3, updated=3), pool("worker", machines=2, updated=1, unavailable=1))
WAITS = (
    "waits for the MachineConfigPool worker: 1 of 2 nodes have its configuration, 1 not available"
)


def budget(name: str = "shop/database", **found: int) -> list[FeedbackValue]:
    given = {"Generation": 1, "Allowed": 0, "Healthy": 1, "Needed": 1, "Pods": 1, **found}
    return [value(f"budget.{name}.{key}", number) for key, number in given.items()]


def nodes(count: int) -> list[FeedbackValue]:
    return of_pool("master", Machines=count)


def test_check_warns_of_a_budget_that_allows_no_disruption() -> None:
    found = view_version([*values(stage="Check"), *nodes(3), *budget()])
    assert found.budgets == (BLOCKS,)
    assert found.warning == f"the drain of nodes will be {WORDS}"
    for stage in ("Update", "Pools", "Retract", ""):
        assert view_version([*values(stage=stage), *nodes(3), *budget()]).warning == ""


@pytest.mark.parametrize(
    "told",
    [
        [*nodes(1), *budget()],
        [*nodes(3), *budget(Allowed=1)],
        [*nodes(3), *budget(Pods=0, Healthy=0)],
        [*nodes(3), *budget(Generation=0)],
        nodes(3),
    ],
    ids=["single node", "allows one", "no pods", "not reported", "no budget"],
)
def test_all_else_is_no_warning(told: list[FeedbackValue]) -> None:
    assert view_version([*values(stage="Check"), *told]).warning == ""


def test_every_budget_that_blocks_is_named() -> None:
    told = [*budget("a/b"), *budget("c/d", Allowed=1), *budget("e/f")]
    found = view_version([*values(stage="Backup"), *nodes(3), *told])
    assert ("a/b" in found.warning, "c/d" in found.warning, "e/f" in found.warning) == (
        *(True, False, True),
    )


def test_a_budget_is_read_and_can_not_be_created() -> None:
    """Each work agent may create one, and the API server takes a bare name."""
    found = [
        each
        for each in CLUSTER_VERSION.companions(ROLLOUT, None, None, resuming=False)
        if each.read.kind == "PodDisruptionBudget"
    ]
    (one,) = found
    assert (one.read.namespace, one.read.name, one.strategy) == ("shop", "database", None)
    assert one.manifest["spec"] == {"maxUnavailable": "Disarmed"}
    assert (one.read.group, one.read.kind) in CLUSTER_VERSION.target.beside


def verdict(action: UpdateAction, **changes: Any) -> Any:
    return verdict_on_update(seen(budgets=(BLOCKS,), **changes), action, ROLLOUT)


def test_an_update_says_what_blocks_its_drains() -> None:
    asked: Any = {"wanted_image": NEW, "desired_image": NEW, "history_image": NEW}
    done = verdict(UpdateAction.UPDATE, **asked, pools=BEHIND)
    assert (done.kind, done.message) == (
        VerdictKind.RUNNING,
        f"{WAITS}; the drain of nodes is {WORDS}",
    )
    told = conditions(Progressing="True : Working towards 4.16.12, waiting on machine-config")
    rolls = verdict(UpdateAction.UPDATE, told=told, **asked, history_state="Partial", pools=BEHIND)
    assert rolls.message.startswith("Working towards 4.16.12, waiting on machine-config; the drain")
    known = CLUSTER_VERSION.failure("Update", rolls.message)
    assert known is not None
    assert known.name == "DrainBlocked"
    operators = verdict(
        *(UpdateAction.UPDATE,),
        told=told,
        **asked,
        history_state="Partial",
        pools=(pool(machines=3, updated=3), pool("worker", paused=True, machines=2, updated=0)),
    )
    assert operators.message == "Working towards 4.16.12, waiting on machine-config"


def test_pools_says_what_blocks_its_drains() -> None:
    found = verdict(UpdateAction.POOLS, resumes="worker", pools=BEHIND)
    assert found.message == f"{WAITS}; the drain of nodes is {WORDS}"


def test_a_name_without_a_namespace_is_a_problem() -> None:
    assert problem_of_update(update_of(ROLLOUT)) is None
    wrong = update_of(with_update(disruption_budgets=["database"]))
    assert "spec.update.disruptionBudgets: 'database' is not a namespace/name" in (
        problem_of_update(wrong) or ""
    )


@pytest.fixture
def engine() -> InMemoryEngine:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    node(engine, "site-1").blocks = True
    return engine


def test_a_warning_of_check_stays_with_the_cluster(engine: InMemoryEngine) -> None:
    engine.apply(fleet_update("Check Mirror Update"))
    engine.drive()
    member = engine.member("uid-z", 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert member.warning == f"the drain of nodes will be {WORDS}"


def test_a_person_may_hold_clusters_that_were_warned(engine: InMemoryEngine) -> None:
    held = fleet_update("Check", "Update")
    metadata = replace(held.metadata, annotations={names.HOLD_ON_WARNING: ""})
    engine.apply(replace(held, metadata=metadata))
    engine.wait(hours=1)
    member = engine.member("uid-z", 1, "site-1")
    assert member.reason.kind is ReasonKind.WARNING
    assert WORDS in member.reason.message
    engine.annotate("uid-z", resume="1")
    engine.now += timedelta(minutes=1)
    engine.wait(hours=3)
    assert engine.member("uid-z", 1, "site-1").outcome is Outcome.SUCCEEDED
