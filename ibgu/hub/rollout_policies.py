"""Reads the RolloutPolicies of the hub once, with the caller's rights."""

from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.text.harmless import one_line
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub


async def read_rollout_policies(hub: Hub) -> PolicyState:
    """Returns the policies; a hub that does not serve them has none. Raises HubError."""
    found: list[RolloutPolicy] = []
    unreadable: list[tuple[str, str]] = []

    def refuse(bad: BadObject) -> None:
        unreadable.append((bad.metadata.name, one_line(bad.problem)))

    try:
        async for page, _ in hub.list_pages(paths.ROLLOUT_POLICIES, RolloutPolicy, on_bad=refuse):
            found += page
    except HubError as error:
        if error.not_found:
            return PolicyState()
        raise
    return PolicyState(tuple(found), tuple(unreadable))
