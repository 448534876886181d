"""The manifests of a stage work, and how the work agent applies them.

The ClusterVersion is written by server-side apply alone: to replace its spec would drop the
cluster's id and channel. The manager that owns spec.desiredUpdate withdraws it with an apply that
leaves it out, so marks have a manager of their own, and the work stays in place for life.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec import Raw, Struct, json

from ibgu.core.drivers.cluster_version.actions import UpdateStage
from ibgu.core.drivers.cluster_version.companions import companions
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.hops import next_hop
from ibgu.core.drivers.cluster_version.names import (
    ACK_MANAGER,
    HEALTH_CHECKS,
    IMAGE_MARK,
    KIND,
    NAME,
    POOL_GROUP,
    RESUMES_MARK,
    STAGE_MARK,
    UPDATE_MANAGER,
    VERSION,
)
from ibgu.core.drivers.cluster_version.pauses import asked, next_to_resume, to_pause
from ibgu.core.drivers.cluster_version.spec import release_of, update_of
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.engine.driver import Companion
from ibgu.core.engine.works.config import MARK_MANAGER, apply_strategy
from ibgu.core.model import Rollout, Run, traits
from ibgu.core.model.kinds import ClusterUpdate, JsonObject, Release
from ibgu.core.model.names import GENERATION, RUN

_READ = ["get", "list", "watch"]
_WRITE = ["create", "update", "patch"]
_OWN = ["get", "create", "patch", "delete"]
"""The rights of the work agent on what it makes once, marks as its own, and takes away again."""
_ROLE_NAME = "open-cluster-management:klusterlet-work:ibgu-fleet-update"


def _rule(group: str, *resources: str, verbs: list[str]) -> JsonObject:
    return {"apiGroups": [group], "resources": list(resources), "verbs": verbs}


ROLE = Raw(
    json.encode(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {
                "name": _ROLE_NAME,
                "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
            },
            "rules": [
                _rule("config.openshift.io", "clusterversions", verbs=[*_READ, "patch"]),
                _rule("config.openshift.io", "clusteroperators", verbs=_READ),
                _rule("config.openshift.io", "imagedigestmirrorsets", verbs=[*_READ, *_WRITE]),
                _rule(
                    "operator.openshift.io", "imagecontentsourcepolicies", verbs=[*_READ, *_WRITE]
                ),
                _rule(POOL_GROUP, "machineconfigpools", verbs=[*_READ, "patch"]),
                _rule(POOL_GROUP, "pinnedimagesets", verbs=_OWN),
                _rule("machine.openshift.io", "machinehealthchecks", verbs=[*_READ, "patch"]),
                # What can't be read would leave it open whether anything is paused.
                _rule("policy", "poddisruptionbudgets", verbs=_READ),
            ],
        }
    )
)
"""No right to create what is only read, or to delete anything but images that were pinned."""

_MIRROR_SETS_SINCE = (4, 13, 0)
"""The first release with ImageDigestMirrorSets."""


def manifests_of(
    rollout: Rollout, run: Run | None, generation: int, seen: VersionView | None
) -> list[Raw | JsonObject]:
    if run is None:
        marks = {GENERATION: str(generation)}
        return [ROLE, _version(marks)]
    request = _Request(rollout, run, seen)
    return [ROLE, *_before(request), _armed(request)]


def strategy_of(rollout: Rollout, run: Run, seen: VersionView | None) -> JsonObject:
    asks = _Request(rollout, run, seen).release is not None
    return apply_strategy(UPDATE_MANAGER if asks else MARK_MANAGER)


def companions_of(
    rollout: Rollout, run: Run | None, seen: VersionView | None, *, resuming: bool
) -> list[Companion]:
    """Returns what stands beside the ClusterVersion; without a run `resuming` resumes all that the
    rollout has paused."""
    update, uid = update_of(rollout), rollout.uid
    if run is not None:
        request = _Request(rollout, run, seen)
        return companions(update, seen, uid, pauses=request.pauses, resumes=request.resumes)
    resumes = seen.paused_for(uid) if resuming and seen is not None else ()
    return companions(update, seen, uid, resumes=resumes)


def configs_of(rollout: Rollout, run: Run, seen: VersionView | None) -> Sequence[JsonObject]:
    """Returns the manifest configs of what comes along; the agent replaces the rest whole."""
    if not _Request(rollout, run, seen).brings_acks:
        return ()
    identifier = {
        "group": "",
        "resource": "configmaps",
        "name": "admin-acks",
        "namespace": "openshift-config",
    }
    return ({"resourceIdentifier": identifier, "updateStrategy": apply_strategy(ACK_MANAGER)},)


class _Request(Struct, frozen=True):
    """_Request is what a run asks a cluster for, in the state in which it was seen last."""

    rollout: Rollout
    run: Run
    seen: VersionView | None

    @property
    def update(self) -> ClusterUpdate:
        return update_of(self.rollout)

    @property
    def stage(self) -> str:
        """The stage of the action; Update begins with its pauses."""
        stage = traits(self.run.action).stage
        return UpdateStage.PAUSE.value if self.pauses else stage

    @property
    def pauses(self) -> bool:
        """Whether the update pauses something first."""
        if traits(self.run.action).stage != UpdateStage.UPDATE or not asked(self.update):
            return False
        return self.seen is None or bool(to_pause(self.seen, self.update, self.rollout.uid))

    @property
    def resumes(self) -> tuple[str, ...]:
        """The names of what a run of Pools resumes."""
        if self.seen is None or traits(self.run.action).stage != UpdateStage.POOLS:
            return ()
        name = next_to_resume(self.seen, self.update, self.rollout.uid)
        if name == HEALTH_CHECKS:
            return self.seen.paused_for(self.rollout.uid)
        return (name,) if name else ()

    @property
    def release(self) -> Release | None:
        """The release that is asked for; None: the run only marks, as does a withdrawal from a
        cluster of which the running release is not known."""
        if self.stage == UpdateStage.UPDATE:
            return self._hop
        if self.stage != UpdateStage.RETRACT or self.seen is None:
            return None
        # To leave the request out would not withdraw it while somebody else owns a part of it.
        running = Release(self.seen.desired_version, self.seen.desired_image)
        return running if running.version and running.image else None

    @property
    def _hop(self) -> Release | None:
        """The release of the hop; a cluster that is not seen may have taken the first of two."""
        if self.seen is None:
            return None if self.update.via else self.update.release
        return next_hop(self.seen, self.update).release

    @property
    def brings_acks(self) -> bool:
        return bool(self.update.acks) and self.stage == UpdateStage.UPDATE


def _armed(request: _Request) -> JsonObject:
    marks = {RUN: request.run.id, STAGE_MARK: request.stage}
    if request.resumes:
        name, *others = request.resumes
        marks[RESUMES_MARK] = HEALTH_CHECKS if others or "/" in name else name
    release = request.release
    if release is None:
        return _version(marks)
    # All three: what somebody's earlier request has left of them would stay.
    wanted: JsonObject = {"version": release.version, "image": release.image, "force": False}
    if request.seen is not None and request.seen.wanted_architecture:
        # The field is unknown to old clusters, and a leftover of it refuses every image.
        wanted["architecture"] = ""
    return {**_version({**marks, IMAGE_MARK: release.image}), "spec": {"desiredUpdate": wanted}}


def _version(annotations: dict[str, str]) -> JsonObject:
    return {
        "apiVersion": VERSION,
        "kind": KIND,
        "metadata": {"name": NAME, "annotations": annotations},
    }


# -- what comes along ----------------------------------------------------------------------------


def _before(request: _Request) -> Iterator[JsonObject]:
    update = request.update
    if request.stage == UpdateStage.MIRROR:
        yield from _signatures(update)
        yield from _mirrors(update, request.seen)
    elif request.brings_acks:
        metadata = {"name": "admin-acks", "namespace": "openshift-config"}
        data = dict.fromkeys(update.acks, "true")
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _signatures(update: ClusterUpdate) -> Iterator[JsonObject]:
    """Yields the ConfigMaps in which the cluster-version operator looks for signatures, one for
    each digest."""
    given = {update.release.image: update.signatures}
    if update.via is not None:
        given[update.via.image] = update.via.signatures
    for image, signatures in given.items():
        if not signatures:
            continue
        name = f"sha256-{digest_of(image)}"
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name,
                "namespace": "openshift-config-managed",
                "labels": {"release.openshift.io/verification-signatures": ""},
            },
            "binaryData": {f"{name}-{n}": text for n, text in enumerate(signatures, 1)},
        }


def _mirrors(update: ClusterUpdate, seen: VersionView | None) -> Iterator[JsonObject]:
    """Yields the mirror set, named by its content: no other set of mirrors ever replaces it, as to
    change an entry, or to take one away, drains the nodes."""
    if not update.mirrors:
        return
    sources = [{"source": each.source, "mirrors": list(each.mirrors)} for each in update.mirrors]
    content = sha256(json.encode(sources, order="deterministic")).hexdigest()
    metadata = {"name": f"ibgu-mirrors-{content[:16]}"}
    running = release_of(seen.desired_version) if seen else None
    if running is not None and running < _MIRROR_SETS_SINCE:
        yield {
            "apiVersion": "operator.openshift.io/v1alpha1",
            "kind": "ImageContentSourcePolicy",
            "metadata": metadata,
            "spec": {"repositoryDigestMirrors": sources},
        }
    else:
        yield {
            "apiVersion": "config.openshift.io/v1",
            "kind": "ImageDigestMirrorSet",
            "metadata": metadata,
            "spec": {"imageDigestMirrors": sources},
        }
