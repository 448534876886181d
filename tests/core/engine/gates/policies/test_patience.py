"""R50.17: others wait for one that goes first at a policy's places, and pass it after a while."""

from datetime import UTC, datetime, timedelta

from ibgu.core.engine.gates.policies.patience import MAX_LAPSES, PATIENCE, Patience, Taken, Turn

KEY = ("network", "uid-a")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOM = 3
NEVER = Taken(own=0, all=0)


def turn(taken: Taken = NEVER, *, able: bool = True) -> Turn:
    return Turn(taken, ROOM, able)


def lapse(patience: Patience, found: Turn | None, now: datetime) -> bool:
    return patience.lapse({KEY: found}.get, now)


def test_others_pass_after_their_patience_for_as_many_places_as_there_are() -> None:
    patience = Patience()
    patience.begin(KEY, NEVER, NOW)
    assert not lapse(patience, turn(), NOW + PATIENCE - timedelta(seconds=1))
    assert not patience.is_over(KEY, NEVER)
    assert lapse(patience, turn(), NOW + PATIENCE)
    assert [patience.is_over(KEY, Taken(0, taken)) for taken in range(ROOM + 1)] == [
        *[True] * ROOM,
        False,
    ]


def test_each_turn_in_vain_makes_the_next_one_come_later_up_to_a_bound() -> None:
    patience, now, taken, waits = Patience(), NOW, 0, []
    for _ in range(MAX_LAPSES + 2):
        patience.begin(KEY, Taken(0, taken), now)
        now += PATIENCE
        assert lapse(patience, turn(Taken(0, taken)), now)
        before = taken
        while patience.is_over(KEY, Taken(0, taken)):
            taken += 1
        waits.append(taken - before)
    assert waits == [ROOM * 2 ** min(lapses, MAX_LAPSES) for lapses in range(MAX_LAPSES + 2)]


def test_a_place_that_it_takes_begins_a_new_patience() -> None:
    patience, after = Patience(), Taken(own=1, all=1)
    patience.begin(KEY, NEVER, NOW)
    lapse(patience, turn(), NOW + PATIENCE)
    assert not patience.is_over(KEY, after)
    patience.begin(KEY, after, NOW + PATIENCE)
    assert not lapse(patience, turn(after), NOW + PATIENCE * 1.9)
    assert lapse(patience, turn(after), NOW + PATIENCE * 2)


def test_pauses_make_no_turn_longer() -> None:
    """A rollout is paused shortly before others pass it, and resumed."""
    patience = Patience()
    patience.begin(KEY, NEVER, NOW)
    assert lapse(patience, turn(able=False), NOW + PATIENCE * 0.9)
    assert not patience.is_over(KEY, NEVER)
    again = NOW + timedelta(hours=1)
    patience.begin(KEY, NEVER, again)
    assert not lapse(patience, turn(), again + PATIENCE * 0.05)
    assert lapse(patience, turn(), again + PATIENCE * 0.1)
    assert patience.is_over(KEY, NEVER)


def test_a_clock_that_goes_back_ends_the_turn() -> None:
    patience = Patience()
    patience.begin(KEY, NEVER, NOW)
    assert lapse(patience, turn(), NOW - timedelta(seconds=1))


def test_one_that_is_gone_or_has_taken_a_place_is_forgotten() -> None:
    patience = Patience()
    for found in (None, turn(Taken(own=1, all=1))):
        patience.begin(KEY, NEVER, NOW)
        assert not lapse(patience, found, NOW + PATIENCE)
        assert not patience.is_over(KEY, NEVER)
        assert not lapse(patience, turn(), NOW + PATIENCE * 2)
