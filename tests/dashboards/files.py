"""The dashboards as files of the chart."""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tests.dashboards.boards import BOARDS

FOLDER = Path(__file__).parents[2] / "charts" / "ibgu" / "dashboards"


def contents() -> dict[str, str]:
    """File name -> text."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{name}.json": encoder.encode(make().build()) + "\n" for name, make in BOARDS.items()}
