"""The objects that a controller follows on the hub from its start, beside the mirror."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Self

from msgspec import Struct

from ibgu.controller.lookups.grants import RolloutGrants
from ibgu.controller.lookups.rights import RightsWatch, of_controller
from ibgu.controller.lookups.rollout_policies import RolloutPolicies
from ibgu.controller.lookups.seed_breakers import SeedBreakers
from ibgu.controller.lookups.talm_policy import TalmPolicyWatch
from ibgu.controller.lookups.watching import WatchOptions
from ibgu.controller.mirror.watches import watch_timing
from ibgu.db.journal import Journal
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.settings import Settings


class HubLookups(Struct, frozen=True, kw_only=True):
    """HubLookups go on whether the controller leads or not."""

    rights: RightsWatch
    talm_policy: TalmPolicyWatch
    seed_breakers: SeedBreakers
    rollout_policies: RolloutPolicies
    grants: RolloutGrants

    @classmethod
    def of(
        cls,
        settings: Settings,
        client: Hub,
        served: Served,
        journal: Journal,
        rng: Random,
        lease: str,
        rights_given: Callable[[], None],
    ) -> Self:
        """Returns the lookups of what the hub serves. `lease`: the name of the controller's;
        `rights_given` is called when it has got rights that it lacked."""
        needs = of_controller(
            settings,
            lease,
            cgus=served.cgus,
            fleet_updates=served.fleet_updates,
            seed_images=served.seed_images,
            rollout_policies=served.rollout_policies,
            grants=served.grants,
        )
        watching = WatchOptions(
            streaming=served.streaming_lists, timing=watch_timing(settings), rng=rng
        )
        return cls(
            rights=RightsWatch(client, needs, rights_given),
            talm_policy=TalmPolicyWatch(client, served=served.policies, **watching),
            seed_breakers=SeedBreakers(client, served=served.seed_images, **watching),
            rollout_policies=RolloutPolicies(
                client, journal, served=served.rollout_policies, **watching
            ),
            grants=RolloutGrants(client, served=served.grants, **watching),
        )

    def start(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self.rights.run())
        tasks.create_task(self.talm_policy.run())
        tasks.create_task(self.seed_breakers.run())
        tasks.create_task(self.rollout_policies.run())
        tasks.create_task(self.grants.run())
