"""Get the caller's user name, and the hub."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body

_WHO: JsonValue = {"username": "alice", "hub": "6f1d0c52-8f0e-4b9c-9a52-3c0d8a1f7b1e"}


class WhoamiBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_WHO]})

    username: str = Field(description="The token's user, as the hub reports it.")
    hub: str = Field(description="UID of the hub's namespace kube-system.")
