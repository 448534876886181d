"""A whole stack for one test: a fleet on the shared hub, a journal, controllers, and questions.

Everything acts as it would in the field: users by kubectl, ibgu by its chart's RBAC.
"""

import asyncio
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg
from msgspec.structs import replace

from ibgu.controller.clock import Clock
from ibgu.controller.service import LEASE, Controller, controller
from ibgu.controller.term.assembly import NewClock
from ibgu.core.engine.decide.member import probing
from ibgu.core.engine.timing.times import PROBE_FRESH, READY_FRESH
from ibgu.core.text.natural import natural_key
from ibgu.db.engine import engine
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import Served, discover
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl, KubectlResult
from ibgu.settings import Settings, read_settings
from ibgu.sim import player as sim
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.spec import FleetSpec
from tests.e2e.clock import ScaledTime
from tests.e2e.journal import Journal
from tests.e2e.manifests import Object
from tests.oracle.certified import certify

NAMESPACE = "ibgu-system"
COMPLETED = ("Completed", "CompletedWithFailures")
SECONDS = 240.0
"""How long a test waits for what must come; only a failure ever takes it."""
VICTIM = Path(__file__).with_name("victim.py")

_ASKS_SERVERS = 0.001
"""Seconds; a question that takes longer has asked a server. Twenty of these a second would be a
good part of what servers have to do in a test."""
_numbers = itertools.count(1)
Discovering = Callable[[HubClient], Awaitable[Served]]


class Scene:
    def __init__(self, hub: SandboxHub, database_url: str, admin: HubClient) -> None:
        self.hub = hub
        self.database_url = database_url
        self.admin = admin
        self.player: sim.Player | None = None
        self._fleet: HubClient | None = None
        self.controller: Controller | None = None
        self.label = f"e2e-{os.getpid()}-{next(_numbers)}"
        """Value of the fleet's label `fleet`."""
        self._kubectl = Kubectl(hub)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._victims: dict[asyncio.subprocess.Process, str] = {}
        """Controllers that are to be killed, with where that happens."""
        self._proven = False
        self._journal = Journal()

    # -- the stack ---------------------------------------------------------------------------

    async def fleet(self, **spec: Any) -> sim.Player:
        """Clusters `<label>-1`, ... of the test's own, or `names`; `spec` as a command line's, and
        `updates`: how they take updates to another release.

        The default: every stage takes 0.2 to 0.5 seconds, a lost cluster counts as unreachable
        after 3 seconds.
        """
        given = {"scale": 0.01, "durations": "20s-50s", "pattern": f"{self.label}-%d", **spec}
        given.setdefault("count", len(given.get("names", ())))
        labels = [f"fleet={self.label}", *given.pop("labels", ())]
        updates = given.pop("updates", None)
        parsed = replace(FleetSpec.parse(labels=labels, **given), updates=updates)
        client = self._fleet = await HubClient.with_token(
            self.hub.url, self.hub.token("fleet"), str(self.hub.ca_file)
        )
        self.player = player = self.new_player(client, parsed)
        await player.create()
        self._tasks["fleet"] = asyncio.create_task(player.run())
        await self.until(player.synced.is_set, "the fleet to be in sync")
        return player

    async def reachable(self) -> None:
        """Wait until the hub shows all clusters as available."""

        async def shown() -> bool:
            found = await self.items(paths.MANAGED_CLUSTERS, f"fleet={self.label}")
            told = [each.get("status", {}).get("conditions", ()) for each in found]
            available = {"type": "ManagedClusterConditionAvailable", "status": "True"}
            return all(any(available.items() <= c.items() for c in each) for each in told)

        await self.until(shown, "all clusters to be available")

    def new_player(self, client: HubClient, spec: FleetSpec) -> sim.Player:
        return sim.Player(client, spec)

    def settings(self, **given: Any) -> Settings:
        unknown = given.keys() - Settings.model_fields.keys()
        assert not unknown, f"no settings: {unknown}"  # pydantic would ignore them
        return read_settings(
            **{
                "kubeconfig": str(self.hub.kubeconfig("ibgu")),
                "database_url": self.database_url,
                "identity": f"{self.label}-{next(_numbers)}",
                "lease_seconds": 12,
                "lease_renew_seconds": 9,
                "lease_retry_seconds": 0.4,
                "payload_check_seconds": 1,
                **given,
            }
        )

    async def start(
        self,
        *,
        clock: NewClock = Clock,
        leads: bool = True,
        discovering: Discovering = discover,
        **given: Any,
    ) -> None:
        """A controller in this process, until `stop` or the test's end."""
        running = self._control(self.settings(**given), clock, discovering)
        self._tasks["controller"] = asyncio.create_task(running)
        if leads:
            await self.until(self.leading, "the controller to lead")

    def leading(self) -> bool:
        return self.controller is not None and self.controller.leading

    def remembered(self) -> list[str]:
        """uids of the rollouts that the leading controller has in memory."""
        term = self.controller._term if self.controller is not None else None
        return list(term.fleet.rollouts) if term is not None else []

    def told_problems(self) -> list[str]:
        """Returns what readiness says; nothing while there is no controller."""
        return self.controller.problems() if self.controller is not None else []

    async def _control(self, settings: Settings, clock: NewClock, discovering: Discovering) -> None:
        pool = engine(settings.database_url)
        # An agent answers in real time: an Abort would never begin where a minute is a second.
        scale = 60 if isinstance(clock, ScaledTime) else 1
        try:
            started = controller(settings, pool, clock=clock, discovering=discovering)
            with (
                patch.object(probing, "PROBE_FRESH", PROBE_FRESH * scale),
                patch.object(probing, "READY_FRESH", READY_FRESH * scale),
            ):
                async with started as self.controller:
                    await self.controller.run()
        finally:
            self.controller = None
            await pool.dispose()

    async def stop(self) -> None:
        """End the controller cleanly."""
        await _cancel(self._tasks.pop("controller"))
        await self._journal.hang_up()

    async def victim(self, death: str = "") -> asyncio.subprocess.Process:
        """A controller in a process of its own, to be killed; `death`: see victim.py."""
        settings = self.settings()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(VICTIM),
            settings.model_dump_json(),
            death,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._victims[process] = death
        return process

    async def killed(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the victim is dead, then free its Lease, which nobody released."""
        try:
            async with asyncio.timeout(SECONDS):
                assert await process.wait() == -9
        except TimeoutError:
            raise AssertionError(f"nothing killed it: {self._victims[process]}") from None
        await self.bury()

    async def bury(self) -> None:
        with suppress(HubError):
            await self.admin.request("DELETE", paths.lease(NAMESPACE, LEASE))

    async def close(self) -> None:
        """Everything away: what a test leaves would be another one's."""
        for process in self._victims:
            if process.returncode is None:
                process.kill()
                await process.wait()
        for name in sorted(self._tasks):  # the controller first
            await _cancel(self._tasks.pop(name))
        try:
            await self.certified()
        finally:
            await self._journal.hang_up()
            await self.bury()
            await self.clear()
            if self._fleet is not None:
                await self._fleet.close()

    async def certified(self) -> None:
        """Checks, once, that the scene's history proves that the rules were kept, whatever it was
        about."""
        if self._proven:
            return
        self._proven = True
        pool = engine(self.database_url)
        try:
            for hub in await self._hubs():
                findings = await certify(pool, hub)
                told = [
                    f"{v.rule}: {v.words}: #{v.event.seq} {v.event.cluster} {v.event.kind} "
                    f"{v.event.why}; see {v.others}"
                    for v in findings.violations
                ]
                assert not told, "\n".join(told)
        finally:
            await pool.dispose()

    async def clear(self) -> None:
        """No IBGU, no simulated cluster and no work is left on the hub."""
        for kind in paths.ROLLOUT_KINDS:
            for found in await self.items(paths.rollout_objects(kind)):
                meta = found["metadata"]
                path = paths.rollout_object(kind, meta["namespace"], meta["name"])
                await self.admin.request("DELETE", path)
        await sim.clean_up(self.admin)
        await self.until(self._without_works, "the last works to go")

    async def _without_works(self) -> bool:
        """Removes those that a TALM on the hub has begun while the fleet went; says if none was
        left."""
        left = {work["metadata"]["namespace"] for work in await self.items(paths.works())}
        for namespace in left:
            await sim.remove_works(self.admin, namespace)
        return not left

    async def _hubs(self) -> list[str]:
        """Returns the hubs that the journal knows; none where nobody has migrated it."""
        with suppress(asyncpg.UndefinedTableError):
            return [row["id"] for row in await self.journal("SELECT id FROM hubs")]
        return []

    # -- people --------------------------------------------------------------------------------

    async def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return await asyncio.to_thread(self._kubectl, *arguments, stdin=stdin)

    async def tried(self, *arguments: str, stdin: str = "") -> KubectlResult:
        """Runs kubectl; unlike with `kubectl`, a refusal is an answer."""
        return await asyncio.to_thread(self._kubectl.run, *arguments, stdin=stdin)

    async def apply(self, manifest: Object | str) -> None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        await self.kubectl("apply", "-f", "-", stdin=text)

    async def append(self, name: str, patch: str) -> None:
        await self.kubectl("patch", "ibgu", name, "--type=json", "-p", patch)

    async def annotate(self, name: str, annotation: str) -> None:
        await self.kubectl("annotate", "ibgu", name, annotation, "--overwrite")

    # -- questions to the hub ------------------------------------------------------------------

    async def get(self, path: str) -> Object:
        return dict(json.loads(await self.admin.request("GET", path)))

    async def items(self, path: str, selector: str = "") -> list[Object]:
        query = {"labelSelector": selector} if selector else {}
        answer = json.loads(await self.admin.request("GET", path, query=query))
        return list(answer["items"])

    async def status(self, name: str) -> Object:
        return dict((await self.get(paths.ibgu("default", name))).get("status", {}))

    async def entry(self, name: str, cluster: str) -> Object:
        """The cluster's entry in the status; empty if it has none."""
        clusters = (await self.status(name)).get("clusters", [])
        return next((entry for entry in clusters if entry["name"] == cluster), {})

    async def condition(self, name: str, type_: str) -> Object:
        conditions = (await self.status(name)).get("conditions", [])
        return next((found for found in conditions if found["type"] == type_), {})

    async def labels(self, cluster: str) -> dict[str, str]:
        """Only those of ibgu, without their prefix."""
        found = (await self.get(paths.managed_cluster(cluster)))["metadata"].get("labels", {})
        prefix = "lcm.openshift.io/ibgu-"
        return {key.removeprefix(prefix): v for key, v in found.items() if key.startswith(prefix)}

    async def annotations(self, cluster: str) -> dict[str, str]:
        meta = (await self.get(paths.managed_cluster(cluster)))["metadata"]
        return dict(meta.get("annotations") or {})

    async def works(self, cluster: str) -> list[Object]:
        return await self.items(paths.works(cluster))

    async def works_gone(self, cluster: str) -> None:
        """Waits until the cluster's agent has let its last work go."""

        async def gone() -> bool:
            return await self.works(cluster) == []

        await self.until(gone, f"the works of {cluster} to go")

    async def events(self, name: str) -> list[Object]:
        """Returns the events of the IBGU as it is now, oldest first."""
        uid = (await self.get(paths.ibgu("default", name)))["metadata"]["uid"]
        found = await self.items(paths.events("default"))
        about = [e for e in found if e.get("regarding", {}).get("uid") == uid]
        return sorted(about, key=lambda event: str(event["eventTime"]))

    async def warnings(self, name: str) -> list[str]:
        return [e["note"] for e in await self.events(name) if e["type"] == "Warning"]

    async def told(self, name: str, words: str, type_: str = "Warning") -> None:
        """Wait until such an Event on the IBGU has these words; it may come after the status."""

        async def heard() -> bool:
            found = await self.events(name)
            return any(words in event["note"] for event in found if event["type"] == type_)

        await self.until(heard, f"an Event with {words!r}")

    # -- questions to the clusters and the journal ---------------------------------------------

    def cluster(self, name: str) -> SimulatedCluster:
        assert self.player is not None
        return self.player.clusters[name]

    def stages(self, name: str) -> list[str]:
        """Returns what was started on the cluster, in order: no entry may be there twice by
        mistake."""
        return [run.stage for run in self.cluster(name).timeline.runs]

    def act(self, name: str, deed: Callable[[SimulatedCluster, float], None]) -> None:
        assert self.player is not None
        self.player.act(name, deed)

    def freeze(self, name: str, frozen: bool = True) -> None:
        """The hub hears nothing new of the cluster, and so no end, until it thaws."""
        self.act(name, lambda cluster, now: cluster.freeze(frozen, now))

    async def journal(self, query: str, *values: object) -> list[asyncpg.Record]:
        return await self._journal.rows(self.database_url, query, *values)

    async def run_states(self) -> Counter[str]:
        rows = await self.journal("SELECT state FROM runs")
        return Counter(row["state"] for row in rows)

    # -- waiting -------------------------------------------------------------------------------

    async def until(
        self,
        holds: Callable[[], bool | Awaitable[bool]],
        what: str,
        seconds: float = SECONDS,
    ) -> None:
        """Wait for it; when patience ends, print the whole scene."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + seconds, 0.05
        while (asked := loop.time()) < end:
            self._check_tasks()
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            if loop.time() - asked > _ASKS_SERVERS:
                pause = min(1.25 * pause, 0.25)
            await asyncio.sleep(pause)
        raise AssertionError(f"waited {seconds:g} s for {what}\n{await self._told()}")

    def _check_tasks(self) -> None:
        for name, task in self._tasks.items():
            if task.done():
                task.result()
                raise AssertionError(f"the {name} has ended by itself")

    async def phase(self, name: str, *phases: str, seconds: float = SECONDS) -> Object:
        """Wait for one of the phases at the newest generation; answers the status then."""
        found: Object = {}

        async def reached() -> bool:
            obj = await self.get(paths.ibgu("default", name))
            found.clear()
            found.update(obj.get("status", {}))
            current = found.get("observedGeneration") == obj["metadata"]["generation"]
            return current and found.get("phase") in phases

        await self.until(reached, f"{name} to be {' or '.join(phases)}", seconds)
        return found

    async def completed(self, name: str, seconds: float = SECONDS) -> Object:
        """The status once all steps are completed, checked for what always holds."""
        status = await self.phase(name, *COMPLETED, seconds=seconds)
        plan = (await self.get(paths.ibgu("default", name)))["spec"]["plan"]
        assert status["summary"]["step"] == len(plan)
        progressing = await self.condition(name, "Progressing")
        assert progressing["status"] == "False"
        assert progressing["message"].startswith("All plan steps are completed")
        check_status(await self.get(paths.ibgu("default", name)))
        await self.at_rest()
        return status

    async def at_rest(self) -> None:
        """Nothing is claimed, pending, open or armed any more."""
        await self.until(self._resting, "claims, runs, pending patches and armed works to go")

    async def _resting(self) -> bool:
        counts = " + ".join(f"(SELECT count(*) FROM {left})" for left in _NOT_AT_REST)
        rows = await self.journal(f"SELECT {counts} AS count")
        works = await self.items(paths.works())
        marks = (work["metadata"].get("annotations") or {} for work in works)
        armed = any(mark.get("ibgu.dev/arming") == "armed" for mark in marks)
        return int(rows[0]["count"]) == 0 and not armed

    async def seen_in_journal(
        self, kind: str, cluster: str = "", count: int = 1, step: int = -1
    ) -> None:
        """Wait until the history has the event so many times; `step` -1: in whichever one."""

        async def told() -> bool:
            rows = await self.journal(
                "SELECT count(*) AS count FROM events"
                " WHERE kind = $1 AND ($2 = '' OR cluster = $2) AND ($3 = -1 OR step = $3)",
                kind,
                cluster,
                step,
            )
            return int(rows[0]["count"]) >= count

        await self.until(told, f"{kind} {cluster} in the journal")

    async def says(self, name: str, cluster: str, words: str) -> None:
        """Wait until the status says so of the action that the cluster is in."""

        async def told() -> bool:
            action = (await self.entry(name, cluster)).get("currentAction", {})
            return words in action.get("message", "")

        await self.until(told, f"the status to say {words!r} of {cluster}")

    async def accepted(self, step: int = 0) -> str:
        """The cluster whose run was the first one of the step that a cluster has taken.

        The first in order, unless its answer came late.
        """
        found: list[str] = []

        async def told() -> bool:
            rows = await self.journal(
                "SELECT cluster FROM events WHERE kind = 'RunAccepted' AND step = $1 ORDER BY seq",
                step,
            )
            found.extend(row["cluster"] for row in rows)
            return bool(found)

        await self.until(told, f"a run of step {step} to be accepted")
        return found[0]

    async def ready(self, count: int) -> None:
        """Wait until so many members could start at once."""

        async def told() -> bool:
            rows = await self.journal("SELECT reason->>'kind' AS kind FROM members")
            return [row["kind"] for row in rows].count("Ready") == count

        await self.until(told, f"{count} members to be ready")

    def others(self, *names: str) -> list[str]:
        """The fleet's clusters without these, in order."""
        assert self.player is not None
        return [name for name in self.player.clusters if name not in names]

    # -- when it fails -------------------------------------------------------------------------

    async def _told(self) -> str:
        parts = [f"{n}: {'ended' if t.done() else 'runs'}" for n, t in self._tasks.items()]
        with suppress(HubError):
            found = await self.items(paths.ibgus())
            parts += [f"{o['metadata']['name']}: {json.dumps(o.get('status'))}" for o in found]
        with suppress(OSError, asyncpg.PostgresError):
            rows = await self.journal("SELECT * FROM events ORDER BY seq DESC LIMIT 60")
            parts += [
                f"{r['seq']} {r['at']:%H:%M:%S.%f} {r['cluster'] or ''} {r['kind']}: {r['why']}"
                for r in reversed(rows)
            ]
            for left in _NOT_AT_REST:
                parts += [
                    f"left: {dict(row)}" for row in await self.journal(f"SELECT * FROM {left}")
                ]
            rows = await self.journal("SELECT cluster, step, state, reason FROM members")
            parts += [f"{r['cluster']} step {r['step']} {r['state']}: {r['reason']}" for r in rows]
        for name in self.player.clusters if self.player else ():
            parts.append(f"{name}: {self.cluster(name).timeline.runs}")
        with suppress(HubError):
            parts += [json.dumps(work) for work in await self.items(paths.works())]
        return "\n".join(parts)


_NOT_AT_REST = ("claims", "pending_patches", "runs WHERE state <> 'ended' OR NOT disarmed")
"""Rows of the journal that are there no more once nothing goes on."""


async def _cancel(task: asyncio.Task[None]) -> None:
    """`until` has already printed what it failed with."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def check_status(ibgu: Object) -> None:
    """Checks what holds for every completed IBGU, whatever has happened."""
    status, meta = ibgu["status"], ibgu["metadata"]
    assert status["observedGeneration"] == meta["generation"]
    assert status["startedAt"] <= status["completedAt"]
    types = [condition["type"] for condition in status["conditions"]]
    assert len(types) == len(set(types))
    for condition in status["conditions"]:
        assert condition["observedGeneration"] <= meta["generation"]
        assert condition["lastTransitionTime"]
        assert condition["message"]
    names = [entry["name"] for entry in status["clusters"]]
    assert names == sorted(names, key=natural_key)
    assert not any("currentAction" in entry for entry in status["clusters"])
    summary = status["summary"]
    assert summary["waiting"] == summary["running"] == 0
    ended = ("succeeded", "failed", "skipped", "cancelled")
    assert summary["total"] == sum(summary[name] for name in ended)
    assert status["phase"] == COMPLETED[bool(summary["failed"])]


def actions(entry: Object, kind: str) -> Sequence[str]:
    """`actions(entry, "completed")`: the names of its completedActions."""
    return [action["action"] for action in entry.get(f"{kind}Actions", [])]
