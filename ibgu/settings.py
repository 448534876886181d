"""All settings: environment variables, each with a default that works.

`IBGU_` before each, but for the two that every tool knows: KUBECONFIG and DATABASE_URL.
"""

import os
import socket
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ibgu import invalid

_NEARLY = 0.9
"""The share of a name's letters, in their order, that must agree: two may have changed places, or
one may be missing."""


class SettingsError(Exception):
    """One line that names the variable and what it expects."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="IBGU_", extra="ignore")

    kubeconfig: str | None = Field(
        None,
        validation_alias=AliasChoices("KUBECONFIG", "kubeconfig"),
        description="Kubeconfig of the hub; without it the pod's service account is used.",
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="Postgres, as postgresql://user:password@host:5432/name.",
    )
    namespace: str = Field("ibgu-system", description="Where ibgu runs: its Lease is there.")
    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}_{os.getpid()}",
        description="Name of this process as leader; must differ between replicas.",
    )
    service_account: str = Field(
        "ibgu-system:ibgu",
        description="namespace:name of ibgu's service account, for messages that say how to allow.",
    )
    component: str = Field(
        "all",
        pattern="^(all|controller|api)$",
        description="Which of ibgu's processes has this environment: all (ibgu run), controller or "
        "api. ibgu doctor checks what that one needs.",
    )
    listen: str = Field("127.0.0.1:8080", description="Address of the REST API and the metrics.")
    metrics_listen: str = Field(
        "",
        description="Address of the metrics alone; empty: at IBGU_LISTEN, for all who reach it.",
    )
    log_level: str = Field(
        "info",
        pattern="(?i)^(debug|info|warning|error)$",
        description="debug, info, warning, error.",
    )
    log_format: str = Field(
        "auto",
        pattern="^(auto|json|text)$",
        description="json, text, or auto: text on a terminal, else JSON.",
    )
    lease_seconds: float = Field(
        4.0,
        gt=0,
        description="How long others wait after the leader's last renewal, on a hub that responds "
        "quickly.",
    )
    lease_max_seconds: float = Field(
        15.0,
        ge=0,
        description="How long they wait at most. After a response of the hub that took more than "
        "a quarter of IBGU_LEASE_RENEW_SECONDS, the Lease and that time grow in the same ratio "
        "for 10 minutes. Not above IBGU_LEASE_SECONDS: they never do.",
    )
    lease_renew_seconds: float = Field(
        3.0, gt=0, description="How long a leader goes on without a renewal that was answered."
    )
    lease_retry_seconds: float = Field(
        0.4,
        gt=0,
        description="Until the next try to get or keep the Lease; a leader whose renewal was "
        "answered waits a quarter of IBGU_LEASE_RENEW_SECONDS, if that is longer.",
    )
    hub_concurrency: int = Field(32, ge=1, le=256, description="Writes to the hub at a time.")
    hub_rate: float = Field(400.0, gt=0, description="Writes to the hub a second, on average.")
    hub_burst: int = Field(400, ge=1, description="Writes to the hub that may go out at once.")
    feedback_refresh: str = Field(
        "auto",
        pattern="(?i)^(auto|off)$",
        description="auto: where the hub has no feedback by watch, clusters whose action may have "
        "ended are read at once, and elsewhere those that are silent after a reboot; off: when "
        "their agents poll.",
    )
    feedback_refresh_rate: float = Field(
        10.0, gt=0, description="Clusters that are so read a second, of the whole fleet."
    )
    starts_per_minute: int = Field(
        0,
        ge=0,
        description="Clusters that start a Prep or Upgrade step a minute, on the whole hub; 0: all "
        "that have a slot.",
    )
    relist_seconds: float = Field(
        2700.0, ge=60, description="Time between two full lists of each kind, a third more or less."
    )
    watch_silence_seconds: float = Field(
        120.0, ge=5, description="A watch that says nothing for so long is opened again."
    )
    tenancy: str = Field(
        "off",
        pattern="^(off|clustersets)$",
        description="clustersets: an ImageBasedGroupUpgrade takes only clusters of the "
        "ManagedClusterSets that are bound to its namespace; off: of the whole fleet, as TALM.",
    )
    preemption: str = Field(
        "auto",
        pattern="^(auto|all|namespace)$",
        description="Which older rollouts a new IBGU cancels on its clusters when it begins with "
        "Abort or Rollback: all (of every namespace), namespace (of its own), or auto (all while "
        "IBGU_TENANCY is off, else namespace).",
    )
    talm_namespaces: str = Field(
        "openshift-cluster-group-upgrades,openshift-operators",
        description="Where TALM may be installed, with commas between.",
    )
    events_days: int = Field(
        400, ge=0, description="How many days the events of the history are kept; 0 keeps all."
    )
    rollouts_days: int = Field(
        400,
        ge=0,
        description="How many days rollouts are kept with their members and attempts after their "
        "ImageBasedGroupUpgrade was deleted, and no shorter than their events; 0 keeps all.",
    )
    shadow: bool = Field(
        False, description="Only watch TALM at work and keep what ibgu would have done: no writes."
    )
    api_rate: float = Field(
        100.0, gt=0, description="Requests to the REST API a second for each user, on average."
    )
    api_burst: int = Field(
        300, ge=1, description="Requests to the REST API that a user may make at once."
    )
    api_unknown_tokens: float = Field(
        20.0,
        gt=0,
        description="How many tokens that it does not know yet the API has the hub check a second, "
        "half as many from one address; what comes faster is answered with 429.",
    )
    behind_proxy: bool = Field(
        False,
        description="A proxy is in front: its X-Forwarded-Proto and X-Forwarded-Host tell the "
        "page's address, X-Forwarded-Access-Token the user's token, and X-Forwarded-For the "
        "address for which unknown tokens are counted.",
    )
    api_connections: int = Field(
        1000,
        ge=1,
        description="Connections to the REST API at a time, as far as the limit of open files "
        "allows; beyond, who has waited longest without asking anything is cut.",
    )
    api_streams: int = Field(
        500, ge=1, description="Streams of events at a time that one process of the API serves."
    )
    api_streams_per_user: int = Field(
        50, ge=1, description="Streams of events at a time that one user may follow there."
    )
    notify_file: str = Field(
        "", description="YAML file that says who is notified of what; empty: nobody is."
    )
    payload_references: str = Field(
        "auto",
        pattern="^(auto|trust|namespace)$",
        description="Which ConfigMaps and pull secrets ibgu carries for an IBGU that the chart's "
        "admission policy has not checked: trust (all that ibgu may read, as with TALM) or "
        "namespace (only those of the IBGU's own namespace). auto is namespace where the policy "
        "is on the hub, and trust where it is not.",
    )
    payload_namespaces: str = Field(
        "default,openshift-adp,openshift-lifecycle-agent",
        description="Namespaces of the ConfigMaps and pull secrets that ibgu is to carry, with "
        "commas between: ibgu doctor checks that it may read there. The chart sets it to its "
        "payloadNamespaces, and grants the right.",
    )
    take_back_pull_secrets: bool = Field(
        False,
        description="Remove the pull secret from a cluster when its Prep has ended; else it stays "
        "there, as with TALM.",
    )
    payload_check_seconds: float = Field(
        60.0, gt=0, description="How often ConfigMaps and secrets of a running Prep are re-read."
    )

    @property
    def preempts_across_namespaces(self) -> bool:
        return self.preemption == "all" or (self.preemption, self.tenancy) == ("auto", "off")

    @property
    def feedback_refreshes(self) -> bool:
        return self.feedback_refresh.lower() == "auto"


@cache
def settings() -> Settings:
    return read_settings()


def read_settings(**given: object) -> Settings:
    """Raises SettingsError."""
    if told := mistyped(os.environ):
        raise SettingsError(told)
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_setting_problem(error)) from error


def mistyped(names: Iterable[str]) -> str:
    """Returns what is said of the first that is nearly one of the settings; empty: none is.

    Others are somebody else's: Kubernetes gives every pod variables of the Services beside it, and
    one of those may be called ibgu.
    """
    known = {variable(field): field for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith("IBGU_") and name not in known:
            for near in get_close_matches(name, known, 1, _NEARLY):
                description = Settings.model_fields[known[near]].description
                return f"{name}: there is no such setting, but {near}. {description}"
    return ""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field in ("kubeconfig", "database_url") else f"IBGU_{field.upper()}"


def _setting_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]).lower() if first["loc"] else "settings"
    description = Settings.model_fields[name].description if name in Settings.model_fields else ""
    return f"{variable(name)}: {invalid.sentence(first)}. {description}".strip()


def in_cluster() -> bool:
    """Whether this process runs in a pod of the hub."""
    return "KUBERNETES_SERVICE_HOST" in os.environ
