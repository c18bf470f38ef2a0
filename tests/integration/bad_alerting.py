"""Bad documents: what is wrong is a pack, a rule, or the routing."""

from __future__ import annotations

from tests.documents import minimal, muted, pack, promql, receiver, routing, rule
from tests.integration.bad import LABEL_NAME, NOT_A_NAME, Bad

BAD_ALERTING = (
    Bad(
        "two packs of one name",
        minimal(packs=[{"name": "signing"}, {"name": "signing"}]),
        "spec.packs[1]",
        'Duplicate value: {"name":"signing"}',
    ),
    Bad("pack name with a slash", minimal(packs=[{"name": "../signing"}]), "spec.packs[0].name", NOT_A_NAME),
    Bad("one alert disabled twice", pack(disable=["A", "A"]), "spec.packs[0].disable[1]", 'Duplicate value: "A"'),
    Bad(
        "disabled alert with a space",
        pack(disable=["A B"]),
        "spec.packs[0].disable[0]",
        "should match '^[A-Za-z_][A-Za-z0-9_]*$'",
    ),
    Bad(
        "override of an unknown priority",
        pack(overrides={"A": {"priority": "P3"}}),
        "spec.packs[0].overrides.A.priority",
        'Unsupported value: "P3": supported values: "P0", "P1", "P2"',
    ),
    Bad(
        "override with a bad duration",
        pack(overrides={"A": {"for": "soon"}}),
        "spec.packs[0].overrides.A.for",
        "should match '^([0-9]{1,2}y)?",
    ),
    Bad(
        "pack threshold as a number",
        pack(thresholds={"p95": 1.2}),
        "spec.packs[0].thresholds.p95",
        'must be of type string: "number"',
    ),
    Bad(
        "rule with when and expr",
        promql(when="WHEN x > 1"),
        "spec.rules[0]",
        "exactly one of when (the rule language) and expr (PromQL) says what the alert is about",
    ),
    Bad(
        "rule with neither",
        rule(),
        "spec.rules[0]",
        "exactly one of when (the rule language) and expr (PromQL) says what the alert is about",
    ),
    Bad(
        "expr without summary",
        rule(expr="up == 0"),
        "spec.rules[0]",
        "a rule with expr needs a summary: the sentence that the person on call reads first",
    ),
    Bad(
        "two rules of one name",
        minimal(rules=[{"name": "A", "when": "x"}, {"name": "A", "when": "y"}]),
        "spec.rules[1]",
        'Duplicate value: {"name":"A"}',
    ),
    Bad(
        "rule name with a dash",
        minimal(rules=[{"name": "my-rule", "when": "x"}]),
        "spec.rules[0].name",
        "should match '^[A-Za-z_][A-Za-z0-9_]*$'",
    ),
    Bad(
        "huge expr",
        rule(expr="x" * 16385, summary="s"),
        "spec.rules[0].expr",
        "Too long: may not be more than 16384 bytes",
    ),
    Bad("expr with NUL", rule(expr="up\x00", summary="s"), "spec.rules[0].expr", "should match '^["),
    Bad("summary of blanks", rule(expr="up", summary=" \n\t"), "spec.rules[0].summary", "should match '^["),
    Bad(
        "summary with an escape code",
        rule(expr="up", summary="\x1b[31mred"),
        "spec.rules[0].summary",
        "should match '^[",
    ),
    Bad(
        "huge description",
        promql(description="é" * 1025),
        "spec.rules[0].description",
        "Too long: may not be more than 1024 bytes",
    ),
    Bad(
        "runbook that is no web address",
        promql(runbookUrl="javascript:alert(1)"),
        "spec.rules[0].runbookUrl",
        "should match '^https?://[!-~]+$'",
    ),
    Bad(
        "rule label severity",
        promql(labels={"severity": "critical"}),
        "spec.rules[0].labels",
        "this label is set by walletmon or Prometheus; reserved are: wallet, instance",
    ),
    Bad(
        "rule label alertname",
        promql(labels={"alertname": "x"}),
        "spec.rules[0].labels",
        "this label is set by walletmon or Prometheus; reserved are: wallet, instance",
    ),
    Bad("rule label with a digit first", promql(labels={"2nd": "x"}), "spec.rules[0].labels", LABEL_NAME),
    Bad("for in words", promql(**{"for": "five minutes"}), "spec.rules[0].for", "should match '^([0-9]{1,2}y)?"),
    Bad("for past all counting", promql(**{"for": "9999y"}), "spec.rules[0].for", "should match '^([0-9]{1,2}y)?"),
    Bad("routing without receivers", minimal(routing={}), "spec.routing.receivers", "Required value"),
    Bad("no receiver", minimal(routing={"receivers": []}), "spec.routing.receivers", "should have at least 1 items"),
    Bad(
        "two receivers of one name",
        minimal(routing={"receivers": [receiver(), receiver()]}),
        "spec.routing.receivers[1]",
        'Duplicate value: {"name":"on-call"}',
    ),
    Bad(
        "receiver without means",
        minimal(routing={"receivers": [{"name": "on-call"}]}),
        "spec.routing.receivers[0]",
        "exactly one of wecom, wecomRobot, dingtalk, slack, email,",
    ),
    Bad(
        "receiver name that nobody may have",
        minimal(routing={"receivers": [receiver("_nobody")]}),
        "spec.routing.receivers[0].name",
        NOT_A_NAME,
    ),
    Bad(
        "route to an unknown receiver",
        routing(P0={"receivers": ["boss"]}),
        "spec.routing.P0",
        "P0 names a receiver that is not in receivers",
    ),
    Bad(
        "route to no receiver",
        routing(P1={"receivers": []}),
        "spec.routing.P1.receivers",
        "should have at least 1 items",
    ),
    Bad(
        "route to one receiver twice",
        routing(P2={"receivers": ["on-call", "on-call"]}),
        "spec.routing.P2.receivers[1]",
        'Duplicate value: "on-call"',
    ),
    Bad(
        "unknown mute interval",
        routing(P2={"receivers": ["on-call"], "muteTimeIntervals": ["nights"]}),
        "spec.routing.P2",
        "P2 names a mute interval that is not in muteTimeIntervals",
    ),
    Bad(
        "group interval of zero",
        routing(P0={"receivers": ["on-call"], "groupInterval": "0s"}),
        "spec.routing.P0.groupInterval",
        "must be longer than zero",
    ),
    Bad(
        "repeat interval of zero",
        routing(P0={"receivers": ["on-call"], "repeatInterval": "0m"}),
        "spec.routing.P0.repeatInterval",
        "must be longer than zero",
    ),
    Bad(
        "groupBy everything",
        routing(groupBy=["..."]),
        "spec.routing.groupBy[0]",
        "should match '^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$'",
    ),
    Bad("groupBy nothing", routing(groupBy=[]), "spec.routing.groupBy", "should have at least 1 items"),
    Bad(
        "mute interval without times and weekdays",
        muted(),
        "spec.routing.muteTimeIntervals[0]",
        "an interval without times and weekdays would mute for ever: give one of them",
    ),
    Bad(
        "mute from after to",
        muted(times=[{"from": "22:00", "to": "06:00"}]),
        "spec.routing.muteTimeIntervals[0].times[0]",
        "from must be earlier than to; split a range that goes past midnight in two",
    ),
    Bad(
        "mute from equal to",
        muted(times=[{"from": "22:00", "to": "22:00"}]),
        "spec.routing.muteTimeIntervals[0].times[0]",
        "from must be earlier than to",
    ),
    Bad(
        "mute at 25 o'clock",
        muted(times=[{"from": "00:00", "to": "25:00"}]),
        "spec.routing.muteTimeIntervals[0].times[0].to",
        "should match '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'",
    ),
    Bad(
        "mute time in base 60",
        muted(times=[{"from": 1320, "to": "24:00"}]),
        "spec.routing.muteTimeIntervals[0].times[0].from",
        'must be of type string: "integer"',
    ),
    Bad(
        "mute on a day that is none",
        muted(weekdays=["Mon"]),
        "spec.routing.muteTimeIntervals[0].weekdays[0]",
        'Unsupported value: "Mon"',
    ),
    Bad(
        "webhook with a negative bound",
        minimal(
            routing={"receivers": [{"name": "a", "webhook": {"urlSecret": {"name": "s", "key": "k"}, "maxAlerts": -1}}]}
        ),
        "spec.routing.receivers[0].webhook.maxAlerts",
        "should be greater than or equal to 1",
    ),
)
