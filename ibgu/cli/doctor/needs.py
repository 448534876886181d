"""Which rights are needed: by ibgu's processes, for the IBGUs that are there, by who asks it."""

from collections.abc import Iterable

from ibgu.controller.service import LEASE
from ibgu.core.kinds import Ibgu
from ibgu.hub import paths
from ibgu.hub.rights import Right, needed
from ibgu.settings import Settings

READ_ROLLOUTS = ("get", paths.IBGU_GROUP, "imagebasedgroupupgrades")
READ_CLUSTERS = ("get", paths.CLUSTER_GROUP, "managedclusters")


def of_processes(settings: Settings, *, cgus: bool) -> list[Right]:
    """Of `ibgu run`; `cgus`: ClusterGroupUpgrades are served here."""
    talm = settings.talm_namespaces.split(",")
    everywhere = [right for right in needed("controller") if cgus or right.group != paths.CGU_GROUP]
    return [
        *(right for right in everywhere if not _of_talm(right)),
        *(_in(right, namespace) for right in everywhere if _of_talm(right) for namespace in talm),
        *needed("leader", settings.namespace, LEASE),
        *needed("api"),
    ]


def _of_talm(right: Right) -> bool:
    """About TALM's own objects, which are in one of a few namespaces."""
    return right.resource in ("leases", "deployments")


def _in(right: Right, namespace: str) -> Right:
    return Right(right.verb, right.group, right.resource, namespace, right.name)


def of_payloads(ibgus: Iterable[Ibgu]) -> list[Right]:
    """To read by name what the IBGUs refer to, and nothing else."""
    found: dict[Right, None] = {}
    for obj in ibgus:
        spec = obj.spec.ibu_spec
        for ref in (*spec.oadp_content, *spec.extra_manifests):
            found[Right("get", "", "configmaps", ref.namespace, ref.name)] = None
        secret = spec.seed_image_ref.pull_secret_ref
        if secret is not None and secret.name:
            found[Right("get", "", "secrets", obj.metadata.namespace, secret.name)] = None
    return list(found)


def of_user(namespace: str) -> list[Right]:
    """Of a person who asks ibgu by REST or its commands about rollouts of that namespace."""
    patch = Right("patch", paths.IBGU_GROUP, "imagebasedgroupupgrades", namespace)
    return [Right(*READ_ROLLOUTS, namespace), Right(*READ_CLUSTERS), patch]
