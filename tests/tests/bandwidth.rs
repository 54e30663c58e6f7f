//! The bandwidth against values that follow on paper, and the label of the rate.

use otoscope::spec::Value;
use otoscope_fixtures::faults::inject;
use otoscope_fixtures::take::Take;
use otoscope_fixtures::{signals, speech};
use otoscope_tests::{Heard, listen_take, listen_whole};

fn found(heard: &Heard) -> Vec<String> {
    heard.names().into_iter().filter(|n| n.starts_with("bandwidth.")).collect()
}

#[test]
fn noise_through_a_steep_filter_ends_where_the_filter_does() {
    for (rate, share) in [(24_000, 0.33), (24_000, 0.5), (16_000, 0.66), (48_000, 0.5)] {
        let mut take = Take::new(rate, signals::white_gaussian(-30.0, rate, 4.0, 1));
        inject("band_limit", &mut take, Some(share), 0).expect("it fits");
        let heard = listen_take(&take);
        assert!(found(&heard).contains(&"bandwidth.band_limited".to_owned()), "{rate} {share}: {:?}", heard.names());
        let (ratio, hz) = (heard.number("bandwidth.bandwidth_ratio"), heard.number("bandwidth.effective_bandwidth_hz"));
        assert!((ratio - share).abs() <= 2.0 / 32.0, "the band of the edge, and half of the filter's slope: {ratio}");
        assert!((hz - 0.5 * ratio * f64::from(rate)).abs() < 1e-6, "the same twice: {hz}");
        assert!(heard.number("bandwidth.edge_db") > 40.0, "a Blackman window stops 75 dB");
        let whole = heard.findings.iter().find(|f| f.start_sample == 0 && f.threshold == 0.4 * f64::from(rate));
        assert_eq!(
            whole.map(|f| f.end_sample),
            Some(take.samples.len() as u64),
            "the finding is about the whole stream"
        );
    }
}

#[test]
fn white_noise_is_full_band_and_silence_has_none() {
    let heard = listen_whole(24_000, 1, &signals::white_gaussian(-30.0, 24_000, 4.0, 1));
    assert!(!heard.names().contains(&"bandwidth.band_limited".to_owned()));
    let silent = listen_whole(24_000, 1, &signals::silence(24_000, 4.0));
    assert!(matches!(silent.report.value("bandwidth.bandwidth_ratio"), Some(Value::Undefined(_))));
    assert_eq!(found(&silent), [""; 0]);
}

#[test]
fn committed_speech_is_sound_and_shifts_with_its_label() {
    for clip in speech::clips().expect("the committed speech") {
        let take = Take::from_clip(&clip);
        let heard = listen_take(&take);
        assert_eq!(found(&heard), [""; 0], "{}", clip.name);
        let Some(Value::Number(shift)) = heard.report.value("bandwidth.shift_octaves") else { continue };
        for ratio in [0.5, 2.0] {
            let mut wrong = take.clone();
            inject("relabel", &mut wrong, Some(ratio), 0).expect("any rate");
            if !(8_000..=192_000).contains(&wrong.sample_rate_hz) {
                continue;
            }
            let heard = listen_take(&wrong);
            let Some(Value::Number(moved)) = heard.report.value("bandwidth.shift_octaves") else { continue };
            let by = (moved - shift) * ratio.log2();
            // Voices answer with 0.25 to 1 of the octave; its sign is sure.
            assert!(by > 0.2, "{} {ratio}: from {shift} to {moved}", clip.name);
        }
    }
}

#[test]
fn a_voice_at_half_its_rate_is_named_with_a_higher_rate() {
    // Which voices are far enough from the middle is a matter of the voice: this one is, by a quarter of an octave.
    let clips = speech::clips().expect("the committed speech");
    let clip = clips.iter().find(|c| c.name == "en_flite_slt").expect("it is committed");
    let mut take = Take::from_clip(clip);
    inject("relabel", &mut take, Some(0.5), 0).expect("any rate");
    let heard = listen_take(&take);
    assert_eq!(found(&heard), ["bandwidth.rate_label"]);
    let likely = heard.number("bandwidth.likely_rate_hz");
    assert!([11_025.0, 12_000.0, 16_000.0, 22_050.0].contains(&likely), "a usual rate above 8 kHz: {likely}");
    assert!(heard.number("bandwidth.rate_suspicion_ratio") > 0.5);
}
