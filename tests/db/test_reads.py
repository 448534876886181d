"""The reads of REST, on a journal written by commits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import (
    ActingParty,
    Cause,
    Change,
    Intended,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnPendingPatch,
    OnRollout,
    Outcome,
    PendingPatch,
    Reason,
    ReasonKind,
    RolloutState,
    RunState,
    Step,
)
from ibgu.core.model.counts import Counts
from ibgu.core.model.names import FLEET_UPDATE, IBGU
from ibgu.db import Changeset, Journal, JournalUnavailable, engine
from ibgu.db.reads import InvalidCursor, Reads
from ibgu.db.reads.base import READ_AHEAD, reading_ahead
from ibgu.db.reads.cursor import encode
from ibgu.db.reads.events import PAGE_BYTES
from ibgu.db.reads.visits import by_activity
from ibgu.db.views import FailedRow, MemberRow
from tests.db.records import (
    NOW,
    WAITS,
    ended,
    ending,
    member,
    members,
    opening,
    rollout,
    started,
    starting,
    step,
    with_run,
)
from tests.members import changed_member


@pytest.fixture
def reads(db: AsyncEngine) -> Reads:
    return Reads(db, "hub-1")


def failed(found: Member, cause: Cause, message: str) -> Member:
    return ended(found, Outcome.FAILED, cause=cause, message=message, failed_action=Action.PREP)


@pytest.fixture
async def mixed(journal: Journal) -> Step:
    """r1's step of six members: one of each outcome, and two in flight."""
    one = rollout()
    first = step(one, 0, Action.PREP, Action.UPGRADE, max_concurrency=6, total=6)
    found = members(first, "site-9", "site-10", "site-11", "other-1", "other-2", "other-3")
    await journal.commit(opening(one, first, waiting=found))
    running = [started(each, slot=each.position + 1) for each in found[:5]]
    await journal.commit(starting(*running))
    await journal.commit(
        ending(
            ended(running[0]),
            failed(running[1], Cause.PREP_FAILED, "no space left"),
            failed(running[2], Cause.PREP_FAILED, "no space left"),
        )
    )
    done = replace(running[3], action_index=1)
    await journal.commit(
        Changeset(decisions=(OnMember(Kind.RUN_ENDED, done, "Prep is over"),), at=NOW)
    )
    return first


async def test_rollouts_newest_first_page_by_page(journal: Journal, reads: Reads) -> None:
    for number in range(5):
        await journal.commit(opening(rollout(f"r{number}", age=number // 2)))
    first = await reads.rollouts(limit=2)
    second = await reads.rollouts(limit=2, cursor=first.next)
    third = await reads.rollouts(limit=2, cursor=second.next)
    assert third.next is None
    found = [row.rollout.uid for page in (first, second, third) for row in page.items]
    assert found == ["r1", "r0", "r3", "r2", "r4"]


async def test_rollouts_by_namespace_and_state(journal: Journal, reads: Reads) -> None:
    await journal.commit(opening(rollout("r1", namespace="a")))
    await journal.commit(opening(rollout("r2", namespace="b", state=RolloutState.RUNNING)))
    await journal.commit(opening(rollout("r3", namespace="b")))

    async def found(**filters: Any) -> set[str]:
        return {row.rollout.uid for row in (await reads.rollouts(**filters)).items}

    assert await found(namespaces=["a"]) == {"r1"}
    assert await found(namespaces=["a", "b"]) == {"r1", "r2", "r3"}
    assert await found(namespaces=[]) == set()
    assert await found(states=[RolloutState.RUNNING]) == {"r2"}
    assert await found(namespaces=["b"], states=[RolloutState.PENDING]) == {"r3"}


async def test_a_rollout_with_the_counts_of_its_newest_step(
    journal: Journal, reads: Reads, mixed: Step
) -> None:
    found = await reads.rollout("default", "ibgu-r1")
    assert found
    assert found.current
    assert found.current.step == mixed
    assert found.current.counts == Counts(total=6, waiting=1, running=2, succeeded=1, failed=2)
    (listed,) = (await reads.rollouts()).items
    assert listed.current
    assert (listed.rollout, listed.counts) == (found.rollout, found.counts)
    assert listed.counts == found.current.counts
    assert listed.current.counts == found.current.counts
    one = found.rollout
    second = step(one, 1)
    skipped = [
        member(second, "a", 0, state=MemberState.FINISHED, outcome=Outcome.SKIPPED),
        member(second, "b", 1, state=MemberState.FINISHED, outcome=Outcome.CANCELLED),
    ]
    await journal.commit(opening(one, second, waiting=skipped))
    assert [row.counts for row in await reads.steps("r1")] == [
        found.current.counts,
        Counts(total=2, skipped=1, cancelled=1),
    ]
    newest = await reads.rollout_by_uid("r1")
    assert newest
    assert newest.current
    assert newest.current.step == second


async def test_the_newest_of_a_name_and_older_ones_by_uid(journal: Journal, reads: Reads) -> None:
    await journal.commit(opening(rollout("old", age=9, name="x", state=RolloutState.DELETED)))
    await journal.commit(opening(rollout("new", age=1, name="x")))
    by_name, by_uid = await reads.rollout("default", "x"), await reads.rollout_by_uid("old")
    assert by_name
    assert by_uid
    assert (by_name.rollout.uid, by_name.current) == ("new", None)
    assert by_uid.rollout.state is RolloutState.DELETED
    assert await reads.rollout("default", "y") is None
    assert await reads.rollout_by_uid("y") is None


async def test_no_rollout_has_acted_after_one_that_is_forgotten(reads: Reads) -> None:
    """Retention may delete it between two reads of a request."""
    found = await reads.acted_later("uid-forgotten")
    assert (found.items, found.clusters) == ((), 0)


async def test_members_in_order_page_by_page(reads: Reads, mixed: Step) -> None:
    found: list[MemberRow] = []
    cursor = None
    while True:
        page = await reads.members("r1", limit=4, cursor=cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    assert [row.member.position for row in found] == list(range(6))
    assert [row.action for row in found] == [
        None,
        None,
        None,
        Action.UPGRADE,
        Action.PREP,
        Action.PREP,
    ]
    assert found[3].member.run
    assert found[3].member.run.id == "run-r1-other-1"
    assert {(row.namespace, row.name) for row in found} == {("default", "ibgu-r1")}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"state": MemberState.WAITING}, ["other-3"]),
        ({"outcome": Outcome.SUCCEEDED}, ["site-9"]),
        ({"cause": Cause.PREP_FAILED}, ["site-10", "site-11"]),
        ({"prefix": "site-1"}, ["site-10", "site-11"]),
        ({"prefix": "site%"}, []),
        ({"state": MemberState.IN_FLIGHT, "prefix": "o", "step": 0}, ["other-1", "other-2"]),
        ({"step": 1}, []),
    ],
)
async def test_members_by_filter(
    reads: Reads, mixed: Step, filters: dict[str, Any], expected: list[str]
) -> None:
    found = (await reads.members("r1", **filters)).items
    assert [row.member.cluster for row in found] == expected


async def test_a_hold_of_the_step_or_the_rollout_is_shown(journal: Journal, reads: Reads) -> None:
    breaker = Reason(ReasonKind.CIRCUIT_BREAKER, NOW, "5 of 5 failed")
    talm = Reason(ReasonKind.TALM, NOW, "TALM is live")
    one, two = rollout("r1"), rollout("r2", hold=talm)
    for each in (one, two):
        first = step(each, hold=breaker)
        await journal.commit(opening(each, first, waiting=members(first, "a")))
    assert (await reads.members("r1")).items[0].hold == breaker
    assert (await reads.members("r2")).items[0].hold == talm


@pytest.mark.parametrize(
    ("younger", "named"),
    [
        ({"hold": Reason(ReasonKind.NAME_TAKEN, NOW, "an older object has this name")}, "r1"),
        ({"hold": Reason(ReasonKind.INVALID_PLAN, NOW, "Upgrade before Prep")}, "r1"),
        ({"hold": None, "state": RolloutState.DELETED, "deleted_at": NOW}, "r1"),
        ({"kind": IBGU}, "r2"),
    ],
)
async def test_the_older_rollout_of_two_kinds_has_the_name(
    journal: Journal, reads: Reads, younger: dict[str, Any], named: str
) -> None:
    older = replace(rollout("r1"), name="g")
    of_another_kind = {"kind": FLEET_UPDATE, "name": "g", "created_at": NOW + timedelta(minutes=1)}
    for each in (older, replace(rollout("r2"), **of_another_kind | younger)):
        seen = OnRollout(Kind.ROLLOUT_SEEN, each, "seen")
        await journal.commit(Changeset(decisions=(seen,), at=NOW))
    row = await reads.rollout(older.namespace, "g")
    found = await reads.find(older.namespace, "g")
    assert row is not None
    assert found is not None
    assert (row.rollout.uid, found.rollout.uid) == (named, named)


async def test_failures_by_their_words(journal: Journal, reads: Reads, mixed: Step) -> None:
    assert [row for row in await reads.failed("r1") if row.outcome is Outcome.FAILED] == [
        FailedRow(
            step=0,
            action=Action.PREP,
            outcome=Outcome.FAILED,
            cause=Cause.PREP_FAILED,
            message="no space left",
            count=2,
            clusters=("site-10", "site-11"),
        ),
    ]
    assert await reads.failed("r1", step=1) == ()


async def test_the_failures_that_budgets_count(journal: Journal, reads: Reads) -> None:
    """Two weeks of them, in order of time; one that completed late has not failed."""
    now = datetime.now(UTC)
    one = rollout()
    opened = step(one, 0, Action.PREP, max_concurrency=4, total=4)
    names = ("old", "newer", "late", "newest")
    waiting = members(opened, *names)
    await journal.commit(opening(one, opened, waiting=waiting))
    found = [started(each, slot=each.position + 1) for each in waiting]
    await journal.commit(starting(*found))
    ago = [timedelta(days=15), timedelta(hours=2), timedelta(hours=1), timedelta(minutes=1)]
    ends = [
        replace(failed(each, Cause.PREP_FAILED, "no space left"), ended_at=now - since)
        for each, since in zip(found, ago, strict=True)
    ]
    ends[2] = replace(ends[2], late="completed late, after 3 min")
    await journal.commit(ending(*ends))
    assert [each.cluster for each in await reads.failures()] == ["newer", "newest"]
    since = now - timedelta(hours=1)
    assert [each.cluster for each in await reads.failures(since)] == ["newest"]


async def test_reasons_of_unfinished_members(reads: Reads, mixed: Step) -> None:
    (found,) = await reads.steps("r1")
    assert sum(row.count for row in found.reasons) == len(
        [row for row in (await reads.members("r1")).items if not row.member.finished]
    )
    assert {row.message for row in found.reasons} == {WAITS.message}
    assert {row.since for row in found.reasons} == {NOW}
    assert {row.approvals for row in found.reasons} == {()}


async def test_reasons_name_what_has_to_be_approved(journal: Journal, reads: Reads) -> None:
    one = rollout()
    first = step(one, total=3)
    gate = Reason(ReasonKind.GATE, NOW, "words", None, ActingParty.PERSON, "RolloutPolicy/a")
    kept = [
        replace(member(first, f"site-{place}", place), reason=replace(gate, approval=before))
        for place, before in enumerate(["", "Rest", "Prep", "Rest"])
    ]
    await journal.commit(opening(one, first, waiting=kept))
    (found,) = await reads.steps("r1")
    assert [(row.count, row.approvals) for row in found.reasons] == [(4, ("Prep", "Rest"))]


async def test_namespaces_with_a_rollout(reads: Reads, mixed: Step) -> None:
    assert await reads.namespaces() == ("default",)


async def test_a_cluster_is_where_it_was_active_last(journal: Journal, reads: Reads) -> None:
    """The newer rollout's step starts after the older one's, and ends before it."""
    old, new = rollout("old", age=60), rollout("new", age=1)
    for minutes, one, ends in ((0, old, 9), (5, new, 6)):
        its_step = step(one, 0, started_at=NOW + timedelta(minutes=minutes))
        waiting = member(its_step, "a")
        await journal.commit(opening(one, its_step, waiting=[waiting]))
        running = started(waiting, slot=1, run=one.uid)
        await journal.commit(starting(running))
        over = replace(ended(running), ended_at=NOW + timedelta(minutes=ends))
        await journal.commit(ending(over))

    found = await reads.visits("a")
    assert [row.member.member.rollout for row in by_activity(found.items)] == ["old", "new"]

    again = step(new, 1, started_at=NOW + timedelta(minutes=7))
    await journal.commit(opening(new, again, waiting=[member(again, "a")]))
    found = await reads.visits("a")
    assert [row.member.member.key[:2] for row in by_activity(found.items)] == [
        ("new", 1),
        ("old", 0),
        ("new", 0),
    ]


async def test_a_rollout_in_which_a_cluster_only_waits_hides_no_failure(
    journal: Journal, reads: Reads
) -> None:
    async def newest() -> list[str]:
        visits = by_activity((await reads.visits("a")).items)
        return [row.member.member.rollout for row in visits]

    first, second = rollout("first", age=60), rollout("second", age=1)
    its_step = step(first, 0)
    await journal.commit(opening(first, its_step, waiting=[waiting := member(its_step, "a")]))
    await journal.commit(starting(running := started(waiting, slot=1)))
    await journal.commit(ending(failed(running, Cause.PREP_FAILED, "no space left")))
    later = step(second, 0, started_at=NOW + timedelta(minutes=5))
    await journal.commit(opening(second, later, waiting=[waits := member(later, "a")]))
    assert await newest() == ["first", "second"]

    over = {"ended_at": NOW + timedelta(minutes=9), "cause": Cause.DELETED}
    left = changed_member(waits, state=MemberState.FINISHED, outcome=Outcome.CANCELLED, **over)
    await journal.commit(ending(left))
    assert await newest() == ["first", "second"]


async def test_a_cluster_that_waits_after_a_success_is_where_it_waits(
    journal: Journal, reads: Reads
) -> None:
    first, second = rollout("first", age=60), rollout("second", age=1)
    its_step = step(first, 0)
    await journal.commit(opening(first, its_step, waiting=[waiting := member(its_step, "a")]))
    await journal.commit(starting(running := started(waiting, slot=1)))
    await journal.commit(ending(ended(running)))
    later = step(second, 0, started_at=NOW + timedelta(minutes=5))
    await journal.commit(opening(second, later, waiting=[member(later, "a")]))
    found = by_activity((await reads.visits("a")).items)
    assert [row.member.member.rollout for row in found] == ["second", "first"]


async def test_a_cluster_through_all_rollouts(journal: Journal, reads: Reads) -> None:
    """Two rollouts, three steps: the older rollout goes on after the newer one has begun. Two
    attempts in the last step, and what is pending for it."""
    old, new = rollout("old", age=60), rollout("new", age=1)
    for minutes, (one, index) in enumerate(((old, 0), (new, 0), (old, 1))):
        its_step = step(one, index, started_at=NOW + timedelta(minutes=minutes))
        waiting = member(its_step, "a")
        await journal.commit(opening(one, its_step, waiting=[waiting, member(its_step, "b", 1)]))
        running = started(waiting, slot=1, run=f"{one.uid}-{index}")
        await journal.commit(starting(running))
        await journal.commit(ending(ended(running)))
    second = Intended(
        id="again",
        action=Action.PREP,
        attempt=2,
        intended_at=NOW + timedelta(minutes=1),
    )
    again = changed_member(waiting, state=MemberState.IN_FLIGHT, run=second)
    await journal.commit(starting(again))
    pending = PendingPatch(uid="uid-a", cluster="a", rollout="old", labels={"k": Change("x", None)})
    await journal.commit(
        Changeset(decisions=(OnPendingPatch(Kind.LABELS_PENDING, pending, "Prep failed"),), at=NOW)
    )

    first = await reads.visits("a", limit=2)
    rest = await reads.visits("a", limit=2, cursor=first.next)
    assert rest.next is None
    assert [row.member.member.key for row in (*first.items, *rest.items)] == [
        ("old", 1, "a"),
        ("new", 0, "a"),
        ("old", 0, "a"),
    ]
    assert [run.id for run in first.items[0].runs] == ["old-1", "again"]
    assert first.items[0].member.member == again
    only = await reads.visits("a", rollout="old")
    assert [row.member.member.step for row in only.items] == [1, 0]

    told = await reads.cluster_events("a", limit=3)
    assert [event.kind for event in told.items] == [
        "LabelsPending",
        "RunIntended",
        "MemberFinished",
    ]
    assert told.items[0].data == {"labels": {"k": ["x", None]}, "annotations": {}}
    more = await reads.cluster_events("a", limit=9, cursor=told.next)
    assert [event.kind for event in more.items] == [
        "RunIntended",
        "MemberFinished",
        "RunIntended",
        "MemberFinished",
        "RunIntended",
    ]
    assert more.next is None


async def test_events_of_a_rollout_from_a_number(
    journal: Journal, reads: Reads, mixed: Step
) -> None:
    await journal.commit(opening(rollout("r2")))
    everything = (await reads.events("r1")).items
    assert [event.seq for event in everything] == list(range(1, 12))
    assert await reads.last_seq() == 12
    assert everything[0].data["plan"][0]["actions"] == ["Prep"]
    first = await reads.events("r1", after=4, limit=3)
    rest = await reads.events("r1", cursor=first.next)
    assert (*first.items, *rest.items) == everything[4:]
    started_one = everything[2]
    assert (started_one.kind, started_one.run) == ("RunIntended", "run-r1-site-9")
    assert started_one.data["slot"] == 1
    assert started_one.data["run_state"] == "intended"


async def test_a_page_of_large_events_ends_earlier_and_nothing_is_left_out(
    journal: Journal, reads: Reads
) -> None:
    """500 of them would be more than the process has memory for."""
    large = [replace(rollout(), controls={"key": f"{n}" + "y" * 400_000}) for n in range(7)]
    for each in large:
        await journal.commit(Changeset(decisions=(OnRollout(Kind.CONTROL, each, "said"),), at=NOW))
    pages = [await reads.events("r1", limit=500)]
    while pages[-1].next is not None:
        pages.append(await reads.events("r1", limit=500, cursor=pages[-1].next))
    assert [event.seq for page in pages for event in page.items] == list(range(1, 8))
    assert [len(page.items) for page in pages] == [2, 2, 2, 1]
    news = await reads.events_after(4, limit=500)
    assert ([event.seq for event in news.items], news.next is None) == ([5, 6], False)


async def test_an_event_larger_than_a_page_is_a_page(journal: Journal, reads: Reads) -> None:
    huge = replace(rollout(), controls={"key": "y" * 2 * PAGE_BYTES})
    for _ in range(2):
        await journal.commit(Changeset(decisions=(OnRollout(Kind.CONTROL, huge, "said"),), at=NOW))
    first = await reads.events("r1")
    rest = await reads.events("r1", cursor=first.next)
    assert [len(first.items), len(rest.items), rest.next] == [1, 1, None]


async def test_durations_of_preparing_and_accepting_are_measured(
    journal: Journal, reads: Reads
) -> None:
    """A reason of an attempt is overdue after these times; they are nobody's with too few."""
    one = rollout()
    first = step(one, max_concurrency=10, total=10)
    found = members(first, *(f"site-{number}" for number in range(10)))
    await journal.commit(opening(one, first, waiting=found))
    running = [started(each, slot=each.position + 1) for each in found]
    await journal.commit(starting(*running))
    over = [_timed(each, prepared=2, taken=each.position, lasted=60) for each in running]
    await journal.commit(ending(*(ended(each) for each in over[:9])))
    assert await reads.duration_stats() == {}
    await journal.commit(ending(ended(_timed(running[9], prepared=2, taken=None, lasted=60))))
    stats = (await reads.duration_stats())[Action.PREP]
    assert (stats.prepared, stats.taken) == (2.0, None)


def _timed(found: Member, *, prepared: int, taken: int | None, lasted: int) -> Member:
    """Seconds until its attempt was sent, taken and over."""
    sent = NOW - timedelta(seconds=lasted)
    accepted = sent + timedelta(seconds=taken) if taken is not None else None
    intended = sent - timedelta(seconds=prepared)
    times = {"intended_at": intended, "arming_at": sent, "accepted_at": accepted}
    return with_run(found, state=RunState.ACCEPTED, **times)


async def test_pages_neither_miss_nor_repeat_while_rows_are_added(
    journal: Journal, reads: Reads
) -> None:
    for number in range(4):
        await journal.commit(opening(rollout(f"r{number}", age=number)))
    first = await reads.rollouts(limit=2)
    await journal.commit(opening(rollout("newest", age=-5)))
    second = await reads.rollouts(limit=9, cursor=first.next)
    found = [row.rollout.uid for page in (first, second) for row in page.items]
    assert found == ["r0", "r1", "r2", "r3"]


@pytest.mark.parametrize("cursor", ["x", "", "%%%", "AAAA", encode("text"), encode([1])])
async def test_invalid_cursors_are_refused(reads: Reads, cursor: str) -> None:
    for read in (
        reads.rollouts(cursor=cursor),
        reads.members("r1", cursor=cursor),
        reads.visits("a", cursor=cursor),
        reads.events("r1", cursor=cursor),
        reads.cluster_events("a", cursor=cursor),
    ):
        with pytest.raises(InvalidCursor, match="use `nextCursor` of the page before"):
            await read


async def test_another_hub_is_empty(db: AsyncEngine, mixed: Step) -> None:
    other = Reads(db, "hub-2")
    assert (await other.rollouts()).items == ()
    assert await other.rollout("default", "ibgu-r1") is None
    assert await other.rollout_by_uid("r1") is None
    assert await other.steps("r1") == ()
    assert (await other.members("r1")).items == ()
    assert (await other.visits("site-9")).items == ()
    assert (await other.events("r1")).items == ()
    assert (await other.cluster_events("site-9")).items == ()
    assert await other.failed("r1") == ()
    assert await other.last_seq() == 0


async def test_a_read_without_a_database_raises_journal_away(tmp_path: object) -> None:
    db = engine(f"postgresql://postgres@/postgres?host={tmp_path}")
    with pytest.raises(JournalUnavailable, match="reading"):
        await Reads(db, "hub-1").rollouts()
    await db.dispose()


async def test_the_last_action_that_a_cluster_took_is_one_of_those_asked_for(
    journal: Journal, reads: Reads
) -> None:
    """An action of another kind of change says nothing of the ibuSpec that a cluster has."""
    for name, action, ago in (("older", Action.PREP, 60), ("newer", Action.ABORT, 30)):
        mine = rollout(name)
        opened = step(mine, 0, action)
        (waiting,) = members(opened, "site-1")
        await journal.commit(opening(mine, opened, waiting=[waiting]))
        running = with_run(started(waiting, 1, name), action=action)
        await journal.commit(starting(running))
        taken = _timed(running, prepared=0, taken=1, lasted=ago)
        await journal.commit(ending(ended(taken)))
    found = await reads.last_taken(["site-1"], [Action.PREP, Action.ABORT])
    assert found["site-1"][0] == Action.ABORT
    found = await reads.last_taken(["site-1"], [Action.PREP])
    assert (found["site-1"][0], found["site-1"][1].uid) == (Action.PREP, "older")
    assert await reads.last_taken(["site-1"], [Action.ROLLBACK]) == {}


async def test_reading_ahead_ends_with_its_transaction(db: AsyncEngine) -> None:
    asked = text(
        "SELECT current_setting('enable_indexscan'), current_setting('effective_io_concurrency')"
    )
    async with db.connect() as connection:
        before = (await connection.execute(asked)).one()
        await reading_ahead(connection)
        assert tuple((await connection.execute(asked)).one()) == ("off", str(READ_AHEAD))
        await connection.rollback()
        assert (await connection.execute(asked)).one() == before
