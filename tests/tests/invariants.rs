//! What must not change a result: how calls are cut, the instruction set, other metrics, a reset, a snapshot, the sample type.

use otoscope::{Config, Level, Probe, Push, StreamSpec};
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::{signals, speech};
use otoscope_tests::{
    ExactOnly, Piece, differences, everything, gallery, listen, listen_with, metric_names, plan, recut,
};

#[test]
fn how_calls_are_cut_changes_no_bit() {
    let mut cuttings = 0;
    for (k, stream) in gallery().iter().enumerate() {
        let plan = everything(stream.sample_rate_hz, stream.channels).freeze().expect("defaults");
        let pieces = stream.pieces();
        let whole = listen(&plan, pieces.iter().copied());
        assert!(whole.findings.len() >= 4, "the gallery gives the detectors something to find: {:?}", whole.names());
        let mut rng = Rng::new(100 + k as u64);
        for round in 0..40 {
            let cut = listen(&plan, recut(&pieces, stream.channels as usize, &mut rng));
            let different = differences(&whole.report, &cut.report, ExactOnly::AllBits);
            assert!(different.is_empty(), "{} Hz, round {round}: {different:?}", stream.sample_rate_hz);
            assert_eq!(whole.findings, cut.findings, "{} Hz, round {round}", stream.sample_rate_hz);
            cuttings += 1;
        }
    }
    assert!(cuttings >= 300);
}

#[test]
fn chunk_edges_move_only_the_metrics_that_listen_to_them() {
    let stream = &gallery()[0];
    let plan = plan(stream.sample_rate_hz, stream.channels);
    let with_edges = listen(&plan, stream.pieces());
    let without = listen(&plan, [(&stream.samples[..], Push::CHUNK)]);
    for line in differences(&with_edges.report, &without.report, ExactOnly::AllBits) {
        let listens = ["join.", "continuity.", "click.", "duplicate.", "level_jump."];
        assert!(listens.iter().any(|l| line.starts_with(l)), "{line}");
    }
}

#[test]
fn a_reset_probe_is_a_fresh_probe() {
    let streams = gallery();
    for stream in &streams {
        let plan = everything(stream.sample_rate_hz, stream.channels).freeze().expect("defaults");
        let fresh = listen(&plan, stream.pieces());
        let mut probe = Probe::new(&plan);
        // Leave something behind: half of another signal, not even finished.
        let noise = signals::white_uniform(0.0, stream.sample_rate_hz, 0.7, 3);
        let whole_frames = noise.len() / stream.channels as usize * stream.channels as usize;
        probe.push_f32(&noise[..whole_frames], Push::at(99)).expect("whole frames");
        probe.reset();
        assert_eq!(listen_with(&mut probe, stream.pieces()), fresh);
        probe.reset();
        assert_eq!(listen_with(&mut probe, stream.pieces()), fresh, "after finish too");
    }
}

#[test]
fn a_snapshot_does_not_disturb() {
    for stream in gallery() {
        let plan = everything(stream.sample_rate_hz, stream.channels).freeze().expect("defaults");
        let quiet = listen(&plan, stream.pieces());
        let mut probe = Probe::new(&plan);
        let mut log = otoscope::FindingLog::new();
        for (samples, push) in stream.pieces() {
            probe.push_f32(samples, push).expect("whole frames");
            assert!(!probe.snapshot().is_final);
            log.drain(&mut probe);
        }
        let report = probe.finish();
        log.drain(&mut probe);
        assert_eq!((report, log.into_sorted()), (quiet.report, quiet.findings));
        assert_eq!(probe.finish(), report, "finishing twice gives the same");
    }
}

#[test]
fn a_metric_alone_gives_what_it_gives_among_all() {
    for stream in gallery() {
        let all = everything(stream.sample_rate_hz, stream.channels).freeze().expect("defaults");
        let all = listen(&all, stream.pieces());
        for metric in metric_names() {
            let spec = StreamSpec { sample_rate_hz: stream.sample_rate_hz, channels: stream.channels };
            let mut config = Config::new(spec);
            config.only([metric]).expect("a name from the list");
            let alone = listen(&config.freeze().expect("defaults"), stream.pieces());
            alone.report.visit(|m, f, value| {
                if m.name == metric {
                    let among = all.report.value(&format!("{}.{}", m.name, f.name));
                    assert_eq!(among, Some(value), "{}.{} at {} Hz", m.name, f.name, stream.sample_rate_hz);
                }
            });
        }
    }
}

#[test]
fn every_level_gives_what_its_fields_promise() {
    let required = std::env::var("OTOSCOPE_REQUIRE_SIMD").is_ok_and(|v| v == "avx2");
    if Level::available().len() == 1 {
        assert!(!required, "OTOSCOPE_REQUIRE_SIMD=avx2, but this machine has no AVX2 with FMA");
        println!("SKIPPED avx2: this machine does not have it");
        return;
    }
    let clips = speech::clips().expect("the committed speech");
    let speech = clips.iter().map(|c| (c.sample_rate_hz, 1, vec![c.samples_f32()]));
    let gallery = gallery().into_iter().map(|s| {
        let chunks = s.chunks.iter().map(|(r, _)| s.samples[r.clone()].to_vec()).collect();
        (s.sample_rate_hz, s.channels, chunks)
    });
    for (sample_rate_hz, channels, chunks) in speech.chain(gallery) {
        let heard = [Level::Portable, Level::Avx2].map(|level| {
            let mut config = everything(sample_rate_hz, channels);
            config.simd(level);
            let plan = config.freeze().expect("defaults");
            assert_eq!(plan.simd(), level);
            listen(&plan, chunks.iter().map(|c| -> Piece<'_> { (c, Push::CHUNK) }))
        });
        let different = differences(&heard[0].report, &heard[1].report, ExactOnly::AsPromised);
        assert!(different.is_empty(), "{sample_rate_hz} Hz: {different:?}");
        // Only true_peak holds a tolerance field against a threshold; everything else must be the same finding.
        let exact = |h: &otoscope_tests::Heard| -> Vec<_> {
            h.findings.iter().filter(|f| otoscope_tests::name(f) != "true_peak.over").copied().collect()
        };
        assert_eq!(exact(&heard[0]), exact(&heard[1]));
    }
}

#[test]
fn sixteen_bits_and_the_same_floats_give_the_same_report() {
    for clip in speech::clips().expect("the committed speech") {
        let plan = plan(clip.sample_rate_hz, 1);
        let mut probe = Probe::new(&plan);
        probe.push_i16(&clip.samples, Push::CHUNK).expect("mono");
        let from_i16 = probe.finish();
        let from_f32 = listen(&plan, [(&clip.samples_f32()[..], Push::CHUNK)]).report;
        assert_eq!(from_i16, from_f32, "{}", clip.name);
    }
}
