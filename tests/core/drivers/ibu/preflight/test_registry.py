from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.ibu.preflight.resources import ResourceFilter


def test_rules_are_listed_once_by_number() -> None:
    numbers = [int(rule.id.removeprefix("P")) for rule in RULES]
    assert numbers == sorted(set(numbers))


def test_every_rule_says_what_must_hold_by_which_chapter_and_what_to_do() -> None:
    assert all(rule.title and rule.reference and rule.remedy for rule in RULES)


def selects(items: list[str], resource: str, group: str = "") -> bool:
    return ResourceFilter.of(items).selects(resource, group)


def test_resources_have_several_names() -> None:
    for item in ("pvc", "persistentVolumeClaims", "persistentvolumeclaim", "*"):
        assert selects([item], "persistentvolumeclaims")
    for item in ("networkpolicies", "NetworkPolicy", "networkpolicy.networking.k8s.io"):
        assert selects([item], "networkpolicies", "networking.k8s.io")
    assert selects(["storageclass"], "storageclasses")
    assert selects(["ingresses.networking.k8s.io"], "ingress")
    assert not selects(["jobs.example.com"], "jobs", "batch")
    assert not selects([], "jobs")
