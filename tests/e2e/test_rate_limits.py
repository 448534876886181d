"""Rate limits on the real API server, with the journal in Postgres; a minute takes two seconds."""

from datetime import timedelta

from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step

RATE = "ibgu.dev/starts-per-minute"
RAMP_UP = "ibgu.dev/ramp-up"
STARTS = "SELECT intended_at FROM runs WHERE action = 'Prep' ORDER BY intended_at"
COURSE = "SELECT kind FROM events WHERE kind IN ('RunIntended', 'MemberFinished') ORDER BY seq"
HOLDS = """SELECT hold->>'kind' AS kind, (hold->>'until')::timestamptz AS until
FROM steps WHERE hold IS NOT NULL"""
WRONG = 'the annotation ibgu.dev/starts-per-minute is "ten"; expected: a whole number from 1 on'


async def test_a_restart_keeps_the_rate_limit_and_a_typing_error_keeps_no_abort(
    scene: Scene,
) -> None:
    clock = ScaledTime(1)
    await scene.fleet(count=6)
    await scene.start(clock=clock)
    prep = step("Prep", timeout=240)
    await scene.apply(ibgu("limited", prep, fleet=scene.label, annotations={RATE: "2"}))

    async def waits() -> bool:
        return [row["kind"] for row in await scene.journal(HOLDS)] == ["StartRate"]

    async def through() -> bool:
        """Whether both clusters are through: what is not armed when ibgu stops begins once more."""
        return [row["kind"] for row in await scene.journal(COURSE)].count("MemberFinished") == 2

    await scene.until(waits, "the step to wait for its rate limit")
    await scene.phase("limited", "Running")
    await scene.until(through, "the first two clusters to come through")
    await scene.stop()
    await scene.start(clock=clock)
    clock.speed = 30
    announced = set()

    async def completed() -> bool:
        announced.update([row["until"] for row in await scene.journal(HOLDS)])
        return bool((await scene.status("limited"))["phase"] == "Completed")

    await scene.until(completed, "limited to be completed")
    starts = [row["intended_at"] for row in await scene.journal(STARTS)]
    assert len(starts) == 6
    gaps = [after - before for before, after in zip(starts, starts[2:], strict=False)]
    assert min(gaps) >= timedelta(minutes=1)
    assert announced
    assert announced <= {start + timedelta(minutes=1) for start in starts}

    abort = step("Abort", timeout=240)
    await scene.apply(ibgu("back", abort, fleet=scene.label, annotations={RATE: "ten"}))
    await scene.completed("back")
    await scene.told("back", f"{RATE}=ten: {WRONG}")
    assert await scene.labels(f"{scene.label}-1") == {}


def of_clusters(scene: Scene, name: str, *numbers: int, annotations: Object) -> Object:
    """A Prep of those of the fleet."""
    prep = step("Prep", timeout=240)
    return ibgu(name, prep, fleet=scene.label, only=numbers, annotations=annotations)


async def test_a_ramp_up_has_as_many_in_flight_as_have_come_through(scene: Scene) -> None:
    await scene.fleet(count=9, durations="100s-150s")
    await scene.start()
    prep = step("Prep")
    await scene.apply(ibgu("ramp", prep, fleet=scene.label, annotations={RAMP_UP: "true"}))
    await scene.completed("ramp")
    widest: dict[int, int] = {}
    flying = ended = 0
    for row in await scene.journal(COURSE):
        if row["kind"] == "RunIntended":
            flying += 1
            widest[ended] = max(widest.get(ended, 0), flying)
        else:
            flying, ended = flying - 1, ended + 1
    assert (flying, ended) == (0, 9)
    levels = {0: 1, 1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 4, 7: 8, 8: 8}
    assert all(most <= levels[ended] for ended, most in widest.items())
    assert max(widest.values()) > 1


async def test_the_hubs_own_rate_is_that_of_all_rollouts_together(scene: Scene) -> None:
    clock = ScaledTime(1)
    await scene.fleet(count=6)
    await scene.start(clock=clock, starts_per_minute=2)
    for name, clusters in (("one", (1, 2, 3)), ("two", (4, 5, 6))):
        await scene.apply(of_clusters(scene, name, *clusters, annotations={RATE: "4"}))

    async def waits() -> bool:
        return "HubStartRate" in [row["kind"] for row in await scene.journal(HOLDS)]

    await scene.until(waits, "a step to wait for the hub's rate limit")
    clock.speed = 30
    for name in ("one", "two"):
        await scene.completed(name)
    starts = [row["intended_at"] for row in await scene.journal(STARTS)]
    assert len(starts) == 6
    gaps = [after - before for before, after in zip(starts, starts[2:], strict=False)]
    assert min(gaps) >= timedelta(minutes=1)
