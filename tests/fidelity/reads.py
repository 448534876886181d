"""Scenes of works that only read what a cluster is made of."""

from collections.abc import Iterable

from msgspec import structs

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.faults import CHANGES, UNFINISHED
from ibgu.sim.spoke import SOUND, key_of
from tests.fidelity.scene import Deed, Scene, Step, Until, applied, deleting, gone, payload, refused
from tests.fidelity.trace import Fields
from tests.sim.read_only import (
    BSL,
    DPA,
    ETCD,
    EVERYTHING,
    INFRASTRUCTURE,
    LCA,
    NODE,
    Look,
    reading_role,
    reading_work,
)

CLUSTER = "fidelity"
_NODE = NODE.node(CLUSTER)
_LOOKS = (*(each for each in EVERYTHING if each is not NODE), _NODE)
_ODD = structs.replace(
    DPA,
    paths={
        "list": ".status.conditions",
        "map": ".spec.configuration",
        "past": ".status.conditions[3].type",
        "absent": ".status.nothing",
        "all": ".spec.configuration.velero.defaultPlugins[*]",
        "default": ".spec.backupLocations[0].velero.default",
        "reconciled": DPA.paths["reconciled"],
    },
)
_NEWER = structs.replace(LCA, api_version="operators.coreos.com/v2")
_NUMBERS = structs.replace(ETCD, paths={"revision": ".status.latestAvailableRevision"})


def _the_role(*looks: Look, watched: bool = False) -> Step:
    """The role comes first: one that comes with the objects counts a moment later than they are
    read, on both."""
    spec = payload(reading_role(*looks, watched=watched))
    return Step("the role", applied(1, Available__status="True"), spec=spec)


def _read(look: Look, **values: object) -> Until:
    """The values of an object, by name."""
    name = f"{look.kind}/{look.name}: feedback."
    return lambda shown, _: all(shown.get(name + key) == value for key, value in values.items())


def _unavailable(look: Look) -> Until:
    name = f"{look.kind}/{look.name}: Available.reason"
    return lambda shown, _: shown.get(name) == "ResourceNotAvailable"


def _changing(**equipment: object) -> Deed:
    def deed(cluster: SimulatedCluster, now: float) -> None:
        changed = structs.replace(cluster.spoke.equipment, **equipment)
        cluster.change_equipment(changed, now)

    return deed


def _watching(spec: JsonObject) -> JsonObject:
    configs = [{**each, "feedbackScrapeType": "Watch"} for each in spec["manifestConfigs"]]
    return {**spec, "manifestConfigs": configs}


def _owning(*looks: Look) -> JsonObject:
    """A work that deletes all but its role, which is needed for the last read."""
    role = reading_role(*looks)
    kept = {
        "group": "rbac.authorization.k8s.io",
        "resource": "clusterroles",
        "name": role["metadata"]["name"],
    }
    option = {
        "propagationPolicy": "SelectivelyOrphan",
        "selectivelyOrphans": {"orphaningRules": [{**kept, "namespace": ""}]},
    }
    return {**reading_work(*looks, role=role), "deleteOption": option}


def _there(shown: Fields, cluster: SimulatedCluster) -> bool:
    return gone(shown, cluster) and all(
        cluster.spoke.get(key_of(look.manifest)) is not None for look in (DPA, INFRASTRUCTURE)
    )


def _is_full(_: Fields, cluster: SimulatedCluster) -> bool:
    found = cluster.spoke.get(key_of(_NODE.manifest))
    return found is not None and any(
        (each["type"], each["status"]) == ("DiskPressure", "True")
        for each in found["status"]["conditions"]
    )


def _is_unavailable(_: Fields, cluster: SimulatedCluster) -> bool:
    found = cluster.spoke.get(key_of(BSL.manifest))
    return found is not None and found["status"]["phase"] == "Unavailable"


def _deleted(_: Fields, cluster: SimulatedCluster) -> bool:
    return cluster.spoke.get(key_of(DPA.manifest)) is None


_OPERATORS = ("lca-missing", "lca-old", "lca-stopped", "lso-and-lvms", "lvms-old")
_OADP = ("oadp-missing", "oadp-old", "dpa-failed", "dpa-missing", "backup-storage-unavailable")
_OTHERS = tuple(name for name in CHANGES if name not in (*_OPERATORS, *_OADP, UNFINISHED))


def _in_turn(about: str, defects: Iterable[str]) -> Scene:
    """Each defect in turn, on an otherwise sound cluster, and a read of it."""
    sound = structs.asdict(SOUND)
    read = Step(
        "all of them",
        _read(_NODE, pressure="False"),
        spec=reading_work(*_LOOKS, role=reading_role(*_LOOKS)),
    )
    steps = [_the_role(*_LOOKS), read]
    for number, name in enumerate(defects):
        steps.append(Step(name, applied(2), deed=_changing(**sound | CHANGES[name])))
        steps.append(Step("a touch", applied(2), touch=str(number)))
    return Scene(f"defects of {about}, in turn", tuple(steps), equipped=True, poll="10m")


READS = (
    Scene(
        "objects that are only read",
        (
            _the_role(*_LOOKS),
            Step(
                "all of them, one absent",
                _read(_NODE, pressure="False"),
                spec=reading_work(*_LOOKS, role=reading_role(*_LOOKS)),
            ),
            Step("a full disk", _is_full, deed=_changing(disk_full=True)),
            Step("a touch", _read(_NODE, pressure="True"), touch="1"),
        ),
        equipped=True,
        poll="10m",
    ),
    _in_turn("the operators", _OPERATORS),
    _in_turn("OADP", _OADP),
    _in_turn("node and topology", _OTHERS),
    Scene(
        "objects that change while they are watched",
        (
            _the_role(DPA, BSL, watched=True),
            Step(
                "sound",
                _read(DPA, reconciled="True"),
                spec=_watching(reading_work(DPA, BSL, role=reading_role(DPA, BSL, watched=True))),
            ),
            Step(
                "changed",
                _read(BSL, phase="Unavailable"),
                deed=_changing(backup_storage_available=False),
            ),
            Step(
                "mended",
                _read(BSL, phase="Available"),
                deed=_changing(backup_storage_available=True),
            ),
            Step("deleted by hand", _deleted, deed=deleting(DPA.manifest)),
            Step("a touch", _unavailable(DPA), touch="1"),
        ),
        equipped=True,
        poll="10m",
    ),
    Scene(
        "objects that may be read, but not watched",
        (
            _the_role(BSL),
            Step(
                "sound",
                _read(BSL, phase="Available"),
                spec=_watching(reading_work(BSL, role=reading_role(BSL))),
            ),
            Step("changed", _is_unavailable, deed=_changing(backup_storage_available=False)),
            Step("a touch", _read(BSL, phase="Unavailable"), touch="1"),
        ),
        equipped=True,
        poll="10m",
    ),
    Scene(
        "objects that nobody may read",
        (
            Step(
                "no role",
                applied(1, Available__status="Unknown"),
                spec=reading_work(*_LOOKS),
            ),
            Step("a role", applied(2), spec=payload(reading_role(INFRASTRUCTURE))),
            Step(
                "a role for one of them",
                _read(INFRASTRUCTURE, topology="SingleReplica"),
                spec=reading_work(*_LOOKS, role=reading_role(INFRASTRUCTURE)),
            ),
        ),
        equipped=True,
        poll="10m",
    ),
    Scene(
        "kinds that are unknown",
        (
            _the_role(DPA, INFRASTRUCTURE),
            Step(
                "OADP is not installed",
                _read(INFRASTRUCTURE, topology="SingleReplica"),
                spec=reading_work(DPA, BSL, INFRASTRUCTURE, role=reading_role(DPA, INFRASTRUCTURE)),
            ),
            Step(
                "a version that is not served",
                refused(3),
                spec=reading_work(
                    _NEWER, INFRASTRUCTURE, role=reading_role(_NEWER, INFRASTRUCTURE)
                ),
            ),
        ),
        equipped=True,
        defects=("oadp-missing",),
    ),
    Scene(
        "values that are not scalar",
        (
            _the_role(DPA, ETCD),
            Step(
                "lists, a map, an index past the end",
                _read(_ODD, reconciled="True", default=True),
                spec=reading_work(_ODD, role=reading_role(DPA, ETCD)),
            ),
            Step(
                "a number",
                _read(_NUMBERS, revision=7),
                spec=reading_work(_NUMBERS, role=reading_role(DPA, ETCD)),
            ),
        ),
        equipped=True,
    ),
    Scene(
        "a work that only reads, and deletes what it owns",
        (
            _the_role(DPA, INFRASTRUCTURE),
            Step(
                "read",
                _read(DPA, reconciled="True"),
                spec=_owning(DPA, INFRASTRUCTURE),
            ),
            Step("removed", _there, remove=True),
        ),
        equipped=True,
    ),
)
