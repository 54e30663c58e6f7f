//! `pesq_nb`, `pesq_wb`: PESQ-compatible scores, and what goes with them; and the composites `csig`, `cbak`, `covl`.
//!
//! The engine and its sources are in `p862`. This file says which mode a pair of rates gets, brings the signals there, and keeps what
//! was made once.

use super::p862::{Context, Edition, Mode, Model, Outcome, Prepared};
use super::pair::{Details, Pair, Score, Warning};
use super::reason::{Reason, Side};
use super::samples::Samples;
use super::{Plan, Reference};
use crate::dsp::polyphase::Design;
use crate::spec::{Exactness, FieldSpec, Fields, PresetSpec, ScoreSpec, TableSpec, Unit, Value};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// The models there are, by index.
const MODELS: [(Mode, Edition); 4] = [
    (Mode::Narrow8, Edition::E2005),
    (Mode::Narrow16, Edition::E2005),
    (Mode::Wide16, Edition::E2005),
    (Mode::Wide16, Edition::Cor2),
];
const NARROW_8: usize = 0;
const NARROW_16: usize = 1;
const WIDE: usize = 2;
const WIDE_COR2: usize = 3;

/// What a plan keeps: the tables of each model, made when first needed.
#[derive(Default)]
pub(super) struct OfPlan([OnceLock<Model>; MODELS.len()]);

impl OfPlan {
    fn get(&self, plan: &Plan, model: usize) -> &Model {
        let (mode, edition) = MODELS[model];
        self.0[model].get_or_init(|| Model::with(mode, edition, plan.simd()))
    }
}

/// What a reference keeps: itself made ready for each model, when first needed.
#[derive(Default)]
pub(super) struct OfReference([OnceLock<Result<Prepared, Reason>>; MODELS.len()]);

impl core::fmt::Debug for OfPlan {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OfPlan").finish_non_exhaustive()
    }
}

impl core::fmt::Debug for OfReference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OfReference").finish_non_exhaustive()
    }
}

/// What a pair keeps: the outcome of each model.
#[derive(Default)]
pub(super) struct OfPair([Option<Result<Arc<Outcome>, Reason>>; MODELS.len()]);

/// A signal in single precision at the rate of a model.
fn at_rate<'s>(plan: &Plan, samples: &'s Samples<'_>, from_hz: u32, to_hz: u32) -> Cow<'s, [f32]> {
    if from_hz == to_hz {
        return samples.to_f32();
    }
    let resampler = plan.resamplers().single.get(Design::General, from_hz, to_hz);
    let mut out = Vec::with_capacity(resampler.output_len(samples.len()));
    resampler.stream(
        plan.simd(),
        samples.len(),
        |range, to| samples.part(range).write_f32(to),
        |y| out.extend_from_slice(y),
    );
    out.into()
}

fn rate_policy(plan: &Plan, sides: [(Side, u32); 2], to_hz: u32) -> Option<Cow<'static, str>> {
    let changed: Vec<String> = sides
        .into_iter()
        .filter(|(_, from_hz)| *from_hz != to_hz)
        .map(|(side, from_hz)| {
            let resampler = plan.resamplers().single.get(Design::General, from_hz, to_hz);
            format!("{} by {}", side.name(), resampler.name())
        })
        .collect();
    (!changed.is_empty()).then(|| changed.join("; ").into())
}

impl Pair<'_, '_> {
    /// The outcome of one model, made once for all scores that need it.
    fn p862(&mut self, model: usize) -> Result<Arc<Outcome>, Reason> {
        if let Some(done) = &self.pesq.0[model] {
            return done.clone();
        }
        let done = self.p862_anew(model).map(Arc::new);
        self.pesq.0[model] = Some(done.clone());
        done
    }

    fn p862_anew(&mut self, model: usize) -> Result<Outcome, Reason> {
        let plan = self.plan;
        let engine = plan.pesq().get(plan, model);
        let to_hz = engine.mode().rate_hz();
        let Reference { samples, sample_rate_hz, pesq, .. } = self.reference;
        let context: &mut Context = &mut self.scratch.pesq;
        let prepared = pesq.0[model]
            .get_or_init(|| engine.prepare(&at_rate(plan, samples, *sample_rate_hz, to_hz), context))
            .as_ref()
            .map_err(|reason| *reason)?;
        let degraded = at_rate(plan, self.degraded, self.degraded_hz, to_hz);
        engine.compare(prepared, &degraded, context, plan.frames())
    }
}

const PLACES: &[FieldSpec] = &[
    column(1, "start_s", Unit::Seconds, "Where it begins in the reference."),
    column(2, "end_s", Unit::Seconds, "Where it ends in the reference."),
];

const fn column(id: u16, name: &'static str, unit: Unit, doc: &'static str) -> FieldSpec {
    FieldSpec { id, name, unit, exactness: Exactness::Abs(1e-3), doc }
}

const UTTERANCES: TableSpec = TableSpec {
    id: 1,
    name: "utterances",
    on_request: false,
    columns: &[
        PLACES[0],
        PLACES[1],
        column(3, "delay_ms", Unit::Ms, "How much later it is in the degraded signal; negative if earlier."),
        column(4, "confidence_ratio", Unit::Ratio, "The share of short frames that agree on this delay."),
    ],
    doc: "The stretches of the reference that have one delay each.",
};

const BAD_INTERVALS: TableSpec = TableSpec {
    id: 2,
    name: "bad_intervals",
    on_request: false,
    columns: &[
        PLACES[0],
        PLACES[1],
        column(3, "delay_ms", Unit::Ms, "The delay found beyond that of its utterance; 0 if none matches better."),
    ],
    doc: "Intervals so much disturbed that their delay was looked for a second time.",
};

const FRAMES: TableSpec = TableSpec {
    id: 3,
    name: "frames",
    on_request: true,
    columns: &[
        PLACES[0],
        column(2, "disturbance", Unit::Count, "Everything that differs: 0 is none, 45 the most."),
        column(3, "asymmetric", Unit::Count, "What was added: 0 is none, 45 the most."),
    ],
    doc: "The disturbance of each frame of 32 ms, one every 16 ms.",
};

fields! { PesqOutput {
    1 mos_lqo: Mos, Exactness::Abs(5e-3), "The score on the scale of listeners (MOS-LQO): about 1 to 4.55 in the narrow band, to 4.64 in the wide band.";
    2 raw: Rating, Exactness::Abs(5e-3), "The score before it is mapped to that scale: -0.5 to 4.5.";
} }

const fn spec(id: u16, name: &'static str, summary: &'static str, presets: &'static [PresetSpec]) -> ScoreSpec {
    ScoreSpec {
        id,
        name,
        revision: 1,
        summary,
        presets,
        in_step: false,
        higher_is_better: true,
        fields: <PesqOutput as Fields>::FIELDS,
        tables: &[UTTERANCES, BAD_INTERVALS, FRAMES],
    }
}

fn give(pair: &mut Pair<'_, '_>, model: usize, details: &mut Details) -> Result<PesqOutput, Reason> {
    let (mode, edition) = MODELS[model];
    let outcome = pair.p862(model)?;
    let rate = f64::from(mode.rate_hz());
    let s = |sample: usize| sample as f64 / rate;
    let ms = |samples: i64| samples as f64 * 1000.0 / rate;
    let sides = [(Side::Reference, pair.reference.sample_rate_hz), (Side::Degraded, pair.degraded_hz)];
    details.rate_policy = rate_policy(pair.plan, sides, mode.rate_hz());
    details.texts.push(("mode", mode.name()));
    details.texts.push(("edition", edition.name()));
    if outcome.beyond_reference {
        details.warnings.push(Warning::BeyondReference(
            "more than 50 utterances: the standard's own code has no defined score for such a pair",
        ));
    }
    let utterances = outcome.utterances.iter();
    details.table(
        &UTTERANCES,
        utterances.map(|u| [s(u.start_sample), s(u.end_sample), ms(u.delay_samples), u.confidence]),
    );
    let bad = outcome.bad_intervals.iter();
    details.table(&BAD_INTERVALS, bad.map(|b| [s(b.start_sample), s(b.end_sample), ms(b.delay_samples)]));
    if let Some(frames) = &outcome.frames {
        details.table(&FRAMES, frames.iter().map(|f| [s(f.start_sample), f.disturbance, f.asymmetric]));
    }
    let finite = |x| Value::finite(x, "the score is no finite number");
    Ok(PesqOutput { mos_lqo: finite(outcome.mos_lqo), raw: finite(outcome.raw) })
}

/// `pesq_nb`.
pub(crate) struct PesqNb;

impl Score for PesqNb {
    const SPEC: ScoreSpec = spec(
        1,
        "pesq_nb",
        "PESQ-compatible score of telephone speech (narrow band)",
        &[
            PresetSpec {
                name: "2005",
                definition: "ITU-T P.862 with P.862.1, edition of 2005 (PyPI pesq 0.0.4)",
                doc: "At 8 kHz for pairs of 8 kHz, else at 16 kHz.",
            },
            PresetSpec {
                name: "cor2",
                definition: "ITU-T P.862 with P.862.1, Corrigendum 2 of 2018 (PyPI pesqc2 0.0.4)",
                doc: "The same numbers: the corrigendum changes the wide band only.",
            },
        ],
    );
    type Output = PesqOutput;

    fn score(pair: &mut Pair<'_, '_>, _preset: usize, details: &mut Details) -> Result<PesqOutput, Reason> {
        let at_8k = pair.reference.sample_rate_hz == 8000 && pair.degraded_hz == 8000;
        give(pair, if at_8k { NARROW_8 } else { NARROW_16 }, details)
    }
}

/// The wide band has nothing to say about signals that have none.
fn wide_enough(pair: &Pair<'_, '_>) -> Result<(), Reason> {
    let rate_hz = pair.reference.sample_rate_hz.min(pair.degraded_hz);
    if rate_hz >= 16_000 { Ok(()) } else { Err(Reason::RateUnsupported { rate_hz, need: "16000 Hz and more" }) }
}

/// `pesq_wb`.
pub(crate) struct PesqWb;

impl Score for PesqWb {
    const SPEC: ScoreSpec = spec(
        2,
        "pesq_wb",
        "PESQ-compatible score of wide-band speech",
        &[
            PresetSpec {
                name: "2005",
                definition: "ITU-T P.862.2, edition of 2005 (PyPI pesq 0.0.4)",
                doc: "What published tables show.",
            },
            PresetSpec {
                name: "cor2",
                definition: "ITU-T P.862.2, Corrigendum 2 of 2018 (PyPI pesqc2 0.0.4)",
                doc: "The input filter is 12 dB lower: other scores, mostly higher, and no mapping between the two.",
            },
        ],
    );
    type Output = PesqOutput;

    fn score(pair: &mut Pair<'_, '_>, preset: usize, details: &mut Details) -> Result<PesqOutput, Reason> {
        wide_enough(pair)?;
        give(pair, if preset == 0 { WIDE } else { WIDE_COR2 }, details)
    }
}

fields! { CompositeOutput {
    1 value_mos: Mos, Exactness::Abs(5e-3), "The predicted rating, 1 to 5.";
} }

/// The parts of a composite score: the PESQ score, and the distances of short frames.
fn composite(
    pair: &mut Pair<'_, '_>,
    details: &mut Details,
    formula: fn(pesq: f64, s: &super::segmental::Segmental) -> f64,
) -> Result<CompositeOutput, Reason> {
    let pesq = match pair.degraded_hz {
        8000 => pair.p862(NARROW_8)?.raw,
        16_000 => pair.p862(WIDE)?.mos_lqo,
        rate_hz => return Err(Reason::RateUnsupported { rate_hz, need: "8000 and 16000 Hz" }),
    };
    details.texts.push(("pesq", if pair.degraded_hz == 8000 { "raw narrow-band score" } else { "wide-band MOS-LQO" }));
    let value = formula(pesq, &pair.segmental()?).clamp(1.0, 5.0);
    Ok(CompositeOutput { value_mos: Value::finite(value, "the score is no finite number") })
}

macro_rules! composite {
    ($(#[$doc:meta])* $score:ident, $id:literal, $name:literal, $summary:literal, $formula:expr) => {
        $(#[$doc])*
        pub(crate) struct $score;

        impl Score for $score {
            const SPEC: ScoreSpec = ScoreSpec {
                id: $id,
                name: $name,
                revision: 1,
                summary: $summary,
                presets: &[PresetSpec {
                    name: "hu_loizou",
                    definition: "Hu and Loizou 2008, multiple linear regression; PESQ of 2005 (pysepm composite)",
                    doc: "At 8 kHz with the raw narrow-band score, at 16 kHz with the wide-band MOS-LQO; llr without its clamp.",
                }],
                in_step: true,
                higher_is_better: true,
                fields: CompositeOutput::FIELDS,
                tables: &[],
            };
            type Output = CompositeOutput;

            fn score(pair: &mut Pair<'_, '_>, _preset: usize, details: &mut Details) -> Result<CompositeOutput, Reason> {
                composite(pair, details, $formula)
            }
        }
    };
}

composite!(
    /// `csig`.
    Csig, 40, "csig", "Predicted rating of signal distortion",
    |pesq, s| 3.093 - 1.029 * s.llr_unclamped + 0.603 * pesq - 0.009 * s.wss
);
composite!(
    /// `cbak`.
    Cbak, 41, "cbak", "Predicted rating of background noise",
    |pesq, s| 1.634 + 0.478 * pesq - 0.007 * s.wss + 0.063 * s.seg_snr_db
);
composite!(
    /// `covl`.
    Covl, 42, "covl", "Predicted rating of overall quality",
    |pesq, s| 1.594 + 0.805 * pesq - 0.512 * s.llr_unclamped - 0.007 * s.wss
);
