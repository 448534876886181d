"""Simulates the work agent of one cluster: it applies ManifestWorks and reports the results."""

from ibgu.sim.agent.agent import WorkAgent
from ibgu.sim.agent.timing import AgentTiming

__all__ = ["AgentTiming", "WorkAgent"]
