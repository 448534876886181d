"""A change of an IBGU, as the hub takes it."""

import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import ActionTable, names
from ibgu.core.model.actions import Risk
from ibgu.core.model.kinds import JsonObject

SAFE = Risk()

_STEP = re.compile(r"plan step (\d{1,9})")
"""Reads the step from TALM's words for the condition Progressing, which ibgu writes too."""


class ChangeRefused(Exception):
    """A refusal: the state does not allow the change; the text says why, and what it does allow.
    `code` tells kinds apart, as in docs/rest.md."""

    def __init__(self, why: str, code: str = "not-now") -> None:
        super().__init__(why)
        self.code = code


class RequestedChange(Struct, frozen=True):
    """A change. Without patch and object there is nothing to do: the state is as requested."""

    done: str
    """The result, in a sentence."""
    kubectl: str = ""
    """The equivalent command line."""
    patch: JsonObject | list[JsonObject] | None = None
    """A JSON merge patch of the IBGU; a list is a JSON patch."""
    create: JsonObject | None = None
    """A new IBGU."""
    grant: JsonObject | None = None
    """A new RolloutApproval or BreakGlass."""
    step: int | None = None
    """The step that an approval is about, from 1."""
    risk: Risk = SAFE
    """The risk of the change, including that of what may start because of it."""


class ChangeTarget(Struct, frozen=True):
    """The whole object that asks for the rollout, as the hub shows it, who wants to change it, and
    when."""

    object: JsonObject
    who: str
    now: datetime
    table: ActionTable
    """The actions of its kind."""

    @property
    def kind(self) -> str:
        return str(self.object["kind"])

    @property
    def age(self) -> tuple[str, str]:
        """The creation time and uid: the older of two objects has the lower ones."""
        meta = self.object["metadata"]
        return meta["creationTimestamp"], meta["uid"]

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.object["metadata"]["uid"])

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
    def actions(self) -> list[tuple[str, ...]]:
        """The actions of each step of the plan."""
        return [tuple(item.get("actions") or ()) for item in self.plan]

    @property
    def paused(self) -> bool:
        return names.PAUSE in self.annotations

    @property
    def completed(self) -> bool:
        """Whether the status shows all steps of the current plan as completed."""
        generation = self.object["metadata"].get("generation")
        found = self.conditions.get("Progressing")
        return (
            found is not None
            and found["status"] == "False"
            and found.get("observedGeneration") in (None, generation)
        )

    @property
    def tries_again(self) -> bool:
        """Whether the status says that policies will have clusters tried again (R50.20)."""
        return self.conditions.get("ClustersTriedAgain", {}).get("reason") == "Planned"

    @property
    def current(self) -> int | None:
        """The step that runs or comes next, from 0, by the status; None: it does not say."""
        message = self.conditions.get("Progressing", {}).get("message", "")
        found = _STEP.search(message)
        return int(found[1]) if found else None

    @property
    def lists_all_clusters(self) -> bool:
        """Whether a cluster that the status does not list is in no step."""
        return "Progressing" in self.conditions and "ClustersListed" not in self.conditions

    @property
    def conditions(self) -> Mapping[str, JsonObject]:
        """Conditions by type."""
        return {each["type"]: each for each in self.status.get("conditions") or ()}

    @property
    def status(self) -> JsonObject:
        found: JsonObject = self.object.get("status") or {}
        return found

    @property
    def stamp(self) -> str:
        """A value that no annotation has had yet: controls are acted on once per value."""
        return f"{self.now:%Y-%m-%dT%H:%M:%S.%fZ}"

    def require(self, uid: str) -> None:
        """Raises ChangeRefused if the object is another one of the same name."""
        if self.uid != uid:
            raise ChangeRefused(
                f"{self.name} was deleted and created again: look at the new one, then try again"
            )

    def annotate(
        self, done: str, marks: Mapping[str, str | None], risk: Risk = SAFE
    ) -> RequestedChange:
        """Returns the change that sets annotations; None removes one."""
        patch = {"metadata": {"uid": self.uid, "annotations": dict(marks)}}
        words = [f"{key}-" if value is None else f"{key}={value}" for key, value in marks.items()]
        line = self.kubectl("annotate", *words, "--overwrite")
        return RequestedChange(done, line, patch, risk=risk)

    def kubectl(self, verb: str, *words: str) -> str:
        given = ("kubectl", "-n", self.namespace, verb, self.kind.lower(), self.name, *words)
        return shlex.join(given)
