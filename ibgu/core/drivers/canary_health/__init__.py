"""The health of canaries that only their clusters know: operators and nodes (R50.16).

A ManifestWork that only reads (OCM's update strategy ReadOnly) names the objects; `work.py` makes
it, `answer.py` judges what the agent reports.
"""

from ibgu.core.drivers.canary_health.answer import HealthAnswer, health_answer
from ibgu.core.drivers.canary_health.work import SELECTOR, WORK, health_body, health_patch

__all__ = ["SELECTOR", "WORK", "HealthAnswer", "health_answer", "health_body", "health_patch"]
