"""Reads which sources of canaries' health policies ask, and compares them with those that ibgu
knows."""

from ibgu.cli.doctor.facts import InvalidSources, UnknownSource
from ibgu.controller.sources import sources_of
from ibgu.core.engine.gates.policies import source_fault, sources_asked
from ibgu.hub.client import HubClient
from ibgu.hub.rollout_policies import read_rollout_policies
from ibgu.settings import Settings, SettingsError


async def unknown_sources(
    client: HubClient, settings: Settings
) -> tuple[UnknownSource, ...] | InvalidSources:
    """Returns what policies ask that ibgu does not know as such a source."""
    try:
        known = {each.name: each.kind for each in sources_of(settings)}
    except SettingsError as error:
        return InvalidSources(str(error))
    policies = (await read_rollout_policies(client)).policies
    return tuple(
        UnknownSource(each.metadata.name, name, kind.value)
        for each in policies
        for name, kind in sources_asked(each.spec)
        if source_fault(name, kind, known)
    )
