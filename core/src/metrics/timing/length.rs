//! Length: the speech against the length of the text it should say.
//!
//! ## What it measures
//! How much speech there is, in time and in syllables, against what a text of the given length needs: runaway generation
//! while it happens, and an answer that is too short when it ends.
//!
//! ## Why it matters for speech
//! A model that misses its end token babbles on for minutes; one that meets it too early swallows half of the answer. Both
//! deliver flawless audio.
//!
//! ## Method
//! The caller gives the text's length and script, never the text. Two measures are independent of each other: the time in
//! which somebody speaks, which depends on how fast the voice is, and the syllables heard, which depend on how many
//! letters the language spends on one. The ratio that is judged is the geometric mean of both against their
//! expectation, so that a slow voice or a language with short syllables moves it by the square root only. Syllables are the
//! peaks of the level per 10 ms (smoothed over three) that stand `dip_db` over the dips on both sides and no farther
//! than `range_db` below the loudest of the last seconds (after Mermelstein 1975; de Jong and Wempe 2009). Expected are
//! 0.3 s and one syllable more than the text needs, so that a single word is not judged by its last vowel. A runaway is
//! dated back to where the speech had reached the length of the text.
//!
//! ## Reading the value
//! `text_ratio` is 0.75 to 1.35 for sound speech; 2 means twice as much speech as the text needs. `char_s` and
//! `syllable_chars` are what this voice needed: set as parameters, from the mean of many answers of a voice, they narrow the
//! spread, and `max_ratio` may then be lowered to 1.25. `words_per_minute` is as if the text were English, pauses left out.
//!
//! ## Limits
//! Without the text's length nothing is computed. Fluent wrong speech of the right length is invisible, and so is half a
//! text by a voice of half the speed. Noise or a murmur without syllables counts by its time only, and is found from
//! `slow_ratio` times the text's time on, or at the hard stop. Abbreviations read letter by letter, markup read out and
//! texts of fewer than three syllables are outside the model. The constants of Latin and Kana were checked on voices; those of
//! the other scripts follow from published syllable rates.

use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::text::{Script, TextHint};
use crate::units::{SampleRate, db_power};

params! { LengthConfig {
    max_ratio: Ratio = 1.4 in 1.0 ..= 100.0, "So many times the speech the text needs are a runaway.";
    error_ratio: Ratio = 2.0 in 1.0 ..= 100.0, "From here on a runaway is an error rather than a warning.";
    slow_ratio: Ratio = 2.4 in 1.0 ..= 100.0, "So many times the text's time are a runaway however few the syllables (2.4 is 80 words a minute).";
    min_ratio: Ratio = 0.71 in 0.0 ..= 1.0, "A stream that ends with less speech than this share of what the text needs is too short.";
    stop_ratio: Ratio = 8.8 in 1.0 ..= 1000.0, "A stream of this many times the text's time, and stop_s more, is a runaway whatever it holds (8.8 is 0.6 s a letter).";
    stop_s: Seconds = 20.0 in 0.0 ..= 3600.0, "See stop_ratio.";
    char_s: Seconds = 0.0 in 0.0 ..= 10.0, "Speech time of a character of this voice; 0 takes the script's.";
    syllable_chars: Count = 0.0 in 0.0 ..= 100.0, "Characters per syllable heard of this voice; 0 takes the script's.";
    dip_db: Db = 3.0 in 0.5 ..= 20.0, "Two syllables have a dip of this depth between them.";
    range_db: Db = 22.0 in 3.0 ..= 60.0, "A peak farther than this below the loudest of the last seconds is no syllable.";
} }

fields! { LengthOutput {
    1 text_ratio: Ratio, Exact, "Speech so far against what the text needs: geometric mean of time and syllables.";
    2 spoken_s: Seconds, Exact, "Time in which somebody speaks.";
    3 expected_s: Seconds, Exact, "Time the text needs.";
    4 syllables: Count, Exact, "Syllables heard.";
    5 expected_syllables: Count, Exact, "Syllables the text needs.";
    6 char_s: Seconds, Exact, "Speech time per character.";
    7 syllable_chars: Count, Exact, "Characters per syllable heard.";
    8 words_per_minute: Count, Exact, "Speech rate as if the text were English words of 4.7 letters, pauses left out.";
} }

const RUNAWAY: KindSpec = KindSpec {
    id: 1,
    name: "runaway",
    unit: Unit::Ratio,
    max_delay_ms: 20,
    message: "{value} times the speech the text needs",
};
const TOO_SHORT: KindSpec = KindSpec {
    id: 2,
    name: "too_short",
    unit: Unit::Ratio,
    max_delay_ms: 20,
    message: "only {value} of the speech the text needs",
};

/// Letters of an English word, as counted for words per minute.
const WORD_LETTERS: f64 = 4.7;
/// What is allowed beyond the text, and missing from it: part of a last syllable and the hangover of the voice activity.
const SLACK_S: f64 = 0.3;
const SLACK_SYLLABLES: f64 = 1.0;
/// The loudest level is forgotten by 1 dB a second.
const LOUDEST_FALL: f32 = 0.997_7;
/// No syllable is quieter than this mean square (-55 dBFS).
const LEAST: f32 = 3.162e-6;

/// Counts the syllables in a row of levels.
#[derive(Debug, Clone, Copy, Default)]
struct Syllables {
    count: u32,
    /// The two levels before, for smoothing.
    before: [f32; 2],
    loudest: f32,
    /// The highest level since the last dip, or the lowest since the last peak.
    extreme: f32,
    falling: bool,
}

impl Syllables {
    fn add(&mut self, mean_square: f32, dip: f32, range: f32) {
        let level = 0.25 * (self.before[0] + mean_square) + 0.5 * self.before[1];
        self.before = [self.before[1], mean_square];
        self.loudest = (self.loudest * LOUDEST_FALL).max(level);
        if self.falling {
            self.extreme = self.extreme.min(level);
            if level > self.extreme * dip {
                (self.falling, self.extreme) = (false, level);
            }
        } else {
            self.extreme = self.extreme.max(level);
            if level * dip < self.extreme {
                self.count += u32::from(self.extreme > LEAST && self.extreme > self.loudest * range);
                (self.falling, self.extreme) = (true, level);
            }
        }
    }
}

/// What the text needs, and the limits that follow from it.
#[derive(Debug, Clone, Copy)]
struct Need {
    hint: TextHint,
    seconds: f64,
    syllables: f64,
    /// Samples times syllables: as much as the text needs, and a runaway.
    enough: f64,
    runaway: f64,
    /// Samples of speech, and of anything, that are a runaway.
    slow: f64,
    stop: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Both,
    Time,
    Stop,
}

pub(crate) struct Length {
    need: Option<Need>,
    syllables: Syllables,
    /// Samples in which somebody speaks, and all of them.
    spoken: u64,
    end: u64,
    /// Where the speech had the length of the text.
    reached: u64,
    open: Option<(EventId, Rule)>,
}

pub(crate) struct Plan {
    config: LengthConfig,
    rate: SampleRate,
    dip: f32,
    range: f32,
}

impl Plan {
    fn need(&self, hint: TextHint) -> Need {
        let c = &self.config;
        let or = |set: f64, usual: f64| if set > 0.0 { set } else { usual };
        let chars = f64::from(hint.chars);
        let seconds = chars * or(c.char_s, hint.script.char_s());
        let syllables = chars / or(c.syllable_chars, hint.script.syllable_chars());
        let rate_hz = f64::from(self.rate.hz());
        let slack = (seconds + SLACK_S) * (syllables + SLACK_SYLLABLES);
        Need {
            hint,
            seconds,
            syllables,
            enough: rate_hz * seconds * syllables,
            runaway: rate_hz * c.max_ratio * c.max_ratio * slack,
            slow: rate_hz * c.slow_ratio * (seconds + SLACK_S),
            stop: rate_hz * (c.stop_ratio * seconds + c.stop_s),
        }
    }
}

impl Length {
    fn spoken_s(&self, plan: &Plan) -> f64 {
        plan.rate.seconds(self.spoken)
    }

    /// Samples of speech times syllables: its root is the geometric mean.
    fn product(&self) -> f64 {
        self.spoken as f64 * f64::from(self.syllables.count)
    }

    fn exceeds(&self, need: &Need) -> Option<Rule> {
        if self.product() >= need.runaway {
            Some(Rule::Both)
        } else if self.spoken as f64 >= need.slow {
            Some(Rule::Time)
        } else if self.end as f64 >= need.stop {
            Some(Rule::Stop)
        } else {
            None
        }
    }

    /// What a rule measures, and its limit.
    fn measure(&self, plan: &Plan, need: &Need, rule: Rule) -> (f64, f64) {
        let c = &plan.config;
        match rule {
            Rule::Both => (c.max_ratio * (self.product() / need.runaway).sqrt(), c.max_ratio),
            Rule::Time => (c.slow_ratio * self.spoken as f64 / need.slow, c.slow_ratio),
            Rule::Stop => {
                let limit = need.stop / (f64::from(plan.rate.hz()) * (need.seconds + SLACK_S));
                (limit * self.end as f64 / need.stop, limit)
            }
        }
    }

    fn runaway(&self, plan: &Plan, need: &Need, rule: Rule) -> Occurrence {
        let (value, threshold) = self.measure(plan, need, rule);
        let severity =
            if value >= plan.config.error_ratio || rule != Rule::Both { Severity::Error } else { Severity::Warning };
        Occurrence { start: self.reached, end: self.end, severity, value, threshold, channel_mask: 0 }
    }

    fn close(&mut self, plan: &Plan, need: &Need, out: &mut Sink<'_>) {
        if let Some((event, rule)) = self.open.take() {
            out.close(&RUNAWAY, event, self.runaway(plan, need, rule));
        }
    }
}

impl Metric for Length {
    const SPEC: MetricSpec = MetricSpec {
        id: 10,
        name: "length",
        revision: 1,
        summary: "Speech against the length of its text: runaway generation, answers too short",
        definition: "Otoscope: speech time and syllable nuclei (after Mermelstein 1975, de Jong and Wempe 2009) per character",
        on: true,
        needs: Needs::VOICE,
        params: LengthConfig::PARAMS,
        fields: LengthOutput::FIELDS,
        kinds: &[RUNAWAY, TOO_SHORT],
    };
    type Config = LengthConfig;
    type Output = LengthOutput;
    type Plan = Plan;

    fn plan(config: &LengthConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            config: config.clone(),
            rate: stream.rate,
            dip: db_power(config.dip_db) as f32,
            range: db_power(-config.range_db) as f32,
        })
    }

    fn new(_: &Plan) -> Self {
        Self { need: None, syllables: Syllables::default(), spoken: 0, end: 0, reached: 0, open: None }
    }

    fn event(&mut self, plan: &Plan, event: &Event, out: &mut Sink<'_>) {
        let &Event::Text(hint) = event else { return };
        if let Some(old) = self.need {
            // The text grew: a runaway that it explains is over.
            let need = plan.need(hint);
            if self.exceeds(&need).is_none() {
                self.close(plan, &old, out);
            }
        }
        self.need = Some(plan.need(hint));
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.end = f.end();
        self.syllables.add((f.mix().energy / f.len().max(1) as f64) as f32, plan.dip, plan.range);
        if f.voice_is_active() {
            self.spoken += f.len() as u64;
        }
        let Some(need) = self.need else { return };
        if self.product() < need.enough {
            self.reached = f.end();
        }
        if self.open.is_none()
            && let Some(rule) = self.exceeds(&need)
        {
            self.open = Some((out.open(&RUNAWAY, self.runaway(plan, &need, rule)), rule));
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        self.end = end.samples;
        let Some(need) = self.need else { return };
        if self.open.is_some() {
            return self.close(plan, &need, out);
        }
        let time = (self.spoken_s(plan) + SLACK_S) / need.seconds;
        let value = (time * (f64::from(self.syllables.count) + SLACK_SYLLABLES) / need.syllables).sqrt();
        // Infinite for a text of nothing.
        if value < plan.config.min_ratio {
            let severity = if value < 0.5 * plan.config.min_ratio { Severity::Error } else { Severity::Warning };
            let threshold = plan.config.min_ratio;
            let (start, end) = (end.samples, end.samples);
            out.point(&TOO_SHORT, Occurrence { start, end, severity, value, threshold, channel_mask: 0 });
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> LengthOutput {
        const NO_TEXT: &str = "the length of the text is not known";
        const NO_CHARS: &str = "the text has no characters";
        const NO_SPEECH: &str = "nobody speaks";
        let (spoken, syllables) = (self.spoken_s(plan), f64::from(self.syllables.count));
        let of_text = |value: &dyn Fn(&Need) -> Value| match &self.need {
            None => Value::NotComputed(NO_TEXT),
            Some(need) if need.hint.chars == 0 => Value::Undefined(NO_CHARS),
            Some(need) => value(need),
        };
        let letters = |n: &Need| n.hint.expected_s() / Script::Latin.char_s();
        LengthOutput {
            text_ratio: of_text(&|n| Value::finite((self.product() / n.enough).sqrt(), NO_CHARS)),
            spoken_s: Value::Number(spoken),
            expected_s: of_text(&|n| Value::Number(n.seconds)),
            syllables: Value::Number(syllables),
            expected_syllables: of_text(&|n| Value::Number(n.syllables)),
            char_s: of_text(&|n| Value::Number(spoken / f64::from(n.hint.chars))),
            syllable_chars: of_text(&|n| Value::finite(f64::from(n.hint.chars) / syllables, NO_SPEECH)),
            words_per_minute: of_text(&|n| Value::finite(60.0 * letters(n) / WORD_LETTERS / spoken, NO_SPEECH)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(levels_db: impl IntoIterator<Item = f64>) -> u32 {
        let mut syllables = Syllables::default();
        for db in levels_db {
            syllables.add(db_power(db) as f32, db_power(3.0) as f32, db_power(-22.0) as f32);
        }
        syllables.count
    }

    #[test]
    fn a_peak_between_two_dips_is_a_syllable() {
        let word = |peak: f64| (0..20).map(move |i| if i < 12 { peak } else { peak - 12.0 });
        assert_eq!(count((0..8).flat_map(|_| word(-20.0))), 8);
        assert_eq!(count((0..8).flat_map(|i| word(if i % 2 == 0 { -20.0 } else { -45.0 }))), 4, "25 dB below is none");
        assert_eq!(count((0..8).flat_map(|_| word(-60.0))), 0, "below -55 dBFS nothing is speech");
    }

    #[test]
    fn ripple_and_steady_sounds_are_not_syllables() {
        assert_eq!(count((0..200).map(|i| if i % 2 == 0 { -20.0 } else { -23.0 })), 0);
        assert_eq!(count(vec![-20.0; 500]), 0, "a tone that goes on");
    }
}
