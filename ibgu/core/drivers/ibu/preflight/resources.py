"""Names of resources as Velero's filters and the Lifecycle Agent's annotation write them."""

from collections.abc import Iterable, Mapping
from typing import Self

from msgspec import Struct

_SHORT = {
    "pv": "persistentvolume",
    "pvc": "persistentvolumeclaim",
    "po": "pod",
    "ep": "endpoint",
    "rs": "replicaset",
    "crd": "customresourcedefinition",
    "cm": "configmap",
    "deploy": "deployment",
    "sts": "statefulset",
    "svc": "service",
    "sa": "serviceaccount",
    "ns": "namespace",
}
_PLURALS = (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"))


class ResourceFilter(Struct, frozen=True):
    """ResourceFilter is a list of resources, read once: thousands of names are looked up in it.

    Names compare as the API's discovery does: any case, one or many, the group may be left out.
    """

    everything: bool
    groups: Mapping[str, frozenset[str]]
    """The groups of each resource; the empty one stands for whatever group."""

    @classmethod
    def of(cls, items: Iterable[str]) -> Self:
        everything = False
        groups: dict[str, set[str]] = {}
        for item in items:
            name, _, group = item.lower().partition(".")
            if item == "*":
                everything = True
            else:
                groups.setdefault(_singular(name), set()).add(group)
        return cls(everything, {name: frozenset(found) for name, found in groups.items()})

    def __bool__(self) -> bool:
        return self.everything or bool(self.groups)

    def selects(self, resource: str, group: str = "") -> bool:
        """Returns whether the list has the resource; with an empty group: of whatever group."""
        return self.everything or self.names(resource, group)

    def names(self, resource: str, group: str = "") -> bool:
        """Returns whether the list has the resource itself: `*` does not count."""
        found = self.groups.get(_singular(resource.lower()), frozenset())
        return bool(found) and (not group or not found.isdisjoint(("", group.lower())))


def _singular(name: str) -> str:
    for ending, one in _PLURALS:
        if name.endswith(ending):
            return name.removesuffix(ending) + one
    return _SHORT.get(name, name if name.endswith("ss") else name.removesuffix("s"))
