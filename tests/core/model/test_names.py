import re

from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.model import names
from ibgu.core.model.names import payload_name, stage_name

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABEL, min_size=1, max_size=6).map(".".join)


def test_work_names_begin_with_the_rollouts_name() -> None:
    assert re.fullmatch(r"ran-417-[0-9a-f]{12}-stage", stage_name("uid-1", "ran-417"))
    assert re.fullmatch(r"ran-417-[0-9a-f]{12}-payload", payload_name("uid-1", "ran-417"))


def test_the_same_for_the_same_rollout_and_different_for_another_one() -> None:
    assert stage_name("uid-1", "ran") == stage_name("uid-1", "ran")
    assert stage_name("uid-1", "ran") != stage_name("uid-2", "ran")


@given(st.uuids(), NAMES)
def test_work_names_are_short_and_valid_in_kubernetes(uid: object, name: str) -> None:
    for made in (stage_name(str(uid), name), payload_name(str(uid), name)):
        assert len(made) < 189
        assert SUBDOMAIN.fullmatch(made)


def test_a_name_cut_at_a_dot_stays_valid() -> None:
    made = stage_name("uid", "a" * 118 + ".-" + "b" * 100)
    assert SUBDOMAIN.fullmatch(made)


def test_the_selector_selects_what_the_label_says() -> None:
    assert names.SELECTOR == "app.kubernetes.io/managed-by=ibgu"
