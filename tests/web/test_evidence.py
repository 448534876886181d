"""The page shows what was read on a cluster after its failure."""

from datetime import timedelta

from playwright.async_api import expect

from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts, inspected
from ibgu.db.inspections import FinishedInspection, Inspections
from tests.core.drivers.ibu.failures.test_evidence import BACKUP, BACKUP_FAILED
from tests.core.drivers.ibu.preflight.answers import AT, objects, spoke, work
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import failed, name
from tests.web.test_inspections import inspecting

__all__ = ["inspecting"]
pytestmark = SESSION
NUMBER = 8_100
HOSTILE = "<img src=x onerror=alert(1)>"


def facts() -> InspectedFacts:
    status = {"phase": "PartiallyFailed", "errors": 2, "warnings": 1, "failureReason": HOSTILE}
    there = {**objects(), BACKUP: {"status": status}}
    found = inspected(work(spoke(there), failure=BACKUP_FAILED), AT, BACKUP_FAILED)
    assert found is not None
    return found


async def test_the_evidence_of_a_failure_is_shown_once_it_was_read(
    inspecting: tuple[Tab, Inspections],
) -> None:
    tab, store = inspecting
    cluster, story = name(NUMBER), tab.site.story()
    found = await story.rollout("evident", ["Upgrade"])
    upgrade = await story.step(found, 0, 1)
    began = story.now - timedelta(minutes=50)
    await story.put(failed(upgrade, NUMBER, 0, began, timedelta(minutes=20), BACKUP_FAILED))
    page = await tab.open(f"#/c/{cluster}")
    card = page.get_by_label("State")
    await expect(card).to_contain_text("Velero's objects were not read after this failure")
    await expect(card).to_contain_text("describe backup -n openshift-adp app-data")
    await store.request([cluster], "1", timedelta())
    [asked] = [each for each in await store.open(100) if each.cluster == cluster]
    await store.finish([FinishedInspection(cluster, asked.id, facts())], 1)
    await page.reload()
    read = "Backup openshift-adp/app-data PartiallyFailed, 2 errors, 1 warning"
    await expect(card).to_contain_text(f"{read}: {HOSTILE}")
    await expect(card).to_contain_text("BackupStorageLocation openshift-adp/")
    await expect(card).not_to_contain_text("were not read")
    await expect(card.locator("img")).to_have_count(0)
    assert tab.errors == []
