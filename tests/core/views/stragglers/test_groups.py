from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.views.stragglers import (
    RecoveryWay,
    Straggler,
    StragglerMember,
    StragglerState,
    grouped,
)


def straggler(cluster: str, kind: str, state: StragglerState = StragglerState.ENDED) -> Straggler:
    left = StragglerMember(
        cluster=cluster, step=1, action=Action.PREP, kind=kind, words=f"of {cluster}"
    )
    return Straggler(left, state)


def test_the_largest_first_and_what_goes_on_last() -> None:
    groups = grouped(
        [
            *(straggler(f"w{n}", "Running", StragglerState.GOING) for n in range(3)),
            straggler("b", "Pull"),
            straggler("site-10", "Disk"),
            straggler("site-9", "Disk"),
            straggler("a", "Other"),
        ]
    )
    assert [(group.kind, group.clusters) for group in groups] == [
        ("Disk", ("site-9", "site-10")),
        ("Other", ("a",)),
        ("Pull", ("b",)),
        ("Running", ("w0", "w1", "w2")),
    ]
    assert groups[0].words == "of site-9"
    assert [group.differ for group in groups] == [True, False, False, True]


def test_another_way_on_is_another_group() -> None:
    one = straggler("a", "Disk")
    other = Straggler(straggler("b", "Disk").left, StragglerState.ENDED, ((Action.PREP,),))
    assert [group.next for group in grouped([one, other])] == [None, Action.PREP]
    back = Straggler(
        straggler("c", "Disk").left, StragglerState.ENDED, ((Action.ABORT_ON_FAILURE,),)
    )
    assert [group.aborts for group in grouped([one, other, back])] == [False, False, True]
    assert grouped([]) == []


def test_each_action_that_cleans_up_again_is_a_group() -> None:
    actions = (Action.ABORT, Action.ABORT_ON_FAILURE, Action.ABORT)
    stuck = [
        Straggler(
            straggler(f"a{n}", "AbortFailed").left,
            StragglerState.ENDED,
            way=RecoveryWay.CLEANUP,
            cleanup=action,
        )
        for n, action in enumerate(actions)
    ]
    assert [(group.cleanup, group.clusters) for group in grouped(stuck)] == [
        (Action.ABORT, ("a0", "a2")),
        (Action.ABORT_ON_FAILURE, ("a1",)),
    ]
