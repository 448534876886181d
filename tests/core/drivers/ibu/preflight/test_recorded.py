"""The journal keeps some of preflight's answers on a step (R46.8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight import ClusterFacts, judge
from ibgu.core.drivers.ibu.preflight.facts import (
    ConfigMapFacts,
    HubRelease,
    Lookup,
    PayloadFacts,
)
from ibgu.core.drivers.ibu.preflight.recorded import (
    StepInputs,
    facts_of_step,
    result_of,
)
from ibgu.core.model import Rollout, Step
from ibgu.core.model.document import Document
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef
from ibgu.core.model.preflight import (
    MAX_MESSAGES,
    FindingSeverity,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
    merged,
)
from tests.core.drivers.ibu.preflight.answers import facts as read
from tests.core.drivers.ibu.preflight.test_inspected import WITHOUT_SPACE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEED = SeedImageRef(image=f"quay.io/seed/image@sha256:{'0' * 64}", version="4.17.3")
ROLLOUT = Rollout(
    uid="uid-a",
    namespace="fleet",
    name="a",
    created_at=NOW,
    spec=RolloutSpec(ibu_spec=IbuSpec(seed_image_ref=SEED)),
)
UNREAD = PayloadFacts(hub=HubRelease(Lookup.FORBIDDEN), acm=HubRelease(Lookup.FORBIDDEN))


def cluster(name: str, release: str = "4.16.3", **changes: Any) -> ClusterFacts:
    return ClusterFacts(
        name=name,
        release=release,
        product="OpenShift",
        topology="SingleReplica",
        clock="True",
        **changes,
    )


def recorded(
    *clusters: ClusterFacts,
    action: Action = Action.PREP,
    payload: PayloadFacts = UNREAD,
    mode: str = "warn",
) -> PreflightRecord:
    return evaluated(*clusters, action=action, payload=payload, mode=mode).record


def evaluated(
    *clusters: ClusterFacts,
    action: Action = Action.PREP,
    payload: PayloadFacts = UNREAD,
    mode: str = "warn",
) -> PreflightResult:
    step = Step(
        rollout="uid-a",
        index=0,
        actions=(action,),
        max_concurrency=2,
        timeout=timedelta(hours=4),
    )
    given = StepInputs(
        clusters=clusters,
        members=len(clusters),
        annotations={"ibgu.dev/preflight": mode},
        payload=payload,
        prepares=action is Action.PREP,
        holders={},
        rollback=timedelta(minutes=30),
    )
    facts = facts_of_step(ROLLOUT, step, given)
    found = result_of(judge(facts), facts, NOW, enforced=mode == "enforce")
    assert found.judged == {each.name for each in clusters}
    assert found.record.at == NOW
    return found


def test_sound_clusters_have_no_finding_and_rules_without_facts_are_unknown() -> None:
    found = recorded(cluster("site-1"))
    assert found.findings == ()
    assert found.unknown == ("P4", "P5", "P6", "P8", "P31", "P32")


def test_equal_errors_are_one_finding_with_its_clusters() -> None:
    found = recorded(cluster("site-1", "4.14.20"), cluster("site-2"), cluster("site-10", "4.14.20"))
    assert found.findings == (
        RecordedFinding(
            "P3",
            FindingSeverity.ERROR,
            "are more than 2 minor releases behind 4.17.3",
            ("site-1", "site-10"),
        ),
    )


def test_a_cluster_with_the_seeds_release_is_left_to_its_probe() -> None:
    found = recorded(cluster("site-1", "4.17.3"), cluster("site-2", "4.18.0"))
    assert [(each.severity, each.clusters) for each in found.findings] == [
        (FindingSeverity.ERROR, ("site-2",)),
        (FindingSeverity.WARNING, ("site-1",)),
    ]


def test_a_step_without_prep_is_not_compared_with_the_seed() -> None:
    assert recorded(cluster("site-1", "4.17.3"), action=Action.UPGRADE).findings == ()


def test_findings_about_objects_say_which_and_errors_come_first() -> None:
    name = "openshift-adp/oadp"
    wrong = Document(file="ConfigMap oadp a.yaml", line=3, problem="isn't valid YAML")
    map_ = ConfigMapFacts(name, Lookup.FOUND, documents=(wrong,))
    missing = ConfigMapFacts("openshift-adp/other", Lookup.MISSING)
    found = recorded(cluster("site-1"), payload=PayloadFacts(config_maps=(map_, missing)))
    severities = [each.severity for each in found.findings]
    assert severities == sorted(severities, key=list(FindingSeverity).index)
    said = [each.message for each in found.findings]
    assert any("(ConfigMap oadp a.yaml:3)" in words for words in said)
    assert any(
        words.startswith("ConfigMap openshift-adp/other: is not on the hub") for words in said
    )


def test_messages_of_a_rule_are_bounded_and_its_clusters_are_not() -> None:
    fleet = [replace(cluster(f"site-{n}"), topology=f"topology {n}") for n in range(150)]
    found = recorded(*fleet)
    of_topology = [each for each in found.findings if each.rule == "P10"]
    assert len(of_topology) == MAX_MESSAGES + 1
    assert len(found.erring()) == 150


def test_whether_a_cluster_is_reachable_is_left_to_the_engine() -> None:
    found = recorded(cluster("site-1", reachable=False))
    assert "P33" not in {each.rule for each in found.findings}


def test_a_record_says_whether_it_was_evaluated_to_be_enforced() -> None:
    assert not recorded(cluster("site-1")).enforced
    assert recorded(cluster("site-1"), mode="enforce").enforced


def test_an_error_stays_while_its_rule_can_not_be_checked_for_the_cluster() -> None:
    full, well = read(WITHOUT_SPACE), read()
    members = frozenset({"site-1", "site-2"})
    first = evaluated(cluster("site-1", inspected=full), cluster("site-2", inspected=full))
    known = merged(None, first, members)
    assert known.erring() == members
    again = evaluated(cluster("site-1"), cluster("site-2", inspected=well))
    assert merged(known, again, members).erring() == {"site-1"}
    third = evaluated(cluster("site-1", inspected=well), cluster("site-2", inspected=well))
    assert merged(known, third, members).erring() == frozenset()


def test_no_cluster_to_judge_has_no_waves() -> None:
    assert recorded().findings == ()
