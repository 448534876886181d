"""The readings of a cluster after its failure, in its explanation."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context, InspectionLimits
from ibgu.api.explain.evidence import NOT_READ, OFF, OPEN
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Outcome, RunResult
from ibgu.db import Journal
from ibgu.db.inspections import FinishedInspection, Inspections
from tests.api.conftest import Ask
from tests.api.fleet import fleet, rollout
from tests.api.test_explain import told
from tests.core.drivers.ibu.failures.test_evidence import BACKUP_FAILED
from tests.core.drivers.ibu.preflight.answers import facts
from tests.db.records import NOW, ended, ending, step

FACTS = replace(facts(), failure=BACKUP_FAILED)


@pytest.fixture
def enabled() -> bool:
    return True


@pytest.fixture
def app(context: Context, enabled: bool) -> FastAPI:
    return create_app(replace(context, inspections=InspectionLimits(enabled=enabled)))


@pytest.fixture
def store(context: Context) -> Inspections:
    return Inspections(context.engine, context.hub)


async def fail(journal: Journal, message: str) -> None:
    """Upgrade of cluster a has failed."""
    await fleet(journal)
    loaded = {each.key: each for each in (await journal.load()).members}
    over = ended(
        loaded["r1", 1, "a"],
        Outcome.FAILED,
        cause=Cause.UPGRADE_FAILED,
        failed_action=step(rollout(), 1, Action.UPGRADE).first,
        message=message,
        ended_at=NOW + timedelta(minutes=34),
    )
    assert over.run
    await journal.commit(ending(replace(over, run=replace(over.run, message=message,
                                                          result=RunResult.FAILED))))  # fmt: skip


async def evidence(ask: Ask) -> Any:
    return (await told(ask, "a"))["evidence"]


async def test_a_cluster_that_has_not_failed_has_no_evidence(ask: Ask, journal: Journal) -> None:
    await fleet(journal)
    assert (await told(ask, "b"))["evidence"] is None


async def test_evidence_is_shown_once_it_was_read(
    ask: Ask, journal: Journal, store: Inspections
) -> None:
    await fail(journal, BACKUP_FAILED)
    found = await evidence(ask)
    assert (found["problem"], found["readAt"]) == (NOT_READ, None)
    assert "describe backup -n openshift-adp app-data" in found["commands"][1]
    await store.request(["a"], "1", timedelta())
    assert (await evidence(ask))["problem"] == OPEN
    await store.finish([FinishedInspection("a", "1", FACTS)], 1)
    found = await evidence(ask)
    assert (found["problem"], found["readAt"] is None) == ("", False)
    assert [each["phase"] for each in found["objects"]][-2:] == ["Available", "Reconciled"]


async def test_a_cluster_that_did_not_answer_says_why(
    ask: Ask, journal: Journal, store: Inspections
) -> None:
    await fail(journal, BACKUP_FAILED)
    await store.request(["a"], "1", timedelta())
    await store.finish([FinishedInspection("a", "1", problem="the cluster is not reachable")], 1)
    assert (await evidence(ask))["problem"] == "the cluster is not reachable"


@pytest.mark.parametrize("enabled", [False])
async def test_inspections_that_are_off_say_so(ask: Ask, journal: Journal) -> None:
    await fail(journal, BACKUP_FAILED)
    assert (await evidence(ask))["problem"] == OFF


async def test_another_failure_has_only_the_command_for_the_log(ask: Ask, journal: Journal) -> None:
    await fail(journal, "failed to reboot: exit status 1")
    found = await evidence(ask)
    assert (found["problem"], found["objects"], len(found["commands"])) == ("", [], 1)
