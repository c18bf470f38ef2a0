"""What a message says: templates of Alertmanager, for each kind of receiver in the form that it can show.

Alertmanager expands them when it tells, so a mistake in one shows only then; tests expand each by amtool. Rules that
all of them keep:

* A label or annotation that is not there is left out with its line, and never shown as `<no value>`.
* Texts of alerts come from label values, which others may have a say in. Where markup could be made of them, they are
  escaped: nobody shall call a whole channel by the name of a token.
* At most `SHOWN` alerts are shown in full. Most services refuse a message that is too long, and then nobody is told.
* No `$(`: prometheus-operator's config-reloader would take it for a variable.
"""

from __future__ import annotations

SHOWN = 10
"""How many alerts of a group a message shows in full."""

_STATUS = '{{ if eq .Status "firing" }}FIRING{{ else }}RESOLVED{{ end }}'
_MORE = (
    f"{{{{ if gt (len .Alerts) {SHOWN} }}}}The first {SHOWN} of {{{{ len .Alerts }}}} alerts are shown.{{{{ end }}}}"
)

_SLACK = '| reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;"'
_SLACK_LINK = f'{_SLACK} | reReplaceAll "[|]" "%7C"'


def _shown(escape: str) -> str:
    return f"{{{{ . {escape} }}}}" if escape else "{{ . }}"


def _headline(escape: str = "") -> str:
    """What it is about: the summary if all alerts of the group have the same, else the alert's name and how many."""
    name = f"{{{{ with .CommonLabels.alertname }}}}{_shown(escape)}{{{{ else }}}}alerts{{{{ end }}}}"
    return (
        "{{ with .CommonLabels.priority }}" + _shown(escape) + " {{ end }}"
        "{{ with .CommonAnnotations.summary }}" + _shown(escape) + "{{ else }}" + name + " ({{ len .Alerts }}){{ end }}"
    )


def _alerts(escape: str, link: str, before: str, after: str) -> str:
    """Each alert: its summary between `before` and `after`, then what is known of it, a line each.

    `escape` is the end of a pipeline for texts, `link` what shows a URL (`NAME` stands for what it leads to).
    """
    text = _shown(escape)
    lines = [
        '{{ if eq .Status "resolved" }}Resolved: {{ end }}'
        + before
        + "{{ with .Annotations.summary }}"
        + text
        + "{{ else }}{{ with .Labels.alertname }}"
        + text
        + "{{ else }}alert{{ end }}{{ end }}"
        + after
        + "\n",
        "{{ with .Annotations.description }}" + text + "\n{{ end }}",
        *(
            "{{ with .Labels." + label + " }}" + name + ": " + text + "\n{{ end }}"
            for label, name in (("wallet", "Wallet"), ("namespace", "Namespace"), ("priority", "Priority"))
        ),
        *(
            "{{ with .Annotations." + annotation + " }}" + link.replace("NAME", name) + "\n{{ end }}"
            for annotation, name in (("runbook_url", "Runbook"), ("dashboard_url", "Dashboard"))
        ),
    ]
    each = f"{{{{ if lt $place {SHOWN} }}}}" + "".join(lines) + "\n{{ end }}"
    return "{{ range $place, $alert := .Alerts }}" + each + "{{ end }}" + _MORE


_PLAIN_ALERTS = _alerts("", "NAME: {{ . }}", "", "")

SUBJECT = f"[{_STATUS}] {_headline()}"
"""One line of plain text."""

PLAIN = _PLAIN_ALERTS
"""The alerts as plain text."""

PLAIN_WITH_SUBJECT = f"{SUBJECT}\n\n{_PLAIN_ALERTS}"
"""Both, where there is one field for all."""

SLACK_TITLE = f"[{_STATUS}] {_headline(_SLACK)}"
"""The headline for Slack, which takes `<!channel>` and the like for calls unless they are escaped."""

SLACK_TEXT = _alerts(_SLACK, f"<{{{{ . {_SLACK_LINK} }}}}|NAME>", "*", "*")
"""The alerts in Slack's mrkdwn."""

SLACK_COLOR = (
    '{{ if ne .Status "firing" }}good{{ else if eq .CommonLabels.priority "P0" }}danger'
    '{{ else if eq .CommonLabels.priority "P2" }}#439FE0{{ else }}warning{{ end }}'
)

# Alertmanager escapes texts by itself in this mode, and cuts a message after 4096 characters. A tag that is cut off
# from its end would make Telegram refuse the message: so there is one, right at the start, around a fixed word.
TELEGRAM = f"<b>{_STATUS}</b> {_headline()}\n\n{_PLAIN_ALERTS}"
"""HTML for Telegram."""


def by_worst(p0: str, p1: str, p2: str) -> str:
    """A template that gives one of three words, by the most urgent alert of a group; `p1` where a priority is missing.

    The routes of priorities never mix them, a monitor's receivers without such routes do.
    """
    return (
        f'{{{{ $worst := "{p2}" }}}}{{{{ range .Alerts }}}}'
        f'{{{{ if eq .Labels.priority "P0" }}}}{{{{ $worst = "{p0}" }}}}'
        f'{{{{ else if and (ne .Labels.priority "P2") (ne $worst "{p0}") }}}}{{{{ $worst = "{p1}" }}}}'
        "{{ end }}{{ end }}{{ $worst }}"
    )
