"""The overview: what the person on call looks at first when one of this monitor's alerts has fired.

Top to bottom it answers: is anything wrong (figures, firing alerts), whose wallet (states, table), and why (a row a
cause: RPC, API, signing, sync, resources, recovery).
"""

from __future__ import annotations

from walletmon.compiler.dashboards import causes
from walletmon.compiler.dashboards.board import CHOSEN, PROCESS, WALLET, WALLET_OR_NONE, Board, error_ratio
from walletmon.compiler.dashboards.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Column,
    Panel,
    Section,
    State,
    Variable,
    render,
    stat_panel,
    state_panel,
    table_panel,
)

STATES = (
    State(-1, -1, "No target", GREY),
    State(0, 0, "Down", RED),
    State(0.001, 0.999, "Partly up", ORANGE),
    State(1, 1, "Up", GREEN),
)

PER_TARGET = "target, role, wallet, pod, host"
ANSWERS = f"probe_success{{{WALLET}}} or up{{{WALLET}}}"
"""1 or 0 for each target: of a probed address its own answer, since `up` there is the prober's."""
WALLET_STATE = f"avg by (wallet) ({ANSWERS}) or max by (wallet) (walletmon:wallet:expected{{{WALLET}}}) * -1"
EXPECTED = f"count(walletmon:wallet:expected{{{WALLET}}})"
WATCHED = f"walletmon:wallet:expected{{{WALLET}}} and on (wallet) (up{{{WALLET}}} == 1)"
DOWN = f"walletmon:wallet:expected{{{WALLET}}} unless on (wallet) (({ANSWERS}) == 1)"
FIRING = f'ALERTS{{alertstate="firing",{WALLET_OR_NONE}}}'
FIRING_FOR_WALLET = f'ALERTS{{alertstate="firing",{WALLET}}}'


def build(board: Board, *, title: str, uid: str) -> str:
    """The overview as JSON."""
    return render(
        title=title,
        uid=uid,
        description="Whether the wallets of this monitor are watched, and how they are. Made by walletmon: "
        "what is changed here by hand is overwritten.",
        tags=["walletmon"],
        alerts=board.scoped(FIRING),
        variables=(
            Variable(
                "wallet",
                board.scoped("walletmon:wallet:expected"),
                "Wallets of the monitor that some target is meant to cover.",
            ),
            Variable("job", board.scoped(f"up{{{WALLET_OR_NONE}}}"), "Scrape jobs of the monitor's targets."),
            Variable(
                "instance",
                board.scoped(f'up{{{WALLET_OR_NONE},job=~"$job"}}'),
                "Instances, as the monitor names them.",
            ),
        ),
        sections=(
            Section("Now", _now(board)),
            Section("Wallets", _wallets(board)),
            Section("Chain RPC", causes.rpc(board)),
            Section("API", causes.api(board)),
            Section("Signing", causes.signing(board)),
            Section("Sync", causes.sync(board)),
            Section("Resources", causes.resources(board)),
            Section("Recovery", causes.recovery(board)),
        ),
        min_step=board.shape.min_step,
    )


def _now(board: Board) -> list[Panel]:
    good, bad = [(None, GREEN), (1, RED)], [(None, BLUE)]
    return [
        stat_panel(
            "Wallets watched",
            "Wallets with a target that Prometheus can scrape. Unknown until the monitor's rules are evaluated.",
            [board.query(f"count({WATCHED}) or {EXPECTED} * 0")],
            unit="none",
            steps=bad,
        ),
        stat_panel(
            "Wallets expected",
            "Wallets that some target of the monitor is meant to cover.",
            [board.query(EXPECTED)],
            unit="none",
            steps=bad,
        ),
        stat_panel(
            "Wallets down",
            "Expected wallets of which no target answers, or for which none was found.",
            [board.query(f"count({DOWN}) or {EXPECTED} * 0")],
            unit="none",
            steps=good,
        ),
        stat_panel(
            "Alerts firing",
            "Alerts of this monitor that fire now, silenced and inhibited ones included.",
            [board.query(f"count({FIRING}) or {EXPECTED} * 0")],
            unit="none",
            steps=good,
        ),
        stat_panel(
            "Oldest heartbeat",
            "Longest time since any process last came round its main loop. Unknown if no process beats.",
            [board.query(f"max(time() - wallet_heartbeat_timestamp_seconds{{{PROCESS}}})")],
            unit="s",
            steps=board.steps("golden-signals.heartbeatAge"),
        ),
        stat_panel(
            "Longest sync lag",
            "How far the wallet that lags most is behind its network. Unknown if no wallet says.",
            [board.query(f"max(wallet_sync_lag_seconds{{{PROCESS}}})")],
            unit="s",
            steps=board.steps("golden-signals.syncLag"),
        ),
    ]


def _wallets(board: Board) -> list[Panel]:
    return [
        state_panel(
            "State of each wallet",
            "Up: all targets of the wallet answer. Partly up: some do. Down: none does. "
            "No target: nothing to scrape was found for it. Job and instance chosen above do not count here.",
            [board.query(WALLET_STATE, "{{wallet}}")],
            states=STATES,
        ),
        table_panel(
            "Alerts firing now",
            "Alerts of this monitor that fire now, the most urgent first. Click one of a pack's for its runbook.",
            [
                board.query(
                    "time() - min by (priority, alertname, wallet, pack) ("
                    f"ALERTS_FOR_STATE{{{WALLET_OR_NONE}}} and ignoring (alertstate) {FIRING})"
                )
            ],
            columns=(
                Column("priority", "Priority"),
                Column(
                    "alertname",
                    "Alert",
                    link=("Runbook", board.shape.runbook_url),
                ),
                Column("wallet", "Wallet"),
                Column("pack", "Pack"),
                Column("Value", "Pending or firing for", unit="dtdurations"),
            ),
            sort=("Priority", False),
        ),
        table_panel(
            "Wallets now",
            "The present figures of each wallet; the worst of its processes counts. An empty cell is not known.",
            [
                board.query(WALLET_STATE),
                board.query(f"max by (wallet) (time() - wallet_heartbeat_timestamp_seconds{{{PROCESS}}})"),
                board.query(
                    "max by (wallet) (time() - "
                    f"max by (wallet, endpoint) (wallet_rpc_last_success_timestamp_seconds{{{PROCESS}}}))"
                ),
                board.query(error_ratio("wallet_requests_total", "wallet")),
                board.query(f"max by (wallet) (wallet_sync_lag_seconds{{{PROCESS}}})"),
                board.query(f"count by (wallet) ({FIRING_FOR_WALLET})"),
            ],
            columns=(
                Column("wallet", "Wallet"),
                Column("Value #A", "State", states=STATES),
                Column("Value #B", "Heartbeat", "s", board.limit("golden-signals.heartbeatAge")),
                Column("Value #C", "Last RPC success", "s"),
                Column("Value #D", "API errors", "percentunit", board.limit("golden-signals.errorRatio")),
                Column("Value #E", "Sync lag", "s", board.limit("golden-signals.syncLag")),
                Column("Value #F", "Alerts", "none", 1),
            ),
            sort=("Wallet", False),
        ),
        table_panel(
            "Targets now",
            "Every target Prometheus scrapes for this monitor, those of shared infrastructure included.",
            [
                board.query(
                    f"min by ({PER_TARGET}) "
                    f"(probe_success{{{WALLET_OR_NONE},{CHOSEN}}} or up{{{WALLET_OR_NONE},{CHOSEN}}})"
                ),
                board.query(f"max by ({PER_TARGET}) (scrape_duration_seconds{{{WALLET_OR_NONE},{CHOSEN}}})"),
            ],
            columns=(
                Column("target", "Target"),
                Column("role", "Role"),
                Column("wallet", "Wallet"),
                Column("pod", "Pod"),
                Column("host", "Host"),
                Column("Value #A", "State", states=STATES),
                Column("Value #B", "Scrape took", "s"),
            ),
            sort=("State", False),
        ),
    ]
