"""Listens to speech from text-to-speech servers and says what is wrong, where and how bad.

`probe` measures a whole recording, an array or a file, `Probe` a stream as it comes. Both give a `Report` of values and
findings; `metrics` lists all there is to measure. `Report.verdicts` holds a report against delivery norms, and `norms`
lists those.

`compare` scores a degraded signal against the signal as it should be, `Reference` many of them; both give a
`Comparison`. `scores` lists what there is to compute.

Samples come as NumPy arrays or anything else with the buffer protocol: float32, float64 or int16, of shape
``(samples,)`` or ``(samples, channels)``. They are read where they lie, also while other threads run: an array that is
written to meanwhile gives arbitrary values.
"""

from otoscope._otoscope import (
    Comparison,
    Probe,
    Reference,
    Report,
    __version__,
    compare,
    metrics,
    norms,
    probe,
    scores,
)
from otoscope._types import (
    ConfigError,
    DecodeError,
    DecodeWarning,
    Field,
    Finding,
    InputError,
    InputTypeError,
    InputValueError,
    Kind,
    Metric,
    Norm,
    OtoscopeError,
    Param,
    Preset,
    Requirement,
    Score,
    Table,
    Verdict,
)

__all__ = [
    "Comparison",
    "ConfigError",
    "DecodeError",
    "DecodeWarning",
    "Field",
    "Finding",
    "InputError",
    "InputTypeError",
    "InputValueError",
    "Kind",
    "Metric",
    "Norm",
    "OtoscopeError",
    "Param",
    "Preset",
    "Probe",
    "Reference",
    "Report",
    "Requirement",
    "Score",
    "Table",
    "Verdict",
    "__version__",
    "compare",
    "metrics",
    "norms",
    "probe",
    "scores",
]
