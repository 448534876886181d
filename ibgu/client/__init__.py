"""A typed client of ibgu's REST API, blocking and from the standard library.

    client = Client("https://ibgu.example", token)
    for rollout in client.rollouts(namespace="default"):
        print(rollout.name, rollout.phase)

One method a route; answers are frozen structs whose fields are those of docs/rest.md, in
snake_case. It imports nothing heavy: a command must start quickly.
"""

from ibgu.client.client import Client
from ibgu.client.wire import RestError

__all__ = ["Client", "RestError"]
