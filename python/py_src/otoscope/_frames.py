"""Results as data frames of other packages. Shows numbers and computes none."""

import importlib
from typing import Any

from otoscope._otoscope import Results


def _need(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        text = f"{name} is not installed; pip install {name}, or use Results.to_dicts() or Results[column]"
        raise ImportError(text, name=name) from None


def to_pandas(results: Results) -> Any:
    """Make a ``pandas.DataFrame``: missing numbers are NaN, whole numbers with gaps are ``Int64``."""
    pandas = _need("pandas")
    columns = {}
    for about in results.schema:
        name, cells = about["name"], results[about["name"]]
        gaps = any(cell is None for cell in cells)
        kinds = {"float": "float64", "int": "Int64" if gaps else "int64", "bool": "boolean" if gaps else "bool"}
        columns[name] = pandas.Series(cells, dtype=kinds.get(about["type"], "object"), name=name)
    frame = pandas.DataFrame(columns)
    frame.attrs["otoscope"] = {about["name"]: about for about in results.schema}
    return frame


def to_polars(results: Results) -> Any:
    """Make a ``polars.DataFrame``."""
    return _need("polars").DataFrame(results)


def to_pyarrow(results: Results) -> Any:
    """Make a ``pyarrow.Table`` with units and definitions in the metadata of its fields."""
    return _need("pyarrow").table(results)
