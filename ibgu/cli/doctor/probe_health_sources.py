"""Reads which sources of canaries' health policies ask, and compares them with those that ibgu
knows."""

from ibgu.cli.doctor.facts import InvalidSources, UnknownSource
from ibgu.controller.sources import sources_of
from ibgu.core.engine.gates.policies import unknown_sources
from ibgu.hub.client import HubClient
from ibgu.hub.rollout_policies import read_rollout_policies
from ibgu.settings import Settings, SettingsError


async def read_unknown_sources(
    client: HubClient, settings: Settings
) -> tuple[UnknownSource, ...] | InvalidSources:
    """Returns the sources that policies ask and ibgu does not know."""
    try:
        known = {each.name for each in sources_of(settings)}
    except SettingsError as error:
        return InvalidSources(str(error))
    policies = (await read_rollout_policies(client)).policies
    return tuple(
        UnknownSource(each.metadata.name, name)
        for each in policies
        for name in unknown_sources(each.spec, known)
    )
