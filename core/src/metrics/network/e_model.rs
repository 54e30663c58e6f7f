//! E-model: how a transmission with this codec, delay and loss is rated, on three scales that are never mixed.
//!
//! ## What it measures
//! The transmission rating R and the mean opinion score of a conversation over this path: narrow band (`nb_`, ITU-T G.107,
//! 06/2015, R up to 93.2), wide band (`wb_`, G.107.1, 06/2019 with Corrigendum 1 of 01/2020, up to 129) or full band (`fb_`,
//! G.107.2, 06/2019, up to 148). A planning model: the samples play no part.
//!
//! ## Why it matters for speech
//! The best voice is worth little behind 400 ms of delay and 3 % of loss. R tells how much the network takes away, and which
//! part of it.
//!
//! ## Method
//! R = Ro - Is - Id - Ie,eff + A. All of G.107 clause 7 is computed, not the usual shortcut, and MOS by Annex B.
//! G.107.1: Ro = 129, Is = 0, Id = Idle + 1.29 Idd, MOS of R/1.29. G.107.2: Ro = 148, Is = 0, Id = 1.48 Idd, MOS of R/1.48.
//! Ie,eff = Ie + (95 - Ie) Ppl / (Ppl/BurstR + Bpl); full band has 132 for 95. Ie and Bpl of a codec are those of G.113
//! (09/2024, Erratum 1 of 01/2026) on the one scale for which they are published; `codec = given` takes them from the
//! parameters, on the scale `given_scale`. The loss Ppl (lost and discarded) and BurstR (the mean run of missing packets
//! against that of random loss, at least 1) come from the packets the caller tells of, unless `loss = given`. Delays come
//! from the caller, with `delay = given`.
//!
//! ## Reading the value
//! The inputs that were used stand beside the result. MOS 4.3 satisfies nearly everybody, 4.0 most, 3.6 leaves many
//! dissatisfied; compare only within one scale. Set `ta_ms` to all of the delay from mouth to ear: network, jitter buffer,
//! packet length, codec. `t_ms` (to the echo and back, halved) and `tr_ms` (around the loop) matter only where there is echo.
//!
//! ## Limits
//! Nothing is guessed: where no value is published, the field says `not grounded` and why. So for Opus, G.722 and AMR-NB; for
//! loss without a Bpl (all of AMR-WB on one ear); for a delay nobody measured; outside the ranges of G.107 (loss over 20 %,
//! BurstR over 8, BurstR over 2 from 2 % loss on); for loss in bursts on the wide and full band scales. Loss counts as
//! random there while no more packets are missing right after another than chance explains (two deviations and one).
//! Talker echo on the wide band scale (`t_ms` over 0) is not grounded: the equation that Corrigendum 1 replaced was not at
//! hand. The full band formulas were checked against one public program (in two copies), not against the Recommendation's text. Loudness,
//! sidetone, noise and the advantage factor exist on the narrow band scale only. The default class of delay sensitivity is
//! used. G.113 calls its tables provisional planning values.

use crate::error::ConfigError;
use crate::features::{Event, FrameView, PacketStats};
use crate::finding::Sink;
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Fields, MetricSpec, Needs, Params, Value};

params! { EModelConfig {
    codec: Choice = "unknown" of ["unknown", "given", "g711", "g711_plc", "g729a_vad", "amr_wb_23.85", "amr_wb_23.05",
        "amr_wb_19.85", "amr_wb_18.25", "amr_wb_15.85", "amr_wb_14.25", "amr_wb_12.65", "amr_wb_8.85", "amr_wb_6.6",
        "evs_swb_48", "evs_swb_32", "evs_swb_24.4", "evs_swb_16.4", "evs_swb_13.2", "evs_swb_9.6", "opus", "g722",
        "amr_nb"],
        "The codec, with its kbit/s where they matter; `given`: by ie, bpl_percent and given_scale.";
    given_scale: Choice = "nb" of ["nb", "wb", "fb"], "The scale that ie and bpl_percent belong to.";
    listening: Choice = "unknown" of ["unknown", "monotic", "diotic"], "With one ear or two: AMR-WB and EVS need it.";
    delay: Choice = "unmeasured" of ["unmeasured", "given"], "Whether ta_ms, t_ms and tr_ms are known.";
    loss: Choice = "packets" of ["packets", "given"], "Loss and BurstR from the packets, or from the parameters.";
    ta_ms: Ms = 0.0 in 0.0 ..= 500.0, "Ta: delay from mouth to ear.";
    t_ms: Ms = 0.0 in 0.0 ..= 500.0, "T: mean one-way delay of the echo path; 0 without echo.";
    tr_ms: Ms = 0.0 in 0.0 ..= 1000.0, "Tr: round-trip delay in the 4-wire loop.";
    ppl_percent: Percent = 0.0 in 0.0 ..= 20.0, "Ppl: packets lost or discarded.";
    burst_ratio: Ratio = 1.0 in 1.0 ..= 8.0, "BurstR: 1 for random loss.";
    ie: Rating = 0.0 in 0.0 ..= 95.0, "Ie: impairment by the codec without loss; up to 40 on the scale nb.";
    bpl_percent: Percent = 4.3 in 0.0 ..= 40.0, "Bpl: robustness against loss, from 4.3 on; 0 if none is published.";
    advantage: Rating = 0.0 in 0.0 ..= 20.0, "A: what users forgive for the sake of access.";
    slr_db: Db = 8.0 in 0.0 ..= 18.0, "SLR: send loudness rating.";
    rlr_db: Db = 2.0 in -5.0 ..= 14.0, "RLR: receive loudness rating.";
    stmr_db: Db = 15.0 in 10.0 ..= 20.0, "STMR: sidetone masking rating.";
    lstr_db: Db = 18.0 in 13.0 ..= 23.0, "LSTR: listener sidetone rating; it must be STMR + Dr.";
    ds_db: Db = 3.0 in -3.0 ..= 3.0, "Ds: D-value of the telephone at the send side.";
    dr_db: Db = 3.0 in -3.0 ..= 3.0, "Dr: D-value of the telephone at the receive side.";
    telr_db: Db = 65.0 in 5.0 ..= 65.0, "TELR: talker echo loudness rating.";
    wepl_db: Db = 110.0 in 5.0 ..= 110.0, "WEPL: weighted echo path loss.";
    qdu: Count = 1.0 in 1.0 ..= 14.0, "qdu: quantizing distortion units.";
    nc_db: Db = -70.0 in -80.0 ..= -40.0, "Nc: circuit noise at the 0 dBr point, in dBm0p.";
    nfor_db: Db = -64.0 in -64.0 ..= -64.0, "Nfor: noise floor at the receive side, in dBmp; G.107 fixes it.";
    ps_db: Db = 35.0 in 35.0 ..= 85.0, "Ps: room noise at the send side, in dB(A).";
    pr_db: Db = 35.0 in 35.0 ..= 85.0, "Pr: room noise at the receive side, in dB(A).";
} }

/// Far more than the last bits of the platform's `log10`, `exp` and `powf` can move, far less than anybody reads.
const LIBM: Exactness = Exactness::Abs(1e-9);

fields! { EModelOutput {
    1 nb_r: Rating, LIBM, "R by G.107, narrow band: at most 93.2 with the default inputs.";
    2 nb_mos: Mos, LIBM, "MOS-CQE of it by G.107 Annex B.";
    3 nb_ro: Rating, LIBM, "Ro, the basic signal-to-noise ratio.";
    4 nb_is: Rating, LIBM, "Is, what impairs along with the voice: loudness, sidetone, quantizing.";
    5 nb_idte: Rating, LIBM, "Idte, talker echo.";
    6 nb_idle: Rating, LIBM, "Idle, listener echo.";
    7 nb_idd: Rating, LIBM, "Idd, delay as such.";
    8 nb_ie_eff: Rating, LIBM, "Ie,eff, codec and loss.";
    9 wb_r: Rating, LIBM, "R by G.107.1, wide band: at most 129.";
    10 wb_mos: Mos, LIBM, "MOS of it by G.107.1 Annex A.";
    11 wb_idle: Rating, LIBM, "Idle, listener echo.";
    12 wb_idd: Rating, LIBM, "Idd, delay as such.";
    13 wb_ie_eff: Rating, LIBM, "Ie,eff, codec and loss.";
    14 fb_r: Rating, LIBM, "R by G.107.2, full band: at most 148.";
    15 fb_mos: Mos, LIBM, "MOS of it by G.107.2 Annex A.";
    16 fb_idd: Rating, LIBM, "Idd, delay as such.";
    17 fb_ie_eff: Rating, LIBM, "Ie,eff, codec and loss.";
    18 ppl_percent: Percent, Exactness::Exact, "Input: packets lost or discarded.";
    19 burst_ratio: Ratio, Exactness::Exact, "Input: the burst ratio.";
    20 ie: Rating, Exactness::Exact, "Input: the codec's impairment without loss, on its scale.";
    21 bpl_percent: Percent, Exactness::Exact, "Input: the codec's robustness against loss, on its scale.";
    22 ta_ms: Ms, Exactness::Exact, "Input: the delay from mouth to ear.";
} }

type Grounded<T> = Result<T, &'static str>;

/// The three scales, which have nothing in common but the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Nb,
    Wb,
    Fb,
}

/// Ie and Bpl of a codec on its scale.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Codec {
    scale: Scale,
    ie: f64,
    bpl: Option<f64>,
}

/// G.113 Appendix IV: kbit/s, Ie,wb with one ear (IV.1) and two (IV.3), Bpl,wb with two ears and random loss (IV.4).
const AMR_WB: [(&str, f64, Option<f64>, Option<f64>); 9] = [
    ("23.85", 8.0, Some(10.0), Some(4.9)),
    ("23.05", 1.0, Some(8.0), Some(4.6)),
    ("19.85", 3.0, None, None),
    ("18.25", 5.0, None, None),
    ("15.85", 7.0, Some(17.0), None),
    ("14.25", 10.0, None, None),
    ("12.65", 13.0, Some(20.0), Some(4.3)),
    ("8.85", 26.0, Some(41.0), None),
    ("6.6", 41.0, Some(56.0), None),
];

/// G.113 Appendix V with Erratum 1: kbit/s, Ie,fb and Bpl,fb with two ears.
const EVS_SWB: [(&str, f64, f64); 6] = [
    ("48", 10.2, 9.6),
    ("32", 8.7, 9.3),
    ("24.4", 7.2, 11.4),
    ("16.4", 10.8, 10.3),
    ("13.2", 17.1, 11.7),
    ("9.6", 22.7, 13.0),
];

impl Codec {
    fn of(c: &EModelConfig) -> Grounded<Self> {
        let nb = |ie, bpl| Ok(Self { scale: Scale::Nb, ie, bpl: Some(bpl) });
        match c.codec {
            "given" => {
                let scale = match c.given_scale {
                    "wb" => Scale::Wb,
                    "fb" => Scale::Fb,
                    _ => Scale::Nb,
                };
                Ok(Self { scale, ie: c.ie, bpl: (c.bpl_percent > 0.0).then_some(c.bpl_percent) })
            }
            // G.113 Appendix I.
            "g711" => nb(0.0, 4.3),
            "g711_plc" => nb(0.0, 25.1),
            "g729a_vad" => nb(11.0, 19.0),
            "opus" => Err("not grounded: no impairment of Opus is published"),
            "g722" => Err("not grounded: no impairment of G.722 under loss is published; give one of your own"),
            "amr_nb" => Err("not grounded: no impairment of AMR-NB is published"),
            other => match (other.strip_prefix("amr_wb_"), other.strip_prefix("evs_swb_")) {
                (Some(rate), _) => Self::amr_wb(rate, c.listening),
                (_, Some(rate)) => Self::evs_swb(rate, c.listening),
                _ => Err("not grounded: the codec is unknown; set e_model.codec"),
            },
        }
    }

    fn amr_wb(rate: &str, listening: &str) -> Grounded<Self> {
        let (_, monotic, diotic, bpl) =
            AMR_WB.into_iter().find(|row| row.0 == rate).ok_or("not grounded: no such rate")?;
        let scale = Scale::Wb;
        match (listening, diotic) {
            ("monotic", _) => Ok(Self { scale, ie: monotic, bpl: None }),
            ("diotic", Some(ie)) => Ok(Self { scale, ie, bpl }),
            ("diotic", None) => {
                Err("not grounded: no impairment of this rate is published for listening with two ears")
            }
            _ => Err("not grounded: one ear or two makes a difference with AMR-WB; set e_model.listening"),
        }
    }

    fn evs_swb(rate: &str, listening: &str) -> Grounded<Self> {
        let (_, ie, bpl) = EVS_SWB.into_iter().find(|row| row.0 == rate).ok_or("not grounded: no such rate")?;
        match listening {
            "diotic" => Ok(Self { scale: Scale::Fb, ie, bpl: Some(bpl) }),
            _ => Err("not grounded: EVS is published for listening with two ears; set e_model.listening to diotic"),
        }
    }
}

/// R without codec and loss, by its parts.
#[derive(Debug, Clone, Copy, Default)]
struct Path {
    ro: f64,
    is: f64,
    idte: f64,
    idle: f64,
    idd: f64,
    advantage: f64,
}

impl Path {
    fn r(&self, ie_eff: f64) -> f64 {
        self.ro - self.is - (self.idte + self.idle + self.idd) - ie_eff + self.advantage
    }

    /// G.107 clause 7.
    fn narrow(c: &EModelConfig) -> Self {
        let power = |db: f64| 10f64.powf(db / 10.0);
        let db = crate::units::power_db;
        // 7.2, the basic signal-to-noise ratio.
        let olr = c.slr_db + c.rlr_db;
        let nos = c.ps_db - c.slr_db - c.ds_db - 100.0 + 0.004 * (c.ps_db - olr - c.ds_db - 14.0).powi(2);
        let pre = c.pr_db + db(1.0 + power(10.0 - c.lstr_db));
        let nor = c.rlr_db - 121.0 + pre + 0.008 * (pre - 35.0).powi(2);
        let nfo = c.nfor_db + c.rlr_db;
        let no = db(power(c.nc_db) + power(nos) + power(nor) + power(nfo));
        let ro = 15.0 - 1.5 * (c.slr_db + no);
        // 7.3, impairments that come with the voice.
        let xolr = olr + 0.2 * (64.0 + no - c.rlr_db);
        let iolr = 20.0 * (root(xolr / 8.0, 8) - xolr / 8.0);
        let stmro = -db(power(-c.stmr_db) + (-c.t_ms / 4.0).exp() * power(-c.telr_db));
        let ist = 12.0 * root((stmro - 13.0) / 6.0, 8)
            - 28.0 * root((stmro + 1.0) / 19.4, 35)
            - 13.0 * root((stmro - 3.0) / 33.0, 13)
            + 29.0;
        let q = 37.0 - 15.0 * c.qdu.log10();
        let g = 1.07 + 0.258 * q + 0.0602 * q * q;
        let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
        let z = 46.0 / 30.0 - g / 40.0;
        let iq = 15.0 * (1.0 + 10f64.powf(y) + 10f64.powf(z)).log10();
        // 7.4, echo and delay. STMR is at least 10 by its range, so the case below 9 does not arise; above 20 neither.
        let terv = c.telr_db - 40.0 * ((1.0 + c.t_ms / 10.0) / (1.0 + c.t_ms / 150.0)).log10()
            + 6.0 * (-0.3 * c.t_ms * c.t_ms).exp();
        let re = 80.0 + 2.5 * (terv - 14.0);
        let d = (-1.5 * (no - c.rlr_db) - re) / 2.0;
        let idte = if c.t_ms < 1.0 { 0.0 } else { (d + (d * d + 100.0).sqrt() - 1.0) * (1.0 - (-c.t_ms).exp()) };
        let (idle, idd) = (idle(ro, c), idd(c.ta_ms));
        Self { ro, is: iolr + ist + iq, idte, idle, idd, advantage: c.advantage }
    }

    /// G.107.1 clause 7.
    fn wide(c: &EModelConfig) -> Grounded<Self> {
        covered(c)?;
        if c.t_ms > 0.0 {
            return Err(
                "not grounded: talker echo on the wide band scale; set e_model.t_ms to 0 for a path without echo",
            );
        }
        Ok(Self { ro: 129.0, idle: idle(129.0, c), idd: 1.29 * idd(c.ta_ms), ..Self::default() })
    }

    /// G.107.2 clause 7.
    fn full(c: &EModelConfig) -> Grounded<Self> {
        covered(c)?;
        let usual = EModelConfig::default();
        if (c.t_ms, c.tr_ms, c.telr_db, c.wepl_db) != (0.0, 0.0, usual.telr_db, usual.wepl_db) {
            return Err("not grounded: the full band scale has no echo; leave t_ms, tr_ms, telr_db and wepl_db alone");
        }
        Ok(Self { ro: 148.0, idd: 1.48 * idd(c.ta_ms), ..Self::default() })
    }
}

/// (1 + x^n)^(1/n). Where n is odd, x is over -1 within the ranges of G.107.
fn root(x: f64, n: i32) -> f64 {
    (1.0 + x.powi(n)).powf(1.0 / f64::from(n))
}

/// G.107 (7-25): listener echo.
fn idle(ro: f64, c: &EModelConfig) -> f64 {
    let rle = 10.5 * (c.wepl_db + 7.0) * (c.tr_ms + 1.0).powf(-0.25);
    let d = (ro - rle) / 2.0;
    d + (d * d + 169.0).sqrt()
}

/// G.107 (7-27): delay, for the default class of sensitivity.
fn idd(ta_ms: f64) -> f64 {
    if ta_ms <= 100.0 {
        return 0.0;
    }
    let x = (ta_ms / 100.0).log2();
    25.0 * (root(x, 6) - 3.0 * root(x / 3.0, 6) + 2.0)
}

/// Whether only what the wide and full band models know of was changed.
fn covered(c: &EModelConfig) -> Grounded<()> {
    let of = |c: &EModelConfig| {
        [c.slr_db, c.rlr_db, c.stmr_db, c.lstr_db, c.ds_db, c.dr_db, c.qdu, c.nc_db, c.ps_db, c.pr_db, c.advantage]
    };
    if of(c) == of(&EModelConfig::default()) {
        Ok(())
    } else {
        Err("not grounded: only the narrow band scale knows loudness, sidetone, noise, qdu and the advantage factor")
    }
}

/// Annex B of G.107, and A of the others: R on a scale that ends at 100.
fn mos(r: f64) -> f64 {
    match r {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        // The cubic dips below 1 near R = 3; there is no score below 1.
        r => (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).max(1.0),
    }
}

/// Loss as the model takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Loss {
    ppl: f64,
    burst_ratio: f64,
    /// No more bunched than chance makes it.
    random: bool,
}

/// What is kept of the packets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EModel {
    expected: u32,
    /// Lost or discarded.
    gone: u32,
    decided: u32,
    missed: u32,
    runs: u32,
}

pub(crate) struct Plan {
    codec: Grounded<Codec>,
    delay_ms: Grounded<f64>,
    nb: Grounded<Path>,
    wb: Grounded<Path>,
    fb: Grounded<Path>,
    given: Option<Loss>,
}

impl EModel {
    fn keep(&mut self, s: &PacketStats) {
        *self = Self {
            expected: s.expected,
            gone: s.expected.saturating_sub(s.distinct).saturating_add(s.discarded).min(s.expected),
            decided: s.decided,
            missed: s.missed,
            runs: s.runs,
        };
    }

    fn loss(&self) -> Grounded<Loss> {
        if self.expected == 0 {
            return Err("not grounded: no packets were given, so the loss is unknown");
        }
        let ppl = 100.0 * f64::from(self.gone) / f64::from(self.expected);
        if self.runs == 0 {
            return Ok(Loss { ppl, burst_ratio: 1.0, random: true });
        }
        let [decided, missed, runs] = [self.decided, self.missed, self.runs].map(f64::from);
        let p = missed / decided;
        // Mean run of missing packets over that of random loss, 1/(1 - p).
        let burst_ratio = (missed / runs * (1.0 - p)).max(1.0);
        // By chance, each missing packet is followed by another with probability p.
        let chance = missed * p;
        Ok(Loss { ppl, burst_ratio, random: missed - runs <= chance + 2.0 * chance.sqrt() + 1.0 })
    }
}

/// Ie,eff (G.107 7-29, G.107.1 7-15, and its like in G.107.2).
fn ie_eff(codec: &Codec, loss: Loss) -> Grounded<f64> {
    let Loss { ppl, burst_ratio, random } = loss;
    if ppl == 0.0 {
        return Ok(codec.ie);
    }
    let bpl = codec.bpl.ok_or("not grounded: there was loss, and no robustness (Bpl) of this codec is published")?;
    if ppl > 20.0 {
        return Err("not grounded: over 20 % of loss is outside the range of the E-model");
    }
    let burst_ratio = match codec.scale {
        Scale::Nb if burst_ratio > 8.0 => return Err("not grounded: BurstR over 8 is outside the range of G.107"),
        Scale::Nb if burst_ratio > 2.0 && ppl >= 2.0 => {
            return Err("not grounded: BurstR over 2 is valid below 2 % of loss only (G.107 Table 3)");
        }
        Scale::Nb => burst_ratio,
        Scale::Wb | Scale::Fb if random => 1.0,
        Scale::Wb | Scale::Fb => return Err("not grounded: only random loss is published on this scale"),
    };
    let most = if codec.scale == Scale::Fb { 132.0 } else { 95.0 };
    Ok(codec.ie + (most - codec.ie) * ppl / (ppl / burst_ratio + bpl))
}

fn value<T>(x: Grounded<T>, number: impl FnOnce(T) -> f64) -> Value {
    match x {
        Ok(x) => Value::finite(number(x), "not grounded: beyond all numbers"),
        Err(why) => Value::NotComputed(why),
    }
}

impl Metric for EModel {
    const SPEC: MetricSpec = MetricSpec {
        id: 25,
        name: "e_model",
        revision: 1,
        summary: "Transmission rating and MOS of codec, delay and loss, on the narrow, wide or full band scale",
        definition: "nb: ITU-T G.107 (06/2015) clause 7, Annex B; wb: G.107.1 (06/2019) with Corrigendum 1 (01/2020), clause 7, \
                     Annex A; fb: G.107.2 (06/2019) clause 7, Annex A; codecs: G.113 (09/2024) Appendices I, IV, V",
        on: true,
        needs: Needs::PACKETS,
        params: EModelConfig::PARAMS,
        fields: EModelOutput::FIELDS,
        kinds: &[],
    };
    type Config = EModelConfig;
    type Output = EModelOutput;
    type Plan = Plan;

    fn plan(c: &EModelConfig, _: &StreamShape) -> Result<Plan, ConfigError> {
        let wrong = |message| Err(ConfigError::Contradiction { message });
        if (c.lstr_db - c.stmr_db - c.dr_db).abs() > 1e-9 {
            return wrong("e_model: lstr_db must be stmr_db + dr_db; set all of them");
        }
        if c.codec == "given" && c.given_scale == "nb" && c.ie > 40.0 {
            return wrong("e_model: ie is at most 40 on the narrow band scale; set given_scale or lower it");
        }
        if c.bpl_percent > 0.0 && c.bpl_percent < 4.3 {
            return wrong("e_model: bpl_percent is at least 4.3, or 0 if none is published");
        }
        let delay_ms = match c.delay {
            "given" => Ok(c.ta_ms),
            _ => Err("not grounded: nobody measured the delay; set e_model.delay to given, and ta_ms"),
        };
        let codec = Codec::of(c);
        let on = |scale: Scale| match codec {
            Ok(codec) if codec.scale == scale => delay_ms.map(|_| ()),
            Ok(_) => Err("not grounded: the codec's impairment is published on another scale"),
            Err(why) => Err(why),
        };
        let given = Loss { ppl: c.ppl_percent, burst_ratio: c.burst_ratio, random: c.burst_ratio == 1.0 };
        Ok(Plan {
            codec,
            delay_ms,
            nb: on(Scale::Nb).map(|()| Path::narrow(c)),
            wb: on(Scale::Wb).and_then(|()| Path::wide(c)),
            fb: on(Scale::Fb).and_then(|()| Path::full(c)),
            given: (c.loss == "given").then_some(given),
        })
    }

    fn new(_: &Plan) -> Self {
        Self::default()
    }

    fn event(&mut self, _: &Plan, event: &Event, _: &mut Sink<'_>) {
        if let Event::Packet(facts) = event {
            self.keep(&facts.stats);
        }
    }

    fn update(&mut self, _: &Plan, _: &mut [f32], _: &FrameView<'_>, _: &mut Sink<'_>) {}

    fn finish(&mut self, _: &Plan, _: &mut [f32], end: &End<'_>, _: &mut Sink<'_>) {
        if let Some(facts) = &end.packets {
            self.keep(&facts.stats);
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> EModelOutput {
        let loss = plan.given.map_or_else(|| self.loss(), Ok);
        let ie_eff = plan.codec.and_then(|codec| ie_eff(&codec, loss?));
        let rated = |path: Grounded<Path>| path.and_then(|path| Ok(path.r(ie_eff?)));
        let (nb, wb, fb) = (rated(plan.nb), rated(plan.wb), rated(plan.fb));
        let bpl = plan.codec.and_then(|c| c.bpl.ok_or("not grounded: no robustness of this codec is published"));
        EModelOutput {
            nb_r: value(nb, |r| r),
            nb_mos: value(nb, mos),
            nb_ro: value(plan.nb, |p| p.ro),
            nb_is: value(plan.nb, |p| p.is),
            nb_idte: value(plan.nb, |p| p.idte),
            nb_idle: value(plan.nb, |p| p.idle),
            nb_idd: value(plan.nb, |p| p.idd),
            nb_ie_eff: value(plan.nb.and(ie_eff), |x| x),
            wb_r: value(wb, |r| r),
            wb_mos: value(wb, |r| mos(r / 1.29)),
            wb_idle: value(plan.wb, |p| p.idle),
            wb_idd: value(plan.wb, |p| p.idd),
            wb_ie_eff: value(plan.wb.and(ie_eff), |x| x),
            fb_r: value(fb, |r| r),
            fb_mos: value(fb, |r| mos(r / 1.48)),
            fb_idd: value(plan.fb, |p| p.idd),
            fb_ie_eff: value(plan.fb.and(ie_eff), |x| x),
            ppl_percent: value(loss, |l| l.ppl),
            burst_ratio: value(loss, |l| l.burst_ratio),
            ie: value(plan.codec, |c| c.ie),
            bpl_percent: value(bpl, |x| x),
            ta_ms: value(plan.delay_ms, |ms| ms),
        }
    }
}
