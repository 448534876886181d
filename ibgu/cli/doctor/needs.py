"""Lists the rights that are needed: by ibgu's processes, for the existing IBGUs, by its users."""

from collections.abc import Iterable

from ibgu.controller.lookups.rights import of_controller
from ibgu.controller.service import LEASE
from ibgu.core.drivers import DRIVERS
from ibgu.core.model.kinds import RolloutObject
from ibgu.hub import paths
from ibgu.hub.authorization.rights import ADOPTER, Right, needed
from ibgu.settings import Settings

READ_ROLLOUTS = ("get", paths.IBGU_GROUP, "imagebasedgroupupgrades")
READ_CLUSTERS = ("get", paths.CLUSTER_GROUP, "managedclusters")


def of_processes(
    settings: Settings,
    *,
    cgus: bool,
    fleet_updates: bool,
    seed_images: bool,
    rollout_policies: bool,
    grants: bool,
) -> list[Right]:
    """Returns the rights of the component. `cgus`, `fleet_updates`, `seed_images`,
    `rollout_policies`, `grants`: the hub serves ClusterGroupUpgrades, FleetUpdates, SeedImages,
    RolloutPolicies, grants."""
    api = needed("api") if settings.component != "controller" else []
    if settings.component == "api":
        return api
    adopting = needed(ADOPTER) if cgus else ()
    controller = of_controller(
        settings,
        LEASE,
        cgus=cgus,
        fleet_updates=fleet_updates,
        seed_images=seed_images,
        rollout_policies=rollout_policies,
        grants=grants,
    )
    return [*controller, *api, *adopting]


def of_payloads(ibgus: Iterable[RolloutObject]) -> list[Right]:
    """Returns the rights to read by name what the IBGUs refer to, and nothing else."""
    found: dict[Right, None] = {}
    for obj in ibgus:
        for ref in DRIVERS[obj.kind].references(obj.spec, obj.metadata.namespace):
            found[Right("get", "", f"{ref.kind.lower()}s", ref.namespace, ref.name)] = None
    return list(found)


def of_payload_namespaces(settings: Settings) -> list[Right]:
    """Returns the rights in the namespaces from which payloads are meant to be carried."""
    namespaces = [name.strip() for name in settings.payload_namespaces.split(",")]
    return [right for name in namespaces if name for right in needed("payload-reader", name)]


def of_user(namespace: str) -> list[Right]:
    """Returns the rights of a person who asks ibgu by REST or its commands about rollouts of that
    namespace."""
    patch = Right("patch", paths.IBGU_GROUP, "imagebasedgroupupgrades", namespace)
    return [Right(*READ_ROLLOUTS, namespace), Right(*READ_CLUSTERS), patch]
