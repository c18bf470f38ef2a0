"""Where metrics come from: workloads found by Service or Pod selector, fixed addresses, probed URLs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from walletmon.api.base import DnsLabel, Model, ScrapeDuration, SecretKey, rule

HttpPath = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r'^/[!"%->@-~]*$')]
"""A path of visible ASCII, without `?`, `#` (Prometheus would quote them) and `$` (see `walletmon.api.base`)."""

PortName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]

_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST_NAME = r"[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?"
HostPort = Annotated[
    str,
    StringConstraints(min_length=3, max_length=261, pattern=rf"^({_HOST_NAME}|\[[0-9A-Fa-f:.]{{2,45}}\]):{_PORT}$"),
]
"""`host:port`, the host a name or an IP address (version 6 in brackets)."""

# prometheus-operator takes a prober's address apart at its colons, and so refuses version 6.
ProberAddress = Annotated[str, StringConstraints(min_length=3, max_length=261, pattern=f"^{_HOST_NAME}:{_PORT}$")]
"""`host:port`, the host a name or an IP address of version 4."""

# A selector's texts reach Prometheus' configuration, where prometheus-operator makes regular expressions of them: what
# is no Kubernetes label (`.*`, `$(NAME)`) can select every workload, or break the configuration for the whole cluster.
_SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_KEY_PATTERN = rf"^({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=LABEL_KEY_PATTERN)]
"""Key of a Kubernetes label. Its prefix may have 253 characters; a schema can bound both together only."""

SelectedValue = Annotated[
    str, StringConstraints(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
"""Value of a Kubernetes label; may be empty."""


class TargetRole(StrEnum):
    """What part of the wallet's world a target is."""

    WALLET = "wallet"
    RPC = "rpc"
    NODE = "node"
    DB = "db"
    SSE = "sse"


class Scheme(StrEnum):
    """How a target is spoken to."""

    HTTP = "http"
    HTTPS = "https"


class SelectorOperator(StrEnum):
    """How a label is compared in a selector (Kubernetes' own words)."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorExpression(Model):
    """One requirement of a label selector."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values)",
                    "operators In and NotIn need values; Exists and DoesNotExist take none",
                )
            ]
        }
    )

    key: Annotated[LabelKey, Field(description="Label key.")]
    operator: Annotated[
        SelectorOperator, Field(description="How the label is compared: In, NotIn, Exists, DoesNotExist.")
    ]
    values: Annotated[
        list[SelectedValue] | None,
        Field(description="Values for In and NotIn.", max_length=64),
    ] = None


class Selector(Model):
    """A Kubernetes label selector; all its parts must hold."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "(has(self.matchLabels) && size(self.matchLabels) > 0) || "
                    "(has(self.matchExpressions) && size(self.matchExpressions) > 0)",
                    "an empty selector would select every workload of the namespace: "
                    "give matchLabels or matchExpressions",
                    reason="FieldValueRequired",
                ),
                rule(
                    "!has(self.matchLabels) || self.matchLabels.all(k, size(k) <= 253 && "
                    f"k.matches('{LABEL_KEY_PATTERN}'))",
                    "a label key is a name of letters, digits, '-', '_' and '.', with or without a DNS prefix and '/'",
                    path=".matchLabels",
                ),
            ]
        }
    )

    match_labels: Annotated[
        dict[LabelKey, SelectedValue] | None,
        Field(description="Labels that must have exactly these values.", max_length=32),
    ] = None
    match_expressions: Annotated[
        list[SelectorExpression] | None, Field(description="Further requirements on labels.", max_length=32)
    ] = None


class ServiceTarget(Model):
    """Workloads found through a Service; each of its endpoints is scraped."""

    selector: Annotated[Selector, Field(description="Which Services of the monitor's namespace.")]
    port: Annotated[PortName, Field(description="Name of the Service's port that serves metrics.")]


class PodTarget(Model):
    """Workloads found as Pods, without a Service."""

    selector: Annotated[Selector, Field(description="Which Pods of the monitor's namespace.")]
    port: Annotated[PortName, Field(description="Name of the container port that serves metrics.")]


class ProbeTarget(Model):
    """URLs that a blackbox-style prober asks on our behalf."""

    prober: Annotated[
        ProberAddress,
        Field(description="Address of the prober, host:port, for example blackbox-exporter.monitoring:9115."),
    ]
    module: Annotated[
        str | None,
        Field(description="The prober's module, for example http_2xx.", max_length=63, pattern=r"^[A-Za-z0-9._-]+$"),
    ] = None
    urls: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern="^[!-#%-~]+$")]],
        Field(
            description="What the prober asks; write a dollar sign as %24.",
            min_length=1,
            max_length=50,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]


class WalletFrom(Model):
    """Takes each series' wallet from the workload itself, so that one target serves many wallets."""

    label: Annotated[
        LabelKey,
        Field(
            description="Pod label whose value is the name of a wallet in spec.wallets, for example "
            "walletmon.dev/wallet. "
            "Workloads whose value is no such wallet are not scraped."
        ),
    ]


class Limits(Model):
    """Bounds of one scrape; a scrape past them fails as a whole and shows as a target that is down."""

    samples: Annotated[
        StrictInt | None, Field(description="Most samples one scrape may bring.", ge=1, le=10_000_000)
    ] = None
    labels: Annotated[StrictInt | None, Field(description="Most labels one sample may have.", ge=1, le=1_000)] = None
    label_name_length: Annotated[
        StrictInt | None, Field(description="Longest label name, in bytes.", ge=1, le=10_000)
    ] = None
    label_value_length: Annotated[
        StrictInt | None, Field(description="Longest label value, in bytes.", ge=1, le=100_000)
    ] = None


_NOT_BASIC = "user name and password go in basicAuth"


def _not_basic(scheme: str) -> str:
    if scheme.lower() == "basic":
        raise ValueError(_NOT_BASIC)
    return scheme


class BasicAuth(Model):
    """User name and password for the scrape."""

    username: Annotated[SecretKey, Field(description="Secret key with the user name.")]
    password: Annotated[SecretKey, Field(description="Secret key with the password.")]


class Authorization(Model):
    """An Authorization header for the scrape."""

    # Prometheus refuses its whole configuration over the one scheme that it has other fields for.
    type: Annotated[
        str,
        Field(
            description="Scheme of the header.",
            min_length=1,
            max_length=32,
            pattern=r"^[A-Za-z][A-Za-z0-9-]*$",
            json_schema_extra={"x-kubernetes-validations": [rule("!self.matches('^(?i:basic)$')", _NOT_BASIC)]},
        ),
        AfterValidator(_not_basic),
    ] = "Bearer"
    credentials: Annotated[SecretKey, Field(description="Secret key with the token.")]


class Tls(Model):
    """How TLS to the target is verified and how we show who we are."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.cert) == has(self.key)", "a client certificate needs both cert and key")
            ]
        }
    )

    ca: Annotated[
        SecretKey | None, Field(description="Secret key with the CA that signed the target's certificate.")
    ] = None
    cert: Annotated[SecretKey | None, Field(description="Secret key with our client certificate.")] = None
    key: Annotated[SecretKey | None, Field(description="Secret key with our client certificate's private key.")] = None
    server_name: Annotated[
        str | None,
        Field(description="Name expected in the target's certificate.", max_length=253, pattern=r"^[A-Za-z0-9.*_:-]+$"),
    ] = None
    insecure_skip_verify: Annotated[
        StrictBool | None, Field(description="Accept any certificate. For tests; a scrape can then be forged.")
    ] = None


ONE_CREDENTIAL = rule(
    "!(has(self.basicAuth) && has(self.authorization))",
    "both basicAuth and authorization would set the Authorization header: give one of them",
)


class Auth(Model):
    """Credentials for the scrape, by reference to Secrets of the monitor's namespace."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [ONE_CREDENTIAL]})

    basic_auth: Annotated[BasicAuth | None, Field(description="User name and password.")] = None
    authorization: Annotated[Authorization | None, Field(description="A token in the Authorization header.")] = None
    tls: Annotated[Tls | None, Field(description="Verification of TLS and client certificate.")] = None


class Target(Model):
    """A workload to scrape; becomes one monitor object of prometheus-operator."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "(has(self.service) ? 1 : 0) + (has(self.pods) ? 1 : 0) + (has(self.static) ? 1 : 0) + "
                    "(has(self.probe) ? 1 : 0) == 1",
                    "exactly one of service, pods, static and probe says where the metrics are",
                ),
                rule(
                    "!(has(self.wallet) && has(self.walletFrom))",
                    "wallet and walletFrom both name the wallet: give one of them",
                ),
                rule(
                    "self.role != 'wallet' || has(self.wallet) || has(self.walletFrom)",
                    "a target of role wallet says whose metrics these are: give wallet or walletFrom",
                    reason="FieldValueRequired",
                ),
                rule(
                    "!has(self.walletFrom) || has(self.service) || has(self.pods)",
                    "walletFrom reads a Pod's label, so it goes with service or pods; give wallet instead",
                    path=".walletFrom",
                ),
                rule(
                    "!has(self.timeout) || duration(self.timeout) <= duration(self.interval)",
                    "a scrape cannot take longer than the interval: make timeout at most interval",
                    path=".timeout",
                ),
            ]
        }
    )

    name: Annotated[
        DnsLabel, Field(description="The target's name: a DNS label, unique in the monitor; the label `target`.")
    ]
    role: Annotated[
        TargetRole, Field(description="What the target is: wallet, rpc, node, db or sse; becomes the label role.")
    ] = TargetRole.WALLET
    service: Annotated[ServiceTarget | None, Field(description="Find the workload through its Service.")] = None
    pods: Annotated[PodTarget | None, Field(description="Find the workload by its Pods.")] = None
    static: Annotated[
        list[HostPort] | None,
        Field(
            description="Fixed addresses, host:port, for what runs outside the cluster.",
            min_length=1,
            max_length=100,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    probe: Annotated[ProbeTarget | None, Field(description="URLs asked by a blackbox-style prober.")] = None
    scheme: Annotated[Scheme, Field(description="http or https.")] = Scheme.HTTP
    path: Annotated[
        HttpPath | None, Field(description="HTTP path; /metrics if left out, for a probe the prober's /probe.")
    ] = None
    interval: Annotated[ScrapeDuration, Field(description="How often the target is scraped.")] = "30s"
    timeout: Annotated[
        ScrapeDuration | None,
        Field(description="When a scrape is given up; not longer than interval. Prometheus' own if left out."),
    ] = None
    wallet: Annotated[
        DnsLabel | None,
        Field(description="The wallet all series of this target belong to, by its name in spec.wallets."),
    ] = None
    wallet_from: Annotated[
        WalletFrom | None, Field(description="Read the wallet from each workload, for targets that serve many.")
    ] = None
    limits: Annotated[Limits | None, Field(description="Bounds of one scrape.")] = None
    scrape_class: Annotated[
        DnsLabel | None,
        Field(description="Scrape class of the Prometheus that scrapes the target; its default one if left out."),
    ] = None
    auth: Annotated[Auth | None, Field(description="Credentials for the scrape.")] = None
