"""A mistyped annotation shows on its rollout's page: nobody may believe that it works."""

import pytest_asyncio
from playwright.async_api import expect

from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import RolloutHistory

pytestmark = SESSION


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def mistyped(site: Site) -> None:
    await _rollout(site.story())


async def _rollout(story: RolloutHistory) -> None:
    controls = {"ibgu.dev/pasue": "nora"}
    of = await story.rollout("ran-mistyped", ["Prep"], controls=controls)
    await story.step(of, 0, 0)


async def test_a_rollout_names_the_annotation_that_does_nothing(look: Tab) -> None:
    page = await look.open("#/r/default/ran-mistyped")
    notice = page.get_by_role("status").filter(has_text="ibgu.dev/pasue does nothing")
    await expect(notice).to_contain_text("do you mean ibgu.dev/pause?")
    assert look.errors == []
