//! Level: how loud the signal is as a number, before any ear is taken into account.
//!
//! ## What it measures
//! RMS, sample peak and crest factor of the whole stream, the RMS and the duration of its speech alone, and its noise
//! floor.
//!
//! ## Why it matters for speech
//! Voices of one product differ by several decibels, and the next stage (a codec, a mixer, a phone) is set up for one
//! level. Pauses pull the plain RMS down, so the RMS of speech is given beside it.
//!
//! ## Method
//! RMS: square root of the mean square over all samples and all channels; a full-scale sine reads -3.01 dBFS. Sample
//! peak: the largest magnitude of any sample of any channel. Crest factor: peak minus RMS. Speech: hops of 10 ms with
//! voice activity (9 dB above a running noise floor, above -55 dBFS, within 40 dB of the loudest recent hop, 80 ms of
//! hangover), of the downmix. Noise floor: RMS of the quietest half second of the downmix, in steps of 100 ms.
//!
//! ## Reading the value
//! Speech is usually delivered at -26 to -16 dBFS RMS with a crest factor of 12 to 20 dB. Digital silence has no level:
//! the fields are undefined. The floor of a studio is below -60 dBFS; without a pause of half a second it is that of the
//! softest speech.
//!
//! ## Limits
//! Voice activity is a matter of level here: loud noise counts as speech until the noise floor has followed it. The
//! active speech level of ITU-T P.56 is another definition.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::Sink;
use crate::metrics::{Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, MetricSpec, Needs, Params, Value};
use crate::units::{SampleRate, amplitude_db, power_db};

params! { LevelConfig {} }

fields! { LevelOutput {
    1 rms_dbfs: Dbfs, Exactness::LIBM, "RMS over all samples and channels; a full-scale sine reads -3.01 dBFS.";
    2 sample_peak_dbfs: Dbfs, Exactness::LIBM, "Largest magnitude of any sample.";
    3 crest_factor_db: Db, Exactness::LIBM, "Sample peak above RMS.";
    4 speech_rms_dbfs: Dbfs, Exactness::LIBM, "RMS of the downmix over hops with voice activity.";
    5 speech_s: Seconds, Exact, "Duration of the hops with voice activity.";
    6 floor_dbfs: Dbfs, Exactness::LIBM, "RMS of the quietest half second.";
} }

/// State: sums over the stream.
pub(crate) struct Level {
    energy: f64,
    samples: u64,
    peak: f32,
    speech_energy: f64,
    speech_samples: u64,
    /// Energy of the last stretches of 100 ms, the hop's own last; how many hops of it; and the least of all sums.
    stretches: [f64; STRETCHES + 1],
    hops: u64,
    floor: f64,
}

/// Stretches of 100 ms in half a second.
const STRETCHES: usize = 5;
const STRETCH_HOPS: u64 = 10;

pub(crate) struct Plan {
    rate: SampleRate,
    channels: u64,
}

const SILENCE: &str = "digital silence has no level";

impl Metric for Level {
    const SPEC: MetricSpec = MetricSpec {
        id: 2,
        name: "level",
        revision: 1,
        summary: "RMS, sample peak and crest factor; RMS and duration of speech",
        definition: "IEC 61606 RMS without the +3 dB of AES17; Otoscope voice activity by level",
        on: true,
        needs: Needs::VOICE,
        params: LevelConfig::PARAMS,
        fields: LevelOutput::FIELDS,
        kinds: &[],
    };
    type Config = LevelConfig;
    type Output = LevelOutput;
    type Plan = Plan;

    fn plan(_: &LevelConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan { rate: stream.rate, channels: stream.channels as u64 })
    }

    fn new(_: &Plan) -> Self {
        Self {
            energy: 0.0,
            samples: 0,
            peak: 0.0,
            speech_energy: 0.0,
            speech_samples: 0,
            stretches: [0.0; STRETCHES + 1],
            hops: 0,
            floor: f64::INFINITY,
        }
    }

    fn update(&mut self, _: &Plan, _: &mut [f32], f: &FrameView<'_>, _: &mut Sink<'_>) {
        for stats in f.channels() {
            self.energy += stats.energy;
            self.peak = self.peak.max(stats.peak());
        }
        self.samples += f.len() as u64;
        if f.voice_is_active() {
            self.speech_energy += f.mix().energy;
            self.speech_samples += f.len() as u64;
        }
        self.stretches[STRETCHES] += f.mix().energy;
        self.hops += 1;
        if self.hops.is_multiple_of(STRETCH_HOPS) {
            self.stretches.rotate_left(1);
            self.stretches[STRETCHES] = 0.0;
            if self.hops >= STRETCHES as u64 * STRETCH_HOPS {
                self.floor = self.floor.min(self.stretches[..STRETCHES].iter().sum());
            }
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> LevelOutput {
        let rms = power_db(self.energy / (self.samples * plan.channels) as f64);
        let peak = amplitude_db(f64::from(self.peak));
        LevelOutput {
            rms_dbfs: Value::finite(rms, SILENCE),
            sample_peak_dbfs: Value::finite(peak, SILENCE),
            crest_factor_db: Value::finite(peak - rms, SILENCE),
            speech_rms_dbfs: Value::finite(power_db(self.speech_energy / self.speech_samples as f64), "no speech"),
            speech_s: Value::Number(plan.rate.seconds(self.speech_samples)),
            floor_dbfs: if self.floor == f64::INFINITY {
                Value::Undefined("needs 0.5 s of audio")
            } else {
                let mean_square = self.floor / (0.5 * f64::from(plan.rate.hz()));
                Value::finite(power_db(mean_square), "the quietest half second is digital zero")
            },
        }
    }
}
