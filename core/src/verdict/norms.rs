//! The norms: nothing but data. docs/norms.md is made from it.

use super::{Norm, Requirement, When};
use crate::spec::Unit;

/// What a single channel was raised by.
pub(super) const MONO_GAIN: &str = "loudness.mono_gain_lu";
const LOUDNESS: &str = "loudness.integrated_lufs";

/// Gated loudness of less than this depends on which words were said.
const LEAST_LOUDNESS_S: f64 = 3.0;
/// The hangover of P.56 alone is 0.2 s.
const LEAST_LEVEL_S: f64 = 2.0;

const BLANK: Requirement = Requirement {
    name: "",
    field: None,
    unit: Unit::Count,
    target: None,
    min: None,
    max: None,
    least_s: 0.0,
    when: When::Always,
    note: "",
};

const fn loudness(target: f64, tolerance: f64) -> Requirement {
    Requirement {
        name: "integrated_lufs",
        field: Some(LOUDNESS),
        unit: Unit::Lufs,
        target: Some(target),
        min: Some(target - tolerance),
        max: Some(target + tolerance),
        least_s: LEAST_LOUDNESS_S,
        ..BLANK
    }
}

const fn true_peak(max: f64) -> Requirement {
    Requirement { name: "true_peak_dbtp", field: Some("true_peak.max_dbtp"), unit: Unit::Dbtp, max: Some(max), ..BLANK }
}

/// Meters may differ by 0.1 LU (EBU Tech 3341): only what is louder by more than that is louder.
const LOUDER_THAN_SPOTIFY: f64 = -13.9;

/// Every norm there is.
pub const NORMS: &[Norm] = &[
    Norm {
        name: "r128",
        title: "EBU R 128",
        edition: "EBU R 128 v5.0 (11/2023)",
        source: "audio-dubcheck.com/specs/ebu-r128; the text itself was not at hand",
        note: "Broadcast. For live programmes R 128 allows 1 LU; by the EBU's own summary v4.0 (2020) told 1 LU in production \
               from 0.2 LU in quality control. It does not treat a mono file apart: its channel counts once, unless \
               loudness.mono_as says otherwise.",
        requirements: &[loudness(-23.0, 0.5), true_peak(-1.0)],
    },
    Norm {
        name: "atsc_a85",
        title: "ATSC A/85",
        edition: "ATSC A/85:2013",
        source: "presets of rendercheck; the text itself was not at hand",
        note: "Broadcast. A/85 levels long programmes by their dialogue; synthesised speech is nothing else, so the whole \
               of it is measured. A mono file counts once, unless loudness.mono_as says otherwise.",
        requirements: &[loudness(-24.0, 2.0), true_peak(-2.0)],
    },
    Norm {
        name: "spotify",
        title: "Spotify",
        edition: "Spotify for Artists, support page `Loudness normalization` (without an edition)",
        source: "support.spotify.com/us/artists/article/loudness-normalization",
        note: "Spotify plays everything at -14 LUFS and refuses nothing; the tolerance of 1 LU is ours. A mono file counts \
               once; if it will be played on two loudspeakers, set loudness.mono_as = dual_mono.",
        requirements: &[
            loudness(-14.0, 1.0),
            Requirement {
                when: When::NotAbove(LOUDNESS, LOUDER_THAN_SPOTIFY),
                note: "For what is not louder than -14 LUFS.",
                ..true_peak(-1.0)
            },
            Requirement {
                when: When::Above(LOUDNESS, LOUDER_THAN_SPOTIFY),
                note: "For what is louder than -14 LUFS by more than the 0.1 LU in which meters may differ.",
                ..true_peak(-2.0)
            },
        ],
    },
    Norm {
        name: "apple_podcasts",
        title: "Apple Podcasts, AES71",
        edition: "AES71-2018; Apple Podcasts audio requirements",
        source: "presets of rendercheck; the texts themselves were not at hand",
        note: "-16 LUFS for stereo and -19 LUFS for mono are the same loudness at the ear: a mono file is played on two \
               loudspeakers. With loudness.mono_as = dual_mono the reading is 3.01 LU higher and is held against -16.",
        requirements: &[
            Requirement { when: When::MonoOnce, note: "For one channel that counts once.", ..loudness(-19.0, 1.0) },
            Requirement {
                when: When::NotMonoOnce,
                note: "For stereo, and for one channel that counts as two.",
                ..loudness(-16.0, 1.0)
            },
            true_peak(-1.0),
        ],
    },
    Norm {
        name: "alexa",
        title: "Amazon Alexa",
        edition: "Alexa developer documentation, loudness of audio content (without an edition)",
        source: "Google Transcoder documentation for the loudness; the true peak is common knowledge, not read there",
        note: "Amazon states no tolerance; 1 LU is ours. Some quote -3 dBTP. A mono file counts once; Echo devices play it \
               on all their loudspeakers: set loudness.mono_as = dual_mono to count it as stereo.",
        requirements: &[loudness(-14.0, 1.0), true_peak(-2.0)],
    },
    Norm {
        name: "acx",
        title: "ACX, Audible",
        edition: "ACX audio submission requirements (without an edition)",
        source: "audio-dubcheck.com/specs/acx; auphonic, 2026-01-15",
        note: "Audiobooks, each file. Not looked at: the MP3 (192 kbit/s, constant, 44.1 kHz), the length of at most 120 \
               minutes, and whether all files agree. RMS is over all samples; a full-scale sine reads -3.01 dBFS.",
        requirements: &[
            Requirement {
                name: "rms_dbfs",
                field: Some("level.rms_dbfs"),
                unit: Unit::Dbfs,
                min: Some(-23.0),
                max: Some(-18.0),
                ..BLANK
            },
            Requirement {
                name: "sample_peak_dbfs",
                field: Some("level.sample_peak_dbfs"),
                unit: Unit::Dbfs,
                max: Some(-3.0),
                note: "MP3 raises peaks: leave some room.",
                ..BLANK
            },
            Requirement {
                name: "noise_floor_dbfs",
                field: Some("level.floor_dbfs"),
                unit: Unit::Dbfs,
                max: Some(-60.0),
                note: "RMS of the quietest half second. Room tone of pure zeros has no floor to measure.",
                ..BLANK
            },
            Requirement {
                name: "head_s",
                field: Some("silence.lead_s"),
                unit: Unit::Seconds,
                min: Some(0.5),
                max: Some(1.0),
                note: "Room tone before the first sound, exact to 10 ms.",
                ..BLANK
            },
            Requirement {
                name: "tail_s",
                field: Some("silence.tail_s"),
                unit: Unit::Seconds,
                min: Some(1.0),
                max: Some(5.0),
                note: "Room tone after the last sound, exact to 10 ms.",
                ..BLANK
            },
        ],
    },
    Norm {
        name: "netflix",
        title: "Netflix",
        edition: "Netflix sound mix specifications (edition not known)",
        source: "presets of rendercheck; the text itself was not at hand",
        note: "Only the true peak can be judged.",
        requirements: &[
            Requirement {
                field: None,
                name: "dialogue_lufs",
                note: "dialogue-gated loudness is not measured; loudness.integrated_lufs is that of the whole programme",
                ..loudness(-27.0, 2.0)
            },
            true_peak(-2.0),
        ],
    },
    Norm {
        name: "telephony",
        title: "Telephony",
        edition: "ITU-T P.56 (12/2011) for the measurement",
        source: "common practice of telephone networks and codec tests; no text names the tolerance",
        note: "-26 dBov is the nominal active speech level; the tolerance of 3 dB is ours.",
        requirements: &[Requirement {
            name: "active_level_dbfs",
            field: Some("speech_level.active_dbfs"),
            unit: Unit::Dbfs,
            target: Some(-26.0),
            min: Some(-29.0),
            max: Some(-23.0),
            least_s: LEAST_LEVEL_S,
            note: "dBov: 0 is a full-scale square wave, a full-scale sine is -3.01.",
            ..BLANK
        }],
    },
];
