//! Which findings answer which fault: one row per fault.

use super::matching::{Place, Shape};
use otoscope::spec::ParamValue;
use otoscope::{Config, SPECS};
use otoscope_fixtures::faults::{self, FaultSpec, Truth};
use otoscope_fixtures::take::Take;

/// How one fault is judged.
#[derive(Clone, Copy)]
pub struct Row {
    /// Name of the injector.
    pub fault: &'static str,
    /// An instant or a stretch.
    pub shape: Shape,
    /// The findings that answer it, as `metric.kind`; one of them is enough.
    pub kinds: &'static [&'static str],
    /// The severity at which 95 % are to be found; the injector's default where none is named.
    pub goal: Option<f64>,
    /// Whether the committed page has it.
    pub on_page: bool,
    /// Real-time factor of the simulated server.
    pub pace: f64,
    /// Utterances are joined until the take lasts this long.
    pub least_s: f64,
    /// What the value of the answer must be, and how near.
    pub worth: Option<Worth>,
    /// Judged only on takes of which the length of the text is known.
    pub wants_text: bool,
}

/// Value and tolerance that the truth and the settings ask of an answer.
pub type Worth = fn(&Take, &Truth, &Config) -> (f64, f64);

const fn row(fault: &'static str, shape: Shape, kinds: &'static [&'static str]) -> Row {
    Row { fault, shape, kinds, goal: None, on_page: true, pace: 0.95, least_s: 0.0, worth: None, wants_text: false }
}

const fn point(fault: &'static str, kinds: &'static [&'static str]) -> Row {
    row(fault, Shape::Point, kinds)
}

const fn interval(fault: &'static str, kinds: &'static [&'static str]) -> Row {
    row(fault, Shape::Interval, kinds)
}

impl Row {
    const fn goal(self, severity: f64) -> Self {
        Self { goal: Some(severity), ..self }
    }

    const fn off_page(self) -> Self {
        Self { on_page: false, ..self }
    }

    /// Judged with a server of this real-time factor.
    const fn paced(self, factor: f64) -> Self {
        Self { pace: factor, ..self }
    }

    /// Judged on takes of at least this length, joined from utterances.
    const fn lasting(self, seconds: f64) -> Self {
        Self { least_s: seconds, ..self }
    }

    /// Judged on takes of which the length of the text is known.
    const fn with_text(self) -> Self {
        Self { wants_text: true, ..self }
    }

    const fn worth(self, value: Worth) -> Self {
        Self { worth: Some(value), ..self }
    }
}

/// Every fault with its answer. A row whose injector or findings do not exist (yet) is skipped with a note.
pub const ANSWERS: &[Row] = &[
    point("click_free", &["click.click"]).goal(0.1),
    point("join_step", &["join.step"]).goal(0.05),
    point("join_hold", &["join.step"]).goal(0.05),
    point("join_click", &["join.click"]).goal(0.1),
    point("join_drop", &["join.step", "join.slope", "join.click"]).off_page(),
    interval("gap", &["silence.hole", "dropout.hole", "dropout.gap"]).goal(20.0),
    interval("gap_noise", &["dropout.hole", "dropout.gap"]).off_page(),
    interval("gap_fade", &["silence.hole", "dropout.hole", "dropout.gap"]).off_page(),
    interval("silence", &["silence.inner"]).goal(1.0),
    interval("silence_lead", &["silence.lead"]).goal(1.0),
    interval("silence_tail", &["silence.tail"]).goal(1.0),
    interval("silence_noise_60", &["silence.inner"]).goal(1.0).off_page(),
    point("truncate", &["ending.cut"]).goal(100.0),
    interval("wrap", &["wrap.wrap"]).goal(1.1),
    interval("clip", &["clipping.rail"]).goal(3.0),
    interval("clip_scale", &["clipping.plateau", "clipping.rail"]).goal(-6.0),
    interval("dc_step", &["dc_offset.offset"]).goal(0.01),
    point("level_jump", &["level_jump.jump"]).goal(-6.0),
    interval("fade", &["level_jump.fade"]).goal(-3.0).lasting(120.0),
    interval("noise_takeover", &["noise.takeover", "noise.tail"]).goal(1.0),
    interval("noise_takeover_pink", &["noise.takeover", "noise.tail"]).off_page(),
    interval("noise_over", &["noise.takeover", "noise.tail"]).off_page(),
    interval("noise_tail", &["noise.tail", "noise.takeover"]),
    interval("tone", &["tone.line"]).goal(-40.0),
    interval("tone_pitch", &["tone.line"]).off_page(),
    interval("tone_length", &["tone.line"]).off_page(),
    interval("hum", &["tone.hum", "tone.line"]).goal(-40.0),
    interval("hum_line", &["tone.hum"]).off_page(),
    interval("comb", &["tone.line"]).off_page(),
    interval("loop", &["repetition.loop"]),
    interval("duplicate", &["duplicate.repeat"]).goal(20.0),
    interval("runaway", &["length.runaway"]).goal(2.0).with_text(),
    point("cut_short", &["length.too_short"]).goal(50.0).with_text(),
    interval("relabel", &["bandwidth.rate_label"]).goal(1.5).lasting(12.0),
    interval("band_limit", &["bandwidth.band_limited"]).off_page(),
    interval("pitch_shift", &["pitch.drift"]).off_page(),
    interval("tilt", &["timbre.drift"]).off_page(),
    // No slack: a chunk that is late by 200 ms makes a listener without a buffer wait 200 ms.
    point("late_chunk", &["continuity.stall"]).goal(200.0).paced(1.0).worth(stall_ms),
    point("late_burst", &["continuity.stall"]).goal(200.0).paced(1.0).worth(stall_ms).off_page(),
    interval("nan", &["validity.not_finite"]).goal(1.0),
    interval("nan_chunk", &["validity.not_finite"]).off_page(),
    interval("inf", &["validity.not_finite"]).off_page(),
    point("wav_header", &["validity.wav_header"]).goal(1.0),
    interval("float_scale", &["validity.float_scale"]),
    interval("mu_law", &["validity.mu_law"]),
    interval("byte_order", &["validity.byte_order"]),
    interval("interleaved", &["validity.interleaved"]),
];

/// How long the player of `continuity.cushion_ms` waits for the late chunk, within the rounding of times to a millisecond.
fn stall_ms(take: &Take, truth: &Truth, config: &Config) -> (f64, f64) {
    let cushion_ms = match config.get("continuity.cushion_ms") {
        Ok(ParamValue::Number(ms)) => ms,
        _ => 0.0,
    };
    let stalls = take.stalls_with((cushion_ms * 1e6) as i64);
    let late = truth.fact("chunk").unwrap_or(-1.0);
    let wait = stalls.iter().find(|s| s.chunk as f64 == late).map_or(0.0, |s| s.wait_ns as f64 / 1e6);
    (wait, 1.0)
}

/// A row whose fault and findings exist.
pub struct Known {
    /// The row.
    pub row: &'static Row,
    /// The injector.
    pub fault: &'static FaultSpec,
    /// Those of its kinds that exist.
    pub kinds: Vec<&'static str>,
}

impl Known {
    /// The severity at which 95 % are to be found.
    #[must_use]
    pub fn goal(&self) -> f64 {
        self.row.goal.unwrap_or(self.fault.default_severity)
    }

    /// The ladder, with the goal in it.
    #[must_use]
    pub fn severities(&self) -> Vec<f64> {
        let mut all = self.fault.severities.to_vec();
        if !all.contains(&self.goal()) {
            all.push(self.goal());
        }
        all
    }

    /// Whether a finding answers this fault.
    #[must_use]
    pub fn answers(&self, finding: &str) -> bool {
        self.kinds.contains(&finding)
    }

    /// The detectors the answers come from.
    #[must_use]
    pub fn metrics(&self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.kinds.iter().map(|k| metric_of(k)).collect();
        all.dedup();
        all
    }
}

/// The detector of a finding's name.
#[must_use]
pub fn metric_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(metric, _)| metric)
}

/// The rows that can be judged, and notes on those that cannot.
#[must_use]
pub fn known() -> (Vec<Known>, Vec<String>) {
    let exists = |name: &str| {
        let (metric, kind) = name.split_once('.').unwrap_or((name, ""));
        SPECS.iter().any(|s| s.name == metric && s.kinds.iter().any(|k| k.name == kind))
    };
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for row in ANSWERS {
        let kinds: Vec<&str> = row.kinds.iter().copied().filter(|k| exists(k)).collect();
        match faults::find(row.fault) {
            None => notes.push(format!("{}: there is no such fault", row.fault)),
            Some(_) if kinds.is_empty() => {
                notes.push(format!("{}: no detector raises {}", row.fault, row.kinds.join(" or ")))
            }
            Some(fault) => rows.push(Known { row, fault, kinds }),
        }
    }
    (rows, notes)
}

/// Where a fault lies for a listener: all that was changed, unless the injector knows what is audible of it (`heard_from`,
/// `heard_to`), or that it lengthened a pause that was there before (`pause_from`, `pause_to`).
#[must_use]
pub fn place(truth: &Truth) -> Place {
    let whole = truth.start_sample..truth.end_sample;
    let range = |from, to| Some(truth.fact(from)? as u64..truth.fact(to)? as u64);
    if let Some(heard) = range("heard_from", "heard_to") {
        return Place { inner: heard, outer: whole };
    }
    match range("pause_from", "pause_to") {
        Some(pause) => Place { inner: whole, outer: pause },
        None => Place::exact(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_one_row_and_goals_lie_in_the_range_of_the_injector() {
        for (i, row) in ANSWERS.iter().enumerate() {
            assert!(ANSWERS[..i].iter().all(|r| r.fault != row.fault), "{} twice", row.fault);
        }
        let (rows, notes) = known();
        assert_eq!(rows.len() + notes.len(), ANSWERS.len());
        for known in rows {
            let range = known.fault.min..=known.fault.max;
            assert!(range.contains(&known.goal()) && known.severities().contains(&known.goal()), "{}", known.row.fault);
        }
    }
}
