"""The hops of an update: one, or two where it names an intermediate release.

No cluster takes two minor releases at once. An update of two (EUS to EUS) asks for the intermediate
release first, and for its own once the cluster is through with that one.
"""

from msgspec import Struct

from ibgu.core.drivers.cluster_version.completion import done
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.spec import release_of
from ibgu.core.drivers.node_jobs.images import digest_of
from ibgu.core.model.kinds import ClusterUpdate, Release


class Hop(Struct, frozen=True):
    """A hop is the part of an update that brings a cluster to one release."""

    release: Release
    number: int = 1
    of: int = 1

    @property
    def last(self) -> bool:
        return self.number == self.of

    def says(self, words: str) -> str:
        """Returns the words about this hop; an update of one hop needs no name for it."""
        if self.of == 1 or not words:
            return words
        return f"{self.name}: {words}"

    @property
    def name(self) -> str:
        return f"hop {self.number} of {self.of}, to {self.release.version}"


def hops_of(update: ClusterUpdate) -> tuple[Hop, ...]:
    """Returns the hops of a cluster that needs all of them, in order."""
    if update.via is None:
        return (Hop(update.release),)
    return Hop(update.via, 1, 2), Hop(update.release, 2, 2)


def images_of(update: ClusterUpdate) -> tuple[str, ...]:
    return tuple(hop.release.image for hop in hops_of(update))


def next_hop(seen: VersionView, update: ClusterUpdate) -> Hop:
    """Returns the hop that the cluster is in, or that it needs next."""
    *before, last = hops_of(update)
    if not before or _runs(seen, last.release):
        return last
    (first,) = before
    if at_intermediate(seen, update):
        # Pools that are not paused must have it, too: no node is two releases behind.
        return last if done(seen) and seen.history_image == seen.desired_image else first
    running, between = release_of(seen.desired_version), release_of(first.release.version)
    needs_no_other = running is not None and between is not None and running[:2] >= between[:2]
    return last if needs_no_other else first


def asked_hop(seen: VersionView, update: ClusterUpdate) -> Hop:
    """Returns the hop that ibgu has asked the cluster for last."""
    *before, last = hops_of(update)
    return next((hop for hop in before if hop.release.image == seen.asked_image), last)


def at_intermediate(seen: VersionView, update: ClusterUpdate) -> bool:
    """Whether the cluster takes the intermediate release, or runs it, from whichever registry."""
    return update.via is not None and _runs(seen, update.via) and not _runs(seen, update.release)


def _runs(seen: VersionView, release: Release) -> bool:
    """Whether the operator applies the release: history follows the desired one a moment later."""
    return digest_of(release.image) in map(digest_of, (seen.history_image, seen.desired_image))
