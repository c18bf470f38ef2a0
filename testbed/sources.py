"""What the programs of the test bed are built from: pinned modules and releases, flags, and the hash of it all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"

_GO = Path(__file__).with_name("go")
_KUBERNETES_VERSION = tuple(
    f"-X k8s.io/component-base/version.{field}={value}"
    for field, value in {"gitVersion": "v1.37.2", "gitMajor": "1", "gitMinor": "37"}.items()
)
_NO_CLOUD_DISCOVERY = "remove_all_sd,enable_kubernetes_sd"


def _prometheus_version(version: str) -> tuple[str, ...]:
    return (f"-X github.com/prometheus/common/version.Version={version}",)


@dataclass(frozen=True)
class Program:
    """One program: its package, and what the linker and the compiler are told besides the usual."""

    name: str
    package: str
    ldflags: tuple[str, ...] = ()
    tags: str = ""

    @property
    def flags(self) -> list[str]:
        """Flags of `go build` and `go install`."""
        tags = ["-tags", self.tags] if self.tags else []
        return ["-trimpath", *tags, "-ldflags", " ".join(("-s", "-w", *self.ldflags))]


@dataclass(frozen=True)
class Source:
    """Programs built from the module `go/<name>`, or, when `version` is set, each by `go install package@version`."""

    name: str
    programs: tuple[Program, ...]
    version: str = ""
    has_crds: bool = False

    @property
    def module(self) -> Path:
        """The folder of the module."""
        return _GO / self.name

    def key(self, go_version: str) -> str:
        """Twelve hex digits that change whenever something does that decides what is built."""
        digest = hashlib.sha256(f"{go_version}\n{self.version}\n".encode())
        for program in self.programs:
            digest.update(f"{program.name} {program.package} {program.flags}\n".encode())
        if not self.version:
            for path in sorted(self.module.rglob("*")):
                if path.suffix in (".go", ".mod", ".sum"):
                    digest.update(f"{path.relative_to(self.module)}\n".encode() + path.read_bytes())
        return digest.hexdigest()[:12]


CONTROL_PLANE = Source(
    "controlplane",
    (
        Program("etcd", "./etcd"),
        Program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", _KUBERNETES_VERSION),
        Program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager", _KUBERNETES_VERSION),
        Program(
            "prometheus",
            "github.com/prometheus/prometheus/cmd/prometheus",
            _prometheus_version("3.15.0"),
            _NO_CLOUD_DISCOVERY,
        ),
        Program(
            "promtool",
            "github.com/prometheus/prometheus/cmd/promtool",
            _prometheus_version("3.15.0"),
            _NO_CLOUD_DISCOVERY,
        ),
    ),
)
MONITORING = Source(
    "monitoring",
    (
        Program("prometheus-operator", f"{PROMETHEUS_OPERATOR}/cmd/operator", _prometheus_version("0.85.0")),
        Program("admission-webhook", f"{PROMETHEUS_OPERATOR}/cmd/admission-webhook", _prometheus_version("0.85.0")),
        Program("alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager", _prometheus_version("0.28.1")),
    ),
    has_crds=True,
)
# amtool does not compile with the versions that prometheus-operator requires of what both use.
AMTOOL = Source(
    "amtool",
    (Program("amtool", "github.com/prometheus/alertmanager/cmd/amtool", _prometheus_version("0.28.1")),),
    version="v0.28.1",
)
HELM = Source("helm", (Program("helm", "helm.sh/helm/v4/cmd/helm"),), version="v4.3.1")
KUBE_SCORE = Source(
    "kube-score", (Program("kube-score", "github.com/zegl/kube-score/cmd/kube-score"),), version="v1.20.0"
)
KUBECONFORM = Source(
    "kubeconform", (Program("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),), version="v0.8.0"
)
KSTATUS = Source("kstatus", (Program("kstatus", "."),))

BED = (CONTROL_PLANE, MONITORING, AMTOOL, HELM)
JUDGES = (KUBE_SCORE, KUBECONFORM, KSTATUS)
