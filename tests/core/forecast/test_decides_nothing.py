"""R41.4: forecasts inform people, and the engine does not know them."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("engine", ["decide", "gates", "plan", "observe", "works"])
def test_the_engine_does_without_forecasts(engine: str) -> None:
    code = f"import ibgu.core.{engine}, sys; sys.exit('ibgu.core.forecast' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
