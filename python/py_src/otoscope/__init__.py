"""Listens to speech from text-to-speech servers and says what is wrong, where and how bad.

`probe` measures a whole recording, an array or a file, `Probe` a stream as it comes. Both give a `Report` of values and
findings; `metrics` lists all there is to measure. `Report.verdicts` holds a report against delivery norms, and `norms`
lists those.

Samples come as NumPy arrays or anything else with the buffer protocol: float32, float64 or int16, of shape
``(samples,)`` or ``(samples, channels)``. They are read where they lie, also while other threads run: an array that is
written to meanwhile gives arbitrary values.
"""

from otoscope._otoscope import Probe, Report, __version__, metrics, norms, probe
from otoscope._types import (
    ConfigError,
    DecodeError,
    DecodeWarning,
    Field,
    Finding,
    Kind,
    Metric,
    Norm,
    OtoscopeError,
    Param,
    Requirement,
    Verdict,
)

__all__ = [
    "ConfigError",
    "DecodeError",
    "DecodeWarning",
    "Field",
    "Finding",
    "Kind",
    "Metric",
    "Norm",
    "OtoscopeError",
    "Param",
    "Probe",
    "Report",
    "Requirement",
    "Verdict",
    "__version__",
    "metrics",
    "norms",
    "probe",
]
