"""PreCache by PinnedImageSets in the engine: they are there for their run, and no longer."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, RolloutState, names
from ibgu.core.model.kinds import PreCache, RolloutObject, RolloutSpec
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.drivers.cluster_version.version_samples import NEW, OTHER, UPDATE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

UID = "uid-z"
SITE = "site-1"
ALL = "3 of 3 nodes have the images (master: 1 of 1, worker: 2 of 2)"
SOME = "2 of 3 nodes have the images (master: 1 of 1, worker: 1 of 2)"


def ahead(timeout: int = 240) -> RolloutObject:
    found = ibgu("z", "PreCache", concurrency=1, timeout=timeout)
    update = replace(UPDATE, pre_cache=PreCache(images=[NEW, OTHER]))
    spec = RolloutSpec(
        cluster_label_selectors=found.spec.cluster_label_selectors,
        plan=found.spec.plan,
        update=update,
    )
    return replace(found, kind=names.FLEET_UPDATE, spec=spec)


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine(SITE, driver=CLUSTER_VERSION, node=VersionNode)
    invariants = Invariants(engine)
    node_of(engine).version = "4.19.3"
    yield engine
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(engine), proofs=proofs)) == []


def node_of(engine: InMemoryEngine) -> VersionNode:
    node: Any = engine.spokes[SITE]
    return cast("VersionNode", node)


def test_the_run_says_how_many_nodes_have_the_images_and_leaves_nothing(
    engine: InMemoryEngine,
) -> None:
    engine.apply(ahead())
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.wait(minutes=6)
    reason = engine.member(UID, 0, SITE).reason
    assert (reason.kind, reason.message) == (ReasonKind.RUNNING, SOME)
    engine.drive()
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE
    assert engine.member(UID, 0, SITE).outcome is Outcome.SUCCEEDED
    assert len(node_of(engine).made) == 1
    assert node_of(engine).jobs == {}


def test_nodes_that_have_not_seen_their_set_yet_prove_nothing(engine: InMemoryEngine) -> None:
    """For a moment all of them count as up to date."""
    engine.apply(ahead())
    engine.until(Kind.RUN_ACCEPTED)
    engine.settle()
    engine.wait(seconds=2)
    member = engine.member(UID, 0, SITE)
    assert node_of(engine).pinned == 3
    assert (member.outcome, member.reason.message) == (None, ALL)
    engine.wait(minutes=1)
    assert engine.member(UID, 0, SITE).outcome is None
    engine.drive()


def test_a_node_without_space_costs_the_step_its_time_and_the_message_says_so(
    engine: InMemoryEngine,
) -> None:
    node_of(engine).full = True
    engine.apply(ahead(timeout=30))
    engine.drive()
    member = engine.member(UID, 0, SITE)
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.TIMED_OUT)
    assert SOME in member.message
    known = CLUSTER_VERSION.failure("PreCache", member.message)
    assert known is not None
    assert known.name == "ImagesNotOnAllNodes"
    assert node_of(engine).jobs == {}


def test_a_cluster_that_refuses_the_sets_fails_after_a_while(engine: InMemoryEngine) -> None:
    node_of(engine).job_error = 'no matches for kind "PinnedImageSet"'
    engine.apply(ahead())
    engine.drive()
    member = engine.member(UID, 0, SITE)
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.PRECACHE_FAILED)
    assert "no matches for kind" in member.message
