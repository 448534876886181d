from pathlib import Path

import pytest

from ibgu.sim.faults import (
    CATALOGUE,
    DEFECTS,
    UPDATE_FAULTS,
    FaultPoint,
    FaultRule,
    assign,
    parse_defect,
    parse_fault,
)
from ibgu.sim.spec import FleetSpec


def test_a_fault_rule_with_a_rate_is_parsed() -> None:
    rule = parse_fault("prep.precache=0.05")
    assert rule == FaultRule(CATALOGUE["prep.precache"], 0.05)


def test_a_fault_rule_for_a_cluster_is_parsed() -> None:
    rule = parse_fault("upgrade.init-monitor@spoke6")
    assert rule == FaultRule(CATALOGUE["upgrade.init-monitor"], 0.0, ("spoke6",))


def test_everything_at_once() -> None:
    rule = parse_fault("frozen-feedback/Upgrade:20m*2=0.1@a-1,b.2")
    assert rule.rate == 0.1
    assert rule.clusters == ("a-1", "b.2")
    assert rule.fault.stage == "Upgrade"
    assert rule.fault.seconds == 1200
    assert rule.fault.times == 2


def test_nobody_named_means_everybody() -> None:
    assert parse_fault("hangs").rate == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prep.precach", "did you mean prep.precache"),
        ("zzzzzz", "unknown fault 'zzzzzz'; known: prep.partition"),
        ("hangs/Preparation", "unknown stage 'Preparation'"),
        ("prep.precache/Upgrade", "belongs to the stage Prep"),
        ("hangs=2", "a share between 0 and 1"),
        ("offline:soon", "is not a duration"),
        ("prep.precache=", "is not a fault; write name"),
        ("Prep Precache", "is not a fault; write name"),
    ],
)
def test_invalid_fault_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


def test_rates_are_exact_and_seeded() -> None:
    names = [f"site-{n:04d}" for n in range(200)]
    rules = [parse_fault("prep.precache=0.05"), parse_fault("prep.stateroot=0.1")]
    given = assign(rules, names, seed=3)
    count = [sum(rules[n].fault in faults for faults in given.values()) for n in (0, 1)]
    assert count == [10, 20]
    assert given == assign(rules, names, seed=3)
    assert given != assign(rules, names, seed=4)


def test_a_cluster_gets_one_fault_a_stage() -> None:
    names = [f"site-{n:04d}" for n in range(20)]
    given = assign([parse_fault("prep.precache=0.5"), parse_fault("hangs=0.5")], names, seed=1)
    assert all(len(faults) == 1 for faults in given.values())


def test_a_defect_rule_is_parsed() -> None:
    rule = parse_defect("disk-full:20m=0.1@a,b")
    assert (rule.fault.name, rule.fault.seconds) == ("disk-full", 1200)
    assert (rule.rate, rule.clusters) == (0.1, ("a", "b"))
    assert parse_defect("lca-old") == FaultRule(DEFECTS["lca-old"], 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("disk-ful", "did you mean disk-full"),
        ("zzzzzz", "unknown defect 'zzzzzz'; known: backup-storage-unavailable"),
        ("prep.precache", "unknown defect"),
        ("disk-full/Prep", "is not a defect; write name"),
        ("disk-full*2", "is not a defect; write name"),
        ("disk-full=2", "a share between 0 and 1"),
    ],
)
def test_invalid_defect_rules_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_defect(text)


def test_defects_are_drawn_apart_from_faults_and_one_for_a_cluster() -> None:
    spec = FleetSpec.parse(
        count=100, faults=["hangs=0.3"], defects=["disk-full=0.3", "dpa-missing=0.3"]
    )
    given = spec.faults_by_cluster()
    names = {name: [fault.name for fault in faults] for name, faults in given.items()}
    defects = {name: [n for n in all_ if n != "hangs"] for name, all_ in names.items()}
    assert sum(each == ["disk-full"] for each in defects.values()) == 30
    assert sum(each == ["dpa-missing"] for each in defects.values()) == 30
    both = sum("hangs" in each and "disk-full" in each for each in names.values())
    assert 0 < both < 30


def test_every_fault_and_every_defect_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    missing = [name for name in (*CATALOGUE, *DEFECTS, *UPDATE_FAULTS) if f"`{name}`" not in page]
    assert missing == []


def test_catalogue_is_consistent() -> None:
    for name, fault in CATALOGUE.items():
        assert name == fault.name
        assert isinstance(fault.where, FaultPoint)
        if "." in name:
            assert fault.stage.lower() == name.split(".")[0]
            assert fault.message
