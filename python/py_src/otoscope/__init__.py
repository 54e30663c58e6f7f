"""Listens to speech from text-to-speech servers and says what is wrong, where and how bad.

`probe` measures a whole recording, an array or a file, `Probe` a stream as it comes. Both give a `Report` of values and
findings; `metrics` lists all there is to measure. `Report.verdicts` holds a report against delivery norms, and `norms`
lists those.

`probe_many` and `compare_many` do it for thousands of recordings or pairs on all processors and give a table: `Results`, with
means and confidence intervals, for pandas, polars or Arrow. `otoscope.plot` draws (it needs matplotlib).

`mos` scores clips without a reference: predicted Distill-MOS, DNSMOS P.808 and P.835.

`compare` scores a degraded signal against the signal as it should be, `Reference` many of them; both give a
`Comparison`. `scores` lists what there is to compute.

Samples come as NumPy arrays or anything else with the buffer protocol: float32, float64 or int16, of shape
``(samples,)`` or ``(samples, channels)``. They are read where they lie, also while other threads run: an array that is
written to meanwhile gives arbitrary values.
"""

from otoscope._batch import compare_many, probe_many
from otoscope._otoscope import (
    Comparison,
    Probe,
    Reference,
    Report,
    Results,
    __version__,
    compare,
    metrics,
    mos,
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
from otoscope.compat.pesq import (
    BufferTooShortError,
    InvalidSampleRateError,
    NoUtterancesError,
    OutOfMemoryError,
    PesqError,
    pesq,
    pesq_batch,
)
from otoscope.compat.pystoi import stoi

# Where these come from is not where people find them.
for _public in (probe_many, compare_many):
    _public.__module__ = "otoscope"
del _public

__all__ = [
    "BufferTooShortError",
    "Comparison",
    "ConfigError",
    "DecodeError",
    "DecodeWarning",
    "Field",
    "Finding",
    "InputError",
    "InputTypeError",
    "InputValueError",
    "InvalidSampleRateError",
    "Kind",
    "Metric",
    "NoUtterancesError",
    "Norm",
    "OtoscopeError",
    "OutOfMemoryError",
    "Param",
    "PesqError",
    "Preset",
    "Probe",
    "Reference",
    "Report",
    "Requirement",
    "Results",
    "Score",
    "Table",
    "Verdict",
    "__version__",
    "compare",
    "compare_many",
    "metrics",
    "mos",
    "norms",
    "pesq",
    "pesq_batch",
    "probe",
    "probe_many",
    "scores",
    "stoi",
]
