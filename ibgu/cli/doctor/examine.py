"""Derives the findings from the settings."""

from ibgu.cli.doctor.facts import HubFacts, NotTried
from ibgu.cli.doctor.findings import Finding
from ibgu.cli.doctor.judge_clocks import judge_clocks
from ibgu.cli.doctor.judge_hub import judge_api, judge_hub
from ibgu.cli.doctor.judge_journal import judge_journal
from ibgu.cli.doctor.probe_hub import AccessQuestion, nothing, probe_hub
from ibgu.cli.doctor.probe_journal import probe_journal
from ibgu.settings import Settings, in_cluster


async def examine(settings: Settings, ask: AccessQuestion) -> list[Finding]:
    hub = await _hub(settings, ask)
    if ask.user:
        return list(judge_hub(hub, user=True))
    api = settings.component == "api"
    journal = await probe_journal(settings.database_url, reads_only=api)
    return [
        *(judge_api(hub) if api else judge_hub(hub, user=False)),
        *judge_journal(journal, reads_only=api),
        *judge_clocks(hub, journal),
    ]


async def _hub(settings: Settings, ask: AccessQuestion) -> HubFacts:
    """Reads the hub's facts; ~/.kube/config counts only for a person: ibgu itself must be given
    where its hub is."""
    if settings.kubeconfig or in_cluster() or ask.user:
        return await probe_hub(settings, ask)
    return nothing(NotTried("KUBECONFIG is not set"))
