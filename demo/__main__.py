"""`python -m demo`: the script. Steps are told in the order in which they happen; each has a deadline."""

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import urllib3

from demo.pager import Page
from demo.show import Screen
from demo.stage import Stage
from demo.wallet import Wallet
from testbed.api import Json
from testbed.binaries import ensure
from testbed.errors import BedError
from testbed.installation import NAMESPACE as OPERATOR_NAMESPACE
from testbed.installation import helm

_ROOT = Path(__file__).resolve().parent.parent
TREASURY = Path("examples/treasury.yaml")
IMPATIENT = Path("examples/demo/impatient.yaml")
NAMESPACE, MONITOR, APP = "wallets-prod", "treasury", "wallet-api"
ALERT = "WalletHeartbeatStale"

_OURS = f"walletmon.dev/monitor={MONITOR}"
_CHILDREN = "servicemonitors,prometheusrules,alertmanagerconfigs,configmaps"
_CONDITIONS = 'jsonpath={range .status.conditions[*]}{.type}{"="}{.status}{"  "}{.message}{"\\n"}{end}'
_SHOWN_LABELS = ("wallet", "instance", "namespace", "walletmon", "environment", "wallet_type", "chain_id", "team")

T = TypeVar("T")


class Demo:
    """The steps, each a method; they share the stage, the screen and the two wallets."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        """On an empty stage."""
        self.stage = stage
        self.screen = screen
        self.wallets: dict[str, Wallet] = {}
        self.hung_at = 0.0

    def play(self) -> None:
        """All steps."""
        for step in STEPS:
            step(self)

    def wait(self, what: str, probe: Callable[[], T | None], timeout: float = 60.0) -> T:
        """As `Stage.wait`, and shown."""
        self.screen.waiting(what)
        return self.stage.wait(what, probe, timeout)

    def kubectl(self, *arguments: str) -> None:
        """Run kubectl in the wallets' namespace, and show it."""
        done = self.stage.bed.kubectl("-n", NAMESPACE, *arguments)
        self.screen.command(shlex.join(("kubectl", "-n", NAMESPACE, *arguments)), done.stdout)

    def start_control_plane(self) -> None:
        """A cluster without nodes."""
        with self.screen.step("Start a Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager"):
            self.screen.waiting("its default namespace")
            self.stage.start_control_plane()

    def start_monitoring(self) -> None:
        """What a cluster with monitoring has already."""
        with self.screen.step("Start prometheus-operator, and the Prometheus and Alertmanager that it configures"):
            self.screen.waiting("their first configuration")
            self.stage.start_monitoring()

    def install_walletmon(self) -> None:
        """By helm, as anybody would."""
        with self.screen.step("Install walletmon by its Helm chart, and run it with the rights of its ServiceAccount"):
            self.screen.waiting("helm and the CustomResourceDefinition")
            self.stage.install_chart()
            self.screen.waiting("walletmon's caches")
            self.stage.start_operator()
            release = helm(self.stage.bed, "list", "--namespace", OPERATOR_NAMESPACE, "--output", "yaml")
            self.screen.command(f"helm list --namespace {OPERATOR_NAMESPACE} --output yaml", release)

    def start_wallets(self) -> None:
        """Two wallets behind one Service."""
        with self.screen.step("Start two wallets that sign real transactions: hot-1 and hot-2"):
            self.stage.bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
            for name in ("hot-1", "hot-2"):
                self.screen.waiting(f"wallet {name}")
                labels = {"app": APP, "walletmon.dev/wallet": name}
                self.wallets[name] = self.stage.add_wallet(NAMESPACE, f"{APP}-{name}", labels)
            self.stage.add_service(NAMESPACE, APP)
            self.kubectl("get", "pods", "-L", "app,walletmon.dev/wallet")
            url = self.stage.pager.url("on-call")
            self.kubectl("create", "secret", "generic", "treasury-on-call", f"--from-literal=url={url}")

    def apply_monitor(self) -> None:
        """The one resource."""
        with self.screen.step("Apply one WalletMonitor"):
            self.screen.file(_ROOT / TREASURY, str(TREASURY))
            mark = self.stage.bed.audit_mark()
            self.kubectl("apply", "-f", str(TREASURY))
            self.wait("the monitor to be Ready", lambda: self.stage.is_ready(NAMESPACE, MONITOR), 30)
            seconds = self.stage.seconds_to_ready(NAMESPACE, MONITOR, mark)
            self.kubectl("get", "walletmonitor", "-o", "wide")
            self.screen.say(
                f"From the request to Ready: [bold]{seconds * 1000:.0f} ms[/], by the apiserver's audit log."
            )

    def show_objects(self) -> None:
        """What came of it."""
        with self.screen.step("See what walletmon made of it"):
            self.kubectl("get", _CHILDREN, "-l", _OURS)
            self.kubectl("get", "walletmonitor", MONITOR, "-o", _CONDITIONS)

    def grow_impatient(self) -> None:
        """Quick figures, for a demo's patience."""
        with self.screen.step("Make it impatient for this demo: seconds in place of minutes, by a second apply"):
            self.screen.file(_ROOT / IMPATIENT, str(IMPATIENT))
            over = ("--server-side", "--force-conflicts", "--field-manager", "demo")
            self.kubectl("apply", *over, "-f", str(IMPATIENT))
            self.wait("the monitor to be Ready again", lambda: self.stage.is_ready(NAMESPACE, MONITOR), 30)

    def see_targets(self) -> None:
        """Real scrapes, with the labels that walletmon injects."""
        with self.screen.step("See Prometheus scrape both wallets, under labels that walletmon injects"):
            targets = self.wait("both wallets to be scraped every second, with success", self._scraped, 90)
            rows = [
                [*(target["labels"].get(name, "") for name in _SHOWN_LABELS), target["health"]]
                for target in sorted(targets, key=lambda target: str(target["labels"]["wallet"]))
            ]
            self.screen.table([*_SHOWN_LABELS, "health"], rows)

    def _scraped(self) -> list[Json] | None:
        targets = self.stage.prometheus.targets(walletmon=MONITOR)
        fine = [t for t in targets if t["health"] == "up" and t["scrapeInterval"] == "1s"]
        return fine if {t["labels"]["wallet"] for t in fine} == set(self.wallets) else None

    def hang_hot_1(self) -> None:
        """The failure: one that a health check does not see."""
        with self.screen.step(
            "Let hot-1 hang: it still answers health checks and scrapes, but its main loop stands still"
        ):
            hot_1 = self.wallets["hot-1"]
            self.hung_at = time.monotonic()
            answer = hot_1.switch(freeze_heartbeat=True)
            self.screen.request(f'POST {hot_1.control} {{"freeze_heartbeat": true}}', answer)
            self.screen.request(f"GET http://{hot_1.address}/healthz", hot_1.health())

    def see_alert_fire(self) -> None:
        """In Prometheus, for hot-1 alone."""
        with self.screen.step(f"See {ALERT} fire in Prometheus, for hot-1 alone"):
            prometheus = self.stage.prometheus
            self.wait(f"{ALERT} to be pending", lambda: prometheus.alerts(alertname=ALERT, wallet="hot-1"))
            self.wait(f"{ALERT} to fire", lambda: prometheus.alerts(firing=True, alertname=ALERT, wallet="hot-1"))
            self.screen.table(("alert", "wallet", "priority", "state", "since"), self._alert_rows())
            self._hot_2_is_silent()

    def _alert_rows(self) -> list[tuple[str, ...]]:
        alerts = self.stage.prometheus.alerts(walletmon=MONITOR)
        return [
            (
                *(alert["labels"].get(name, "") for name in ("alertname", "wallet", "priority")),
                alert["state"],
                f"{alert['activeAt'][:19]}Z",
            )
            for alert in alerts
        ]

    def _hot_2_is_silent(self) -> None:
        if self.stage.prometheus.alerts(firing=True, wallet="hot-2") or self.stage.pager.pages(wallet="hot-2"):
            raise BedError("hot-2 is well, but an alert fires for it")

    def see_page(self) -> None:
        """Alertmanager routes it, the webhook receives it."""
        with self.screen.step("See Alertmanager route it, and the page arrive"):
            route = self.wait("Alertmanager to have it", lambda: self.stage.alertmanager.alerts(alertname=ALERT))
            receivers = ", ".join(receiver["name"] for receiver in route[0]["receivers"])
            page = self._page(firing=True)
            self.screen.say(f"Alertmanager routes it to [bold]{receivers}[/], whose URL is in Secret treasury-on-call.")
            self.screen.page(page)
            self._hot_2_is_silent()
            self.screen.say(
                f"From failure to page: [bold]{page.at - self.hung_at:.1f} s[/] "
                "(10 s until the heartbeat counts as stale, 3 s of patience). hot-2: silent."
            )

    def _page(self, *, firing: bool) -> Page:
        what = "the page" if firing else "the page that says it is over"
        return self.wait(what, lambda: self.stage.pager.pages(firing=firing, alertname=ALERT, wallet="hot-1"))[-1]

    def recover(self) -> None:
        """And all is well again."""
        with self.screen.step("Let hot-1 recover, and see the alert resolve"):
            recovered_at = time.monotonic()
            self.wallets["hot-1"].switch(freeze_heartbeat=False)
            prometheus = self.stage.prometheus
            self.wait(f"{ALERT} to end", lambda: not prometheus.alerts(alertname=ALERT))
            page = self._page(firing=False)
            self.screen.page(page)
            self.screen.say(f"From recovery to all-clear: [bold]{page.at - recovered_at:.1f} s[/].")

    def stay(self) -> None:
        """Keep everything running, and show pages as they come, until Ctrl-C."""
        bed = self.stage.bed
        control = self.wallets["hot-2"].control
        self.screen.table(
            ("It all runs on. Look around:", ""),
            (
                ("Prometheus", f"{bed.prometheus_url}/alerts"),
                ("Alertmanager", bed.alertmanager_url),
                ("walletmon's own metrics", f"{self.stage.operator.url}/metrics"),
                ("the cluster", f"export KUBECONFIG={bed.kubeconfig}"),
                ("what the monitor says", f"{_kubectl()} -n {NAMESPACE} describe walletmonitor {MONITOR}"),
                ("make hot-2 hang", f"curl {control} --json '{{\"freeze_heartbeat\": true}}'"),
                ("logs", f"{bed.root}/log, {self.stage.operator.log}"),
            ),
        )
        self.screen.say("Pages appear below as they arrive. [bold]Ctrl-C[/] stops and removes everything.")
        shown = len(self.stage.pager.pages())
        while True:
            for page in self.stage.pager.pages()[shown:]:
                self.screen.page(page)
                shown += 1
            self.stage.check()
            time.sleep(0.5)


STEPS = (
    Demo.start_control_plane,
    Demo.start_monitoring,
    Demo.install_walletmon,
    Demo.start_wallets,
    Demo.apply_monitor,
    Demo.show_objects,
    Demo.grow_impatient,
    Demo.see_targets,
    Demo.hang_hot_1,
    Demo.see_alert_fire,
    Demo.see_page,
    Demo.recover,
)


def main(arguments: list[str] | None = None) -> int:
    """Play the demo; the exit code is 1 when a step did not happen, 130 when it was interrupted before the end."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A wallet fails, a page arrives.")
    parser.add_argument("--unattended", action="store_true", help="plain lines, and no waiting at the end (for CI)")
    options = parser.parse_args(arguments)
    screen = Screen(len(STEPS), plain=options.unattended)
    signal.signal(signal.SIGTERM, _interrupt)
    played = False
    with Stage() as stage:
        try:
            screen.title(
                "walletmon: one WalletMonitor, and wallets are really watched",
                "Every program here is the real one, on loopback, in a temporary folder; it is all removed at the end.",
            )
            ensure()  # with a progress display of its own: the first time it builds for ten minutes
            demo = Demo(stage, screen)
            demo.play()
            played = True
            if not options.unattended:
                demo.stay()
        except (BedError, OSError, urllib3.exceptions.HTTPError) as error:
            screen.failed(str(error), stage.account())
            return 1
        except KeyboardInterrupt:
            return 0 if played else 130
        finally:
            # An impatient second Ctrl-C must not leave anything behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            screen.say("Stopping everything ...")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _kubectl() -> str:
    """The kubectl of this environment, as one would type it."""
    path = Path(sys.executable).parent / "kubectl"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
