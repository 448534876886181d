"""The CRD of RolloutPolicy on the real API server, and the roles for policies."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.gates.policies import faults
from ibgu.core.model.actions import traits
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.hub.decode import decode_one
from ibgu.sandbox.kubectl import Kubectl
from tests.charts.ibgus import Answer, Object
from tests.charts.rendering import CHART, render
from tests.charts.test_rbac import ROLLOUT_POLICIES, answers

PATH = "/apis/ibgu.dev/v1alpha1/rolloutpolicies"
NOTHING = (
    "a policy needs inFlight, perTopology, neverTogether, windows, freezes, canaries, "
    "failureBudget, breaker, approval, retry, preflight, warnings or backup"
)
RING: Object = {"matchLabels": {"ring": "0"}}
NO_BREAKER = "breaker needs sameCause, percent, or both"
UPGRADING = "warnings and backup need Upgrade or Update among the actions"
JUDGED = "preflight needs Prep, Upgrade, Check, Mirror or Update among the actions"
EITHER = "canaries needs either count or selector"
NO_CHECK = "health needs conditions, clusterOperators, nodes, policies or metrics"
METRIC: Object = {"source": "thanos", "query": 'up{cluster="$cluster"}'}
METRICS = "spec.canaries.health.metrics"
CONDITION = "spec.canaries.health.conditions[0]"
BUDGET = "maximum must be a number from 0 to 100000, or a share from 0% to 100%"
ON_THE_HUB = "what counts on the whole hub needs withinMinutes, and a number"
IN_FLIGHT = "inFlight must be a number from 1 to 100000, or a share from 1% to 100%"
NIGHT: Object = {"cron": "0 1 * * MON-FRI", "durationMinutes": 240}
FREEZE: Object = {"from": "2026-12-19T00:00:00Z", "until": "2027-01-07T00:00:00Z"}
FULL: Object = {
    "rollouts": {"namespaces": ["ran"], "selector": {"matchLabels": {"tier": "edge"}}},
    "clusters": {
        "clusterSets": ["north"],
        "selector": {"matchExpressions": [{"key": "network", "operator": "In", "values": ["ran"]}]},
    },
    "actions": ["Prep", "Upgrade", "Update"],
    "inFlight": "10%",
    "perTopology": [{"label": "example.com/site"}, {"label": "rack", "maximum": 2}],
    "neverTogether": [{"clusters": ["site-17", "site-18"]}],
    "windows": [NIGHT, {"cron": "30 22 1 1 *", "durationMinutes": 60, "timeZone": "Etc/GMT+5"}],
    "fit": True,
    "freezes": [{**FREEZE, "reason": "end of the year"}],
    "canaries": {"count": 5, "soakMinutes": 60, "health": {"conditions": [{"type": "a.io/Well"}]}},
    "failureBudget": {"maximum": "2%", "per": "Step", "withinMinutes": 60},
    "breaker": {"sameCause": 3, "percent": 20, "minimumUpgrades": 5, "windowMinutes": 60},
    "approval": {"before": "Rest", "approvers": 2, "fourEyes": False},
    "retry": {"attempts": 2, "backoffMinutes": 30},
    "preflight": "Enforce",
    "warnings": "Hold",
    "backup": "Required",
}
Create = Callable[..., Answer]


def policy(name: str, spec: Object) -> Object:
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture
def tried(admin: httpx.Client) -> Create:
    """Validates a RolloutPolicy in full, without keeping it."""

    def create(**spec: object) -> Answer:
        response = admin.post(PATH, json=policy("tried", spec), params={"dryRun": "All"})
        return Answer(response.status_code, response.json())

    return create


@pytest.fixture
def kept(admin: httpx.Client, unique_name: Callable[[str], str]) -> Iterator[str]:
    """A policy for clusters that are not there."""
    name = unique_name("nights")
    spec = {**FULL, "clusters": {"clusterSets": ["nowhere"]}}
    assert admin.post(PATH, json=policy(name, spec)).status_code == 201
    yield name
    assert admin.delete(f"{PATH}/{name}").status_code == 200


def refused(answer: Answer, field: str, words: str) -> None:
    """The API server refuses it for this reason alone, in words that end so."""
    [(found, message)] = answer.causes
    assert (answer.code, found) == (422, field)
    assert message.endswith(words)


# -- what is accepted -----------------------------------------------------------------------------


def test_all_fields_together_are_accepted_and_read(tried: Create) -> None:
    answer = tried(**FULL)
    assert answer.code == 201, answer.body
    body = yaml.safe_dump(answer.body)
    assert "maximum: 1" in body
    spec = _read(answer).spec
    assert list(faults(spec)) == []
    assert [limit.maximum for limit in spec.per_topology] == [1, 2]
    assert spec.freezes[0].from_ == FREEZE["from"]


@pytest.mark.parametrize(
    "spec",
    [
        {"inFlight": 30},
        {"perTopology": [{"label": "site"}]},
        {"neverTogether": [{"clusters": ["a", "b.example.com"]}]},
        {"windows": [NIGHT]},
        {"freezes": [FREEZE]},
        {"canaries": {"selector": {"matchLabels": {"canary": "true"}}}},
        {"canaries": {"count": 1, "health": {"nodes": True}}},
        {"canaries": {"count": 1, "health": {"policies": True}}},
        {"canaries": {"count": 1, "health": {"metrics": [METRIC] * 5}}},
        {"canaries": {"count": 1, "health": {"nodes": True}, "rollback": True}},
        {"failureBudget": {"maximum": 0}},
        {"failureBudget": {"maximum": 3, "per": "Hub", "withinMinutes": 60}},
        {"breaker": {"percent": 40}},
        {"approval": {}},
        {"approval": {"before": "Action"}, "actions": ["FinalizeUpgrade"]},
        {"retry": {}},
        {"retry": {"attempts": 5, "backoffMinutes": 1440}, "actions": ["Prep"]},
        {"preflight": "Enforce"},
        {"warnings": "Hold", "actions": []},
        {"backup": "Required", "actions": ["Prep", "Update"]},
    ],
    ids=str,
)
def test_one_bound_is_enough(tried: Create, spec: Object) -> None:
    answer = tried(**spec)
    assert answer.code == 201, answer.body
    assert list(faults(_read(answer).spec)) == []


@pytest.mark.parametrize("value", [1, 100000, "1%", "10%", "99%", "100%"])
def test_numbers_and_shares_in_flight_are_accepted(tried: Create, value: object) -> None:
    answer = tried(inFlight=value)
    assert answer.code == 201, answer.body
    assert _read(answer).spec.in_flight == value


def test_the_largest_policy_is_accepted(tried: Create) -> None:
    """The API server gives up on rules that cost too much."""
    groups = [{"clusters": [f"c{group}-{n}" for n in range(50)]} for group in range(500)]
    names = [f"name-{number}" for number in range(100)]
    values = [f"value-{number}" for number in range(1000)]
    wanted = {"key": "k", "operator": "In", "values": values}
    selector = {
        "matchLabels": {f"key-{number}": "v" * 63 for number in range(100)},
        "matchExpressions": [wanted] * 20,
    }
    answer = tried(
        rollouts={"namespaces": names, "selector": selector},
        clusters={"clusterSets": names, "selector": selector},
        inFlight=100000,
        perTopology=[{"label": f"example.com/label-{number}"} for number in range(20)],
        neverTogether=groups,
        windows=[NIGHT] * 20,
        freezes=[{**FREEZE, "reason": "r" * 256}] * 100,
    )
    assert answer.code == 201, answer.body


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"actions": ["Prep"], "clusters": {"clusterSets": ["north"]}},
        {"perTopology": [], "neverTogether": [], "windows": [], "freezes": []},
    ],
    ids=str,
)
def test_a_policy_that_bounds_nothing_is_refused(tried: Create, spec: Object) -> None:
    refused(tried(**spec), "spec", NOTHING)


@pytest.mark.parametrize("value", [0, -1, 100001, "", "0%", "101%", "10", "5.5%", "half", " 5%"])
def test_other_values_than_a_number_or_a_share_are_refused(tried: Create, value: object) -> None:
    refused(tried(inFlight=value), "spec.inFlight", IN_FLIGHT)


def test_the_actions_are_those_that_no_way_back_needs(tried: Create) -> None:
    """The CRD lists names that the kinds declare elsewhere."""
    words = "a policy never holds what leads a cluster back"
    whole = {name for driver in DRIVERS.values() for name in driver.actions.names}
    back = {name for name in whole if traits(name).leads_back}
    assert len(whole - back) == 10
    for name in whole:
        answer = tried(inFlight=1, actions=[name])
        if name in back:
            refused(answer, "spec.actions[0]", words)
        else:
            assert answer.code == 201, answer.body
    assert tried(inFlight=1, actions=sorted(whole - back)).code == 201


def test_demands_go_with_the_actions_that_they_are_about(tried: Create) -> None:
    """The CRD lists names that the kinds declare elsewhere."""
    for name in [name for driver in DRIVERS.values() for name in driver.actions.names]:
        found = traits(name)
        if not found.leads_back:
            demands = (
                ("preflight", "Enforce", found.preflight),
                ("backup", "Required", found.upgrades),
            )
            for field, value, known in demands:
                answer = tried(actions=[name], **{field: value})
                assert answer.code == (201 if known else 422), (name, answer.body)


@pytest.mark.parametrize("name", ["prep", "Reboot", ""])
def test_an_action_that_there_is_not_is_refused(tried: Create, name: str) -> None:
    words = "Mirror, PreCache, Backup, Update and Pools"
    refused(tried(inFlight=1, actions=[name]), "spec.actions[0]", words)


@pytest.mark.parametrize("fit", [{"inFlight": 1}, {"inFlight": 1, "windows": []}])
def test_fit_without_a_window_is_refused(tried: Create, fit: Object) -> None:
    refused(tried(fit=True, **fit), "spec", "fit needs windows")
    assert tried(fit=False, **fit).code == 201


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"approval": {"before": "Action"}}, "approval before an Action needs actions"),
        ({"approval": {"before": "Rest"}}, "approval before the Rest needs canaries"),
    ],
)
def test_an_approval_of_nothing_is_refused(tried: Create, spec: Object, words: str) -> None:
    refused(tried(**spec), "spec", words)


@pytest.mark.parametrize("cron", ["", "0 1 * *", "0 1 * * * *", " 0 1 * * *", "@daily"])
def test_a_time_without_five_fields_is_refused(tried: Create, cron: str) -> None:
    words = "minute, hour, day of the month, month, day of the week"
    refused(tried(windows=[{**NIGHT, "cron": cron}]), "spec.windows[0].cron", words)


@pytest.mark.parametrize("zone", ["", "Europe/", "/Berlin", "../Berlin", "Europe Berlin"])
def test_a_text_that_can_be_no_time_zone_is_refused(tried: Create, zone: str) -> None:
    words = "timeZone must be the name of a time zone, such as Europe/Berlin"
    refused(tried(windows=[{**NIGHT, "timeZone": zone}]), "spec.windows[0].timeZone", words)


@pytest.mark.parametrize("until", ["2026-12-19T00:00:00Z", "2026-12-19T00:30:00+01:00"])
def test_a_freeze_that_ends_before_it_begins_is_refused(tried: Create, until: str) -> None:
    answer = tried(freezes=[{**FREEZE, "until": until}])
    refused(answer, "spec.freezes[0]", "until must be later than from")


@pytest.mark.parametrize("moment", ["2027-01-07", "tomorrow", "2027-01-07T00:00:00", ""])
def test_a_freeze_at_no_point_in_time_is_refused(tried: Create, moment: str) -> None:
    answer = tried(freezes=[{**FREEZE, "until": moment}])
    assert (answer.code, [field for field, _ in answer.causes]) == (422, ["spec.freezes[0].until"])


@pytest.mark.parametrize("label", ["", "two words", "/site", "example.com/", "-site", "s" * 64])
def test_a_label_that_there_can_not_be_is_refused(tried: Create, label: str) -> None:
    words = "label must be the key of a label, such as example.com/site"
    refused(tried(perTopology=[{"label": label}]), "spec.perTopology[0].label", words)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"perTopology": [{"label": "a"}, {"label": "a", "maximum": 2}]}, "spec.perTopology[1]"),
        ({"neverTogether": [{"clusters": ["a", "a"]}]}, "spec.neverTogether[0].clusters[1]"),
        ({"inFlight": 1, "actions": ["Prep", "Prep"]}, "spec.actions[1]"),
        ({"inFlight": 1, "clusters": {"clusterSets": ["a", "a"]}}, "spec.clusters.clusterSets[1]"),
    ],
    ids=str,
)
def test_a_name_that_comes_twice_is_refused(tried: Create, spec: Object, field: str) -> None:
    answer = tried(**spec)
    [cause] = answer.body["details"]["causes"]
    assert (answer.code, cause["field"], cause["reason"]) == (422, field, "FieldValueDuplicate")


@pytest.mark.parametrize("selected", ["rollouts", "clusters"])
@pytest.mark.parametrize(
    "requirement",
    [
        {"key": "site", "operator": "In"},
        {"key": "site", "operator": "NotIn", "values": []},
        {"key": "site", "operator": "Exists", "values": ["a"]},
    ],
    ids=str,
)
def test_a_selector_that_kubernetes_would_refuse_is_refused(
    tried: Create, selected: str, requirement: Object
) -> None:
    answer = tried(inFlight=1, **{selected: {"selector": {"matchExpressions": [requirement]}}})
    words = "at least one for In and NotIn, and none for Exists and DoesNotExist"
    refused(answer, f"spec.{selected}.selector.matchExpressions[0]", words)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"perTopology": [{"label": "a", "maximum": 0}]}, "spec.perTopology[0].maximum"),
        ({"perTopology": [{"label": "a", "maximum": 100001}]}, "spec.perTopology[0].maximum"),
        ({"perTopology": [{}]}, "spec.perTopology[0].label"),
        ({"neverTogether": [{"clusters": ["a"]}]}, "spec.neverTogether[0].clusters"),
        (
            {"neverTogether": [{"clusters": [f"c{n}" for n in range(51)]}]},
            "spec.neverTogether[0].clusters",
        ),
        ({"neverTogether": [{"clusters": ["a", "A"]}]}, "spec.neverTogether[0].clusters[1]"),
        ({"neverTogether": [{"clusters": ["a", "b"]}] * 501}, "spec.neverTogether"),
        ({"windows": [{**NIGHT, "durationMinutes": 0}]}, "spec.windows[0].durationMinutes"),
        ({"windows": [{**NIGHT, "durationMinutes": 10081}]}, "spec.windows[0].durationMinutes"),
        ({"windows": [{"cron": "0 1 * * *"}]}, "spec.windows[0].durationMinutes"),
        ({"windows": [NIGHT] * 21}, "spec.windows"),
        ({"freezes": [{**FREEZE, "reason": "r" * 257}]}, "spec.freezes[0].reason"),
        ({"freezes": [FREEZE] * 101}, "spec.freezes"),
        ({"canaries": {"count": 1001}}, "spec.canaries.count"),
        ({"canaries": {"count": 1, "soakMinutes": 10081}}, "spec.canaries.soakMinutes"),
        ({"canaries": {"count": 1, "health": {"conditions": [{}]}}}, f"{CONDITION}.type"),
        (
            {"canaries": {"count": 1, "health": {"conditions": [{"type": "-"}]}}},
            f"{CONDITION}.type",
        ),
        (
            {"canaries": {"count": 1, "health": {"conditions": [{"type": "A", "status": "yes"}]}}},
            f"{CONDITION}.status",
        ),
        ({"canaries": {"count": 1, "health": {"metrics": [METRIC] * 6}}}, METRICS),
        (
            {"canaries": {"count": 1, "health": {"metrics": [{**METRIC, "query": ""}]}}},
            f"{METRICS}[0].query",
        ),
        (
            {"canaries": {"count": 1, "health": {"metrics": [{**METRIC, "query": "q" * 2001}]}}},
            f"{METRICS}[0].query",
        ),
        (
            {"canaries": {"count": 1, "health": {"metrics": [{**METRIC, "source": "https://a"}]}}},
            f"{METRICS}[0].source",
        ),
        ({"failureBudget": {}}, "spec.failureBudget.maximum"),
        ({"failureBudget": {"maximum": 1, "per": "Site"}}, "spec.failureBudget.per"),
        (
            {"failureBudget": {"maximum": 1, "withinMinutes": 10081}},
            "spec.failureBudget.withinMinutes",
        ),
        ({"breaker": {"percent": 101}}, "spec.breaker.percent"),
        ({"preflight": "enforce"}, "spec.preflight"),
        ({"warnings": "Ignore"}, "spec.warnings"),
        ({"backup": ""}, "spec.backup"),
        ({"breaker": {"percent": 1, "windowMinutes": 0}}, "spec.breaker.windowMinutes"),
        ({"freezes": [{"from": FREEZE["from"]}]}, "spec.freezes[0].until"),
        (
            {"inFlight": 1, "rollouts": {"namespaces": [f"n{n}" for n in range(101)]}},
            "spec.rollouts.namespaces",
        ),
        ({"inFlight": 1, "rollouts": {"namespaces": ["No"]}}, "spec.rollouts.namespaces[0]"),
        (
            {"inFlight": 1, "clusters": {"clusterSets": [f"n{n}" for n in range(101)]}},
            "spec.clusters.clusterSets",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused(tried: Create, spec: Object, field: str) -> None:
    answer = tried(**spec)
    assert (answer.code, [found for found, _ in answer.causes]) == (422, [field])


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"warnings": "Hold", "actions": ["Prep"]}, "spec", UPGRADING),
        ({"backup": "Required", "actions": ["Backup"]}, "spec", UPGRADING),
        ({"preflight": "Enforce", "actions": ["PreCache", "Pools"]}, "spec", JUDGED),
        ({"canaries": {"soakMinutes": 1}}, "spec.canaries", EITHER),
        ({"canaries": {"count": 1, "selector": RING}}, "spec.canaries", EITHER),
        ({"canaries": {"count": 1, "health": {}}}, "spec.canaries.health", NO_CHECK),
        ({"canaries": {"count": 1, "health": {"nodes": False}}}, "spec.canaries.health", NO_CHECK),
        ({"canaries": {"count": 1, "health": {"metrics": []}}}, "spec.canaries.health", NO_CHECK),
        (
            {"canaries": {"count": 1, "soakMinutes": 60, "rollback": True}},
            "spec.canaries",
            "rollback needs health, which says that a canary is not well",
        ),
        (
            {"canaries": {"count": 1, "rollbackAfterMinutes": 20}},
            "spec.canaries",
            "rollbackAfterMinutes needs rollback",
        ),
        ({"canaries": {"selector": {}}}, "spec.canaries", "must not choose every cluster"),
        *(
            ({"failureBudget": {"maximum": each}}, "spec.failureBudget.maximum", BUDGET)
            for each in (-1, 100001, "5", "101%", "01%", "", "%")
        ),
        ({"failureBudget": {"maximum": 1, "per": "Hub"}}, "spec.failureBudget", ON_THE_HUB),
        (
            {"failureBudget": {"maximum": "1%", "per": "Hub", "withinMinutes": 60}},
            "spec.failureBudget",
            ON_THE_HUB,
        ),
        ({"breaker": {"minimumUpgrades": 1}}, "spec.breaker", NO_BREAKER),
    ],
)
def test_failures_that_can_not_be_counted_are_refused(
    tried: Create, spec: Object, field: str, words: str
) -> None:
    refused(tried(**spec), field, words)


def test_a_policy_without_a_spec_is_refused(admin: httpx.Client) -> None:
    body = policy("missing", {})
    del body["spec"]
    response = admin.post(PATH, json=body, params={"dryRun": "All"})
    refused(Answer(response.status_code, response.json()), "spec", "Required value")


# -- how it is shown and changed ------------------------------------------------------------------


def test_the_columns_show_what_the_policy_bounds(kubectl: Kubectl, kept: str) -> None:
    header, row = kubectl("get", "rolloutpolicy", kept).splitlines()
    assert header.split() == ["NAME", "IN", "FLIGHT", "WINDOW", "ACTIONS", "AGE"]
    assert row.startswith(kept)
    for shown in ("10%", "0 1 * * MON-FRI", '["Prep","Upgrade","Update"]'):
        assert shown in row
    assert '["nowhere"]' in kubectl("get", "rolloutpolicies", kept, "-o", "wide")


def test_a_policy_may_be_changed_as_a_whole(admin: httpx.Client, kept: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    body: Object = {"spec": {"inFlight": 5, "windows": None, "fit": None}}
    response = admin.patch(f"{PATH}/{kept}", json=body, headers=headers)
    found = response.json()
    assert (response.status_code, found["metadata"]["generation"]) == (200, 2)
    assert found["spec"]["inFlight"] == 5


# -- rights ---------------------------------------------------------------------------------------

READ = ["get", "list", "watch"]
WRITE = ["create", "update", "patch", "delete"]


def roles(aggregated: bool = True) -> dict[str, Object]:
    objects = render({"userRoles": {"aggregateEdit": aggregated}})
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == "ClusterRole"}


@pytest.mark.parametrize("aggregated", [False, True])
def test_a_role_of_its_own_writes_policies_and_is_part_of_no_other(aggregated: bool) -> None:
    found = roles(aggregated)
    view, edit = (found[f"ibgu-rollout-policy-{name}"] for name in ("view", "edit"))
    for role, verbs in ((view, READ), (edit, [*READ, *WRITE])):
        rule = {"apiGroups": ["ibgu.dev"], "resources": ["rolloutpolicies"], "verbs": verbs}
        assert role["rules"] == [rule]
    groups = {
        f"rbac.authorization.k8s.io/aggregate-to-{name}" for name in ("view", "edit", "admin")
    }
    assert groups <= set(view["metadata"]["labels"])
    assert not [label for label in edit["metadata"]["labels"] if "aggregate" in label]


def test_no_other_role_of_the_chart_writes_policies() -> None:
    writers = {
        name
        for name, role in roles().items()
        for rule in role["rules"]
        if {"rolloutpolicies", "*"} & set(rule.get("resources", ()))
        and {*WRITE, "*"} & set(rule["verbs"])
    }
    assert writers == {"ibgu-rollout-policy-edit"}


@pytest.mark.parametrize(
    ("user", "may", "may_not"),
    [
        ("alice", "get list watch", "create update patch delete"),
        ("olga", "get list watch", "create update patch delete"),
        ("nora", "get list watch create update patch delete", "deletecollection"),
        ("bob", "", "get list create"),
    ],
)
def test_users_of_the_sandbox_have_rights_of_their_own(
    admin: httpx.Client, user: str, may: str, may_not: str
) -> None:
    assert set(answers(admin, may, ROLLOUT_POLICIES, "", user).values()) <= {True}
    assert set(answers(admin, may_not, ROLLOUT_POLICIES, "", user).values()) == {False}


def test_every_list_and_text_of_the_schema_is_bounded() -> None:
    crd: Any = yaml.safe_load((CHART / "crds" / "rolloutpolicies.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(_unbounded(schema["properties"]["spec"], "spec")) == []


def _unbounded(schema: Any, path: str) -> Iterator[str]:
    bounds = {"array": {"maxItems"}, "string": {"maxLength", "enum"}, "integer": {"maximum"}}
    wanted = bounds.get(schema.get("type"), set())
    if wanted and not wanted & set(schema):
        yield path
    more = schema.get("additionalProperties")
    if more is not None and "maxProperties" not in schema:
        yield path
    parts = {**schema.get("properties", {}), "[]": schema.get("items"), "*": more}
    for name, part in parts.items():
        if part is not None:
            yield from _unbounded(part, f"{path}.{name}")


def _read(answer: Answer) -> RolloutPolicy:
    return decode_one(PATH, httpx.Response(200, json=answer.body).content, RolloutPolicy)
