"""Reading the status of an IBGU as TALM writes it."""

from msgspec import Raw, json
from msgspec.structs import replace

from ibgu.core.talm import status_of
from tests.core.engine.decide.builders import ibgu

STATUS = {
    "conditions": [{"type": "Progressing", "status": "False", "message": "All plan steps..."}],
    "clusters": [
        {"name": "s1", "failedActions": [{"action": "Prep", "message": "words"}]},
        {"name": "s2", "completedActions": [{"action": "Prep"}]},
    ],
}


def test_actions_that_talm_shows_as_ended() -> None:
    obj = replace(ibgu("a", "Prep"), status=Raw(json.encode(STATUS)))
    assert status_of(obj).ended() == {("s1", "Prep"), ("s2", "Prep")}


def test_a_status_that_is_not_talms() -> None:
    obj = replace(ibgu("a", "Prep"), status=Raw(b'{"clusters": 3}'))
    assert status_of(obj).ended() == set()
