"""Simulates what people do on the hub: users, operators, and those who should not have."""

from typing import Any

from msgspec import json

from ibgu.core.drivers.cluster_version.actions import LABEL_PREFIX
from ibgu.core.drivers.ibu import names as ibu_names
from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.player import Player
from tests.simulation.contention import Change
from tests.simulation.faults import Fault
from tests.simulation.plans import Object, step
from tests.simulation.updates import APPENDED

_LABELS = (
    "prep-completed",
    "prep-failed",
    "upgrade-completed",
    "upgrade-failed",
    "rollback-completed",
)
_UPDATE_LABELS = ("check-failed", "mirror-failed", "update-failed")


def number_of(name: str) -> int | str:
    """Returns the number of a rollout that was drawn; of one that ibgu has made, its name."""
    number = name.removeprefix("rollout-")
    return int(number) if number.isdecimal() else name


_APPENDED = ("Upgrade", "FinalizeUpgrade", "AbortOnFailure", "Abort", "FinalizeRollback")


class People:
    """People act on the hub; `touched` has (cluster, label) pairs that a person has set or
    removed."""

    def __init__(self, hub: MemoryHub, player: Player, ibgus: list[Object]) -> None:
        self.touched: set[tuple[str, str]] = set()
        self.recreated: set[str] = set()
        self._client = MemoryClient(hub, "people")
        self._player = player
        self._ibgus = ibgus
        self._asked = 0

    @property
    def _updates_alone(self) -> bool:
        return {body["kind"] for body in self._ibgus} == {names.FLEET_UPDATE}

    # -- requests --------------------------------------------------------------------------------

    async def _try(self, method: str, path: str, body: object = None) -> None:
        """Makes a request, and ignores a refusal."""
        type_ = paths.MERGE_PATCH if method == "PATCH" else paths.JSON
        try:
            await self._client.request(method, path, body=body, content_type=type_)
        except HubError:
            return

    async def _get(self, path: str) -> Any:
        try:
            return await self._client.get(path, dict[str, Any])
        except HubError:
            return {}

    def _path(self, number: int | str) -> str:
        if isinstance(number, str):
            return paths.rollout_object(names.IBGU, "default", number)
        kind = str(self._ibgus[number]["kind"])
        return paths.rollout_object(kind, "default", f"rollout-{number}")

    # -- IBGUs -----------------------------------------------------------------------------------

    async def apply(self, number: int) -> None:
        body = self._ibgus[number]
        await self._try("POST", paths.rollout_objects(body["kind"], "default"), body)

    async def annotate(self, number: int | str, **marks: str | None) -> None:
        annotations = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in marks.items()}
        await self._try("PATCH", self._path(number), {"metadata": {"annotations": annotations}})

    async def resume(self, number: int | str) -> None:
        self._asked += 1
        await self.annotate(number, resume=f"please-{self._asked}")

    async def skip(self, number: int | str, cluster: str) -> None:
        """Skips the cluster, also a second time, in another step: a value counts once."""
        self._asked += 1
        await self.annotate(number, skip=f"please-{self._asked},{cluster}")

    async def append(self, number: int, choice: int) -> None:
        found = await self._get(self._path(number))
        actions: tuple[str, ...] = _APPENDED
        if self._ibgus[number]["kind"] == names.FLEET_UPDATE:
            actions = tuple(map(str, APPENDED))
        plan = (found.get("spec") or {}).get("plan") or []
        timeout = plan[0]["rolloutStrategy"]["timeout"] if plan else 20
        more = step([actions[choice % len(actions)]], 1 + choice % 3, timeout)
        await self._try("PATCH", self._path(number), {"spec": {"plan": [*plan, more]}})

    async def put_back(self, number: int | str, plan: bytes) -> None:
        """Restores the plan where it is shorter now."""
        found, wanted = await self._get(self._path(number)), json.decode(plan)
        if len((found.get("spec") or {}).get("plan") or []) < len(wanted):
            await self._try("PATCH", self._path(number), {"spec": {"plan": wanted}})

    async def delete(self, number: int) -> None:
        await self._try("DELETE", self._path(number))

    # -- policies, grants ------------------------------------------------------------------------

    async def change(self, change: Change) -> None:
        """Creates, replaces, patches or deletes the object."""
        path = f"{change.collection}/{change.name}"
        if not change.body:
            await self._try("DELETE", path)
        elif "kind" not in change.body:
            await self._try("PATCH", path, change.body)
        elif found := await self._get(path):
            version = found["metadata"]["resourceVersion"]
            metadata = {**change.body["metadata"], "resourceVersion": version}
            await self._try("PUT", path, {**change.body, "metadata": metadata})
        else:
            await self._try("POST", change.collection, change.body)

    # -- works, clusters -------------------------------------------------------------------------

    async def works(self, cluster: str) -> list[Object]:
        found = await self._get(paths.works(cluster))
        items: list[Object] = found.get("items") or []
        return items

    async def to_work(self, fault: Fault, cluster: str) -> None:
        works = await self.works(cluster)
        if not works:
            return
        work = works[fault.n % len(works)]
        path = paths.work(cluster, work["metadata"]["name"])
        match fault.kind:
            case "work-deleted":
                await self._try("DELETE", path)
            case "work-unlabelled":
                await self._try("PATCH", path, {"metadata": {"labels": {names.MANAGED_BY: None}}})
            case "work-edited":
                option = {"deleteOption": {"propagationPolicy": "Orphan", "ttl": fault.n}}
                await self._try("PATCH", path, {"spec": option})
            case "work-armed-by-hand":
                await self._arm(path, work, ("Idle", "Prep", "Upgrade")[fault.n % 3])

    async def _arm(self, path: str, work: Object, stage: str) -> None:
        manifests = [dict(manifest) for manifest in work["spec"]["workload"]["manifests"]]
        if not manifests or manifests[-1].get("kind") != ibu_names.KIND:
            return
        manifests[-1]["spec"] = {**manifests[-1].get("spec", {}), "stage": stage}
        await self._try("PATCH", path, {"spec": {"workload": {"manifests": manifests}}})

    async def label(self, cluster: str, number: int, value: str | None) -> None:
        key = f"lcm.openshift.io/ibgu-{_LABELS[number % len(_LABELS)]}"
        if self._updates_alone:
            key = f"{LABEL_PREFIX}{_UPDATE_LABELS[number % len(_UPDATE_LABELS)]}"
        self.touched.add((cluster, key))
        await self._try(
            "PATCH", paths.managed_cluster(cluster), {"metadata": {"labels": {key: value}}}
        )

    async def forget_annotations(self, cluster: str) -> None:
        self.touched.add((cluster, names.DISABLE_AUTO_IMPORT))
        gone = {names.DISABLE_AUTO_IMPORT: None, names.AUTO_IMPORT_BY: None}
        await self._try(
            "PATCH", paths.managed_cluster(cluster), {"metadata": {"annotations": gone}}
        )

    async def scribble(self, number: int) -> None:
        body = {"status": {"phase": "Nonsense", "clusters": [{"name": "nobody"}]}}
        await self._try("PATCH", f"{self._path(number)}/status", body)

    async def remove_cluster(self, cluster: str) -> None:
        self.recreated.add(cluster)
        try:
            await self._player.delete_managed_cluster(cluster)
        except HubError:
            return

    async def recreate_cluster(self, cluster: str) -> None:
        await self.remove_cluster(cluster)
        await self._player.recreate_managed_cluster(cluster)
