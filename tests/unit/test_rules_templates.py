"""Templates in users' annotations and labels: those that only read the alert are taken, nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletmon.language.template import TemplateError, check_template


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no template",
        "a { brace }",
        "{{ $value }}",
        "{{$value}}",
        "{{- $value -}}",
        "{{ $labels.wallet }} and {{ $labels.pod }}",
        "{{ $value | humanize }}",
        "{{ $value | humanizePercentage }} of {{ $labels.wallet | toUpper }}",
        '{{ printf "%.2f" $value }}',
        '{{ $value | printf "%6.2f" }}',
        "{{ humanizeDuration $value }}",
        '{{ "a | b" | toUpper | title }}',
        '{{ printf "%s \\"%s\\"" $labels.wallet $labels.pod }}',
        "{{ with $labels.pod }}, pod {{ . }}{{ end }}",
        "{{- with $labels.pod -}} {{ $value }} {{ . }} {{- end -}}",
    ],
)
def test_a_template_that_reads_the_alert_is_taken(text: str) -> None:
    check_template(text)


@pytest.mark.parametrize(
    "text",
    [
        '{{ query "up" }}',
        "{{ query `up` }}",
        '{{ "up" | query }}',
        '{{ with query "up" }}{{ . }}{{ end }}',
        '{{ range query "up" }}{{ .Labels.namespace }}{{ end }}',
        '{{ $value | printf "up{}" | query | first | value }}',
        "{{query\n`up`}}",
        '{{- query "up" -}}',
        "{{/* comment */}}",
        '{{ template "x" }}',
        '{{ define "x" }}{{ end }}',
        '{{ block "x" . }}{{ end }}',
        '{{ (query "up") }}',
        '{{ $x := query "up" }}{{ $x }}',
        '{{ $labels.a | reReplaceAll "(.*)" "$1" }}',
        '{{ tableLink "up" }}',
        '{{ graphLink "up" }}',
        "{{ externalURL }}",
        "{{ . }}",
        "{{ .Value }}",
        "{{ $labels }}",
        "{{ $labels.a.b }}",
        '{{ index $labels "a" }}',
        "{{ $externalLabels.cluster }}",
        "{{ if true }}x{{ end }}",
        "{{ end }}",
        "{{ with $labels.pod }}",
        "{{ with $labels.pod }}{{ end }}{{ end }}",
        "{{ with $labels.a }}{{ with $labels.b }}{{ end }}{{ end }}",
        '{{ with $labels.pod }}{{ query "up" }}{{ end }}',
        "{{ with $labels }}{{ . }}{{ end }}",
        "{{ with $value }}{{ . }}{{ end }}",
        "{{ with $labels.pod }}{{ end }}{{ . }}",
        "{{ with $labels.pod | query }}{{ . }}{{ end }}",
        "{{ with $labels.pod }}{{ .Labels }}{{ end }}",
        "{{ }}",
        "{{ | humanize }}",
        "{{ $value | }}",
        "{{ humanize }}",
        "{{ $value $value }}",
        "{{ $value | $value }}",
        "{{ $value",
        "$value }}",
        "{{ {{ $value }} }}",
        '{{ printf "%1000000d" $value }}',
        '{{ printf "%*d" 1000000 $value }}',
        '{{ printf "}}{{ query" }}',
        '{{ "\\x7b" }}',
        "{{ 'a' }}",
        "{{ `raw` }}",
        '{{ printf "%s""%s" $value }}',
        "{{ humanise $value }}",
        "{{ $value }}\x00",
    ],
)
def test_any_other_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template(text)
    assert caught.value.cure


def test_a_misspelt_function_is_answered_with_the_near_one() -> None:
    with pytest.raises(TemplateError, match="did you mean humanizePercentage"):
        check_template("{{ $value | humanizePercent }}")


PIECES = st.sampled_from([*'{}$|- "`\\().', "{{ ", " }}", "query", "$value", "$labels.a", "printf"])


@given(st.lists(PIECES, max_size=20).map("".join))
def test_whatever_is_taken_calls_nothing_that_reads_series(text: str) -> None:
    try:
        check_template(text)
    except TemplateError:
        return
    without_strings = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert all("query" not in part.split("}}")[0] for part in without_strings.split("{{")[1:])
