from ibgu.sim.lca.conditions import Conditions, set_condition, status_of, without

START = 1_800_000_000.0


def put(conditions: Conditions, kind: str, status: str, reason: str, now: float) -> Conditions:
    return set_condition(conditions, kind, status, reason, reason, generation=2, now=START + now)


def order(conditions: Conditions) -> list[str]:
    return [f"{c['type']}={c['status']}" for c in conditions]


def times(conditions: Conditions) -> dict[str, str]:
    return {c["type"]: c["lastTransitionTime"][-4:-1] for c in conditions}


def test_a_flipped_condition_moves_to_the_end() -> None:
    conditions = put(put([], "A", "True", "InProgress", 1), "B", "True", "InProgress", 2)
    conditions = put(conditions, "A", "False", "Completed", 3)
    assert order(conditions) == ["B=True", "A=False"]
    assert times(conditions) == {"A": ":03", "B": ":02"}


def test_a_new_message_keeps_place_and_time() -> None:
    conditions = put(put([], "A", "True", "InProgress", 1), "B", "True", "InProgress", 2)
    conditions = put(conditions, "A", "True", "Other", 3)
    assert order(conditions) == ["A=True", "B=True"]
    assert times(conditions)["A"] == ":01"
    assert conditions[0]["reason"] == "Other"


def test_idle_always_moves() -> None:
    conditions = put(put([], "Idle", "False", "InProgress", 1), "B", "True", "InProgress", 2)
    conditions = put(conditions, "Idle", "False", "Aborting", 3)
    assert order(conditions) == ["B=True", "Idle=False"]
    assert times(conditions)["Idle"] == ":03"


def test_idle_that_is_last_keeps_its_time() -> None:
    conditions = put(put([], "Idle", "False", "Aborting", 1), "Idle", "False", "AbortFailed", 3)
    assert times(conditions) == {"Idle": ":01"}


def test_lists_are_never_changed_in_place() -> None:
    before = put([], "A", "True", "InProgress", 1)
    put(before, "A", "False", "Failed", 2)
    assert order(before) == ["A=True"]
    assert without(before, "A") == []
    assert status_of(before, "B") == ""
