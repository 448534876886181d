"""The way back of one cluster, step by step."""

from pydantic import ConfigDict, Field, JsonValue

from ibgu.api.bodies import Body, NewestEvent

_RECOVERY: JsonValue = {
    "cluster": "site-0412",
    "rollout": "default/z-stream",
    "kind": "FleetUpdate",
    "headline": "the cluster can go back to its full backup; all that came since is lost",
    "facts": {
        "release": "4.16.12 quay.example/release@sha256:81154f5c0329",
        "said": "timed out; wait has exceeded 40 minutes for these operators: etcd",
        "backup": "Full, taken at 2026-11-20 01:55 UTC, 2134 MiB",
        "node": "site-0412",
        "path": "/var/recovery/backup-c2b7e0d41f9a",
    },
    "steps": [
        {
            "text": "Restore the files. This stops all containers of the node.",
            "commands": ["/var/recovery/upgrade-recovery.sh"],
        }
    ],
    "guide": "docs/guides/after-a-failed-update.md",
    "newestEvent": 318204,
}


class RecoveryStepBody(Body):
    text: str
    commands: list[str] = Field(description="Lines to run for it, in this order.")


class RecoveryBody(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_RECOVERY]})

    cluster: str
    rollout: str = Field(description="namespace/name.")
    kind: str = Field(description="The kind of the rollout's object.")
    headline: str = Field(description="Whether the cluster can go back, and to what.")
    facts: dict[str, str] = Field(
        description="What ibgu knows of it, by short names: `release`, and where they are known "
        "`before`, `said` (the cluster's last message), `backup`, `node` and `path`."
    )
    steps: list[RecoveryStepBody]
    guide: str = Field(description="Page of ibgu's documentation.")
    newest_event: NewestEvent
