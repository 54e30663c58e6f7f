"""The types of the package that are plain Python."""

from typing import NamedTuple, TypedDict


class OtoscopeError(Exception):
    """Any error of Otoscope. What the audio contains is never an error: it becomes a finding."""


class InputError(OtoscopeError):
    """An argument that cannot be used: which one, why, and what to do instead."""

    argument: str
    """The name of the argument."""
    problem: str
    """What is wrong with it."""
    mend: str
    """What to do."""

    def __init__(self, argument: str, problem: str, mend: str = "") -> None:
        """Keep the three parts; ``args`` has them in this order."""
        super().__init__(argument, problem, mend)
        self.argument, self.problem, self.mend = argument, problem, mend

    def __str__(self) -> str:
        """All of it on one line."""
        return f"{self.argument}: {self.problem}; {self.mend}" if self.mend else f"{self.argument}: {self.problem}"


class InputTypeError(InputError, TypeError):
    """An argument of a type that is not taken."""


class InputValueError(InputError, ValueError):
    """An argument with a value that makes no sense."""


class ConfigError(InputValueError):
    """A sample rate, number of channels, metric, score or setting that is not possible."""


class DecodeError(OtoscopeError):
    """A file that cannot be decoded, or not to its end. The text says what is wrong and what to do."""


class DecodeWarning(UserWarning):
    """A file was damaged: what is left of it was measured. The text says what was lost."""


class Finding(NamedTuple):
    """One thing that is wrong: what, where, how bad. Fields may be added at the end: use their names."""

    metric: str
    """The metric that found it."""
    kind: str
    """The kind of finding, within the metric."""
    severity: str
    """``"info"``, ``"warning"`` (a careful listener would notice) or ``"error"`` (anybody would)."""
    state: str
    """``"point"`` for what is told once, ``"open"`` for what goes on, ``"closed"`` for what has ended."""
    start_sample: int
    """First sample, per channel, since the stream began."""
    end_sample: int
    """One past the last sample known so far."""
    start_s: float
    """`start_sample` in seconds."""
    end_s: float
    """`end_sample` in seconds."""
    value: float
    """What was measured, in `unit`."""
    threshold: float
    """What it was held against, in `unit`."""
    unit: str
    """The unit of `value` and `threshold`: ``"samples"``, ``"ms"``, ``"full_scale"``..."""
    message: str
    """The sentence people read, without the position."""
    t_ns: int | None
    """Arrival time of the push that raised it, as the caller gave it."""
    chunk: int | None
    """Index of the chunk in which it starts; None if that began too long ago to be remembered."""
    channel_mask: int
    """The channels it was heard in, bit 0 = first; 0 = the downmix or all."""
    event_id: int
    """Joins an ``"open"`` finding to its ``"closed"``."""


class Verdict(NamedTuple):
    """How a stream did on one requirement of a delivery norm. Fields may be added at the end: use their names."""

    norm: str
    """The name of the norm."""
    requirement: str
    """The name of the requirement."""
    verdict: str
    """``"pass"``, ``"fail"`` or ``"not_measured"``, which is never a pass."""
    value: float | None
    """What was measured, in `unit`."""
    target: float | None
    """What the norm aims at, if it names one number."""
    min: float | None
    """The lowest value that passes."""
    max: float | None
    """The highest value that passes."""
    off: float | None
    """How far `value` lies outside the bounds, with its sign; 0.0 inside."""
    unit: str
    """The unit of all these numbers."""
    field: str | None
    """The value of the report it is about, ``metric.field``; None if it is not measured."""
    mono_as: str | None
    """How a single channel was counted, ``"mono"`` or ``"dual_mono"``; None where that does not matter."""
    reason: str
    """Why it was not measured; else empty."""
    edition: str
    """Whose text the norm is, and which edition."""


class Requirement(TypedDict):
    """What a norm asks for; of those with the same name, one applies to a stream."""

    name: str
    field: str | None
    unit: str
    target: float | None
    min: float | None
    max: float | None
    least_s: float
    note: str


class Norm(TypedDict):
    """A delivery norm."""

    name: str
    title: str
    edition: str
    source: str
    note: str
    requirements: list[Requirement]


class Param(TypedDict):
    """A parameter of a metric; its key in ``settings`` is ``metric.name``."""

    name: str
    unit: str
    default: float | str
    min: float | None
    max: float | None
    choices: list[str] | None
    doc: str


class Field(TypedDict):
    """A value of a metric; its key in a report is ``metric.name``."""

    id: int
    name: str
    unit: str
    symbol: str
    tolerance: float
    doc: str


class Kind(TypedDict):
    """A kind of finding of a metric."""

    id: int
    name: str
    unit: str
    max_delay_ms: int
    message: str


class Metric(TypedDict):
    """What a metric says about itself."""

    id: int
    name: str
    summary: str
    definition: str
    revision: int
    params: list[Param]
    fields: list[Field]
    kinds: list[Kind]


class Preset(TypedDict):
    """A named variant of a score, asked for as ``score:preset``."""

    name: str
    definition: str
    doc: str


class Table(TypedDict):
    """A list of rows that comes with a score: `Comparison.table`."""

    id: int
    name: str
    on_request: bool
    columns: list[Field]
    doc: str


class Score(TypedDict):
    """What a full-reference score says about itself."""

    id: int
    name: str
    summary: str
    revision: int
    in_step: bool
    higher_is_better: bool
    presets: list[Preset]
    fields: list[Field]
    tables: list[Table]


for _public in (
    OtoscopeError,
    InputError,
    InputTypeError,
    InputValueError,
    ConfigError,
    DecodeError,
    DecodeWarning,
    Finding,
    Verdict,
    Requirement,
    Norm,
    Param,
    Field,
    Kind,
    Metric,
    Preset,
    Table,
    Score,
):
    _public.__module__ = "otoscope"
