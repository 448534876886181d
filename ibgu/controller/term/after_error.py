"""Quarantines what a term failed on, between that term and the next."""

import structlog

from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import MAX_NAMESPACES, Quarantine, RolloutError, broken_of

log = structlog.get_logger("ibgu.controller")


def quarantine_broken(
    mirror: Mirror, quarantine: Quarantine, group: ExceptionGroup[Exception]
) -> None:
    """Quarantines the rollouts that the errors are about. Raises the group if too many namespaces
    have some: the cause is hardly theirs."""
    for broken in {each.rollout: each for each in broken_of(group)}.values():
        found = mirror.rollout_object(broken.rollout)
        meta = found.metadata if found is not None else None
        again = quarantine.put(broken, meta.namespace if meta is not None else None)
        name = f"{meta.namespace}/{meta.name}" if meta is not None else broken.rollout
        log.error(
            "rollout quarantined",
            rollout=name,
            error=broken.words,
            again_seconds=again,
            exc_info=broken.__cause__,
        )
    _quarantine_namespaces(mirror, quarantine)
    if len(quarantine.namespaces) > MAX_NAMESPACES:
        raise group


def _quarantine_namespaces(mirror: Mirror, quarantine: Quarantine) -> None:
    full = {
        namespace for namespace, count in quarantine.namespaces.items() if count > MAX_NAMESPACES
    }
    words = f"at more than {MAX_NAMESPACES} rollouts of its namespace"
    here = [found.metadata for found in mirror.objects]
    others = [meta for meta in here if meta.namespace in full and meta.uid not in quarantine]
    for meta in others:
        quarantine.put(RolloutError(meta.uid, words), meta.namespace)
    for namespace in sorted({meta.namespace for meta in others}):
        log.error("all rollouts of a namespace quarantined", namespace=namespace)
