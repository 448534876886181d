"""A pace on the real API server, with the journal in Postgres; a minute takes two seconds."""

from datetime import timedelta

from tests.e2e.clock import fast
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

RATE = "ibgu.dev/starts-per-minute"
STARTS = "SELECT intended_at FROM runs WHERE action = 'Prep' ORDER BY intended_at"
HOLDS = "SELECT hold->>'kind' AS kind FROM steps WHERE hold IS NOT NULL"
WRONG = 'the annotation ibgu.dev/starts-per-minute is "ten"; expected: a whole number from 1 on'


async def test_a_restart_keeps_the_pace_and_a_typing_error_keeps_no_abort(scene: Scene) -> None:
    clock = fast(30)
    await scene.fleet(count=6)
    await scene.start(clock=clock)
    prep = step("Prep", timeout=240)
    await scene.apply(ibgu("paced", prep, fleet=scene.label, annotations={RATE: "2"}))

    async def waits() -> bool:
        return [row["kind"] for row in await scene.journal(HOLDS)] == ["StartRate"]

    await scene.until(waits, "the step to wait for its pace")
    assert (await scene.status("paced"))["phase"] == "Running"
    await scene.stop()
    await scene.start(clock=clock)
    await scene.completed("paced")
    starts = [row["intended_at"] for row in await scene.journal(STARTS)]
    assert len(starts) == 6
    gaps = [after - before for before, after in zip(starts, starts[2:], strict=False)]
    assert min(gaps) >= timedelta(minutes=1)
    assert max(gaps) < timedelta(minutes=3)

    abort = step("Abort", timeout=240)
    await scene.apply(ibgu("back", abort, fleet=scene.label, annotations={RATE: "ten"}))
    await scene.completed("back")
    assert any(note.startswith(f"{RATE}=ten: {WRONG}") for note in await scene.warnings("back"))
    assert await scene.labels(f"{scene.label}-1") == {}
