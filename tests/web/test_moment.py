"""One screen, one moment: whatever a screen shows twice is the same, while the rollout moves."""

import asyncio
import re
from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from playwright.async_api import expect

from ibgu.core.model import (
    ActingParty,
    Kind,
    Member,
    OnMember,
    ReasonKind,
    RolloutState,
    Step,
    StepState,
)
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import MONITOR, PULL, RolloutHistory, failed, name, running, succeeded, waiting

pytestmark = SESSION

CLUSTERS = 120
FIRST = 30_000
SLOTS = 20
WAVES = CLUSTERS // SLOTS
USUAL = timedelta(minutes=5)

SCREEN = """() => {
  const text = (query) => document.querySelector(query)?.innerText ?? "";
  const texts = (query) => [...document.querySelectorAll(query)].map((each) => each.innerText);
  const canvas = document.querySelector(".grid canvas");
  const pitch = 28;
  const brush = canvas.getContext("2d");
  const cells = [];
  const columns = Math.floor(canvas.width / pitch);
  for (let index = 0; index < %d; index++) {
    const [x, y] = [(index %% columns) * pitch, Math.floor(index / columns) * pitch];
    cells.push([...brush.getImageData(x + 2, y + 22, 1, 1).data.slice(0, 3)].join());
  }
  const probe = document.body.appendChild(document.createElement("span"));
  const colour = (state) => {
    probe.style.color = `var(--s-${state})`;
    return getComputedStyle(probe).color.match(/\\d+/g).slice(0, 3).join();
  };
  const states = ["succeeded", "failed", "running", "rebooting", "probing", "waiting"];
  const named = Object.fromEntries(states.map((state) => [colour(state), state]));
  probe.remove();
  return {
    facts: text(".facts"),
    card: texts(".step[aria-current] .counts > span"),
    bar: document.querySelector(".step[aria-current] .bar").getAttribute("aria-label"),
    legend: texts(".legend button"),
    failures: text("#failures"),
    groups: texts(".group .number"),
    why: texts(".why li button"),
    chart: document.querySelector(".chart").getAttribute("aria-label"),
    cells: cells.map((cell) => named[cell] ?? cell),
  };
}"""


def number(text: str, before: str) -> int:
    """The number that stands before a word: 0 where there is none."""
    words = text.replace(",", "").split()
    places = [index for index, word in enumerate(words) if word == before]
    return int(words[places[0] - 1]) if places and words[places[0] - 1].isdigit() else 0


def counted(texts: list[str]) -> dict[str, int]:
    """Returns the word and its number, of "waiting 12"."""
    pairs = [" ".join(each.split()).rsplit(" ", 1) for each in texts]
    return {word: int(count) for word, count in pairs}


async def test_a_screen_is_consistent_while_the_rollout_moves(look: Tab) -> None:
    """The test takes 100 samples, while clusters start, reboot, fail and end."""
    story = look.site.story()
    of = await story.rollout("ran-moves", ["Prep"])
    step = await story.step(of, 0, CLUSTERS, max_concurrency=SLOTS)
    await story.put(*(waiting(step, FIRST + n, n, story.now) for n in range(CLUSTERS)))
    page = await look.open("#/r/default/ran-moves")
    await expect(page.get_by_role("button", name=f"waiting {CLUSTERS}", exact=True)).to_be_visible()
    moving = asyncio.create_task(move(story, step))
    seen: list[dict[str, int]] = []
    while not moving.done() or len(seen) < 100:
        screen = await page.evaluate(SCREEN % CLUSTERS)
        seen.append(alike(screen))
    await moving
    over = page.get_by_role("button", name=f"succeeded {CLUSTERS - WAVES * 5}", exact=True)
    await expect(over).to_be_visible()
    alike(await page.evaluate(SCREEN % CLUSTERS))
    assert len({tuple(sorted(each.items())) for each in seen}) > 3
    assert [each for each in look.errors if "willReadFrequently" not in each] == []


def alike(screen: Any) -> dict[str, int]:
    """The states of the grid's cells, if all that is beside it says the same."""
    cells = Counter(screen["cells"])
    assert sum(cells.values()) == CLUSTERS
    legend = counted(screen["legend"])
    stalled, overdue = legend.pop("stalled", 0), legend.pop("overdue", 0)
    assert legend == dict(cells), screen
    in_flight = cells["running"] + cells["rebooting"]
    done = {"succeeded": cells["succeeded"], "failed": cells["failed"], "running": in_flight}
    for state, count in done.items():
        assert number(screen["bar"], state) == count, screen
    assert number(screen["facts"], "failed") == cells["failed"], screen
    for mark, marked in (("stalled", stalled), ("overdue", overdue)):
        assert number(screen["facts"], mark) == marked, screen
        assert counted(screen["why"]).get(mark, 0) == marked, screen
        assert number(" ".join(screen["card"]), mark) == marked, screen
    assert number(screen["facts"], "waiting") == cells["waiting"] + cells["probing"], screen
    slots = f"{in_flight} of {SLOTS} slots used"
    assert slots in screen["facts"], screen
    assert slots in screen["chart"], screen
    for state in ("succeeded", "failed"):
        assert f"{cells[state]} {state}" in screen["chart"], screen
    assert sum(int(group) for group in screen["groups"]) == cells["failed"], screen
    assert number(screen["failures"], "failures") in (cells["failed"], 0), screen
    why = counted(screen["why"])
    assert sum(why.get(kind, 0) for kind in ("precache failed", "prep failed")) == cells["failed"]
    return dict(cells)


async def move(story: RolloutHistory, step: Step) -> None:
    """Wave by wave: they start, some go dark, three of each wave fail alike and two otherwise."""
    for wave in range(WAVES):
        numbers = range(wave * SLOTS, (wave + 1) * SLOTS)
        for begin in range(0, SLOTS, 5):
            await story.put(*(_begun(step, n, story) for n in numbers[begin : begin + 5]))
            await asyncio.sleep(0.15)
        for begin in range(0, SLOTS, 5):
            await story.end(*(_over(step, n, story) for n in numbers[begin : begin + 5]))
            await asyncio.sleep(0.15)


def _begun(step: Step, index: int, story: RolloutHistory) -> Member:
    since = story.now - (USUAL if index % 6 else 20 * USUAL)
    kind, words = (ReasonKind.RUNNING, "Precache job in progress")
    if index % 4 == 0:
        kind, words = (ReasonKind.REBOOTING, "the cluster is not reachable while it reboots")
    return running(step, FIRST + index, index, index % SLOTS + 1, since, kind, words)


def _over(step: Step, index: int, story: RolloutHistory) -> Member:
    since = story.now - USUAL
    if index % SLOTS < 3:
        return failed(step, FIRST + index, index, since, USUAL, PULL)
    if index % SLOTS < 5:
        return failed(step, FIRST + index, index, since, USUAL, MONITOR)
    return succeeded(step, FIRST + index, index, since, USUAL)


LIST = """() => {
  const number = (text) => Number(text?.match(/\\d+/)?.[0] ?? 0);
  const row = [...document.querySelectorAll(".rollout")]
    .find((each) => each.innerText.includes("ran-list"));
  const needs = [...document.querySelectorAll(".notice.warn li")]
    .find((each) => each.innerText.includes("ran-list"));
  return {
    failed: number(row.querySelector(".troubles > *").innerText),
    bar: number(row.querySelector(".bar").getAttribute("aria-label").match(/\\d+ failed/)[0]),
    kept: number(needs?.innerText.match(/\\(\\d+ cluster/)?.[0]),
  };
}"""
KEPT = 20


async def test_the_list_and_what_waits_for_a_person_are_of_one_moment(look: Tab) -> None:
    """One fails, and one needs a person: always both, or neither."""
    story = look.site.story()
    of = await story.rollout("ran-list", ["Prep"])
    step = await story.step(of, 0, 2 * KEPT)
    await story.put(*(waiting(step, FIRST + 500 + n, n, story.now) for n in range(2 * KEPT)))
    page = await look.open()
    row = page.locator(".rollout").filter(has_text="ran-list")
    await expect(row).to_be_visible()
    seen = set[int]()
    moving = asyncio.create_task(refuse(story, step, seen))
    while not moving.done():
        shown = await page.evaluate(LIST)
        assert shown["failed"] == shown["bar"] == shown["kept"], shown
        seen.add(shown["kept"])
    await moving
    await expect(row).to_contain_text(f"{KEPT} failed")
    shown = await page.evaluate(LIST)
    assert shown == {"failed": KEPT, "bar": KEPT, "kept": KEPT}
    assert len(seen) > 3
    assert look.errors == []


async def until_seen(seen: Collection[object], wanted: object) -> None:
    while True:
        if wanted in seen:
            return
        await asyncio.sleep(0.05)


async def refuse(story: RolloutHistory, step: Step, seen: set[int]) -> None:
    """Refuses one after the other, and waits for the page at every fifth."""
    why = "ibgu may not create ManifestWorks in the cluster's namespace"
    for n in range(KEPT):
        place = (step, FIRST + 500 + KEPT + n, KEPT + n, story.now)
        kept = waiting(*place, ReasonKind.FORBIDDEN, why, ActingParty.PERSON)
        over = failed(step, FIRST + 500 + n, n, story.now - USUAL, USUAL, PULL)
        ended = OnMember(Kind.FINISHED, over, "the cluster says so")
        await story.tell(ended, OnMember(Kind.WAITS, kept, ""))
        await asyncio.sleep(0.4)
        if n % 5 == 4:
            await until_seen(seen, n + 1)


async def test_a_cluster_that_completed_late_is_shown_as_failed_nowhere(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-late", ["Upgrade"], state=RolloutState.COMPLETE)
    ended = story.now - USUAL
    step = await story.step(of, 0, 3, state=StepState.FINISHED, finished_at=ended)
    since = ended - USUAL
    slow, bad = [failed(step, FIRST + 600 + n, n, since, USUAL, MONITOR) for n in (0, 1)]
    await story.put(slow, bad, succeeded(step, FIRST + 602, 2, since, USUAL))
    page = await look.open("#/r/default/ran-late")
    failures = page.locator("#failures")
    await expect(failures).to_contain_text("2 failures in this step")
    late = replace(slow, late="completed late, after 47 min")
    await story.tell(OnMember(Kind.COMPLETED_LATE, late, late.late))
    await expect(failures).to_contain_text("1 failure in this step")
    legend = await page.locator(".legend button").all_inner_texts()
    assert counted(legend) == {"failed": 1, "succeeded": 2}
    assert counted(await page.locator(".why li button").all_inner_texts()) == {
        "init monitor timeout": 1
    }
    bar = await page.locator(".step[aria-current] .bar").get_attribute("aria-label")
    assert bar is not None
    assert bar.startswith("2 succeeded, 1 failed,")
    await expect(page.locator(".facts")).to_contain_text("1 failed")
    await expect(page.locator(".chart")).to_have_attribute(
        "aria-label", re.compile("2 succeeded, 1 failed")
    )
    assert look.errors == []


CLUSTER = """() => {
  const text = (query) => document.querySelector(query)?.innerText ?? "";
  return {
    sentence: text(".explained .sentence"),
    rollout: text(".explained dd:last-of-type"),
    row: [...document.querySelectorAll(".runs tbody tr:first-child td")].map((e) => e.innerText),
    event: text(".told li strong"),
    of: text(".told li a"),
  };
}"""
AGAIN = 8


async def test_the_page_of_a_cluster_is_consistent_while_it_moves(look: Tab) -> None:
    """One rollout after the other prepares it: sentence, history and events say the same of it."""
    story, cluster = look.site.story(), name(FIRST + 700)
    await _ends(story, await _begins(story, 0))
    page = await look.open(f"#/c/{cluster}")
    await expect(page.locator(".explained .sentence")).to_be_visible()
    await page.get_by_text("Events in the journal").click()
    await expect(page.locator(".told li").first).to_be_visible()
    seen = set[tuple[str, bool]]()
    moving = asyncio.create_task(_prepared_again(story, seen))
    while not moving.done():
        shown = await page.evaluate(CLUSTER)
        newest = shown["row"][0].split()[0]
        assert f"default/{newest}" in shown["rollout"], shown
        over = "succeeded" in shown["row"][-1]
        assert ("succeeded" in shown["sentence"]) is over, shown
        told = shown["event"].startswith("Member finished")
        assert told <= over or shown["of"] != newest, f"events are newer: {shown}"
        assert int(shown["of"].split("-")[1]) <= int(newest.split("-")[1]), shown
        seen.add((newest, over))
    await moving
    await expect(page.locator(".runs tbody tr").first).to_contain_text(f"again-{AGAIN - 1}")
    assert len(seen) > AGAIN / 2
    assert look.errors == []


async def _prepared_again(story: RolloutHistory, seen: set[tuple[str, bool]]) -> None:
    """Prepares it again and again, each time once the page shows the last one."""
    for number in range(1, AGAIN):
        step = await _begins(story, number)
        await asyncio.sleep(1.3)
        await until_seen(seen, (f"again-{number}", False))
        await _ends(story, step)
        await asyncio.sleep(1.3)


async def _begins(story: RolloutHistory, number: int) -> Step:
    created = story.now - timedelta(minutes=60 - number)
    of = await story.rollout(f"again-{number}", ["Prep"], created_at=created)
    step = await story.step(of, 0, 1)
    await story.put(
        running(step, FIRST + 700, 0, 1, story.now - USUAL, ReasonKind.RUNNING, "Precache job")
    )
    return step


async def _ends(story: RolloutHistory, step: Step) -> None:
    await story.end(succeeded(step, FIRST + 700, 0, story.now - USUAL, USUAL))
