//! Reference-free estimates of a mean opinion score (MOS) by small convolution networks, computed while the sound goes by.
//!
//! | model | predicts | from |
//! |---|---|---|
//! | [`Model::Accurate`], [`Model::Light`] | Distill-MOS (PyPI `distillmos` 0.9.1, Microsoft, MIT) | ours: `otoscope_mos_accurate` and `otoscope_mos_light`, distilled by `training/` |
//! | `Model::DnsmosP835` (feature `dnsmos_p835`) | crowd votes by P.835 of speech, background and both; outputs, and by polynomials the published scores; windows only | DNSMOS P.835, the same package |
//! | [`Model::DnsmosP808`] | crowd votes by ITU-T P.808, of noise-suppressed calls | DNSMOS P.808, PyPI `speechmos` 0.0.1.1 (Microsoft, MIT) |
//! | [`Scorer::from_dnsmos_pro`] | mean and variance of votes of the set that the file was trained on; windows only | DNSMOS Pro (F. Cumlin, MIT): the user's own file |
//!
//! All hear a view of 16 kHz: nothing above 8 kHz is judged. They rank gross degradation; they do not rank fine differences of vocoders clip by
//! clip. Compare means over many utterances, of the same model in the same mode.
//!
//! *Window* mode (here) scores a piece of sound as its authors' own code does: [`Scorer::window`] one, [`Scorer::clip`] all of a file. *Stream* mode (the metric `mos`) computes every row once, whatever
//! the hop; its values differ by a few hundredths, and are not to be compared with those of windows.

mod clip;
mod front;
mod network;
mod packed;
mod pro;
pub(crate) mod stream;
mod weights;
mod windows;

pub use clip::{ClipScore, ClipWindow, NoScore};
pub use weights::WeightsError;

use crate::simd::{Level, Simd};
use clip::Rule;
pub(crate) use front::RATE_HZ;
use front::{Front, HOP};
use network::Network;
use std::sync::{Arc, OnceLock};
use weights::Weights;

/// A network and its front end, shared by all streams.
pub(crate) struct Estimator {
    pub front: Front,
    pub network: Network,
    pub revision: u32,
}

impl Estimator {
    fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let front = Front::new(weights.layers.first())?;
        Ok(Self { network: Network::new(weights)?, front, revision: weights.revision })
    }

    /// What the network says of a window: `rows` rows of it, the first at its first sample. Silence before and behind.
    fn window(&self, simd: Simd, samples: &[f32], rows: usize) -> Vec<f32> {
        self.window_with(simd, samples, rows, |_| None)
    }

    /// The same where the front end's rows of some numbers are known.
    fn window_with<'r>(
        &self,
        simd: Simd,
        samples: &[f32],
        rows: usize,
        known: impl Fn(usize) -> Option<&'r [f32]>,
    ) -> Vec<f32> {
        let (before, frame) = (self.front.before(), self.front.frame());
        let mut padded = vec![0.0; before + (rows * HOP).max(samples.len()) + frame];
        padded[before..before + samples.len()].copy_from_slice(samples);
        let mut features = vec![0.0; rows * self.front.bands()];
        for (n, row) in features.chunks_exact_mut(self.front.bands()).enumerate() {
            match known(n) {
                Some(known) => row.copy_from_slice(known),
                None => self.front.row(simd, &padded[n * HOP..n * HOP + frame], row),
            }
        }
        if self.front.is_relative() {
            let peak = features.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            self.front.normalise(peak, &mut features);
        }
        self.of_features(simd, &features)
    }

    /// What the network says of rows of features.
    fn of_features(&self, simd: Simd, features: &[f32]) -> Vec<f32> {
        self.of_rows(simd, 0, features.chunks_exact(self.network.bands()))
    }

    /// What the network says of a window, from the rows that this stage takes.
    fn of_rows<'r>(&self, simd: Simd, stage: usize, rows: impl Iterator<Item = &'r [f32]>) -> Vec<f32> {
        let network = &self.network;
        let stages = stage..network.stages();
        let mut memory = vec![0.0; network.memory()];
        let mut kept: Vec<f32> = Vec::new();
        let mut keep = |row: &[f32]| {
            let at = kept.len();
            kept.resize(at + network.kept(), 0.0);
            network.reduce(row, &mut kept[at..]);
        };
        for row in rows {
            if let Some(row) = network.push_stages(simd, &mut memory, stages.clone(), row, |_, _, _| {}) {
                keep(row);
            }
        }
        network.flush(simd, &mut memory, stages, keep);
        let mut out = vec![0.0; network.outputs()];
        network.judge(simd, &mut memory, kept.chunks_exact(network.kept()), &mut out);
        out
    }
}

/// The models that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Model {
    /// `otoscope_mos_accurate`: predicted Distill-MOS, 18 million multiplications a second.
    Accurate,
    /// `otoscope_mos_light`: the same for every stream, 5 million.
    Light,
    /// DNSMOS P.808, `model_v8` of PyPI `speechmos` 0.0.1.1.
    DnsmosP808,
    /// DNSMOS P.835, `sig_bak_ovr` of the same package: SIG, BAK and OVRL raw. Too heavy for streams, 2,160 million multiplications a second.
    #[cfg(feature = "dnsmos_p835")]
    DnsmosP835,
}

impl Model {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Accurate,
        Self::Light,
        Self::DnsmosP808,
        #[cfg(feature = "dnsmos_p835")]
        Self::DnsmosP835,
    ];

    /// The model of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|model| model.name() == name)
    }

    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accurate => "accurate",
            Self::Light => "light",
            Self::DnsmosP808 => "dnsmos_p808",
            #[cfg(feature = "dnsmos_p835")]
            Self::DnsmosP835 => "dnsmos_p835",
        }
    }

    /// What its outputs are called.
    #[must_use]
    pub const fn outputs(self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "dnsmos_p835")]
            Self::DnsmosP835 => &["sig", "bak", "ovrl"],
            _ => &["mos"],
        }
    }

    /// What its numbers are, to be said beside them.
    #[must_use]
    pub const fn predicts(self) -> &'static str {
        match self {
            Self::Accurate | Self::Light => "predicted Distill-MOS, 16 kHz view",
            Self::DnsmosP808 => "DNSMOS P.808, 16 kHz view",
            #[cfg(feature = "dnsmos_p835")]
            Self::DnsmosP835 => "DNSMOS P.835 (fitted), 16 kHz view",
        }
    }

    /// Root mean square of its error against what it predicts, on voices that it was not trained on, where that is known: for 3 to 5 s of sound, for
    /// 5 to 8 s, for more (`training/TABLE.md`).
    pub(crate) const fn errors(self) -> Option<[f64; 3]> {
        match self {
            Self::Accurate => Some([0.55, 0.44, 0.37]),
            Self::Light => Some([0.59, 0.50, 0.43]),
            _ => None,
        }
    }

    /// The file with its weights; `None` where they were not built in.
    const fn weights(self) -> Option<&'static [u8]> {
        match self {
            #[cfg(feature = "mos")]
            Self::Accurate => Some(include_bytes!("../../weights/otoscope_mos_accurate.bin")),
            #[cfg(feature = "mos")]
            Self::Light => Some(include_bytes!("../../weights/otoscope_mos_light.bin")),
            #[cfg(feature = "mos")]
            Self::DnsmosP808 => Some(include_bytes!("../../weights/dnsmos_p808.bin")),
            #[cfg(feature = "dnsmos_p835")]
            Self::DnsmosP835 => Some(include_bytes!("../../weights/dnsmos_p835.bin")),
            #[cfg(not(feature = "mos"))]
            _ => None,
        }
    }

    /// Its network, read once.
    pub(crate) fn estimator(self) -> Result<Arc<Estimator>, WeightsError> {
        static MADE: [OnceLock<Result<Arc<Estimator>, WeightsError>>; 4] = [const { OnceLock::new() }; 4];
        let made = &MADE[self as usize];
        made.get_or_init(|| match self.weights() {
            Some(bytes) => Estimator::new(&weights::parse(bytes)?).map(Arc::new),
            None => weights::wrong("this build is without; build it with the feature mos"),
        })
        .clone()
    }
}

/// Scores pieces of sound at 16 kHz with one model.
#[derive(Clone)]
pub struct Scorer {
    estimator: Arc<Estimator>,
    simd: Simd,
    rule: Rule,
    /// `None` for DNSMOS Pro.
    model: Option<Model>,
}

impl Scorer {
    /// A scorer at the best instruction set there is, or at most at `level`.
    ///
    /// # Errors
    /// The weights that were built in are damaged.
    pub fn new(model: Model, level: Option<Level>) -> Result<Self, WeightsError> {
        Ok(Self { estimator: model.estimator()?, simd: Simd::choose(level), rule: Rule::of(model), model: Some(model) })
    }

    /// DNSMOS Pro (F. Cumlin, X. Liang, KTH, 2024; <https://github.com/fcumlin/DNSMOSPro>, MIT) out of a file that its authors publish, such as
    /// `runs/BVCC/model_best.pt`: nothing of it is built in. Its outputs are mean and variance of the votes, which [`clip`](Self::clip) makes of what
    /// [`window`](Self::window) gives; level is not normalised.
    ///
    /// ```no_run
    /// let file = std::fs::read("model_best.pt")?;
    /// let scorer = otoscope::mos::Scorer::from_dnsmos_pro(&file, None)?;
    /// let score = scorer.clip(&[0.0; 160_000]).ok_or("samples")?;
    /// let (mean, variance) = (score.fitted[0], score.fitted[1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// It is no such file.
    pub fn from_dnsmos_pro(file: &[u8], level: Option<Level>) -> Result<Self, WeightsError> {
        let estimator = Estimator::new(&pro::read(file)?)?;
        Ok(Self { estimator: Arc::new(estimator), simd: Simd::choose(level), rule: Rule::Pro, model: None })
    }

    /// The name in tables and JSON: the model's, or `dnsmos_pro`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.model.map_or("dnsmos_pro", Model::name)
    }

    /// What its outputs are called.
    #[must_use]
    pub fn outputs(&self) -> &'static [&'static str] {
        self.model.map_or(&["mean", "variance"], Model::outputs)
    }

    /// What its numbers are, to be said beside them.
    #[must_use]
    pub fn predicts(&self) -> &'static str {
        self.model.map_or("DNSMOS Pro, 16 kHz view: mean and variance of votes", Model::predicts)
    }

    /// The revision of the weights; 0 for a file of somebody else.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.estimator.revision
    }

    /// What the network says of these samples at 16 kHz as one window, from a row each 10 ms; its outputs as they are. `None` for less than
    /// 0.1 s, and for what is not a number.
    ///
    /// [`clip`](Self::clip) cuts a clip of any length into the windows that a model wants.
    #[must_use]
    pub fn window(&self, samples: &[f32]) -> Option<Vec<f32>> {
        let rows = self.estimator.front.rows(samples.len());
        let is_good = rows >= 10 && samples.iter().all(|v| v.is_finite());
        is_good.then(|| self.estimator.window(self.simd, samples, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of a table beside the tests, without its head.
    fn table(text: &str) -> impl Iterator<Item = Vec<&str>> {
        text.lines().skip(1).map(|line| line.split(',').collect())
    }

    #[test]
    fn features_by_formula_have_the_scores_of_onnxruntime_at_every_level() {
        let value = |name: &str, frame: i32, band: i32| match name {
            "mod_a" => ((frame * 7 + band * 13) % 129 - 64) as f32 / 64.0,
            "mod_b" => ((frame * frame + 3 * band * frame) % 65 - 32) as f32 / 32.0,
            "edge" => (if frame >= 450 { 1.0 } else { -1.0 }) * (if band >= 60 { 0.5 } else { 1.0 }),
            _ => 0.0,
        };
        let estimator = Model::DnsmosP808.estimator().expect("ours");
        for row in table(include_str!("../../tests/data/dnsmos_golden_patterns.csv")) {
            let wanted: f32 = row[1].parse().expect("a number");
            let at = |i: i32| value(row[0], i / 120, i % 120);
            let features: Vec<f32> = (0..900 * 120).map(at).collect();
            for &level in Level::available() {
                let got = estimator.of_features(Simd::choose(Some(level)), &features)[0];
                // Single precision, summed in another order: 7e-7 was the most a kernel like this one differed by.
                assert!((got - wanted).abs() < 1e-5, "{} {level}: {got} {wanted}", row[0]);
            }
        }
    }

    #[test]
    fn the_front_end_is_librosas() {
        let mut state = 1u32;
        let mut hiss = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(state >> 16) - 32768
        };
        let signal =
            |f: &mut dyn FnMut(i64) -> i64| -> Vec<f32> { (0..144_000).map(|i| f(i) as f32 / 32768.0).collect() };
        let signals = [
            ("noise", signal(&mut |_| hiss() >> 2)),
            ("saw", signal(&mut |i| (i * 500 % 65536 - 32768) >> 1)),
            ("square_full_scale", signal(&mut |i| if i % 80 < 40 { 32767 } else { -32768 })),
            ("silence", signal(&mut |_| 0)),
        ];
        let front = &Model::DnsmosP808.estimator().expect("ours").front;
        for (name, samples) in signals {
            let mut padded = vec![0.0; front.before()];
            padded.extend_from_slice(&samples);
            padded.extend_from_slice(&[0.0; 512]);
            for &level in Level::available() {
                let mut rows = vec![0.0; 900 * 120];
                for (n, row) in rows.chunks_exact_mut(120).enumerate() {
                    front.row(Simd::choose(Some(level)), &padded[n * HOP..][..front.frame()], row);
                }
                let peak = rows.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                front.normalise(peak, &mut rows);
                for row in
                    table(include_str!("../../tests/data/dnsmos_golden_frontend.csv")).filter(|row| row[0] == name)
                {
                    let [frame, band] = [1, 2].map(|i| row[i].parse::<usize>().expect("an index"));
                    let (wanted, got) = (row[3].parse::<f32>().expect("a number"), rows[frame * 120 + band]);
                    // 1e-3 dB of 40: single precision in both.
                    assert!((got - wanted).abs() < 2.5e-5, "{name} {level} frame {frame} band {band}: {got} {wanted}");
                }
            }
        }
    }

    /// The students' front end is a transform of a power of two; and so is their golden table.
    #[test]
    fn the_students_hear_what_they_learnt_from() {
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0 - 0.5;
        let samples: Vec<f32> = (0..16_000).map(noise).collect();
        for model in [Model::Accurate, Model::Light] {
            let front = &model.estimator().expect("ours").front;
            let (mut row, frame) = (vec![0.0; front.bands()], &samples[4000..][..front.frame()]);
            front.row(Simd::choose(None), frame, &mut row);
            // By the definition: a Hann window, the power of each bin, triangles over the mel scale.
            let n = frame.len();
            let turn = |i: usize| core::f64::consts::TAU * (i % n) as f64 / n as f64;
            let power: Vec<f64> = (0..=n / 2)
                .map(|k| {
                    let windowed = |i: usize| f64::from(frame[i]) * (0.5 - 0.5 * turn(i).cos());
                    let re: f64 = (0..n).map(|i| windowed(i) * turn(i * k).cos()).sum();
                    let im: f64 = (0..n).map(|i| windowed(i) * turn(i * k).sin()).sum();
                    re * re + im * im
                })
                .collect();
            for (band, got) in front::mel_bands(front.bands(), n, 0.0, 8000.0, |_| 1.0).iter().zip(&row) {
                let sum: f64 = band.weights.iter().zip(&power[band.first..]).map(|(w, p)| f64::from(*w) * p).sum();
                assert!((f64::from(*got) - 10.0 * sum.log10()).abs() < 1e-3, "{model:?}: {got} {}", 10.0 * sum.log10());
            }
        }
    }

    #[test]
    fn what_cannot_be_scored_is_none() {
        let scorer = Scorer::new(Model::DnsmosP808, None).expect("ours");
        assert_eq!(scorer.window(&[0.1; 1599]), None);
        assert_eq!(scorer.window(&[f32::NAN; 16_000]), None);
        assert!(scorer.window(&[0.0; 16_000]).is_some_and(|score| score[0].is_finite()));
        assert_eq!(scorer.revision(), 1);
    }
}
