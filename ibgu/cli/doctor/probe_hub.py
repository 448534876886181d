"""Asks the hub. What one question ends in keeps no other from being asked."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.doctor.facts import (
    Agents,
    Clock,
    Connection,
    Fleet,
    HubFacts,
    Leadership,
    Missing,
    Rights,
    Talm,
    Unasked,
    Unknown,
    Whose,
)
from ibgu.cli.doctor.needs import of_payloads, of_processes, of_user
from ibgu.controller import clock as controller
from ibgu.controller.service import LEASE
from ibgu.controller.talm import TalmWatch
from ibgu.core.failures import ApplyError, classify
from ibgu.core.kinds import Ibgu, ManagedCluster, ManifestWork
from ibgu.core.model import WorkView
from ibgu.core.observe import view_cluster, view_work
from ibgu.core.works import names
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import HasMetadata, decode_one
from ibgu.hub.discovery import Served, discover
from ibgu.hub.errors import HubError
from ibgu.hub.rights import Account, Right, refused
from ibgu.settings import Settings

A = TypeVar("A")
T = TypeVar("T", bound=HasMetadata)


class Ask(Struct, frozen=True):
    """What is to be checked for whom."""

    account: Account | None = None
    """Whose rights; None: the kubeconfig's user's."""
    user: bool = False
    """As one who only asks ibgu, not as ibgu."""
    namespace: str = ""
    """Of the user's rollouts."""


async def probe_hub(settings: Settings, ask: Ask) -> HubFacts:
    try:
        async with await HubClient.connect(settings.kubeconfig) as client:
            probe = _Probe(client, settings, ask, await _me(client))
            return await (probe.for_user() if ask.user else probe.for_ibgu())
    except HubError as error:
        words = error.message if error.reason == "NoConfiguration" else str(error)
        return nothing(Unknown(words))


def nothing(why: Missing) -> HubFacts:
    unasked = Unasked("the hub was not reached") if isinstance(why, Unknown) else why
    return HubFacts(
        connection=why,
        served=unasked,
        rights=unasked,
        payload=unasked,
        leadership=unasked,
        talm=unasked,
        fleet=unasked,
        agents=unasked,
        clock=unasked,
    )


class _UserInfo(Struct):
    username: str = ""


class _Reviewed(Struct, rename="camel"):
    user_info: _UserInfo


class _SelfReview(Struct):
    status: _Reviewed


async def _me(client: HubClient) -> str:
    """Empty where the hub is too old to say. Raises HubError where it is not to be reached."""
    path = paths.SELF_SUBJECT_REVIEWS
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await client.request("POST", path, body=body, verb="review")
    except HubError as error:
        if not error.not_found:
            raise
        return ""
    return decode_one(path, answer, _SelfReview).status.user_info.username


class _Probe:
    def __init__(self, client: HubClient, settings: Settings, ask: Ask, user: str) -> None:
        self._client = client
        self._settings = settings
        self._ask = ask
        self._connection = Connection(client.url, user)
        account = ask.account
        named = f"{account.namespace}:{account.name}" if account else _service_account(user)
        self._whose = Whose(account.username if account else user or "you", named)

    async def for_user(self) -> HubFacts:
        """All that concerns a person who asks ibgu."""
        rights = await _heard(self._asked(of_user(self._ask.namespace)))
        known = nothing(Unasked("it is ibgu's own matter"))
        return replace(known, connection=self._connection, rights=rights)

    async def for_ibgu(self) -> HubFacts:
        served = await _heard(discover(self._client))
        clock = await _heard(self._clock())
        return HubFacts(
            connection=self._connection,
            served=served,
            rights=await _heard(self._rights(served)),
            payload=await _heard(self._payload()),
            leadership=await _heard(self._leadership()),
            talm=await _heard(self._talm(clock)),
            fleet=await _heard(self._fleet()),
            agents=await _heard(self._agents()),
            clock=clock,
        )

    async def _rights(self, served: Served | Missing) -> Rights:
        cgus = not isinstance(served, Served) or served.cgus
        return await self._asked(of_processes(self._settings, cgus=cgus))

    async def _payload(self) -> Rights:
        return await self._asked(of_payloads(await self._list(paths.ibgus(), Ibgu)))

    async def _asked(self, rights: list[Right]) -> Rights:
        found = await refused(self._client, rights, self._ask.account)
        return Rights(self._whose, len(rights), tuple(found))

    async def _leadership(self) -> Leadership:
        """By a creation that is only tried: the API server checks it all, and makes nothing."""
        namespace = self._settings.namespace
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": namespace},
        }
        try:
            await self._client.request(
                "POST", paths.leases(namespace), query={"dryRun": "All"}, body=body
            )
        except HubError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                raise
            if not error.already_exists:
                return Leadership(namespace, error.message)
        return Leadership(namespace)

    async def _talm(self, clock: Clock | Missing) -> Talm:
        ahead = clock.ahead if isinstance(clock, Clock) else timedelta(0)
        hubs = await _set_forward(ahead)
        for namespace in self._settings.talm_namespaces.split(","):
            if await TalmWatch(self._client, hubs, [namespace]).live():
                return Talm(namespace)
        return Talm()

    async def _fleet(self) -> Fleet:
        found = map(view_cluster, await self._list(paths.MANAGED_CLUSTERS, ManagedCluster))
        clusters = [cluster for cluster in found if not cluster.local]
        return Fleet(
            total=len(clusters),
            accepted=sum(cluster.accepted for cluster in clusters),
            available=sum(cluster.accepted and cluster.reachable for cluster in clusters),
            deleting=sum(cluster.deleting for cluster in clusters),
        )

    async def _agents(self) -> Agents:
        works = await self._list(paths.works(), ManifestWork, selector=names.SELECTOR)
        stages = [work for work in works if work.metadata.labels.get(names.PART) == names.STAGE]
        views = {work.metadata.namespace: view_work(work) for work in stages}
        return Agents(
            works=len(views),
            answered=sum(view.settled for view in views.values()),
            without_lca=tuple(name for name, view in views.items() if _without_lca(view)),
            forbidden=tuple(n for n, view in views.items() if "forbidden" in view.apply_error),
        )

    async def _clock(self) -> Clock:
        """The header says whole seconds: it is half a second behind on average."""
        before = datetime.now(UTC)
        told = await self._client.clock()
        here = before + (datetime.now(UTC) - before) / 2
        half = timedelta(seconds=0.5)
        return Clock(told + half, here, half + (datetime.now(UTC) - before) / 2)

    async def _list(self, path: str, item: type[T], *, selector: str = "") -> list[T]:
        """What does not decode is left out: the controller reports it and goes on too."""
        pages = self._client.list_pages(path, item, selector=selector, on_bad=lambda _: None)
        return [obj async for items, _ in pages for obj in items]


async def _set_forward(ahead: timedelta) -> controller.Clock:
    """The hub's clock, as far as it is known: TALM's Lease was written by it."""

    async def read() -> datetime:
        return datetime.now(UTC) + ahead

    clock = controller.Clock(read)
    await clock.sync()
    return clock


def _service_account(user: str) -> str:
    """namespace:name; empty for who is none."""
    _, prefix, rest = user.partition("system:serviceaccount:")
    return rest if prefix else ""


def _without_lca(work: WorkView) -> bool:
    absent = work.apply_error and classify(work.apply_error) is ApplyError.ABSENT
    return bool(absent) or (work.applied and work.ibu_available == "False")


async def _heard(question: Awaitable[A]) -> A | Missing:
    try:
        return await question
    except HubError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return Unasked("the hub does not allow to ask: see what is said about rights")
        return Unknown(str(error))
