"""The packs as a page for people (`docs/packs.md`), made from the same data as the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from walletmon.packs.catalogue import default_packs
from walletmon.packs.schema import Alert, Pack, Recording

_HEAD = """\
# Alert packs

Made from `operator/walletmon/packs/*.yaml`; do not edit. The expressions are shown as the packs have them. What a
monitor gets is scoped to its own series, as described at the end of this page, and `walletmon:threshold:...` stands for
the figure in force: a number, or a series where wallets differ.

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
"""

_FOOT = """\
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
  `x and on () up{target="db", wallet=""} == 0`.
- `walletmon:threshold:<pack>_<threshold>` (in snake case) is the figure in force for the wallet, in base units.
- Functions that Prometheus takes only with a feature flag are refused: one of them would take down all rules beside it.
"""


def packs_page(packs: Mapping[str, Pack]) -> str:
    """The text of `docs/packs.md` for these packs (Markdown)."""
    sections = [_HEAD.format(default=", ".join(default_packs()))]
    for pack in packs.values():
        sections += _pack(pack)
    return "\n".join([*sections, _FOOT])


def _pack(pack: Pack) -> Iterator[str]:
    yield f"## {pack.name}\n\n{pack.description}\n"
    if pack.thresholds:
        yield "| threshold | default | from | to | meaning | source of the figure |\n|---|---|---|---|---|---|"
        for name, threshold in pack.thresholds.items():
            yield (
                f"| `{name}` | {threshold.default} | {threshold.min} | {threshold.max} "
                f"| {threshold.description} | {threshold.source} |"
            )
        yield ""
    yield "| alert | priority | for | keeps firing | says |\n|---|---|---|---|---|"
    for alert in pack.alerts:
        link = f"[{alert.name}](runbooks/{alert.name}.md)"
        yield f"| {link} | {alert.priority} | {alert.for_} | {alert.keep_firing_for or ''} | {_words(alert)} |"
    yield ""
    yield from (_expression(alert.name, "", alert.expr) for alert in pack.alerts)
    yield from (_recording(recording) for recording in pack.recordings)


def _words(alert: Alert) -> str:
    """The alert's summary with the names of labels in place of templates."""
    words = re.sub(r"\{\{ with [^}]*\}\}|\{\{ end \}\}", "", alert.summary.replace("{{ . }}", "{wallet}"))
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"{\1}", words).replace("|", "\\|")


def _recording(recording: Recording) -> str:
    return _expression(recording.record, f"{recording.why}\n\n", recording.expr)


def _expression(name: str, text: str, expr: str) -> str:
    return f"### {name}\n\n{text}```promql\n{expr}\n```\n"
