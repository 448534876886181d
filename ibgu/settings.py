"""All settings: environment variables, each with a default that works.

`IBGU_` before each, but for the two that every tool knows: KUBECONFIG and DATABASE_URL.
"""

import os
import socket
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import AliasChoices, Field, ValidationError, field_validator
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
        description="Kubeconfig of the hub; default: the pod's service account.",
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="Postgres, as postgresql://user:password@host:5432/name.",
    )
    namespace: str = Field(
        "ibgu-system", description="Namespace in which ibgu runs and holds its Lease."
    )
    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}_{os.getpid()}",
        description="Name of this process as leader; must differ between replicas.",
    )
    service_account: str = Field(
        "ibgu-system:ibgu",
        description="namespace:name of ibgu's service account, for messages about missing rights.",
    )
    component: str = Field(
        "all",
        pattern="^(all|controller|api)$",
        description="The process that runs with this environment: all (ibgu run), controller or "
        "api. ibgu doctor checks what that process needs.",
    )
    listen: str = Field("127.0.0.1:8080", description="Address of the REST API and the metrics.")
    metrics_listen: str = Field(
        "",
        description="Separate address for the metrics; empty: serve them at IBGU_LISTEN, to "
        "everyone who can reach it.",
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
        description="How long other replicas wait after the leader's last renewal, on a hub that "
        "responds quickly.",
    )
    lease_max_seconds: float = Field(
        15.0,
        ge=0,
        description="Maximum time that other replicas wait. After a response of the hub that took "
        "more than a quarter of IBGU_LEASE_RENEW_SECONDS, the Lease and that time grow "
        "in the same ratio for 10 minutes. A value up to IBGU_LEASE_SECONDS turns this "
        "off.",
    )
    lease_renew_seconds: float = Field(
        3.0, gt=0, description="How long a leader continues without a confirmed renewal."
    )
    lease_retry_seconds: float = Field(
        0.4,
        gt=0,
        description="Time between attempts to get or renew the Lease; after a confirmed renewal "
        "the leader waits a quarter of IBGU_LEASE_RENEW_SECONDS, if that is longer.",
    )
    hub_concurrency: int = Field(
        32, ge=1, le=256, description="Maximum number of concurrent writes to the hub."
    )
    hub_rate: float = Field(
        400.0, gt=0, description="Average rate of writes to the hub, per second."
    )
    hub_burst: int = Field(400, ge=1, description="Maximum burst of writes to the hub.")
    feedback_refresh: str = Field(
        "auto",
        pattern="(?i)^(auto|off)$",
        description="When ibgu requests feedback from agents. auto: on a hub without feedback by "
        "watch, when a cluster's action may have ended; on other hubs, when a cluster "
        "is silent after a reboot. off: never, ibgu waits until the agents poll.",
    )
    feedback_refresh_rate: float = Field(
        10.0, gt=0, description="Maximum number of such requests per second, for the whole fleet."
    )
    starts_per_minute: int = Field(
        0,
        ge=0,
        description="Maximum number of clusters on the hub that start a step with Prep or Upgrade "
        "per minute; 0: no limit but the slots.",
    )
    upgrade_backups: bool = Field(
        False,
        description="Whether annotations of an ImageBasedGroupUpgrade may ask for a backup of each "
        "cluster before its Upgrade. Everyone who may annotate one can then run an image of their "
        "choice as root on the nodes of its clusters.",
    )
    relist_seconds: float = Field(
        2700.0,
        ge=60,
        description="Interval between full lists of each kind, varied by up to a third.",
    )
    watch_silence_seconds: float = Field(
        120.0,
        ge=5,
        description="ibgu reopens a watch that is silent for this long. A repeated list that takes "
        "longer is a gap, in which ibgu decides nothing.",
    )
    tenancy: str = Field(
        "off",
        pattern="^(off|clustersets)$",
        description="clustersets: an ImageBasedGroupUpgrade can select only clusters of the "
        "ManagedClusterSets bound to its namespace; off: clusters of the whole fleet, "
        "as with TALM.",
    )
    preemption: str = Field(
        "auto",
        pattern="^(auto|all|namespace)$",
        description="Older rollouts that a new one cancels on its clusters when it starts with "
        "Abort, Rollback or Retract: all (in every namespace), namespace (in its own), or auto "
        "(all if IBGU_TENANCY is off, otherwise namespace).",
    )
    talm_namespaces: str = Field(
        "openshift-cluster-group-upgrades,openshift-operators",
        description="Namespaces in which TALM may be installed, separated by commas.",
    )
    events_days: int = Field(
        400, ge=0, description="Days to keep the events of the history; 0 keeps all."
    )
    rollouts_days: int = Field(
        400,
        ge=0,
        description="Days to keep rollouts with their members and attempts after their "
        "ImageBasedGroupUpgrade is deleted, but at least as long as their events; 0 "
        "keeps all.",
    )
    api_rate: float = Field(
        100.0, gt=0, description="Average rate of requests to the REST API per user, per second."
    )
    api_burst: int = Field(
        300, ge=1, description="Maximum burst of requests to the REST API per user."
    )
    api_unknown_tokens: float = Field(
        20.0,
        gt=0,
        description="Maximum number of new tokens per second that the API asks the hub to check, "
        "half of it from one address; further requests get 429.",
    )
    behind_proxy: bool = Field(
        False,
        description="Set to true behind a proxy: ibgu then takes the page's address from "
        "X-Forwarded-Proto and X-Forwarded-Host, and the user's token from "
        "X-Forwarded-Access-Token.",
    )
    proxy_addresses: str = Field(
        "",
        description="Addresses or networks of the proxies in front, separated by commas: only "
        "their X-Forwarded-For names the client, for the limit on new tokens. Other "
        "requests count for the address that they come from.",
    )
    api_connections: int = Field(
        1000,
        ge=1,
        description="Maximum number of connections to the REST API, within the limit of open "
        "files; beyond it, ibgu closes the connection that has been idle longest.",
    )
    api_streams: int = Field(
        500, ge=1, description="Maximum number of event streams per API process."
    )
    api_streams_per_user: int = Field(
        50, ge=1, description="Maximum number of event streams per user and API process."
    )
    notify_file: str = Field(
        "", description="YAML file with the receivers of notifications; empty: no notifications."
    )
    health_sources_file: str = Field(
        "",
        description="YAML file with the sources that RolloutPolicies may ask whether canaries are "
        "well; empty: none.",
    )
    payload_references: str = Field(
        "auto",
        pattern="^(auto|trust|namespace)$",
        description="ConfigMaps and pull secrets that ibgu delivers for an IBGU that the chart's "
        "admission policy has not checked: trust (all that ibgu may read, as with "
        "TALM) or namespace (only those in the IBGU's own namespace). auto means "
        "namespace if the policy is on the hub, otherwise trust.",
    )
    payload_namespaces: str = Field(
        "default,openshift-adp,openshift-lifecycle-agent",
        description="Namespaces of the ConfigMaps and pull secrets that ibgu delivers, separated "
        "by commas: ibgu doctor checks that ibgu may read there. The chart sets this "
        "to its payloadNamespaces, and grants the right.",
    )
    take_back_pull_secrets: bool = Field(
        False,
        description="Remove the pull secret from a cluster when its Prep has ended; otherwise it "
        "stays there, as with TALM.",
    )
    payload_check_seconds: float = Field(
        60.0,
        gt=0,
        description="Interval at which ibgu re-reads the ConfigMaps and secrets of a running Prep.",
    )

    preflight_inspections: bool = Field(
        False,
        description="Let `ibgu preflight --inspect` read what only clusters know, with a "
        "ManifestWork that only reads. It brings its own ClusterRole to each "
        "inspected cluster. After a failure of Backups or Restores it reads these, too. "
        "The chart's preflightInspections.enabled sets this.",
    )
    preflight_hub_releases: bool = Field(
        False,
        description="Compare the releases of the hub's OpenShift and of its Advanced Cluster "
        "Management before each step (preflight's rules P4 and P5). For this the controller needs "
        "the ClusterRole ibgu-preflight-hub. The chart's preflightHubReleases.enabled sets this, "
        "and grants the right.",
    )
    preflight_inspection_ttl: float = Field(
        3600.0,
        gt=0,
        le=86_400,
        description="Seconds for which preflight uses what was read on a cluster.",
    )
    preflight_inspection_seconds: float = Field(
        60.0,
        ge=1,
        le=600,
        description="How long a cluster has to answer an inspection, in seconds.",
    )

    @property
    def preempts_across_namespaces(self) -> bool:
        return self.preemption == "all" or (self.preemption, self.tenancy) == ("auto", "off")

    @field_validator("proxy_addresses")
    @classmethod
    def _addresses(cls, value: str) -> str:
        _networks(value)
        return value

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return _networks(self.proxy_addresses)

    @property
    def feedback_refreshes(self) -> bool:
        return self.feedback_refresh.lower() == "auto"


def _networks(words: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises ValueError."""
    return tuple(ip_network(each.strip()) for each in words.split(",") if each.strip())


@cache
def settings() -> Settings:
    return read_settings()


def read_settings(**given: object) -> Settings:
    """Raises SettingsError."""
    if problem := mistyped(os.environ):
        raise SettingsError(problem)
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_setting_problem(error)) from error


def mistyped(names: Iterable[str]) -> str:
    """Returns what is said of the first that is nearly one of the settings; empty: none is.

    Others are someone else's: Kubernetes gives every pod variables of the Services beside it, and
    one of those may be called ibgu.
    """
    known = {variable(field): field for field in Settings.model_fields}
    for name in sorted(names):
        if name.startswith("IBGU_") and name not in known:
            for near in get_close_matches(name, known, 1, _NEARLY):
                description = Settings.model_fields[known[near]].description
                return f"{name}: unknown setting; did you mean {near}? {description}"
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
