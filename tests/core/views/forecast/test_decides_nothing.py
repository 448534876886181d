"""R41.4: forecasts inform people, and the engine does not know them."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "room",
    [
        "engine.decide",
        "engine.gates",
        "engine.refresh",
        "plan",
        "drivers.ibu.observe",
        "drivers.ibu.works",
    ],
)
def test_the_engine_does_without_forecasts(room: str) -> None:
    code = f"import ibgu.core.{room}, sys; sys.exit('ibgu.core.views.forecast' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
