"""The cluster-version operator of one cluster, in virtual time."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from random import Random
from typing import Any
from uuid import UUID

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.clock import timestamp
from ibgu.sim.cluster_version.conditions import Conditions
from ibgu.sim.cluster_version.courses import Courses
from ibgu.sim.cluster_version.jobs import Jobs
from ibgu.sim.cluster_version.objects import (
    ADMIN_ACKS,
    CLUSTER_VERSION,
    ETCD,
    SIGNATURES,
    admin_acks,
    cluster_version,
    image_of,
    operator_status,
)
from ibgu.sim.cluster_version.pools import Pools
from ibgu.sim.cluster_version.refusals import Asked, Ground, accepted_risks, numbers, refusal
from ibgu.sim.cluster_version.settings import Updates, ack_of
from ibgu.sim.cluster_version.timeline import UpdateTimeline, request_of, run_of
from ibgu.sim.spoke.objects import Key
from ibgu.sim.spoke.store import Spoke

_PARTS = 900
"""The manifests of a release."""
_PATIENCE = 2400.0
"""How long the operator waits for a degraded operator before it says that it fails."""
_ETCD_DEGRADED = "EtcdMembersDegraded: 1 of 3 members are available"
_STALL = "the cluster operator ingress is not available"
_SLOW = "waiting on authentication over 30 minutes which is longer than expected"
_WAITS = {"update-slow": "authentication", "update-stalls": "ingress", "operator-degraded": "etcd"}


class VersionOperator:
    """VersionOperator follows spec.desiredUpdate: it verifies a release, retries a refused one for
    ever while the old one runs on, applies it once it is accepted, and waits for the control
    plane's pool alone.

    `dark(True)` cuts the cluster off while its only node restarts, `dark(False)` brings it back.
    """

    def __init__(
        self,
        spoke: Spoke,
        rng: Random,
        updates: Updates,
        scale: float,
        version: str,
        dark: Callable[[bool], None],
    ) -> None:
        self.version = version
        self.image = updates.image
        self._spoke = spoke
        self._rng = rng
        self._updates = updates
        self._dark = dark
        self._troubles = set(updates.troubles)
        self.timeline = UpdateTimeline()
        self.pools = Pools(spoke, updates, self._troubles.__contains__, self._restart)
        self.jobs = Jobs(spoke, updates, self._troubles.__contains__)
        self._history: list[JsonObject] = []
        self._conditions = Conditions()
        self._courses = Courses(scale)
        self._asked = Asked()
        self._content: Any = None
        self._refused = False
        self._now = 0.0
        self._observed = 1

    @property
    def next_at(self) -> float:
        return self._courses.next_at

    # -- the cluster's beginning -----------------------------------------------------------------

    def install(self, now: float) -> None:
        self._now = self.pools.now = now
        cluster_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        channel = "stable-" + ".".join(map(str, numbers(self.version)[:2]))
        self._spoke.create(cluster_version(cluster_id, channel), now)
        self.jobs.install(now)
        self._spoke.create(admin_acks(), now)
        self.pools.install(numbers(self.version))
        self._history = [self._entry(self.image, self.version)]
        self._complete()
        self._show("RetrievedUpdates", "False", "RemoteFailed")
        for trouble in sorted(self._troubles):
            self._changed(trouble, True)
        self._accept()
        self.notice(now)

    def boot(self, version: str, now: float) -> None:
        """Continues in another stateroot: a new one has the seed's release, of that version."""
        self._courses.end_all()
        self._conditions, self._asked, self._content = Conditions(), Asked(), None
        self.pools = Pools(self._spoke, self._updates, self._troubles.__contains__, self._restart)
        found = self._spoke.get(CLUSTER_VERSION)
        if found is None:
            self.version, self.image = version, image_of(version)
            self.install(now)
            return
        self._now = self.pools.now = now
        status = found["status"]
        self._history = list(status["history"])
        self.image, self.version = (self._history[0][name] for name in ("image", "version"))
        self._conditions = Conditions(status["conditions"])
        self.pools.resume(numbers(self.version))
        if self._history[0]["state"] == "Partial":
            self._begin("apply", self._apply())
        self._content = ()  # Whatever it asks for is taken up again.
        self.notice(now)

    def trouble(self, name: str, holds: bool, now: float) -> None:
        """Lets something go wrong with updates (TROUBLES), or mends it."""
        self._now = self.pools.now = now
        if holds:
            self._troubles.add(name)
        else:
            self._troubles.discard(name)
        self._changed(name, holds)
        self.notice(now)

    def _changed(self, trouble: str, holds: bool) -> None:
        if trouble == "pool-paused":
            self.pools.pause(holds)
        elif trouble == "operator-degraded" and self._spoke.get(ETCD) is not None:
            status = operator_status(_ETCD_DEGRADED if holds else "")
            self._spoke.write_status(ETCD, status, self._now)

    # -- time ------------------------------------------------------------------------------------

    def notice(self, now: float) -> None:
        """Follows what was written on the cluster since."""
        self._now = self.pools.now = self.jobs.now = now
        self.jobs.follow(self._begin, self._courses.end)
        obj = self._spoke.get(CLUSTER_VERSION)
        if obj is None:
            self._courses.end_all(but=list(map(str, self.jobs.begun)))
            return
        self._follow(obj)
        self.pools.follow(self._begin, self._courses.end)
        if self._degraded() and "health" not in self._courses:
            self._begin("health", self._health())
        if self._conditions.shown("Upgradeable") != self._upgradeable():
            self._show("Upgradeable", *self._upgradeable())
            self._write()

    def advance(self, now: float) -> None:
        self._courses.advance(now, self._be_at)

    def _be_at(self, due: float) -> None:
        self._now = self.pools.now = self.jobs.now = max(due, self._now)

    def _begin(self, name: str, script: Generator[float]) -> None:
        self._courses.begin(name, script, self._now)

    # -- a release that is asked for -------------------------------------------------------------

    def _follow(self, obj: JsonObject) -> None:
        """Takes up what the ClusterVersion asks for; any write of others makes it try again."""
        meta = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
        content = (meta, obj.get("spec"))
        if content == self._content:
            return
        first, booted, self._content = self._content is None, not self._content, content
        wanted = (obj.get("spec") or {}).get("desiredUpdate")
        owners = self._spoke.managers.get(CLUSTER_VERSION, {})
        self.timeline.asked(request_of(obj, owners, self._now, booted=booted))
        if self._invalid(wanted) or first:
            return
        given = wanted or {}
        fields = {name: given[name] for name in ("image", "version", "force") if name in given}
        asked = Asked(**fields)
        if (asked.image, asked.force) != (self._asked.image, self._asked.force):
            self._asked = asked
            self._begin("load", self._load())
        elif self._refused and "load" in self._courses:
            self._asked = asked
            self._courses.hurry("load", self._now)

    def _invalid(self, wanted: JsonObject | None) -> bool:
        """Shows whether the request is malformed; what was asked for before is not followed up."""
        wrong = wanted is not None and not wanted.get("image")
        if wrong:
            self._courses.end("load")
            self._asked = Asked()
            words = "spec.desiredUpdate.version: Required value: must specify version or image"
            words = f"The cluster version is invalid: {words}"
            self._show("Invalid", "True", "InvalidClusterVersion", words)
            self._write()
        elif self._conditions.remove("Invalid"):
            self._write()
        return wrong

    def _load(self) -> Generator[float]:
        self._refused = False
        yield self._updates.look
        while self._asked.image not in ("", self.image):
            release = self._asked.release
            words = f"Retrieving and verifying payload {release}"
            self._show("ReleaseAccepted", "Unknown", "RetrievePayload", words)
            self._write()
            self._refused = False
            yield self._updates.retrieve
            asked, ground = self._asked, self._ground()
            why = refusal(asked, ground)
            if why is None:
                self._start(asked, accepted_risks(asked, ground), ground.signed)
                return
            self._refuse(*why)
            yield self._rng.uniform(*self._updates.retry)
        self._accept()

    def _ground(self) -> Ground:
        minor = numbers(self._asked.version)[:2]
        completed = (each["version"] for each in self._history if each["state"] == "Completed")
        digest = self._asked.image.rpartition(":")[2]
        return Ground(
            running=self.version,
            signed="no-signature" not in self._troubles and self._signed(digest),
            earlier={each for each in completed if numbers(each)[:2] == minor},
            upgradeable=self._upgradeable(),
            mismatch="update-refused" in self._troubles,
            backup_missing="backup-required" in self._troubles,
        )

    def _signed(self, digest: str) -> bool:
        if not self._updates.signatures_needed:
            return True
        name = f"sha256-{digest}"
        found = self._spoke.get(Key("", "ConfigMap", SIGNATURES, name)) or {}
        return f"{name}-1" in (found.get("binaryData") or {})

    def _refuse(self, reason: str, failure: str) -> None:
        self._refused = True
        self.timeline.refusals.append((self._now, self._asked.image))
        words = f"Retrieving payload failed {self._asked.release} failure={failure}"
        if reason == "PreconditionChecks":
            words = f"Preconditions failed for payload loaded {self._asked.release}: {failure}"
        self._show("ReleaseAccepted", "False", reason, words)
        self._write()
        if "EtcdRecentBackup" in failure:
            # The etcd operator sees this, and makes the backup until the next try.
            self._troubles.discard("backup-required")

    def _accept(self) -> None:
        loaded = f'version="{self.version}" image="{self.image}" architecture="amd64"'
        self._show("ReleaseAccepted", "True", "PayloadLoaded", f"Payload loaded {loaded}")
        self._write()

    def _upgradeable(self) -> tuple[str, str, str]:
        ack = ack_of(self.version) if "ack-required" in self._troubles else self._updates.ack
        given = ((self._spoke.get(ADMIN_ACKS) or {}).get("data") or {}).get(ack) == "true"
        lacks = ("False", "AdminAckRequired", f"an administrator has to acknowledge {ack}")
        return lacks if ack and not given else ("True", "", "")

    # -- an update -------------------------------------------------------------------------------

    def _start(self, asked: Asked, risks: str, verified: bool) -> None:
        if self._history[0]["state"] == "Partial":
            self._history[0] = self._history[0] | {"completionTime": timestamp(self._now)}
        self.image, self.version = asked.image, asked.version
        entry = self._entry(asked.image, asked.version) | {"verified": verified}
        self._history.insert(0, entry | ({"acceptedRisks": risks} if risks else {}))
        run = run_of(self._spoke.get(CLUSTER_VERSION) or {})
        self.timeline.begun(asked.image, asked.version, self._now, run, self.pools.held)
        self._courses.end("flap")
        self._conditions.heal_all()
        self._begin("apply", self._apply())
        self._accept()

    def _apply(self) -> Generator[float]:
        found = self._spoke.get(CLUSTER_VERSION) or {}
        self._observed = int(found.get("metadata", {}).get("generation", 1))
        steps = max(int(self._updates.operators / self._updates.report), 4)
        pause = self._updates.operators / steps
        if differ := self._updates.differ:
            pause *= self._rng.uniform(1 - differ, 1 + differ)
        for step in range(steps):
            # The operator itself is replaced early, and counts again from nothing.
            again = steps // 4 if steps // 4 <= step < steps // 2 else 0
            done = (step - again) * _PARTS // steps
            if step == steps // 2:
                yield from self._obstacles(done)
            self._progress(done)
            if step == steps // 2 and self._updates.flap[1]:
                self._begin("flap", self._flap())
            yield pause
        self.pools.render(numbers(self.version))
        for name in self.pools.machines:
            if name != "master":
                self._begin(f"pool {name}", self._roll(name))
        with closing(self.pools.roll("master")) as masters:
            for pause in masters:
                self._progress(_PARTS - 30, ", waiting on machine-config")
                yield pause
        while self.pools.failure:
            self._progress(_PARTS - 30, ", waiting on machine-config")
            yield self._updates.look_again
        self._complete()
        self._write()

    def _roll(self, name: str) -> Generator[float]:
        yield from self.pools.roll(name)
        if self._history[0]["state"] == "Completed":
            self.timeline.completed(self._now, settled=self.pools.all_updated)

    def _flap(self) -> Generator[float]:
        self._fail(
            "flap", "ClusterOperatorNotAvailable", "the cluster operator dns is not available"
        )
        yield self._rng.uniform(*self._updates.flap)
        self._heal("flap")

    def _obstacles(self, done: int) -> Iterator[float]:
        """Waits for what keeps an operator from taking the release."""
        for trouble, operator in _WAITS.items():
            while trouble in self._troubles:
                if trouble == "update-stalls":
                    self._fail(trouble, "ClusterOperatorNotAvailable", _STALL)
                elif trouble == "update-slow":
                    self._fail(trouble, "SlowClusterOperator", _SLOW, status="Unknown")
                self._progress(done, f", waiting up to 40 minutes on {operator}")
                yield self._updates.look_again
            self._heal(trouble)

    def _restart(self) -> Iterator[float]:
        """Restarts the only node, with the API that runs on it."""
        if not self._updates.dark:
            return
        self._dark(True)
        try:
            yield self._updates.dark
        finally:
            self._dark(False)

    def _health(self) -> Generator[float]:
        waited = 0.0
        while names := self._degraded():
            if waited >= _PATIENCE:
                words = f"wait has exceeded 40 minutes for these operators: {', '.join(names)}"
                self._fail("health", "ClusterOperatorDegraded", words)
            yield self._updates.look_again
            waited += self._updates.look_again
        self._heal("health")

    def _degraded(self) -> list[str]:
        etcd = ["etcd"] if "operator-degraded" in self._troubles else []
        return etcd + (["machine-config"] if self.pools.failure else [])

    def _complete(self) -> None:
        self.timeline.completed(self._now, settled=self.pools.all_updated)
        entry = {"state": "Completed", "completionTime": timestamp(self._now)}
        self._history[0] = self._history[0] | entry
        self._show("Progressing", "False", "", f"Cluster version is {self.version}")
        self._show("Available", "True", "", f"Done applying {self.version}")
        self._show("Upgradeable", *self._upgradeable())

    # -- what it shows ---------------------------------------------------------------------------

    def _progress(self, done: int, waits: str = "") -> None:
        part = f"{done} of {_PARTS} done ({done * 100 // _PARTS}% complete)"
        self._show("Progressing", "True", "", f"Working towards {self.version}: {part}{waits}")
        self._write()

    def _fail(self, source: str, reason: str, words: str, status: str = "True") -> None:
        if status == "True":
            partial = self._history[0]["state"] == "Partial"
            verb = "Unable to apply" if partial else "Error while reconciling"
            words = f"{verb} {self.version}: {words}"
        self._conditions.fail(source, status, reason, words)
        self._write()

    def _heal(self, source: str) -> None:
        if self._conditions.heal(source):
            self._write()

    def _show(self, type_: str, status: str, reason: str = "", message: str = "") -> None:
        self._conditions.show(self._now, type_, status, reason, message)

    def _entry(self, image: str, version: str) -> JsonObject:
        started = timestamp(self._now)
        entry: JsonObject = {"state": "Partial", "image": image, "version": version}
        return {**entry, "startedTime": started, "completionTime": None, "verified": True}

    def _write(self) -> None:
        status = {
            "desired": {"image": self.image, "version": self.version},
            "history": list(self._history),
            "observedGeneration": self._observed,
            "versionHash": "",
            "availableUpdates": None,
            "conditions": self._conditions.all(self._now),
        }
        if self._spoke.get(CLUSTER_VERSION) is not None:
            self._spoke.write_status(CLUSTER_VERSION, status, self._now)
