"""The objects on the hub that ask for rollouts, of all kinds of change."""

from collections.abc import Callable, Iterator

from ibgu.core.model.kinds import RolloutObject
from ibgu.hub.paths import ROLLOUT_KINDS
from ibgu.hub.watching.store import Changed, Key, Store


class RolloutObjects:
    """RolloutObjects has a store for each kind; one that the hub does not serve stays empty."""

    def __init__(
        self, changed: Changed[RolloutObject], hub_restored: Callable[[str], None]
    ) -> None:
        self.stores: dict[str, Store[RolloutObject]] = {
            kind: Store({"uid": _uid}, changed, hub_restored) for kind in ROLLOUT_KINDS
        }

    def __iter__(self) -> Iterator[RolloutObject]:
        for store in self.stores.values():
            yield from store

    def __len__(self) -> int:
        return sum(map(len, self.stores.values()))

    def by_uid(self, uid: str) -> RolloutObject | None:
        for store in self.stores.values():
            if found := store.by("uid", uid):
                return found[0]
        return None

    def is_unread(self, kind: str, namespace: str, name: str) -> bool:
        """Returns whether the object is on the hub, and was never read here."""
        return self.stores[kind].is_unread((namespace, name))

    @property
    def any_unread(self) -> bool:
        return any(store.any_unread for store in self.stores.values())

    def older_namesake(self, found: RolloutObject) -> RolloutObject | None:
        """Returns the older object of another kind that has the same namespace and name: a rollout
        is known by them, whatever its kind."""
        meta = found.metadata
        others = (store for kind, store in self.stores.items() if kind != found.kind)
        named = (store.get((meta.namespace, meta.name)) for store in others)
        return next((each for each in named if each is not None and _age(each) < _age(found)), None)

    def named(self, key: Key) -> set[str]:
        """Returns the uids of all objects of that namespace and name."""
        found = (store.get(key) for store in self.stores.values())
        return {each.metadata.uid for each in found if each is not None}

    def seen(self) -> dict[str, int]:
        """Returns the version up to which the mirror has each kind, by plural."""
        return {name: store.seen for name, store in self.by_plural().items() if store.seen}

    def by_plural(self) -> dict[str, Store[RolloutObject]]:
        return {ROLLOUT_KINDS[kind][1]: store for kind, store in self.stores.items()}


def _uid(found: RolloutObject) -> list[str]:
    return [found.metadata.uid]


def _age(found: RolloutObject) -> tuple[str, str]:
    return found.metadata.creation_timestamp, found.metadata.uid
