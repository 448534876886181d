"""docs/reference/api.md, fleetupdates.md and policies.md: every field and rule of the objects that
ask for rollouts or bound them, from their CRDs."""

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from ibgu.core.drivers.cluster_version.actions import FORWARD
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS
from ibgu.core.model.actions import PlanActions
from ibgu.resources import shipped
from tests.docs.reference.markdown import code, document, table

Schema = dict[str, Any]

INTRO = """\
Every field of an `ImageBasedGroupUpgrade` (`lcm.openshift.io/v1alpha1`, short name `ibgu`), what
the API server accepts, and what `kubectl get ibgu` shows. `ibuSpec` and `clusterLabelSelectors`
can't be changed once the object is made; steps can be appended to `plan`. Annotations that ibgu
acts on are in [Concepts](../concepts.md#pause-rate-limits-and-controls)."""
UPDATES = """\
Every field of a `FleetUpdate` (`ibgu.dev/v1alpha1`, short name `fu`), what the API server accepts,
and what `kubectl get fu` shows. `update` and `clusterLabelSelectors` can't be changed once the
object is made; steps can be appended to `plan`. How to use it is in
[Update clusters without an update service](../guides/update-clusters.md)."""
POLICIES = """\
Every field of a `RolloutPolicy`, a `RolloutApproval` and a `BreakGlass` (all `ibgu.dev/v1alpha1`),
and what the API server refuses. How to use them is in
[Safe by policy](../guides/safe-by-policy.md)."""
PLANS = """\
One line a plan, one bracket a step; a plan may grow as long as what comes out is one of these."""
_NEEDS = (
    "What each action needs and does is in [Concepts](../concepts.md#rollouts-steps-and-members)."
)
_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} of them",
}
_NO_LIMIT = (2147483647, 0)
"""Bounds that nobody meets, which say nothing."""


def page() -> str:
    plans = f"{PLANS}\n{_NEEDS}"
    title = "Fields of an ImageBasedGroupUpgrade"
    return _page(title, INTRO, "imagebasedgroupupgrades", (plans, IBU_ACTIONS.plans))


def fleet_updates() -> str:
    forward = ", ".join(map(code, FORWARD))
    order = (
        f"A plan has any of {forward}: once each and in this order, in one step or more. A last "
        "step with `Retract` or `RetractOnFailure` may follow an `Update`, or stand alone. For "
        "example, one line a plan, one bracket a step:"
    )
    whole = tuple((action,) for action in FORWARD)
    examples = ((FORWARD,), (FORWARD[:-1], FORWARD[-1:]), (*whole, ("RetractOnFailure",)))
    return _page("Fields of a FleetUpdate", UPDATES, "fleetupdates", (order, examples))


def policies() -> str:
    kinds = ("rolloutpolicies", "rolloutapprovals", "breakglasses")
    sections = [block for plural in kinds for block in _kind(_definition(plural))]
    return document("Fields of policies and approvals", POLICIES, *sections)


def _kind(definition: Schema) -> Iterator[str]:
    root = definition["versions"][0]["schema"]["openAPIV3Schema"]
    yield f"## {definition['names']['kind']}"
    yield _fields("spec", root["properties"]["spec"])
    yield "What is refused, in the API server's own words:"
    yield table(("object", "message"), _rules("", root))


def _page(title: str, intro: str, plural: str, plans: tuple[str, Iterable[PlanActions]]) -> str:
    definition = _definition(plural)
    version = definition["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    return document(
        title,
        intro,
        "## spec",
        _fields("spec", root["properties"]["spec"]),
        "## Plans that are allowed",
        plans[0],
        "\n".join(f"- {code(_plan(shape))}" for shape in plans[1]),
        "## What is refused",
        "The API server's own words:",
        table(("object", "message"), _rules("", root)),
        "## status",
        _fields("status", root["properties"]["status"]),
        f"## Columns of `kubectl get {definition['names']['shortNames'][0]}`",
        table(("column", "field", ""), map(_column, version["additionalPrinterColumns"])),
    )


def _definition(plural: str) -> Schema:
    text = (shipped("charts/ibgu") / "crds" / f"{plural}.yaml").read_text()
    return dict(yaml.safe_load(text)["spec"])


def _fields(path: str, schema: Schema) -> str:
    return table(("field", "type", ""), _rows(path, schema))


def _rows(path: str, schema: Schema) -> Iterator[tuple[str, str, str]]:
    """Everything below `path`, parents before their children."""
    for name, field in schema.get("properties", {}).items():
        item = field.get("items", field)
        below = f"{path}.{name}{'[]' if 'items' in field else ''}"
        needed = name in schema.get("required", ())
        yield code(below), _type(field), " ".join(_told(field, needed))
        yield from _rows(below, item)


def _type(field: Schema) -> str:
    if "items" in field:
        return f"list of {_type(field['items'])}s"
    if "additionalProperties" in field:
        return "map of strings"
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    return str(field.get("format", field["type"]))


def _told(field: Schema, needed: bool) -> Iterator[str]:
    item = field.get("items", {})
    if text := field.get("description") or item.get("description"):
        yield text
    if needed:
        yield "Required."
    if "default" in field:
        yield f"Default: {code(str(field['default']))}."
    if values := field.get("enum"):
        yield f"One of {', '.join(code(value) for value in values)}."
    for key, words in _LIMITS.items():
        if (limit := field.get(key)) not in (None, *_NO_LIMIT):
            yield f"{words.format(limit).capitalize()}."


def _rules(path: str, schema: Schema) -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield code(path or "the object"), rule["message"]
    for name, field in schema.get("properties", {}).items():
        yield from _rules(f"{path}.{name}".lstrip("."), field)


def _plan(shape: PlanActions) -> str:
    return " ".join(f"[{', '.join(actions)}]" for actions in shape)


def _column(column: Schema) -> tuple[str, str, str]:
    wide = "with `-o wide`" if column.get("priority") else ""
    return column["name"], code(column["jsonPath"].lstrip(".")), wide
