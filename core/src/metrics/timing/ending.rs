//! Ending: does the last word end, or is it cut off?
//!
//! ## What it measures
//! How loud the last 20 to 30 ms are against the speech of the stream, and whether they are voiced.
//!
//! ## Why it matters for speech
//! A model that stops too early, a server that drops its last chunk: the request succeeds and the last word is missing.
//! Listeners notice a vowel that breaks off more than anything that happens within a sentence.
//!
//! ## Method
//! Speech does not end at its level: the last syllable decays, and breath, room or padding follow, so that the last 30 ms
//! lie 20 dB and more below the mean level of the speech. A cut inside a voiced sound leaves them within some dB of it; a
//! fade of 5 or 20 ms that a server lays over the cut lowers them by 1 to 5 dB. When the stream ends, the level of the
//! last 20 to 30 ms (whole hops, and the last, shorter one) is held against the mean level of the hops in which somebody
//! speaks. Fewer than `voiced_hz` zero crossings a second in the last 15 ms make it voiced. A stream whose level never
//! varied by 10 dB (a tone, noise) is not speech and is not judged.
//!
//! ## Reading the value
//! `tail_db` below -20 is an end; above -14 in a voiced sound it is a cut, above -6 in the middle of a vowel.
//! `tail_250_db` is the quarter of a second before the end against the speech: above -6 is how others define a cut.
//!
//! ## Limits
//! Call it at the end of an utterance: who stops a stream because the listener interrupts will be told that it is cut. A
//! cut within a pause or a fricative shows only against the text length (`length`). Tails trimmed within a vowel are
//! found, and rightly. A fade of 50 ms and more looks like an end.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::power_db;

params! { EndingConfig {
    cut_db: Db = -14.0 in -60.0 ..= 20.0, "An end louder than this, against the speech, is cut off.";
    error_db: Db = -6.0 in -60.0 ..= 20.0, "From here on a cut is an error rather than a warning.";
    voiced_hz: Hz = 3500.0 in 100.0 ..= 96000.0, "With more zero crossings a second the last sound is not voiced, and is not judged.";
    speech_s: Seconds = 0.3 in 0.05 ..= 3600.0, "With less speech there is nothing to compare with.";
} }

fields! { EndingOutput {
    1 tail_db: Db, Exactness::LIBM, "Level of the last 20 to 30 ms against the speech.";
    2 tail_250_db: Db, Exactness::LIBM, "Level of the last 250 ms against the speech.";
    3 speech_dbfs: Dbfs, Exactness::LIBM, "Mean level of the hops in which somebody speaks.";
    4 crossings_hz: Hz, Exact, "Zero crossings a second in the last 15 ms.";
} }

const CUT: KindSpec = KindSpec {
    id: 1,
    name: "cut",
    unit: Unit::Db,
    max_delay_ms: 20,
    message: "the stream ends inside a voiced sound, {value} dB against its speech",
};

/// Hops in the last 250 ms.
const HOPS: usize = 25;
/// A stream has varied when a hop is this far below the speech so far: -10 dB.
const VARIED: f64 = 0.1;

pub(crate) struct Ending {
    /// Energies of the last hops, in a ring.
    hops: [f32; HOPS],
    at: u8,
    varied: bool,
    /// Samples in the newest hop.
    newest: u32,
    speech: f64,
    spoken: u64,
    crossings_hz: Option<f64>,
}

pub(crate) struct Plan {
    config: EndingConfig,
    rate_hz: f64,
    /// Samples that are searched for zero crossings.
    tail: usize,
}

impl Ending {
    /// Mean square of the last `hops` hops and the one that may be shorter.
    fn last(&self, plan: &Plan, hops: usize) -> f64 {
        let whole = plan.rate_hz / 100.0;
        let energy: f64 = (0..hops).map(|k| f64::from(self.hops[(usize::from(self.at) + HOPS - 1 - k) % HOPS])).sum();
        energy / (f64::from(self.newest) + (hops - 1) as f64 * whole)
    }

    fn speech_level(&self) -> f64 {
        self.speech / self.spoken as f64
    }

    /// The end against the speech, in power; `None` if there is too little speech.
    fn tail(&self, plan: &Plan, hops: usize) -> Option<f64> {
        let enough = self.spoken as f64 >= plan.config.speech_s * plan.rate_hz;
        (self.varied && enough).then(|| self.last(plan, hops) / self.speech_level())
    }
}

impl Metric for Ending {
    const SPEC: MetricSpec = MetricSpec {
        id: 11,
        name: "ending",
        revision: 1,
        summary: "Whether the last word is cut off",
        definition: "Otoscope: level of the last 20 to 30 ms against the mean level of active speech",
        on: true,
        needs: Needs::VOICE.and(Needs::HISTORY),
        params: EndingConfig::PARAMS,
        fields: EndingOutput::FIELDS,
        kinds: &[CUT],
    };
    type Config = EndingConfig;
    type Output = EndingOutput;
    type Plan = Plan;

    fn plan(config: &EndingConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan { config: config.clone(), rate_hz: f64::from(stream.rate.hz()), tail: stream.rate.samples_in_ms(15) })
    }

    fn new(_: &Plan) -> Self {
        Self { hops: [0.0; HOPS], at: 0, varied: false, newest: 0, speech: 0.0, spoken: 0, crossings_hz: None }
    }

    fn update(&mut self, _: &Plan, _: &mut [f32], f: &FrameView<'_>, _: &mut Sink<'_>) {
        let energy = f.mix().energy;
        self.hops[usize::from(self.at)] = energy as f32;
        self.at = (self.at + 1) % HOPS as u8;
        self.newest = f.len() as u32;
        // Compared without a division: the mean square of the hop against that of the speech so far.
        let quiet = energy * self.spoken as f64 <= VARIED * self.speech * f.len() as f64;
        self.varied |= self.spoken > 0 && quiet;
        if f.voice_is_active() {
            self.speech += energy;
            self.spoken += f.len() as u64;
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        let tail = &end.tail[end.tail.len().saturating_sub(plan.tail)..];
        let turns = tail.windows(2).filter(|w| (w[0] < 0.0) != (w[1] < 0.0)).count();
        let crossings = turns as f64 * plan.rate_hz / tail.len().max(1) as f64;
        self.crossings_hz = Some(crossings);
        let Some(value) = self.tail(plan, 3).map(power_db) else { return };
        let c = &plan.config;
        if value > c.cut_db && crossings <= c.voiced_hz {
            let severity = if value >= c.error_db { Severity::Error } else { Severity::Warning };
            let (start, end) = (end.samples, end.samples);
            out.point(&CUT, Occurrence { start, end, severity, value, threshold: c.cut_db, channel_mask: 0 });
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> EndingOutput {
        const LITTLE: &str = "too little speech";
        const SILENT: &str = "digital silence at the end";
        let level = |hops| match self.tail(plan, hops) {
            None => Value::Undefined(LITTLE),
            Some(ratio) => Value::finite(power_db(ratio), SILENT),
        };
        EndingOutput {
            tail_db: level(3),
            tail_250_db: level(HOPS),
            speech_dbfs: Value::finite(power_db(self.speech_level()), LITTLE),
            crossings_hz: self.crossings_hz.map_or(Value::NotComputed("the stream has not ended"), Value::Number),
        }
    }
}
