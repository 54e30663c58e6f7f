"""Reports and comparisons as HTML, for notebooks. Shows numbers and computes none."""

from collections.abc import Iterable
from html import escape

from otoscope._otoscope import Comparison, Report, metrics, scores

_MOST_FINDINGS = 50
_COLOURS = {"info": "#57606a", "warning": "#9a6700", "error": "#cf222e"}


def report_html(report: Report) -> str:
    """Tables of values and findings, and why values are missing."""
    parts = [f"<p><b>{escape(repr(report).strip('<>'))}</b></p>", _values(report)]
    if report.findings:
        parts.append(_findings(report))
    reasons: dict[tuple[str, str], list[str]] = {}
    for key, why in report.not_computed.items():
        metric, _, field = key.partition(".")
        reasons.setdefault((metric, why), []).append(field)
    if reasons:
        lines = "".join(
            f'<li title="{escape(", ".join(fields))}">{escape(metric)}: {escape(why)}</li>'
            for (metric, why), fields in reasons.items()
        )
        parts.append(f"<p>Not computed:</p><ul>{lines}</ul>")
    return f'<div class="otoscope-report">{"".join(parts)}</div>'


def comparison_html(comparison: Comparison) -> str:
    """Show a table of scores with their definitions, and why scores are missing."""
    fields = {score["name"]: score["fields"] for score in scores()}
    values, messages, definitions = comparison.values, comparison.messages, comparison.definitions
    rows = []
    for key, status in comparison.status.items():
        if key in messages:
            rows.append(_row([key, "", status, messages[key]], colour=_COLOURS["warning"]))
            continue
        for field in fields[key.partition(":")[0]]:
            name = f"{key}.{field['name']}"
            if name in values:
                cells = [name, f"{values[name]:.6g}", field["symbol"], definitions[key]]
                rows.append(_row(cells, title=field["doc"]))
    notes = "".join(
        f"<li>{escape(key)}: {escape(text)}</li>"
        for key, warnings in comparison.warnings.items()
        for text in warnings.values()
    )
    list_of_notes = f"<ul>{notes}</ul>" if notes else ""
    return f'<div class="otoscope-comparison">{_table(["score", "", "unit", "definition"], rows)}{list_of_notes}</div>'


def _values(report: Report) -> str:
    values, undefined = report.values, report.undefined
    rows = []
    for metric in metrics():
        for field in metric["fields"]:
            key = f"{metric['name']}.{field['name']}"
            if key in values:
                cells = [key, f"{values[key]:.6g}", field["symbol"]]
            elif key in undefined:
                cells = [key, "undefined", undefined[key]]
            else:
                continue
            rows.append(_row(cells, title=field["doc"]))
    return _table(["value", "", "unit"], rows)


def _findings(report: Report) -> str:
    findings = report.findings
    rows = [
        _row(
            [f"{f.start_s:.3f}", f"{f.end_s:.3f}", f"{f.metric}.{f.kind}", f.severity, f.message],
            colour=_COLOURS.get(f.severity, "inherit"),
        )
        for f in findings[:_MOST_FINDINGS]
    ]
    more = len(findings) - len(rows)
    note = f"<p>and {more} more</p>" if more else ""
    return _table(["start (s)", "end (s)", "finding", "severity", "message"], rows) + note


def _row(cells: Iterable[str], title: str = "", colour: str = "inherit") -> str:
    tds = "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells)
    return f'<tr title="{escape(title)}" style="color:{colour}">{tds}</tr>'


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    ths = "".join(f'<th style="text-align:left">{escape(head)}</th>' for head in heads)
    return f"<table><thead><tr>{ths}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
