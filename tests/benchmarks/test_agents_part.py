"""Real work agents beside the model, with few clusters: what is printed is not judged here."""

from tests.benchmarks import agents_part
from tests.benchmarks.case import Case
from tests.benchmarks.report import own_bounds


def test_a_real_agent_beside_the_model() -> None:
    result = agents_part.measure(Case(3, 2, durations="1s-2s"), 1, settled=False)
    assert (result.real.actions, result.model.actions) == (2, 4)
    assert result.ended_otherwise == 0
    assert result.hub_cpu > 0
    assert set(agents_part.figures(result)) <= set(own_bounds(agents_part.PART))
