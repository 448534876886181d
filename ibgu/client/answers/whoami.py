"""Who asks, and which hub answers."""

from ibgu.client.answers.base import Answer


class Whoami(Answer, frozen=True, kw_only=True):
    username: str
    hub: str
