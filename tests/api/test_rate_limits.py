"""Rate limits in REST: who waits for them, until when, and what a preview says of them."""

from typing import Any

from ibgu.core.model.names import RAMP_UP, START_JITTER, STARTS_PER_MINUTE
from ibgu.db import Journal
from tests.api.conftest import Ask
from tests.api.fleet import RATE_LIMITED, fleet
from tests.api.test_preview import Preview, clusters, preview, proposed

PATH = "rollouts/default/ran-r1"
__all__ = ["clusters", "preview"]


async def told(ask: Ask, path: str, **query: Any) -> Any:
    answer = await ask("alice", path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_rate_limited_rollout_is_running_and_its_step_shows_the_limit(
    ask: Ask, journal: Journal
) -> None:
    await fleet(journal, hold=RATE_LIMITED)
    found = await told(ask, PATH)
    assert (found["phase"], found["hold"]) == ("Running", None)
    _, upgrade, planned = (await told(ask, f"{PATH}/steps"))["items"]
    assert (upgrade["hold"], planned["rateLimit"]) == (None, None)
    assert (upgrade["rateLimit"]["kind"], upgrade["rateLimit"]["who"]) == ("StartRate", "ibgu")
    assert upgrade["rateLimit"]["until"] > upgrade["rateLimit"]["since"]
    reasons = {each["kind"]: each["count"] for each in upgrade["reasons"]}
    assert reasons == {"Rebooting": 1, "StartRate": 1, "ClaimedByOther": 1}


async def test_a_rate_limited_member_waits_and_shows_the_limit(ask: Ask, journal: Journal) -> None:
    await fleet(journal, hold=RATE_LIMITED)
    (one,) = (await told(ask, f"{PATH}/members", step=2, reason="StartRate"))["items"]
    assert (one["cluster"], one["reason"]["kind"]) == ("b", "StartRate")
    grid = await told(ask, f"{PATH}/grid", step=2)
    at = grid["clusters"].index("b")
    assert (grid["states"][at], grid["reasons"][at]) == ("waiting", "StartRate")
    explained = await told(ask, "clusters/b/explain")
    assert (explained["state"], explained["kind"]) == ("waiting", "StartRate")
    assert explained["why"] == "at most 2 a minute"
    assert "ibgu.dev/starts-per-minute" in explained["do"]
    needs = (await told(ask, "rollouts", needsPerson=True))["needsPerson"]
    assert "StartRate" not in {each["kind"] for each in needs}


async def test_a_preview_of_a_manifest_reckons_with_its_rate_limits(preview: Preview) -> None:
    body = proposed("Prep")
    limits = {STARTS_PER_MINUTE: "1", RAMP_UP: "true", START_JITTER: "90"}
    body["metadata"]["annotations"] = limits
    body["spec"]["plan"][0]["rolloutStrategy"]["timeout"] = 1
    found = (await preview("olga", manifest=body)).json()
    (only,) = found["steps"]
    assert (only["startsPerMinute"], only["rampUp"], only["jitterSeconds"]) == (1, True, 90)
    assert only["waves"] == 2
    assert any("2 clusters at 1 starts a minute need 2 min" in each for each in found["warnings"])
