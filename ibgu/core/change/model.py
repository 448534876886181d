"""A change of an IBGU, as the hub takes it."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.kinds import JsonObject
from ibgu.core.works import names


class Refused(Exception):
    """The state does not allow it; the text says why, and what does."""


class Change(Struct, frozen=True):
    """With neither patch nor object there is nothing to do: it is so already."""

    done: str
    """What comes of it, in a sentence."""
    kubectl: str = ""
    """The same as a command line."""
    patch: JsonObject | list[JsonObject] | None = None
    """JSON merge patch of the IBGU; a list is a JSON patch."""
    create: JsonObject | None = None
    """Another IBGU."""


class Target(Struct, frozen=True):
    """An IBGU as the hub shows it, whole; who wants to change it, and when."""

    object: JsonObject
    who: str
    now: datetime

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"]["namespace"])

    @property
    def annotations(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.object["metadata"].get("annotations") or {}
        return found

    @property
    def plan(self) -> Sequence[JsonObject]:
        found: Sequence[JsonObject] = (self.object.get("spec") or {}).get("plan") or []
        return found

    @property
    def paused(self) -> bool:
        return names.PAUSE in self.annotations

    @property
    def completed(self) -> bool:
        """All steps of the plan as it is now, by what the status says of it."""
        generation = self.object["metadata"].get("generation")
        found = self.conditions.get("Progressing")
        return (
            found is not None
            and found["status"] == "False"
            and found.get("observedGeneration") in (None, generation)
        )

    @property
    def lists_all_clusters(self) -> bool:
        """Whether a cluster that the status does not list is in no step."""
        return "Progressing" in self.conditions and "ClustersListed" not in self.conditions

    @property
    def conditions(self) -> Mapping[str, JsonObject]:
        """By their type."""
        return {each["type"]: each for each in self.status.get("conditions") or ()}

    @property
    def status(self) -> JsonObject:
        found: JsonObject = self.object.get("status") or {}
        return found

    @property
    def stamp(self) -> str:
        """A value that no annotation has had yet: controls are acted on once per value."""
        return f"{self.now:%Y-%m-%dT%H:%M:%S.%fZ}"

    def annotate(self, done: str, marks: Mapping[str, str | None]) -> Change:
        """None takes an annotation away."""
        metadata = self.object["metadata"]
        patch = {"metadata": {"uid": metadata["uid"], "annotations": dict(marks)}}
        words = [f"{key}-" if value is None else f"{key}={value}" for key, value in marks.items()]
        return Change(done, self.kubectl("annotate", *words, "--overwrite"), patch)

    def kubectl(self, verb: str, *words: str) -> str:
        given = ("kubectl", "-n", self.namespace, verb, "imagebasedgroupupgrade", self.name, *words)
        return shlex.join(given)
