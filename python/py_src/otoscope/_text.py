"""Results as plain text, for terminals. Shows numbers and computes none."""

import shutil

from otoscope._otoscope import Results

_MOST_ROWS = 20
_WIDEST = 40


def results_text(results: Results, title: str) -> str:
    """Show the first rows of the columns that say something, as many as fit; below it what is left out."""
    about = {column["name"]: column for column in results.schema}
    cells = {name: results[name] for name in about}
    # An empty column says nothing, nor does a number that is the same everywhere; that nothing was found is worth a column.
    numbers = {name for name in about if about[name]["type"] in ("float", "int")}
    said = [
        name
        for name, column in cells.items()
        if (name == "findings" and column)
        or (
            any(cell not in (None, 0) for cell in column)
            and (name not in numbers or len(set(column)) > 1 or len(column) == 1)
        )
    ]
    # What was found comes before the values.
    said.sort(key=lambda name: "." in name and not name.endswith(".findings"))
    shown = min(len(results), _MOST_ROWS)
    lines: list[list[str]] = [[] for _ in range(shown + 1)]
    room, taken = shutil.get_terminal_size((120, 24)).columns, 0
    for name in said:
        symbol = about[name].get("symbol", "")
        texts = [f"{name} ({symbol})" if symbol else name, *(_cell(cell) for cell in cells[name][:shown])]
        wide = max(map(len, texts))
        if room < wide and taken:
            break
        room -= wide + 2
        taken += 1
        for line, text in zip(lines, texts, strict=True):
            line.append(text.rjust(wide) if name in numbers else text.ljust(wide))
    notes = []
    if len(results) > shown:
        notes.append(f"{len(results) - shown} more rows")
    if len(said) > taken:
        notes.append(f"{len(said) - taken} more columns: see .columns, .summary(), .to_pandas()")
    return "\n".join([title, *("  ".join(line).rstrip() for line in lines if line), *(f"... {note}" for note in notes)])


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    text = f"{cell:.6g}" if isinstance(cell, float) else " ".join(str(cell).split())
    # The end of a path says more than its beginning.
    return text if len(text) <= _WIDEST else f"...{text[3 - _WIDEST :]}"
