"""Asks the hub. A failed question stops no other."""

from collections.abc import Awaitable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.cli.doctor.facts import (
    ClockReading,
    HubConnection,
    HubFacts,
    Missing,
    NotTried,
    PayloadAccess,
    PolicySets,
    Reach,
    References,
    Rights,
    Subject,
    Unknown,
)
from ibgu.cli.doctor.needs import of_payload_namespaces, of_payloads, of_processes, of_user
from ibgu.cli.doctor.probe_fleet import agents, all_of, fleet, import_off, left_over
from ibgu.cli.doctor.probe_health_sources import read_unknown_sources
from ibgu.cli.doctor.probe_peers import breached, leadership, talm
from ibgu.core.drivers import DRIVERS
from ibgu.core.model.kinds import ManagedClusterSet, RolloutObject
from ibgu.core.model.names import IBGU
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.plan.references import POLICY, UncheckedPolicy, older
from ibgu.core.plan.tenancy import GLOBAL_SET, is_exclusive
from ibgu.hub import paths
from ibgu.hub.authorization.access import whoami
from ibgu.hub.authorization.rights import (
    CANARY_POLICIES,
    FOLLOW_UPS,
    Account,
    Right,
    needed,
    refused,
)
from ibgu.hub.client import HubClient
from ibgu.hub.clustersets import read_tenancy
from ibgu.hub.discovery import Served, discover
from ibgu.hub.errors import HubError
from ibgu.hub.namespaces import is_absent
from ibgu.hub.policy import enforced_since
from ibgu.settings import Settings

A = TypeVar("A")


class AccessQuestion(Struct, frozen=True):
    """AccessQuestion says what to check for whom."""

    account: Account | None = None
    """Whose rights; None: the kubeconfig's user's."""
    user: bool = False
    """Whether the subject only uses ibgu, and is not ibgu itself."""
    namespace: str = ""
    """The namespace of the user's rollouts."""


async def probe_hub(settings: Settings, ask: AccessQuestion) -> HubFacts:
    try:
        async with await HubClient.connect(settings.kubeconfig) as client:
            probe = _Probe(client, settings, ask, await whoami(client))
            if ask.user:
                return await probe.for_user()
            return await (probe.for_api() if settings.component == "api" else probe.for_ibgu())
    except HubError as error:
        words = error.message if error.reason == "NoConfiguration" else str(error)
        return nothing(Unknown(words))


async def probe_start(client: HubClient, settings: Settings, served: Served) -> HubFacts:
    """Returns what a start needs to know: nothing that takes longer on a larger hub."""
    user = await _or_missing(whoami(client))
    probe = _Probe(client, settings, AccessQuestion(), user if isinstance(user, str) else "")
    return await probe.for_start(served, await _or_missing(probe.clock()))


def nothing(why: Missing) -> HubFacts:
    unasked = NotTried("the hub was not reached") if isinstance(why, Unknown) else why
    return HubFacts(
        connection=why,
        served=unasked,
        rights=unasked,
        payload=unasked,
        references=unasked,
        reach=unasked,
        policy_sets=unasked,
        leadership=unasked,
        talm=unasked,
        fleet=unasked,
        agents=unasked,
        left_over=unasked,
        import_off=unasked,
        health_sources=unasked,
        clock=unasked,
        inspections=unasked,
    )


class _Probe:
    def __init__(
        self, client: HubClient, settings: Settings, ask: AccessQuestion, user: str
    ) -> None:
        self._client = client
        self._settings = settings
        self._ask = ask
        self._connection = HubConnection(client.url, user)
        account = ask.account
        named = f"{account.namespace}:{account.name}" if account else _service_account(user)
        self._subject = Subject(account.username if account else user or "you", named)

    async def for_user(self) -> HubFacts:
        """Returns all that concerns a user of ibgu."""
        rights = await _or_missing(self._check_rights(of_user(self._ask.namespace)))
        facts = nothing(NotTried("it is ibgu's own matter"))
        return replace(facts, connection=self._connection, rights=rights)

    async def for_api(self) -> HubFacts:
        """Returns all that concerns the REST API, which asks the hub for its callers alone."""
        needs = of_processes(
            self._settings,
            cgus=False,
            fleet_updates=False,
            seed_images=False,
            rollout_policies=False,
            grants=False,
        )
        rights = await _or_missing(self._check_rights(needs))
        facts = nothing(NotTried("it is the controller's matter"))
        clock = await _or_missing(self.clock())
        return replace(facts, connection=self._connection, rights=rights, clock=clock)

    async def for_ibgu(self) -> HubFacts:
        served = await _or_missing(discover(self._client))
        policies = await self._policies(served)
        more = _rights_of(policies)
        facts = await self.for_start(served, await _or_missing(self.clock()), more)
        return replace(
            facts,
            payload=await _or_missing(self._payload()),
            references=await _or_missing(self._references()),
            reach=await _or_missing(self._reach()),
            policy_sets=await _or_missing(self._policy_sets(policies)),
            talm=await _or_missing(breached(self._client, facts.talm)),
            fleet=await _or_missing(fleet(self._client)),
            agents=await _or_missing(agents(self._client)),
            left_over=await _or_missing(left_over(self._client, datetime.now(UTC))),
            import_off=await _or_missing(import_off(self._client)),
            health_sources=await _or_missing(read_unknown_sources(self._client, self._settings)),
        )

    async def for_start(
        self,
        served: Served | Missing,
        clock: ClockReading | Missing,
        more: Sequence[Right] = (),
    ) -> HubFacts:
        """Returns all that needs no list; `more`: rights that policies ask for."""
        return replace(
            nothing(NotTried("it is not asked at a start")),
            connection=self._connection,
            served=served,
            rights=await _or_missing(self._rights(served, more)),
            leadership=await _or_missing(leadership(self._client, self._settings.namespace)),
            talm=await _or_missing(
                talm(self._client, self._settings.talm_namespaces.split(","), clock)
            ),
            clock=clock,
            inspections=self._settings.preflight_inspections,
        )

    async def _policies(self, served: Served | Missing) -> list[RolloutPolicy]:
        """Returns the policies that can be read: others report those that can't."""
        if not isinstance(served, Served) or not served.rollout_policies:
            return []
        found = await _or_missing(all_of(self._client, paths.ROLLOUT_POLICIES, RolloutPolicy))
        return found if isinstance(found, list) else []

    async def _policy_sets(self, policies: Iterable[RolloutPolicy]) -> PolicySets:
        named = [
            (policy.metadata.name, name)
            for policy in policies
            for name in policy.spec.clusters.cluster_sets
            if name != GLOBAL_SET
        ]
        if not named:
            return PolicySets()
        sets = await all_of(self._client, paths.CLUSTER_SETS, ManagedClusterSet)
        exclusive = {each.metadata.name: is_exclusive(each) for each in sets}
        absent = (f"{policy}: {name}" for policy, name in named if name not in exclusive)
        labels = (f"{policy}: {name}" for policy, name in named if exclusive.get(name) is False)
        return PolicySets(tuple(absent), tuple(labels))

    async def _rights(self, served: Served | Missing, more: Sequence[Right]) -> Rights:
        discovered = served if isinstance(served, Served) else None
        needs = of_processes(
            self._settings,
            cgus=discovered is None or discovered.cgus,
            fleet_updates=discovered is None or discovered.fleet_updates,
            seed_images=discovered is None or discovered.seed_images,
            rollout_policies=discovered is None or discovered.rollout_policies,
            grants=discovered is None or discovered.grants,
        )
        return await self._check_rights([*needs, *more])

    async def _payload(self) -> PayloadAccess:
        ibgus = await all_of(self._client, paths.ibgus(), RolloutObject)
        named = await self._check_rights(of_payloads(ibgus))
        meant = await self._check_rights(of_payload_namespaces(self._settings))
        doubted = sorted({right.namespace for right in (*named.refused, *meant.refused)})
        absent = [name for name in doubted if await is_absent(self._client, name)]
        return PayloadAccess(named, meant, tuple(absent))

    async def _references(self) -> References:
        enforced = await enforced_since(self._client, POLICY)
        unchecked = UncheckedPolicy(self._settings.payload_references).on_hub(enforced)
        if enforced is None:
            return References(unchecked)
        ibgus = await all_of(self._client, paths.ibgus(), RolloutObject)
        found = (
            f"{each.metadata.namespace}/{each.metadata.name}"
            for each in ibgus
            if DRIVERS[each.kind].references(each.spec, each.metadata.namespace)
            and older(datetime.fromisoformat(each.metadata.creation_timestamp), enforced)
        )
        return References(unchecked, enforced, tuple(found))

    async def _reach(self) -> Reach:
        namespaces = tuple(sorted({each.metadata.namespace for each in await self._objects()}))
        across = self._settings.preempts_across_namespaces
        if self._settings.tenancy == "off":
            return Reach(tenancy=False, across_namespaces=across, namespaces=namespaces)
        try:
            tenancy = await read_tenancy(self._client, lambda _: None)
        except HubError as error:
            if not error.not_found:
                raise
            return Reach(tenancy=True, across_namespaces=across, served=False)
        unbound = tuple(name for name in namespaces if tenancy.scope(name).problem)
        return Reach(tenancy=True, across_namespaces=across, namespaces=unbound)

    async def _objects(self) -> list[RolloutObject]:
        """Returns the objects of every kind that ask for rollouts."""
        found: list[RolloutObject] = []
        for kind in paths.ROLLOUT_KINDS:
            try:
                found += await all_of(self._client, paths.rollout_objects(kind), RolloutObject)
            except HubError as error:
                if not error.not_found or kind == IBGU:
                    raise
        return found

    async def _check_rights(self, rights: list[Right]) -> Rights:
        found = await refused(self._client, rights, self._ask.account)
        return Rights(self._subject, len(rights), tuple(found))

    async def clock(self) -> ClockReading:
        """Returns the hub's clock; the header has whole seconds, so it is half a second behind on
        average."""
        before = datetime.now(UTC)
        hub_time = await self._client.clock()
        here = before + (datetime.now(UTC) - before) / 2
        half = timedelta(seconds=0.5)
        return ClockReading(hub_time + half, here, half + (datetime.now(UTC) - before) / 2)


def _rights_of(policies: Iterable[RolloutPolicy]) -> list[Right]:
    """Returns the rights that only some policies need."""
    specs = [policy.spec for policy in policies]
    canaries = [spec.canaries for spec in specs if spec.canaries is not None]
    makes = any(spec.retry is not None for spec in specs) or any(c.rollback for c in canaries)
    complies = any(c.health is not None and c.health.policies for c in canaries)
    return [
        *(needed(FOLLOW_UPS) if makes else ()),
        *(needed(CANARY_POLICIES) if complies else ()),
    ]


def _service_account(user: str) -> str:
    """Returns namespace:name; empty if the user is no ServiceAccount."""
    _, prefix, rest = user.partition("system:serviceaccount:")
    return rest if prefix else ""


async def _or_missing(question: Awaitable[A]) -> A | Missing:
    try:
        return await question
    except HubError as error:
        if error.status == HTTPStatus.FORBIDDEN:
            return NotTried("the hub does not allow the request: see the finding about rights")
        if error.not_found:
            return NotTried("the hub does not serve the API: see the problems above")
        return Unknown(str(error))
