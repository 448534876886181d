"""Asks the hub, with the caller's rights, what only it can say of an IBGU before it is applied."""

import asyncio
from base64 import b64decode
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight.facts import (
    ConfigMapFacts,
    HubRelease,
    Lookup,
    PayloadFacts,
    PullSecretFacts,
    SeedImageFacts,
)
from ibgu.core.drivers.ibu.preflight.metadata import is_object_name
from ibgu.core.drivers.ibu.works import (
    PULL_SECRET_KEY,
    build,
    no_pull_secret,
)
from ibgu.core.engine.driver import PayloadError, TemplateRefused
from ibgu.core.engine.works import LIMIT
from ibgu.core.model.document import Document
from ibgu.core.model.kinds import ConfigMap, IbuSpec, JsonObject, Reference, Secret
from ibgu.core.model.seed_image import SeedImage, SeedImageSpec
from ibgu.core.plan.references import MAX_CONFIG_MAPS, POLICY
from ibgu.core.text.cut import cut
from ibgu.documents import read_data
from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity, decoder
from ibgu.hub.errors import HubError
from ibgu.hub.lenient import decode
from ibgu.hub.port import Hub

T = TypeVar("T")
_MAX_REGISTRIES = 1_000
_CLUSTER_VERSION = "/apis/config.openshift.io/v1/clusterversions/version"
_MULTI_CLUSTER_HUBS = "/apis/operator.open-cluster-management.io/v1/multiclusterhubs"
_NOT_READ = "was not read: all of them together are too large"


class _Desired(Struct, frozen=True):
    version: str = ""


class _ClusterVersionStatus(Struct, frozen=True):
    desired: _Desired = _Desired()


class _ClusterVersion(Struct, frozen=True):
    """_ClusterVersion is the hub's own OpenShift."""

    status: _ClusterVersionStatus = _ClusterVersionStatus()


class _AcmSpec(Struct, frozen=True, rename="camel"):
    image_pull_secret: str = ""


class _AcmStatus(Struct, frozen=True, rename="camel"):
    current_version: str = ""


class _Acm(Struct, frozen=True):
    """_Acm is a MultiClusterHub."""

    spec: _AcmSpec = _AcmSpec()
    status: _AcmStatus = _AcmStatus()


class _Acms(Struct, frozen=True):
    items: list[_Acm] = []


class _Registries(Struct, frozen=True):
    """_Registries is a pull secret's content without what is secret in it."""

    auths: dict[str, msgspec.Raw] = {}


class Admission(Struct, frozen=True):
    """Admission is what the API server would respond."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


async def ask_admission(hub: Hub, manifest: JsonObject, namespace: str) -> Admission:
    """Asks the API server, schema and validation rules included: a field that it does not know is
    a problem, as for kubectl. Raises HubError."""
    path = paths.rollout_objects(manifest["kind"], namespace)
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        await hub.request("POST", path, body=_as_new(manifest), query=query)
    except HubError as error:
        if error.status in (400, 422):
            return Admission(problems=(error.message,))
        if error.status in (403, 404, 409):
            words = f"it could not be created like this: {error.message}"
            return Admission(warnings=(words,))
        raise
    return Admission()


_OF_THE_SERVER = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)


def _as_new(manifest: JsonObject) -> JsonObject:
    """Returns the manifest without what only the API server writes: it may be read from a hub."""
    meta = {k: v for k, v in manifest["metadata"].items() if k not in _OF_THE_SERVER}
    return {k: v for k, v in manifest.items() if k != "status"} | {"metadata": meta}


class HubReading:
    """HubReading reads for preflight. Methods raise HubError if the hub gives no answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def payload(self, spec: IbuSpec, namespace: str) -> PayloadFacts:
        """Reads what Prep brings to the clusters, and the releases that decide what it may be."""
        found = await self.releases()
        reading = _ConfigMaps(self._hub)
        for oadp, refs in ((True, spec.oadp_content), (False, spec.extra_manifests)):
            for ref in dict.fromkeys(Reference("ConfigMap", r.namespace, r.name) for r in refs):
                await reading.add(ref, oadp=oadp)
        carried: list[ConfigMap | Secret] = [*reading.kept.values()]
        named = spec.seed_image_ref.pull_secret_ref
        pull_secret = None
        if named is not None and named.name:
            pull_secret, secret = await self._pull_secret(
                Reference("Secret", namespace, named.name)
            )
            carried += [secret] if secret else []
        return replace(
            found,
            config_maps=await reading.facts(),
            pull_secret=pull_secret,
            problem=_too_large(carried),
        )

    async def annotation(self, namespace: str, name: str, uid: str, key: str) -> str | None:
        """Reads an annotation of an IBGU as it is now; None: it, or the IBGU, is not there."""
        _, found = await self._looked_up(paths.ibgu(namespace, name), ObjectIdentity)
        if found is None or found.metadata.uid != uid:
            return None
        return found.metadata.annotations.get(key)

    async def seed_image(self, name: str) -> SeedImageFacts:
        """Reads the entry of the catalogue."""
        if not is_object_name(name):
            return SeedImageFacts(name, Lookup.IMPOSSIBLE)
        lookup, found = await self._looked_up(paths.seed_image(name), SeedImage)
        return SeedImageFacts(name, lookup, found.spec if found else SeedImageSpec())

    async def releases(self) -> PayloadFacts:
        """Reads the releases of the hub, and nothing of a payload."""
        hub, cluster = await self._looked_up(_CLUSTER_VERSION, _ClusterVersion)
        acm, acms = await self._looked_up(_MULTI_CLUSTER_HUBS, _Acms)
        first = acms.items[0] if acms and acms.items else None
        if acms is not None and first is None:
            acm = Lookup.MISSING
        return PayloadFacts(
            hub=HubRelease(hub, cut(cluster.status.desired.version) if cluster else ""),
            acm=HubRelease(acm, cut(first.status.current_version) if first else ""),
            agent_pull_secret=bool(first.spec.image_pull_secret) if first else None,
        )

    async def _pull_secret(self, ref: Reference) -> tuple[PullSecretFacts, Secret | None]:
        """Reads the registries that the pull secret is for; the content goes no further."""
        name = f"{ref.namespace}/{ref.name}"
        try:
            path = paths.secret(ref.namespace, ref.name)
        except paths.InvalidName as error:
            return PullSecretFacts(name, Lookup.IMPOSSIBLE, f"can't exist: {error}"), None
        lookup, secret = await self._looked_up(path, Secret)
        if secret is None:
            return PullSecretFacts(name, lookup), None
        if words := no_pull_secret(secret):
            problem = f"{words}. Name a pull secret in seedImageRef.pullSecretRef"
            return PullSecretFacts(name, lookup, problem), None
        return PullSecretFacts(name, lookup, registries=registries(secret)), secret

    async def _looked_up(self, path: str, type_: type[T]) -> tuple[Lookup, T | None]:
        return await _looked_up(self._hub, path, type_)


class _ConfigMaps:
    """_ConfigMaps are those of one IBGU. Once they are too large to be carried, the rest is only
    looked for, so that little is kept however many they are."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._found: dict[tuple[Reference, bool], ConfigMapFacts] = {}
        self.kept: dict[Reference, ConfigMap] = {}
        self._lookups: dict[Reference, ConfigMapFacts] = {}
        self._size = 0

    async def add(self, ref: Reference, *, oadp: bool) -> None:
        if ref not in self._lookups:
            self._lookups[ref] = await self._look(ref)
        self._found[ref, oadp] = replace(self._lookups[ref], oadp=oadp)

    async def _look(self, ref: Reference) -> ConfigMapFacts:
        name = f"{ref.namespace}/{ref.name}"
        if len(self._lookups) >= MAX_CONFIG_MAPS:
            words = f"the {MAX_CONFIG_MAPS} that the admission policy {POLICY} allows"
            return ConfigMapFacts(name, Lookup.LEFT_OUT, problem=f"{words}: not looked for")
        try:
            path = paths.config_map(ref.namespace, ref.name)
        except paths.InvalidName as error:
            return ConfigMapFacts(name, Lookup.IMPOSSIBLE, problem=str(error))
        if self._size > LIMIT:
            lookup, _ = await _looked_up(self._hub, path, ObjectIdentity)
        else:
            lookup, found = await _looked_up(self._hub, path, ConfigMap)
            if found is not None:
                self.kept[ref] = found
                texts = (*found.data.values(), *found.binary_data.values())
                self._size += sum(map(len, texts))
        return ConfigMapFacts(name, lookup)

    async def facts(self) -> tuple[ConfigMapFacts, ...]:
        if self._size > LIMIT:
            return tuple(replace(each, problem=each.problem or _NOT_READ)
                         for each in self._found.values())  # fmt: skip
        return tuple(
            [
                replace(each, documents=tuple(await self._documents(ref)))
                for (ref, _), each in self._found.items()
            ]
        )

    async def _documents(self, ref: Reference) -> list[Document]:
        """Reads the YAML beside the event loop: half a megabyte takes a moment."""
        found = self.kept.get(ref)
        if found is None:
            return []
        return await asyncio.to_thread(read_data, found.data, found.binary_data, str(ref))


async def _looked_up(hub: Hub, path: str, type_: type[T]) -> tuple[Lookup, T | None]:
    try:
        return Lookup.FOUND, await hub.get(path, type_)
    except HubError as error:
        if error.not_found:
            return Lookup.MISSING, None
        if error.status == 403:
            return Lookup.FORBIDDEN, None
        raise


def _too_large(carried: list[ConfigMap | Secret]) -> str:
    try:
        build(carried)
    except TemplateRefused:
        return ""  # P42 says so
    except PayloadError as error:
        return str(error)
    return ""


def registries(secret: Secret) -> tuple[str, ...]:
    """Returns the names of the registries, of which no secret is in a name."""
    try:
        found = decode(decoder(_Registries), b64decode(secret.data[PULL_SECRET_KEY])).auths
    except (ValueError, msgspec.MsgspecError):
        return ()
    return tuple(found)[:_MAX_REGISTRIES]
