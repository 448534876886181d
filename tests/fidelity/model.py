"""Plays a scene on the model, in virtual time."""

from ibgu.sim.agent import AgentTiming
from ibgu.sim.faults import parse_defect
from tests.fidelity.scene import Scene, Step
from tests.fidelity.trace import Fields, Trace, on_the_cluster
from tests.sim.cluster_simulation import ClusterSimulation

NAME = "work"
DURATIONS = (
    "health=5s,stateroot=15s,precache=20s,export=30s,backup=5s,reboot=20s,settle=20s,restore=20s,"
    "rollback-start=10s,rollback-reboot=20s,rollback-settle=10s,abort=15s,finalize=15s"
)
"""Every phase is long enough to be seen, and over in a moment."""
SCALE = 0.01
_PATIENCE = 600.0
_SETTLE = 5.0
"""Seconds in which everything has come that comes by itself, but for polls and periodic applies."""


class PlayedOnModel:
    def __init__(self, scene: Scene, cluster: str, seed: int) -> None:
        """`seed`: draws when the agent reports early or late; what the Lifecycle Agent does is
        the same with every seed."""
        self.trace = Trace()
        self._world = ClusterSimulation(
            *scene.faults,
            name=cluster,
            durations=DURATIONS,
            scale=SCALE,
            defects=tuple(parse_defect(text) for text in scene.defects),
        )
        self._world.cluster.agent.timing = AgentTiming()
        self._world.cluster.agent._rng.seed(seed)
        self._heard = 0
        for step in scene.steps:
            self._play(step)

    def _play(self, step: Step) -> None:
        world, cluster = self._world, self._world.cluster
        self.trace.begin()
        if step.spec is not None:
            world.put(step.spec, NAME)
        if step.touch:
            world.touch(NAME, touch=step.touch)
        if step.remove:
            world.remove(NAME)
        if step.deed is not None:
            step.deed(cluster, world.now)
        came = world.until(lambda: step.until(self._shown(), cluster), _PATIENCE)
        assert came, f"{step.name}: the model shows {self._shown()}"
        world.run(_SETTLE)
        self._listen()
        self.trace.end(on_the_cluster(cluster))

    def _shown(self) -> Fields:
        self._listen()
        return self.trace.last

    def _listen(self) -> None:
        for _, work in self._world.history[self._heard :]:
            self.trace.add(work)
        self._heard = len(self._world.history)
        if self._world.history and NAME not in self._world.works:
            self.trace.add(None)


def trace_of(scene: Scene, cluster: str, seed: int) -> Trace:
    return PlayedOnModel(scene, cluster, seed).trace
