"""All rules about what the hub says, and the answer of each."""

from ibgu.core.drivers.ibu.preflight import (
    backup_storage,
    catalogue,
    clusters,
    config_maps,
    hardware,
    operators,
    plan,
    releases,
    seed,
)
from ibgu.core.drivers.ibu.preflight.facts import Lookup, PreflightFacts
from ibgu.core.drivers.ibu.preflight.registry import RULES
from ibgu.core.drivers.ibu.preflight.report import Check, PreflightReport, report_of


def _clusters(facts: PreflightFacts) -> bool:
    return bool(facts.clusters)


def _planned(facts: PreflightFacts) -> bool:
    return facts.planned and bool(facts.clusters)


def _prepared(facts: PreflightFacts) -> bool:
    return facts.seed is not None


def _targeted(facts: PreflightFacts) -> bool:
    return bool(facts.clusters) and releases.parsed(facts.target) is not None


def _oadp(facts: PreflightFacts) -> bool:
    return bool(facts.oadp)


def _manifests(facts: PreflightFacts) -> bool:
    return bool(facts.manifests)


ANY_KIND = (
    Check((clusters.P33,), _clusters, clusters.available),
    Check((clusters.P34,), _clusters, clusters.free),
    Check((plan.P35,), lambda facts: facts.planned, plan.possible),
)
"""The checks of the rules that hold for every kind of change."""
_CHECKS = (
    *ANY_KIND,
    Check((releases.P1,), _clusters, releases.supported),
    Check((releases.P2,), _targeted, releases.upward),
    Check((releases.P3,), _targeted, releases.within_reach),
    Check(
        (releases.P4,),
        lambda facts: _targeted(facts) and facts.payload.hub.lookup is not Lookup.MISSING,
        releases.hub_behind,
    ),
    Check(
        (releases.P5,),
        lambda facts: _targeted(facts) and facts.payload.acm.lookup is not Lookup.MISSING,
        releases.acm_behind,
    ),
    Check((operators.P6,), _clusters, operators.agent_runs),
    Check(
        (operators.P7,),
        lambda facts: _clusters(facts) and _oadp(facts),
        operators.oadp_installed,
    ),
    Check((operators.P8,), _clusters, operators.storage_operators),
    Check((clusters.P9,), _planned, clusters.can_continue),
    Check((clusters.P10,), _clusters, clusters.single_node),
    Check((seed.P11,), _prepared, seed.seed_unnamed),
    Check((seed.P12,), lambda facts: facts.payload.pull_secret is not None, seed.pull_secret),
    Check((config_maps.P13,), _oadp, config_maps.oadp_maps),
    Check((config_maps.P14,), _manifests, config_maps.manifest_maps),
    Check(config_maps.OADP_RULES, _oadp, config_maps.oadp_content),
    Check(config_maps.MANIFEST_RULES, _manifests, config_maps.manifest_content),
    Check((plan.P29,), plan.counts_manifests, plan.counted_manifests),
    Check(
        (backup_storage.P30,),
        lambda facts: _clusters(facts) and _oadp(facts),
        backup_storage.backups_possible,
    ),
    Check((backup_storage.P31,), _clusters, backup_storage.container_storage),
    Check(
        (hardware.P32,),
        lambda facts: _clusters(facts) and _prepared(facts) and not catalogue.profiled(facts),
        hardware.alike,
    ),
    Check((clusters.P36,), lambda facts: bool(facts.rollback_until or facts.rollback_over),
           clusters.in_time),
    Check((clusters.P37,), lambda facts: any(step.rollback for step in facts.steps),
           lambda _: ()),
    Check((plan.P38,), lambda facts: any(step.rollback for step in facts.steps),
           plan.rollback_fits),
    Check(
        (config_maps.P39,),
        lambda facts: bool(facts.payload.config_maps),
        config_maps.too_large,
    ),
    Check((plan.P40,), lambda facts: facts.planned, plan.readable_annotations),
    Check((hardware.P32,), catalogue.profiled, catalogue.like_the_seed),
    Check(
        (catalogue.P41,),
        lambda facts: _prepared(facts) and facts.payload.seed_image is not None,
        catalogue.is_the_entry,
    ),
)  # fmt: skip


def judge(facts: PreflightFacts) -> PreflightReport:
    """Returns the answer of every rule."""
    return report_of(RULES, _CHECKS, facts)
