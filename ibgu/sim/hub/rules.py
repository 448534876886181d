"""Implements the CEL rules in ibgu's own CRD, by their subject and message.

A rule that is not known here is an error: a change of the CRD changes this as well.
"""

from typing import Any

from ibgu.core.drivers import allowed
from ibgu.core.drivers.cluster_version.spec import release_of
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.sim.hub.schema import Rule


def _same(new: Any, old: Any) -> bool:
    return bool(new == old)


def _appended(new: Any, old: Any) -> bool:
    return len(new) >= len(old) and bool(new[: len(old)] == old)


def _possible(new: Any, old: Any) -> bool:
    return allowed([step["actions"] for step in new])


def _selectors_stay(new: Any, old: Any) -> bool:
    return "clusterLabelSelectors" not in old or "clusterLabelSelectors" in new


def _short_name(new: Any, old: Any) -> bool:
    return len(new["metadata"]["name"]) < 230


def _actions(spec: Any) -> set[str]:
    return {action for step in spec.get("plan", ()) for action in step["actions"]}


def _backup_given(new: Any, old: Any) -> bool:
    return "Backup" not in _actions(new) or "backup" in new["update"]


def _pre_cache_given(new: Any, old: Any) -> bool:
    return "PreCache" not in _actions(new) or "preCache" in new["update"]


def _backup_planned(new: Any, old: Any) -> bool:
    planned = _actions(new)
    return "backup" not in new["update"] or "Update" not in planned or "Backup" in planned


def _no_masters(new: Any, old: Any) -> bool:
    return "master" not in new


def _minor_before(new: Any, old: Any) -> bool:
    if "via" not in new:
        return True
    via, release = (release_of(new[field]["version"]) for field in ("via", "release"))
    # A version of another form is refused by its pattern.
    return via is None or release is None or via[:2] == (release[0], release[1] - 1)


def _other_image(new: Any, old: Any) -> bool:
    digests = [digest_of(new[field]["image"]) for field in ("via", "release") if field in new]
    return len(set(digests)) == len(digests)


def _one_way(new: Any, old: Any) -> bool:
    return "image" in new or "images" in new


def _pools_for_images(new: Any, old: Any) -> bool:
    return "pools" not in new or "images" in new


def _images_fit(new: Any, old: Any) -> bool:
    taken = sum(len(image) + 16 for image in new.get("images", ()))
    return taken * len(new.get("pools", ("master", "worker"))) <= 300_000


_PRE_CACHE = "spec.update.preCache"
_RULES: dict[tuple[str, str], Rule] = {
    ("", "Name length must be less than 230 characters"): _short_name,
    ("spec", "clusterLabelSelectors is immutable"): _selectors_stay,
    ("spec.clusterLabelSelectors", "clusterLabelSelectors is immutable"): _same,
    ("spec.ibuSpec", "ibuSpec is immutable"): _same,
    ("spec", "a plan with Backup needs update.backup"): _backup_given,
    ("spec", "a plan with PreCache needs update.preCache"): _pre_cache_given,
    ("spec", "an Update with update.backup needs Backup before it in the plan"): _backup_planned,
    ("spec.update", "update is immutable"): _same,
    ("spec.update", "via must be of the minor release before release"): _minor_before,
    ("spec.update", "via must have another image than release"): _other_image,
    ("spec.update.pause.pools", "the pool master can't be paused in an update"): _no_masters,
    (
        _PRE_CACHE,
        "preCache needs image for a Job, images for PinnedImageSets, or both",
    ): _one_way,
    (_PRE_CACHE, "preCache.pools needs preCache.images"): _pools_for_images,
    (
        _PRE_CACHE,
        "images take more than 300000 bytes for all pools; name fewer of one of them",
    ): _images_fit,
    ("spec.plan", "plan is append only"): _appended,
    ("spec.plan", "invalid combinations of actions in the plan"): _possible,
}


_OF_ORDER = "plan must have any of"
"""Begins the message of the rule that checks the order of a FleetUpdate's actions."""


def meaning(at: str, message: str) -> Rule:
    if at == "spec.plan" and message.startswith(_OF_ORDER):
        return _possible
    return _RULES[at, message]
