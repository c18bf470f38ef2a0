"""The packs as a page for people (`docs/packs.md`), made from the same data as the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from walletmon.packs.catalogue import default_packs
from walletmon.packs.configmap import MAX_BYTES, MAX_PACKS
from walletmon.packs.proof import cases
from walletmon.packs.schema import MAX_RULES, Alert, Pack, Preset, Recording, Threshold

_HEAD = """\
# Alert packs

Made from `operator/walletmon/packs/*.yaml`; do not edit. The expressions are shown as the packs have them. What a
monitor gets is scoped to its own series, as described at the end of this page, and `walletmon:threshold:...` stands for
the figure in force: a number, or a series where wallets differ.

{overview}

A monitor without `spec.packs` uses: {default}. It can set thresholds for itself (`spec.packs[].thresholds`) and for
one wallet (`spec.wallets[].thresholds`, as `<pack>.<threshold>`), leave alerts out (`disable`) and change their `for`,
`keepFiringFor` and `priority` (`overrides`):

```yaml
spec:
  wallets:
    - name: hot-1
      thresholds: {{golden-signals.syncLag: 10m}}
  packs:
    - name: golden-signals
      thresholds: {{memory: 85%}}
      disable: [WalletGoroutinesHigh]
      overrides: {{WalletDown: {{for: 5m, priority: P1}}}}
```

For planned work, `spec.suspend: true` takes all alerts back while series go on being recorded, and
`routing.muteTimeIntervals` keeps them from being sent at known hours.

A pack with a **preset** takes the same signals from the metrics of other software (`preset: geth`). The alerts that
these metrics cannot serve are not in force then; the tables below name them, each with the reason.

What was **proved** of an alert is said beside it. Each case is a unit test on a real promtool over the rules that the
compiler makes; `make test` prints them as a table:

| case | what is shown |
|---|---|
| fires, alone | it fires for the wallet in trouble, after `for` and not before, with the exact labels and texts, and for no other |
| silent if well | it does not fire in an hour or more of good life near the threshold |
| no signal | it does not fire for a wallet that does not expose what it reads |
| series vanish | it ends, and another alert says so, when the workload is gone with all its series |
| monitor's figure, wallet's figure | another threshold is respected, for the monitor and for one wallet alone |
| counter reset | a restart from zero neither raises nor ends it |
| data gap | a gap shorter than `keepFiringFor` does not end it |
"""  # noqa: E501 - rows of tables

_FOOT = """\
## Packs of your own

A pack is a file in a ConfigMap with the label `walletmon.dev/pack`, in the monitor's namespace or in the one that the
operator is told by `--packs-namespace` (`packsNamespace` in the chart), which is there for all monitors. The key is the
pack's name and `.yaml`; one ConfigMap holds at most {max_packs} packs of {max_kib} KiB each.

```yaml
{example}```

| field | what it is |
|---|---|
| `thresholds.<name>` | `unit` (`seconds`, `ratio`, `bytes`, `count`, `coin`), `default`, `min` and `max` with their units, `source` of the figure, `description`; `below` names a threshold that has to be higher; `bitcoin` has `default`, `min` and `max` in BTC, which `coin` needs |
| `recordings[]` | `record` (`wallet:...:...` or `sse:...:...`), `expr`, `why` |
| `alerts[]` | `name`, `expr`, `for`, `priority` (`P0`, `P1`, `P2`), `summary`, `description`; optional `keepFiringFor`, `action` (a label for a responder), `silences` (alerts that say nothing new meanwhile, for the same wallet; with `equal` also for the same values of these labels), `outage` (it says that the wallet is down: all its other alerts are silenced), `alwaysTold` (but not this one: no outage explains an attack, or money or keys that are gone) |
| `presets.<name>` | `software`, `source`, `recordings` (record to expression), `without` (alert to reason), `counters` (metrics typed as gauges that only grow), `identifying` (labels of the series read that [governance](governance.md) denies by default; of packs in ConfigMaps only the class can let them in, by `allowedLabels`) |

A pack has at most {max_rules} alerts and {max_rules} recordings. Names of packs, alerts and recordings are each there
once: shipped packs come first, then those of the shared namespace, then the monitor's. A pack that is wrong, or whose
name is taken, is told in an Event on the ConfigMap and in `Accepted` of each monitor that uses it; all else works on.
`walletmon lint` checks packs like monitors: give it the ConfigMap's file.

## How expressions are scoped

Packs and the PromQL of `spec.rules[].expr` go through the same transformation:

- Every selector gets `namespace="<the monitor's>"` and `walletmon="<the monitor>"`. An expression that matches on one
  of them by itself is refused.
- An expression is a statement about each wallet. Aggregations keep `namespace`, `walletmon` and `wallet`: `sum(x)`
  and `sum by () (x)` are a sum for each wallet, `topk(3, x)` the top three of each wallet. A total over wallets cannot
  be an alert; dashboards may show one.
- Two sides of an operator match within the wallet: `on (...)` gains the three labels, `ignoring (...)` loses them. A
  side that has none of them (`vector(5)`, `absent(x)`) matches without them.
- Series of a target that belongs to no wallet (`targets[]` without `wallet` and `walletFrom`) are matched by saying so:
  `x and on () up{{target="db", wallet=""}} == 0`.
- `walletmon:threshold:<pack>_<threshold>` (in snake case) is the figure in force for the wallet, in base units.
- Functions that Prometheus takes only with a feature flag are refused: one of them would take down all rules beside it.
"""  # noqa: E501 - rows of tables

EXAMPLE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: cold-storage
  namespace: wallets-prod
  labels: {walletmon.dev/pack: ""}
data:
  cold-storage.yaml: |
    name: cold-storage
    title: Cold storage
    description: Whether the vault is shut.
    thresholds:
      open:
        unit: seconds
        default: 10m
        min: 1m
        max: 1d
        source: the vault's own rule
        description: How long the door may be open.
    alerts:
      - name: VaultOpen
        expr: time() - vault_closed_timestamp_seconds > walletmon:threshold:cold_storage_open
        for: 1m
        priority: P0
        summary: The vault of {{ $labels.wallet }} is open
        description: It has been for {{ $value | humanizeDuration }}.
"""
"""A ConfigMap with a pack, as the page shows it; a test sees that it can be used."""


def packs_page(packs: Mapping[str, Pack]) -> str:
    """The text of `docs/packs.md` for these packs (Markdown)."""
    sections = [_HEAD.format(default=", ".join(default_packs()), overview=_overview(packs))]
    for pack in packs.values():
        sections += _pack(pack)
    foot = _FOOT.format(example=EXAMPLE, max_packs=MAX_PACKS, max_kib=MAX_BYTES // 1024, max_rules=MAX_RULES)
    return "\n".join([*sections, foot])


def _overview(packs: Mapping[str, Pack]) -> str:
    lines = ["| pack | alerts | presets | what it watches |", "|---|---|---|---|"]
    for pack in packs.values():
        lines.append(f"| [{pack.name}](#{pack.name}) | {len(pack.alerts)} | {', '.join(pack.presets)} | {pack.title} |")
    return "\n".join(lines)


def _pack(pack: Pack) -> Iterator[str]:
    yield f"## {pack.name}\n\n{pack.description}\n"
    if pack.thresholds:
        yield "| threshold | default | from | to | meaning | source of the figure |\n|---|---|---|---|---|---|"
        yield from (_threshold(name, threshold) for name, threshold in pack.thresholds.items())
        yield ""
    yield "| alert | priority | for | keeps firing | says |\n|---|---|---|---|---|"
    for alert in pack.alerts:
        link = f"[{alert.name}](runbooks/{alert.name}.md)"
        yield f"| {link} | {alert.priority} | {alert.for_} | {alert.keep_firing_for or ''} | {_words(alert)} |"
    yield ""
    yield from (_preset(pack, name, preset) for name, preset in pack.presets.items())
    yield from (_alert(pack, alert) for alert in pack.alerts)
    yield from (_recording(recording) for recording in pack.recordings)


def _threshold(name: str, threshold: Threshold) -> str:
    figures = [
        f"{bounds} / {other}" if other is not None else bounds
        for bounds, other in (
            (threshold.default, threshold.bitcoin and threshold.bitcoin.default),
            (threshold.min, threshold.bitcoin and threshold.bitcoin.min),
            (threshold.max, threshold.bitcoin and threshold.bitcoin.max),
        )
    ]
    meaning = threshold.description + (f" Below `{threshold.below}`." if threshold.below else "")
    return f"| `{name}` | {' | '.join(figures)} | {_cell(meaning)} | {_cell(threshold.source)} |"


def _preset(pack: Pack, name: str, preset: Preset) -> str:
    served = len(pack.served(name))
    lines = [
        f"**Preset `{name}`**: {preset.software}. {served} of {len(pack.alerts)} alerts; names from {preset.source}."
    ]
    if preset.identifying:
        labels = ", ".join(f"`{name}`" for name in preset.identifying)
        lines += ["", f"Its series carry {labels}, which governance denies by default and lets in for this preset."]
    if preset.without:
        lines += ["", "| without | because |", "|---|---|"]
        lines += [f"| {alert} | {_cell(reason)} |" for alert, reason in preset.without.items()]
    return "\n".join([*lines, ""])


def _words(alert: Alert) -> str:
    """The alert's summary with the names of labels in place of templates."""
    words = re.sub(r"\{\{-? ?with [^}]*\}\}|\{\{-? ?end ?-?\}\}", "", alert.summary.replace("{{ . }}", "{wallet}"))
    return _cell(re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"{\1}", words))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _alert(pack: Pack, alert: Alert) -> str:
    said = []
    if thresholds := pack.thresholds_of(alert):
        said.append("Goes by " + ", ".join(f"`{name}`" for name in thresholds) + ".")
    if alert.action is not None:
        said.append(f"Carries `action: {alert.action}`.")
    if alert.silenced:
        said.append("Silences " + ", ".join(each.alert for each in alert.silenced) + ".")
    if alert.outage:
        said.append("Silences all other alerts on the wallet but those that are always told.")
    if alert.always_told:
        said.append("Is told even while the wallet, or what it depends on, is down.")
    if served := [name for name in pack.presets if alert in pack.served(name)]:
        said.append("Presets: " + ", ".join(served) + ".")
    said.append("Proved: " + "; ".join(case.value for case in cases(pack, alert)) + ".")
    return _expression(alert.name, " ".join(said) + "\n\n", alert.expr)


def _recording(recording: Recording) -> str:
    return _expression(recording.record, f"{recording.why}\n\n", recording.expr)


def _expression(name: str, text: str, expr: str) -> str:
    return f"### {name}\n\n{text}```promql\n{expr}\n```\n"
