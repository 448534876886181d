"""A cluster, or a user of one namespace, that wants to stop ibgu for everybody.

What each of them may do: SECURITY.md. OCM gives a cluster's work agent `update` and `patch` of the
ManifestWorks in its own namespace.
"""

import random
import string
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import LogCapture

from ibgu.core.model import names
from ibgu.hub import paths
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

BEYOND_POSTGRES = "2026-01-01T00:00:00+16:00"
BEYOND_THE_CALENDAR = "9999-12-31T23:59:59-15:00"
LONG = "".join(random.Random(0).choices(string.ascii_letters, k=4000))
"""A key that is more than an index of Postgres takes."""


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """Captures what ibgu logs; structlog's default prints all variables of a traceback, which takes
    longer than a Lease."""
    captured = LogCapture()
    structlog.configure(processors=[captured])
    yield captured
    structlog.reset_defaults()


def of_one(scene: Scene, name: str, number: int, *steps: Object) -> Object:
    """An IBGU for one cluster of the fleet."""
    return ibgu(name, *steps, fleet=scene.label, only=[number])


async def all_others_go_on(scene: Scene) -> None:
    """Checks that all others go on, after another start, too: all records can be read."""
    await scene.apply(of_one(scene, "victim", 2, step("Prep")))
    await scene.phase("victim", "Completed")
    await scene.stop()
    await scene.start()
    await scene.apply(of_one(scene, "next", 3, step("Prep")))
    await scene.phase("next", "Completed")


@pytest.mark.parametrize(
    "marks",
    [
        {"run": "neverseen", "started": BEYOND_POSTGRES},
        {"run": "neverseen", "started": BEYOND_THE_CALENDAR, "limit": BEYOND_THE_CALENDAR},
        {"run": LONG},
    ],
    ids=["beyond-postgres", "beyond-the-calendar", "long"],
)
async def test_a_cluster_that_writes_what_the_journal_can_not_store(
    scene: Scene, marks: dict[str, str]
) -> None:
    first = f"{scene.label}-1"
    await scene.fleet(count=3, faults=[f"hangs@{first}"])
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1, step("Prep")))
    await scene.seen_in_journal("RunAccepted", first)
    await scene.stop()
    (work,) = await scene.works(first)
    told = [f"ibgu.dev/{key}={value}" for key, value in marks.items()]
    name = work["metadata"]["name"]
    await scene.kubectl("annotate", "manifestwork", name, "-n", first, *told, "--overwrite")
    await scene.start()
    await all_others_go_on(scene)


@pytest.mark.parametrize("started", [BEYOND_POSTGRES, BEYOND_THE_CALENDAR])
async def test_a_user_who_writes_a_status_that_the_journal_can_not_store(
    scene: Scene, started: str
) -> None:
    """The right to patch the status is the namespace's own, and so is the harm."""
    await scene.fleet(count=3)
    mine = of_one(scene, "mine", 1, step("Prep"))
    mine["metadata"]["annotations"] = {"ibgu.dev/pause": "x"}
    await scene.apply(mine)
    done = [{"action": "Prep"}]
    entries = [{"name": name, "completedActions": done} for name in (f"{scene.label}-1", LONG)]
    status = {"startedAt": started, "observedGeneration": 1, "clusters": entries}
    await scene.admin.request(
        "PATCH",
        paths.ibgu_status("default", "mine"),
        body={"status": status},
        content_type=paths.MERGE_PATCH,
        query={"fieldManager": "ibgu"},
    )
    await scene.start()
    await all_others_go_on(scene)


async def test_a_cluster_that_puts_an_earlier_run_back(scene: Scene) -> None:
    """A restored hub shows an earlier run, too, and holds every rollout; this is an edit (R9.8)."""
    first = f"{scene.label}-1"
    await scene.fleet(count=3, faults=[f"hangs/Upgrade@{first}"])
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1, step("Prep", "Upgrade")))
    await scene.seen_in_journal("RunAccepted", first, count=2)
    await scene.apply(of_one(scene, "running", 3, step("Prep")))
    [row] = await scene.journal("SELECT id FROM runs WHERE cluster = $1 AND action = 'Prep'", first)
    (work,) = await scene.works(first)
    name = work["metadata"]["name"]
    earlier = f"ibgu.dev/run={row['id']}"
    await scene.kubectl("annotate", "manifestwork", name, "-n", first, earlier, "--overwrite")
    await scene.stop()
    await scene.start()
    await scene.apply(of_one(scene, "victim", 2, step("Prep")))
    await scene.phase("victim", "Completed")
    await scene.phase("running", "Completed")
    rows = await scene.journal("SELECT hold FROM rollouts WHERE hold IS NOT NULL")
    assert rows == []


async def test_a_value_that_postgres_refuses_quarantines_only_its_rollout(
    scene: Scene, log: LogCapture
) -> None:
    """The rollout goes on once what a cluster said, whatever it was, can be stored."""
    await scene.journal("ALTER TABLE members ALTER message TYPE varchar(9)")
    first = f"{scene.label}-1"
    await scene.fleet(count=3, faults=[f"prep.partition@{first}"])
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1, step("Prep")))
    await scene.phase("mine", "Held")
    held = await scene.condition("mine", "Held")
    assert held["reason"] == "InternalError"
    assert "StringDataRightTruncationError" in held["message"]
    [told, *_] = [entry for entry in log.entries if entry["event"] == "rollout quarantined"]
    assert told["rollout"] == "default/mine"
    await all_others_go_on(scene)
    await scene.stop()
    await scene.journal("ALTER TABLE members ALTER message TYPE text")
    await scene.start()
    await scene.phase("mine", "CompletedWithFailures")


@pytest.mark.usefixtures("log")
async def test_a_rollout_that_can_not_be_stored_at_all(scene: Scene) -> None:
    """The hold can't be stored either: an Event and its status say so, and no one else waits for
    it."""
    await scene.journal("ALTER TABLE rollouts ADD CHECK (name <> 'mine')")
    await scene.fleet(count=3)
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1, step("Prep")))
    await scene.told("mine", "CheckViolationError")
    await all_others_go_on(scene)
    assert (await scene.status("mine"))["phase"] == "Held"
    assert "refuses all of this" in (await scene.condition("mine", "Held"))["message"]


@pytest.mark.parametrize("relabelled", [False, True])
async def test_a_cluster_that_claims_a_run_holds_only_its_own_rollout(
    scene: Scene, *, relabelled: bool
) -> None:
    """The claim looks like a journal that has lost a run, so a person decides. It can't be made to
    look so in the rollout of someone else, by whatever labels."""
    first, third = f"{scene.label}-1", f"{scene.label}-3"
    await scene.fleet(count=4, faults=[f"hangs@{first}", f"hangs@{third}"])
    await scene.start()
    await scene.apply(of_one(scene, "mine", 1, step("Prep")))
    await scene.apply(of_one(scene, "other", 3, step("Prep")))
    await scene.seen_in_journal("RunAccepted", count=2)
    await scene.stop()
    uid = (await scene.get(paths.ibgu("default", "other")))["metadata"]["uid"]
    (work,) = await scene.works(first)
    name, claimed = work["metadata"]["name"], "ibgu.dev/run=neverseen"
    await scene.kubectl("annotate", "manifestwork", name, "-n", first, claimed, "--overwrite")
    if relabelled:
        label = f"{names.ROLLOUT}={uid}"
        await scene.kubectl("label", "manifestwork", name, "-n", first, label, "--overwrite")
    await scene.start()
    await scene.apply(of_one(scene, "victim", 2, step("Prep")))
    await scene.phase("victim", "Completed")
    if not relabelled:
        await scene.phase("mine", "Held")
        held = await scene.condition("mine", "Held")
        assert held["reason"] == "Restored"
        assert f"the work of {first} carries the run neverseen" in held["message"]
    [row] = await scene.journal("SELECT hold FROM rollouts WHERE name = 'other'")
    assert row["hold"] is None
