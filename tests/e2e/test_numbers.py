"""Every number on the page is REST's, and that of `kubectl get ibgu -o yaml`, as a rollout goes on.

At some points clusters keep all slots by saying nothing, so that the counts stand still until the
test lets one go: what is compared then can't be of two different moments.
"""

import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import yaml
from msgspec import Struct
from playwright.async_api import Page, async_playwright
from prometheus_client import generate_latest

from ibgu.api.context import Context, Probes
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sim.cluster import SimulatedCluster
from tests.e2e.harness import SECONDS, Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.screens import STATES
from tests.web.conftest import QUIET, chromium, serving

NAME = "numbers"
CIRCUIT_BREAKER_OFF = {"ibgu.dev/circuit-breaker": "off"}
ENDED = ("succeeded", "failed", "skipped", "cancelled")
COUNTS = ("waiting", "running", *ENDED)
_TEXT = r"""const text = (element) =>
  (element?.innerText ?? "").replaceAll(/(?<=\d),(?=\d{3})/g, "");"""
"""Without the commas that the page sets between thousands."""
READ = (
    f"""() => {{ {_TEXT}"""
    + """
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const number = (element) => parseInt(text(element), 10);
  return {
    phase: text(document.querySelector(".phase")),
    facts: text(document.querySelector(".facts")),
    clusters: text(document.querySelector("#clusters")),
    steps: all(".step").map((step) =>
      Object.fromEntries(all(".counts > [title]", step).map((each) =>
        [each.querySelector(".unseen").textContent.trim(), number(each)]))),
    legend: all(".legend button").map((each) => text(each).trim()),
    failures: text(document.querySelector("#failures")),
    groups: all(".failures .group").map((each) =>
      [each.querySelector(".words")?.innerText ?? "", number(each.querySelector(".number"))]),
  };
}"""
)


class Numbers(Struct):
    """The numbers that are the same wherever they are read."""

    summary: dict[str, int]
    """The counts of the whole rollout, as `status.summary`."""
    ends: list[tuple[int, int]]
    """Succeeded and failed, of each step that has begun."""
    words: dict[str, int]
    """How many clusters failed the newest step with these words."""


class Surfaces(Struct):
    scene: Scene
    rest: httpx.AsyncClient
    rollout: Page
    list: Page
    open: Callable[[str], Awaitable[Page]]
    """A page of its own, by the link behind the server's address."""

    async def by_kubectl(self) -> Numbers:
        text = await self.scene.kubectl("get", "ibgu", NAME, "-o", "yaml")
        found = yaml.safe_load(text)
        status = found["status"]
        begun = found["spec"]["plan"][: status["summary"]["step"]]
        actions = [item["actions"][0] for item in begun]
        ends = [
            (
                len(_done(status, "completedActions", each)),
                len(_done(status, "failedActions", each)),
            )
            for each in actions
        ]
        failed = _done(status, "failedActions", actions[-1])
        words = Counter(each["message"].split(": ", 1)[1] for each in failed)
        return Numbers(status["summary"], ends, dict(words))

    async def by_rest(self) -> Numbers:
        rollout = await self.get("")
        current = rollout["current"]
        steps = (await self.get("/steps"))["items"][: current["step"]]
        failures = await self.get(f"/failures?step={current['step']}")
        ends = [(each["counts"]["succeeded"], each["counts"]["failed"]) for each in steps]
        words = {group["message"]: group["count"] for group in failures["items"]}
        assert failures["total"] == sum(words.values())
        of_step = {"step": current["step"], "stepTotal": current["counts"]["total"]}
        return Numbers(of_step | rollout["counts"], ends, words)

    async def of_step(self) -> dict[str, int]:
        """The newest step's own counts."""
        counts: dict[str, int] = (await self.get(""))["current"]["counts"]
        return counts

    async def get(self, path: str, name: str = NAME) -> Any:
        answer = await self.rest.get(f"rollouts/default/{name}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def shown(self, wanted: Numbers) -> bool:
        """Is each of the numbers on the page, in each place that shows it?"""
        seen, of_step = await self.rollout.evaluate(READ), await self.of_step()
        return (
            _facts(seen["facts"], wanted.summary, of_step)
            and _steps(seen["steps"], wanted, of_step)
            and _grid(seen, of_step)
            and dict(seen["groups"]) == wanted.words
            and _first(seen["failures"]) == sum(wanted.words.values())
            and await self._listed(wanted)
        )

    async def _listed(self, wanted: Numbers) -> bool:
        row = self.list.locator(".rollout", has_text=NAME)
        bar = await row.get_by_role("img").get_attribute("aria-label") or ""
        counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", bar)}
        failed = _first(await row.locator(".troubles").inner_text())
        told = {name: wanted.summary[name] for name in COUNTS}
        return counts == told and failed == wanted.summary["failed"]

    async def agree(self, *silent: int, step: int, waiting: bool = False) -> None:
        """Wait until these clusters run and no others, then until all three tell the same.

        `waiting`: others wait for the slots.
        """
        running = {f"{self.scene.label}-{number}" for number in silent}
        found: list[Numbers] = []

        async def reached() -> bool:
            status = await self.scene.status(NAME)
            summary = status.get("summary", {})
            now = {each["name"] for each in status.get("clusters", []) if "currentAction" in each}
            counted = summary.get("running") == len(running) and summary.get("step") == step
            return counted and now == running and await self._others(waiting=waiting)

        async def shown() -> bool:
            found[:] = [await self.by_kubectl(), await self.by_rest()]
            return found[0] == found[1] and await self.shown(found[0])

        await self.scene.until(reached, f"{silent} to be the only ones that run")
        still = await self.by_kubectl()
        try:
            await self.scene.until(shown, "the page to show what REST and kubectl do")
        except AssertionError as error:
            error.add_note(f"{found}\n{await self.rollout.evaluate(READ)}")
            raise
        assert found[0] == still

    async def _others(self, *, waiting: bool) -> bool:
        return bool((await self.of_step())["waiting"]) == waiting

    def release(self, *numbers: int) -> None:
        for number in numbers:
            self.scene.freeze(f"{self.scene.label}-{number}", False)


def _done(status: Object, kind: str, action: str) -> list[Object]:
    entries = [done for cluster in status["clusters"] for done in cluster.get(kind, [])]
    return [done for done in entries if done["action"] == action]


def _first(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0


def _facts(text: str, summary: dict[str, int], of_step: dict[str, int]) -> bool:
    ended = sum(of_step[name] for name in ENDED)
    told = [
        f"{summary['succeeded']} of {summary['total']} clusters done",
        f"{summary['failed']} failed",
        f"step {summary['step']} of 2",
        f"{ended} of {of_step['total']} ended",
    ]
    if of_step["waiting"] or of_step["running"]:
        told += [f"{of_step['running']} of 3 slots used", f"{of_step['waiting']} wait"]
    return all(re.search(rf"(?<!\d){re.escape(each)}", text) for each in told)


def _steps(seen: list[dict[str, int]], wanted: Numbers, of_step: dict[str, int]) -> bool:
    """Zeros are left out on the page."""
    ends = [(each.get("succeeded", 0), each.get("failed", 0)) for each in seen]
    newest = {name: of_step[name] for name in COUNTS if of_step[name]}
    begun = len(wanted.ends)
    card = {name: number for name, number in seen[begun - 1].items() if name in COUNTS}
    return ends[:begun] == wanted.ends and card == newest


def _grid(seen: Any, of_step: dict[str, int]) -> bool:
    legend = {word: int(count) for word, count in (each.rsplit(" ", 1) for each in seen["legend"])}
    counted = {
        name: sum(count for word, count in legend.items() if word in words)
        for name, words in STATES.items()
    }
    told = {name: of_step[name] for name in COUNTS}
    return counted == told and _first(seen["clusters"]) == of_step["total"]


async def _fine() -> None:
    return None


@pytest.fixture
async def surfaces(scene: Scene) -> AsyncIterator[Surfaces]:
    pool = engine(scene.database_url)
    token = scene.hub.token("alice")
    async with (
        await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client,
        async_playwright() as playwright,
    ):
        system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
        context = Context(system.metadata.uid, pool, Access(client), Probes(_fine))
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=QUIET, chromium_sandbox=False
        )
        async with serving(context) as url:
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(
                base_url=f"{url}/api/v1/", headers=headers, timeout=SECONDS
            ) as rest:

                async def opened(link: str) -> Page:
                    tab = await browser.new_page()
                    await tab.add_init_script(f"sessionStorage.setItem('ibgu.token', '{token}')")
                    await tab.goto(f"{url}/{link}")
                    return tab

                tabs = [await opened(link) for link in (f"#/r/default/{NAME}", "#/")]
                yield Surfaces(scene, rest, tabs[0], tabs[1], opened)
            await browser.close()
    await pool.dispose()


async def test_page_rest_and_kubectl_agree(scene: Scene, surfaces: Surfaces) -> None:
    at = {number: f"{scene.label}-{number}" for number in range(1, 13)}
    faults = [
        f"prep.precache@{at[2]}",
        f"frozen-feedback/Prep@{at[4]},{at[5]},{at[6]}",
        f"upgrade.config-manifests@{at[7]},{at[8]}",
        f"frozen-feedback/Upgrade@{at[9]},{at[10]},{at[11]}",
    ]
    await scene.fleet(count=12, faults=faults)
    await scene.start()
    plan = [step("Prep", most=3), step("Upgrade", most=3)]
    await scene.apply(ibgu(NAME, *plan, fleet=scene.label, annotations=CIRCUIT_BREAKER_OFF))

    await surfaces.agree(4, 5, 6, step=1, waiting=True)
    surfaces.release(4)
    await surfaces.agree(5, 6, step=1)
    surfaces.release(5, 6)
    await surfaces.agree(9, 10, 11, step=2, waiting=True)
    surfaces.release(9)
    await surfaces.agree(10, 11, step=2)
    surfaces.release(10, 11)
    status = await scene.completed(NAME)
    assert (status["summary"]["succeeded"], status["summary"]["failed"]) == (9, 3)
    await surfaces.agree(step=2)


async def test_a_rollout_with_only_failures_says_so_everywhere(
    scene: Scene, surfaces: Surfaces
) -> None:
    """The rollout was Completed, green, with DONE 0 FAILED 0 TOTAL 0: nobody is left for the last
    step."""
    names = ",".join(f"{scene.label}-{number}" for number in (1, 2, 3))
    await scene.fleet(count=3, faults=[f"prep.precache@{names}"])
    await scene.start()
    plan = [step("Prep", most=3), step("AbortOnFailure", most=3), step("Upgrade", most=3)]
    await scene.apply(ibgu(NAME, *plan, fleet=scene.label, annotations=CIRCUIT_BREAKER_OFF))
    status = await scene.completed(NAME)
    counts = {"total": 3, "failed": 3, **dict.fromkeys(set(COUNTS) - {"failed"}, 0)}
    assert status["phase"] == "CompletedWithFailures"
    assert status["summary"] == {"step": 3, "stepTotal": 0, **counts}
    columns = await _by_kubectl(scene)
    told = ("PHASE", "DONE", "FAILED", "TOTAL", "WAITING")
    assert [columns[name] for name in told] == ["CompletedWithFailures", "0", "3", "3", "0"]
    found = (await surfaces.rest.get(f"rollouts/default/{NAME}")).json()
    assert (found["phase"], found["counts"]) == ("CompletedWithFailures", counts)
    row, shown = await _by_commands(surfaces)
    of_row = [row[name] for name in ("PHASE", "DONE", "FAILED", "TOTAL")]
    assert of_row == ["CompletedWithFailures", "0", "3", "3"]
    assert "0 of 3 clusters done · 3 failed" in shown
    await _on_the_page(surfaces)
    _in_metrics(scene, succeeded=0, failed=3)


async def test_clusters_cancelled_by_another_ibgu_count_as_failed_nowhere(
    scene: Scene, surfaces: Surfaces
) -> None:
    """One has failed, one is prepared; an Abort takes over the one under way and the one that
    waits."""
    first, second, third, last = (f"{scene.label}-{number}" for number in range(1, 5))
    await scene.fleet(count=4, faults=[f"prep.precache@{first}", f"frozen-feedback/Prep@{third}"])
    await scene.start()
    plan = step("Prep", most=1)
    for name in (third, last):  # else one of them may answer its probe, and so start, first
        scene.act(name, lambda cluster, now: SimulatedCluster.go_dark(cluster))
    await scene.apply(ibgu(NAME, plan, fleet=scene.label, annotations=CIRCUIT_BREAKER_OFF))
    for name in (first, second):
        await scene.seen_in_journal("MemberFinished", name)
    scene.act(third, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await scene.seen_in_journal("RunArming", third)
    scene.act(last, lambda cluster, now: SimulatedCluster.come_back(cluster))
    await scene.apply(ibgu("taker", step("Abort"), fleet=scene.label))
    status = await scene.completed(NAME)
    ends = {"succeeded": 1, "failed": 1, "cancelled": 2}
    counts = {"total": 4} | dict.fromkeys(COUNTS, 0) | ends
    assert status["phase"] == "CompletedWithFailures"
    assert status["summary"] == {"step": 1, "stepTotal": 4, **counts}
    columns = await _by_kubectl(scene)
    told = ("DONE", "FAILED", "TOTAL", "RUNNING", "WAITING")
    assert [columns[name] for name in told] == ["1", "1", "4", "0", "0"]
    found = (await surfaces.rest.get(f"rollouts/default/{NAME}")).json()
    assert (found["counts"], found["current"]["counts"]) == (counts, counts)
    failures = (await surfaces.rest.get(f"rollouts/default/{NAME}/failures")).json()
    assert failures["total"] == 1
    members = (await surfaces.rest.get(f"rollouts/default/{NAME}/members")).json()["items"]
    assert {each["cluster"]: each["outcome"] for each in members} == {
        first: "failed",
        second: "succeeded",
        third: "cancelled",
        last: "cancelled",
    }
    row, shown = await _by_commands(surfaces)
    assert [row[name] for name in ("DONE", "FAILED", "TOTAL")] == ["1", "1", "4"]
    assert "1 of 4 clusters done · 1 failed · 2 cancelled" in shown

    async def told_on_the_page() -> bool:
        seen = await surfaces.rollout.evaluate(READ)
        of_list = await surfaces.list.locator(".rollout", has_text=NAME).inner_text()
        return all(
            (
                "1 of 4 clusters done" in seen["facts"],
                "1 failed" in seen["facts"],
                "2 cancelled" in seen["facts"],
                _grid(seen, counts),
                seen["steps"][0] == ends,
                _first(seen["failures"]) == 1,
                [number for _, number in seen["groups"]] == [1],
                "1 failed" in of_list,
            )
        )

    await scene.until(told_on_the_page, "the page to show them apart")
    _in_metrics(scene, succeeded=1, failed=1, cancelled=2)


async def _by_kubectl(scene: Scene) -> dict[str, str]:
    heading, row = (await scene.kubectl("get", "ibgu", NAME, "-o", "wide")).splitlines()
    return dict(zip(heading.split(), row.split(), strict=True))


async def _by_commands(surfaces: Surfaces) -> tuple[dict[str, str], str]:
    """Returns the row of `ibgu get`, and what `ibgu status` says of a rollout with failures."""
    server = str(surfaces.rest.base_url).removesuffix("/api/v1/")
    env = {"IBGU_SERVER": server, "IBGU_TOKEN": surfaces.scene.hub.token("alice")}

    async def told(*arguments: str, code: int) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ibgu", *arguments, "-n", "default",
            env=os.environ | env,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == code, out
        return out.decode()

    heading, row = (await told("get", NAME, code=0)).splitlines()
    shown = await told("status", NAME, "--wait", code=1)
    assert "CompletedWithFailures" in shown
    return dict(zip(heading.split(), row.split(), strict=True)), shown


async def _on_the_page(surfaces: Surfaces) -> None:
    async def told() -> bool:
        phase = await surfaces.rollout.locator("h1 .phase").inner_text()
        facts = await surfaces.rollout.locator(".facts").inner_text()
        words = ("0 of 3 clusters done", "3 failed")
        return phase == "Completed with failures" and all(each in facts for each in words)

    await surfaces.scene.until(told, "the page to say that all have failed")
    row = surfaces.list.locator(".rollout", has_text=NAME)
    assert "3 failed" in await row.locator(".troubles").inner_text()
    amber = await surfaces.rollout.locator("h1 .phase").evaluate("e => getComputedStyle(e).color")
    held = "getComputedStyle(document.documentElement).getPropertyValue('--worry')"
    assert amber == await surfaces.rollout.evaluate(
        f"() => {{ const e = document.createElement('i'); e.style.color = {held};"
        " document.body.append(e); const c = getComputedStyle(e).color; e.remove(); return c; }"
    )


def _in_metrics(scene: Scene, **counts: int) -> None:
    assert scene.controller is not None
    scene.controller.measure()
    text = generate_latest().decode()
    for state, number in counts.items():
        labels = f'rollout="default/{NAME}",state="{state}"'
        assert f"ibgu_rollout_clusters{{{labels}}} {number}.0" in text
    assert 'ibgu_rollouts{phase="CompletedWithFailures"} 1.0' in text
