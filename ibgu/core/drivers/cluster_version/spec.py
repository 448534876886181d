"""The `update` of a FleetUpdate: whether a cluster can be asked for it."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

from ibgu.core.drivers.cluster_version.precache import MAX_BYTES, MAX_IMAGES, size_of
from ibgu.core.drivers.node_jobs.backup.asked import BackupFields, problems_of_backup
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import Backup, ClusterUpdate, IntermediateRelease, Pauses, PreCache
from ibgu.core.model.kinds import Release as ReleaseImage

API_VERSION = "ibgu.dev/v1alpha1"
"""The apiVersion of FleetUpdates."""

_RELEASE = re.compile(
    r"(?P<major>\d{1,4})\.(?P<minor>\d{1,4})\.(?P<patch>\d{1,6})(-[0-9A-Za-z.-]+)?"
)
_ACK = re.compile(r"ack-[-a-zA-Z0-9._]{1,200}")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_PINNED = re.compile(
    r"([a-zA-Z0-9-]+\.)+[a-zA-Z0-9-]+(:[0-9]{2,5})?/([a-zA-Z0-9_-]{1,61}/)?[a-zA-Z0-9._-]+"
    r"@sha256:[0-9a-f]{64}"
)
"""An image that a PinnedImageSet takes."""
_POOL = re.compile(r"[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?")
_MAX_PINNED = 447
_BACKUP = ("form", "image", "path", "maxAgeMinutes")
_CHANGE = "; spec.update can't be changed: delete this FleetUpdate and create it again"

Release = tuple[int, int, int]
"""Major, minor and patch."""


def problem_of_update(update: ClusterUpdate | None) -> str | None:
    """Returns why no cluster can be asked for the update; None: it is valid."""
    return "spec.update is missing" if update is None else next(_problems(update), None)


def _problems(update: ClusterUpdate) -> Iterator[str]:
    if release_of(update.release.version) is None:
        version = update.release.version or "(none)"
        yield f"spec.update.release.version {version} is not a release such as 4.16.12{_CHANGE}"
    if not digest_of(update.release.image):
        image = update.release.image or "(none)"
        yield f"spec.update.release.image {image} is not an image by sha256 digest{_CHANGE}"
    yield from _of_signatures(update.signatures, "spec.update.signatures")
    if update.via is not None:
        yield from _of_via(update.via, update.release)
    for number, each in enumerate(update.mirrors):
        if not (each.source and each.mirrors and all(each.mirrors)):
            yield f"spec.update.mirrors[{number}] has no source, or no mirror{_CHANGE}"
    yield from _problems_of_pauses(update.pause)
    yield from _of_full_names("disruptionBudgets", update.disruption_budgets)
    for ack in update.acks:
        if not _ACK.fullmatch(ack):
            yield f"spec.update.acks: {ack[:60]!r} is not the key of an admin ack{_CHANGE}"
    if update.backup is not None:
        yield from _of_backup(update.backup)
    if update.pre_cache is not None:
        yield from _of_precache(update.pre_cache)


def _of_via(via: IntermediateRelease, release: ReleaseImage) -> Iterator[str]:
    between, last = release_of(via.version), release_of(release.version)
    if between is None or last is None or between[:2] != (last[0], last[1] - 1):
        yield (
            f"spec.update.via.version {via.version or '(none)'} is not of the minor release before "
            f"{release.version}{_CHANGE}"
        )
    if not digest_of(via.image):
        image = via.image or "(none)"
        yield f"spec.update.via.image {image} is not an image by sha256 digest{_CHANGE}"
    elif digest_of(via.image) == digest_of(release.image):
        yield f"spec.update.via.image is that of spec.update.release{_CHANGE}"
    yield from _of_signatures(via.signatures, "spec.update.via.signatures")


def _of_signatures(signatures: Iterable[str], field: str) -> Iterator[str]:
    for number, text in enumerate(signatures):
        if not _is_base64(text):
            yield f"{field}[{number}] is not base64{_CHANGE}"


def _of_backup(backup: Backup) -> Iterator[str]:
    names = BackupFields(*(f"spec.update.backup.{name}" for name in _BACKUP))
    for problem in problems_of_backup(backup, names):
        yield f"{problem}{_CHANGE}"


def _problems_of_pauses(pauses: Pauses) -> Iterator[str]:
    for name in pauses.pools:
        if name == "master":
            yield f"spec.update.pause.pools: the pool master can't be paused in an update{_CHANGE}"
        elif not _NAME.fullmatch(name):
            yield f"spec.update.pause.pools: {name[:60]!r} is not a name{_CHANGE}"
    yield from _of_full_names("pause.healthChecks", pauses.health_checks)
    if pauses.soak_minutes < 0:
        yield f"spec.update.pause.soakMinutes {pauses.soak_minutes} is below 0{_CHANGE}"


def _of_full_names(field: str, given: Iterable[str]) -> Iterator[str]:
    for name in given:
        namespace, _, own = name.partition("/")
        if not (_NAME.fullmatch(namespace) and _NAME.fullmatch(own)):
            yield f"spec.update.{field}: {name[:60]!r} is not a namespace/name{_CHANGE}"


def _of_precache(precache: PreCache) -> Iterator[str]:
    if not digest_of(precache.image) and (precache.image or not precache.images):
        image = precache.image or "(none)"
        yield f"spec.update.preCache.image {image} is not an image by sha256 digest{_CHANGE}"
    yield from _of_pins(precache)
    if precache.space_required_gib < 1:
        space = precache.space_required_gib
        yield f"spec.update.preCache.spaceRequiredGiB {space} is below 1{_CHANGE}"
    for number, pattern in enumerate(precache.exclude_patterns):
        if not pattern.strip() or "\n" in pattern:
            yield (
                f"spec.update.preCache.excludePatterns[{number}] is empty, or has several lines"
                f"{_CHANGE}"
            )
        elif "$(" in pattern:
            # In the arguments of a container Kubernetes replaces the names of variables.
            yield f"spec.update.preCache.excludePatterns[{number}] has $({_CHANGE}"


def _of_pins(precache: PreCache) -> Iterator[str]:
    images, pools = precache.images, precache.pools
    for number, image in enumerate(images):
        if not _PINNED.fullmatch(image) or len(image) > _MAX_PINNED:
            where = f"spec.update.preCache.images[{number}] {image[:60] or '(none)'}"
            yield f"{where} is not host/namespace/name@sha256:digest{_CHANGE}"
    if len(images) > MAX_IMAGES:
        words = f"has {len(images)} images, and a PinnedImageSet takes {MAX_IMAGES}"
        yield f"spec.update.preCache.images {words}{_CHANGE}"
    for pool in pools:
        if not _POOL.fullmatch(pool):
            yield f"spec.update.preCache.pools: {pool[:60]!r} is not a name{_CHANGE}"
    if pools and not images:
        yield f"spec.update.preCache.pools needs spec.update.preCache.images{_CHANGE}"
    for name, found in (("images", images), ("pools", pools)):
        if len(set(found)) < len(found):
            yield f"spec.update.preCache.{name} names one twice{_CHANGE}"
    if size_of(precache) > MAX_BYTES:
        words = f"take {size_of(precache)} bytes for all pools, and a work takes {MAX_BYTES}"
        yield f"spec.update.preCache.images {words}{_CHANGE}"


def update_of(rollout: Rollout) -> ClusterUpdate:
    """Returns the rollout's own part; an empty one, which is invalid, where the spec has none."""
    return rollout.spec.update or ClusterUpdate()


def release_of(version: str) -> Release | None:
    """Returns the release as numbers; None: it is not a version of OpenShift."""
    found = _RELEASE.fullmatch(version)
    return (
        None if found is None else (int(found["major"]), int(found["minor"]), int(found["patch"]))
    )


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
