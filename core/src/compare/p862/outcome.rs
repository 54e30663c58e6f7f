//! What is asked for, and what comes out.

/// Which score, at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// P.862 and P.862.1 at 8 kHz.
    Narrow8,
    /// P.862 and P.862.1 at 16 kHz.
    Narrow16,
    /// P.862.2 at 16 kHz.
    Wide16,
}

impl Mode {
    /// The name in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Narrow8 => "narrow band at 8 kHz",
            Self::Narrow16 => "narrow band at 16 kHz",
            Self::Wide16 => "wide band at 16 kHz",
        }
    }

    /// The rate of the samples it takes, in hertz.
    #[must_use]
    pub const fn rate_hz(self) -> u32 {
        match self {
            Self::Narrow8 => 8000,
            Self::Narrow16 | Self::Wide16 => 16_000,
        }
    }
}

/// Which text of the standard: they differ in the wide band only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edition {
    /// P.862.2 of November 2005: what published tables show.
    #[default]
    E2005,
    /// Corrigendum 2 of March 2018: the input filter 12 dB lower.
    Cor2,
}

impl Edition {
    /// The name in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::E2005 => "2005",
            Self::Cor2 => "Cor.2-2018",
        }
    }
}

/// A stretch of the reference that has one delay in the degraded signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utterance {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// The sample of the reference after its last.
    pub end_sample: usize,
    /// How many samples later it is in the degraded signal; negative if earlier.
    pub delay_samples: i64,
    /// The share of short frames that agree on this delay, 0 to 1.
    pub confidence: f64,
}

/// An interval so much disturbed that its delay was looked for a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadInterval {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// The sample of the reference after its last.
    pub end_sample: usize,
    /// The delay found beyond that of its utterance; 0 if none matches better.
    pub delay_samples: i64,
}

/// The disturbance of one frame of 32 ms, one every 16 ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameDisturbance {
    /// Its first sample in the reference.
    pub start_sample: usize,
    /// Everything that differs; 0 is none, 45 the most.
    pub disturbance: f64,
    /// What was added; 0 is none, 45 the most.
    pub asymmetric: f64,
}

/// The score of a pair and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The score on the scale of listeners: about 1 to 4.55 (narrow band) or 4.64 (wide band).
    pub mos_lqo: f64,
    /// The score before that mapping: -0.5 to 4.5.
    pub raw: f64,
    /// The stretches and their delays, in order.
    pub utterances: Vec<Utterance>,
    /// The intervals looked at twice, in order.
    pub bad_intervals: Vec<BadInterval>,
    /// The frames that the score is made of, where asked for.
    pub frames: Option<Vec<FrameDisturbance>>,
    /// More than 50 utterances: the standard's own code has no defined score for the pair.
    pub beyond_reference: bool,
}
