"""Reports and comparisons as HTML, for notebooks. Shows numbers and computes none."""

from collections.abc import Iterable
from html import escape

from otoscope._otoscope import Comparison, Report, Results, metrics, scores

_MOST_FINDINGS = 50
_MOST_ROWS = 40
_MOST_COLUMNS = 16
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


def results_html(results: Results, title: str) -> str:
    """Show the first rows, and of the columns those that differ or say what went wrong."""
    about = {column["name"]: column for column in results.schema}
    cells = {name: results[name] for name in results.columns}
    # A column that says nothing in any row is left out: an empty one, or the count of a finding nobody met.
    said = [name for name, column in cells.items() if any(cell not in (None, 0) for cell in column)]
    shown = said[:_MOST_COLUMNS]
    heads = []
    for name in shown:
        symbol = about[name].get("symbol", "")
        heads.append(f"{name} ({symbol})" if symbol else name)
    rows = []
    for i in range(min(len(results), _MOST_ROWS)):
        failed = i in results.errors
        texts = ["" if cells[name][i] is None else _cell(cells[name][i]) for name in shown]
        rows.append(_row(texts, title=results.errors.get(i, ""), colour=_COLOURS["error"] if failed else "inherit"))
    notes = [escape(title.strip("<>"))]
    if len(results) > _MOST_ROWS:
        notes.append(f"{len(results) - _MOST_ROWS} more rows")
    if len(said) > len(shown):
        notes.append(f"{len(said) - len(shown)} more columns: <code>results.columns</code>")
    return f'<div class="otoscope-results"><p><b>{"; ".join(notes)}</b></p>{_table(heads, rows)}</div>'


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


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
