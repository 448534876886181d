from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.text.natural import natural_key

NAMES = st.text(alphabet="ab-.0123456789", max_size=12) | st.text(max_size=8)


def test_numbers_count_as_numbers() -> None:
    names = ["site-10", "site-9", "b", "10", "9", "site-9a", "site-9-1", "site-09", "site"]
    assert sorted(names, key=natural_key) == [
        "9",
        "10",
        "b",
        "site",
        "site-09",
        "site-9",
        "site-9-1",
        "site-9a",
        "site-10",
    ]


@given(NAMES, NAMES)
def test_keys_are_equal_only_for_equal_names(one: str, other: str) -> None:
    assert (natural_key(one) == natural_key(other)) == (one == other)


@given(NAMES, NAMES, NAMES)
def test_the_order_is_total(a: str, b: str, c: str) -> None:
    one, two, three = (natural_key(name) for name in (a, b, c))
    assert (one < two) + (two < one) + (one == two) == 1
    assert not (one <= two and two <= three) or one <= three


@given(st.lists(NAMES, unique=True), st.randoms(use_true_random=False))
def test_the_same_for_every_order_of_the_input(names: list[str], random: Random) -> None:
    shuffled = random.sample(names, len(names))
    assert sorted(shuffled, key=natural_key) == sorted(names, key=natural_key)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_natural_order_follows_the_numbers(one: int, other: int) -> None:
    ordered = natural_key(f"site-{one}") < natural_key(f"site-{other}")
    assert ordered == (one < other)
