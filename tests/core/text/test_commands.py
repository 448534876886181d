"""Commands that a text proposes, with the names that a reader would have to fill in."""

import pytest

from ibgu.core.text.commands import named_commands

TEXT = "See NAME (`ibgu gather CLUSTER`), then `ibgu retry NAME --abort-first`."


@pytest.mark.parametrize(
    ("rollout", "cluster", "named"),
    [
        (
            "ran-417",
            "site-1",
            "See NAME (`ibgu gather site-1`), then `ibgu retry ran-417 -n ran --abort-first`.",
        ),
        ("", "site-1", "See NAME (`ibgu gather site-1`), then `ibgu retry NAME --abort-first`."),
        (
            "ran-417",
            "",
            "See NAME (`ibgu gather CLUSTER`), then `ibgu retry ran-417 -n ran --abort-first`.",
        ),
    ],
)
def test_only_commands_get_the_names_that_are_known(rollout: str, cluster: str, named: str) -> None:
    assert named_commands(TEXT, "ran", rollout, cluster) == named
