//! Predicted scores against onnxruntime, in windows and in streams.

use otoscope::mos::{Model, Scorer};
use otoscope::spec::Value;
use otoscope::{Config, Level, Push, StreamSpec};
use otoscope_fixtures::speech;
use otoscope_tests::{Heard, listen};

/// What the packages' own rule makes of a clip: doubled until it is long enough.
const WINDOW: usize = 144_160;

/// The signals of `training/golden.py`: integer arithmetic on speech of 16 kHz and on a generator.
fn signal(name: &str) -> Vec<i64> {
    let speech = |name: &str| -> Vec<i64> {
        let clips = speech::clips().expect("the committed speech");
        let clip = clips.iter().find(|c| c.name == name).expect("a clip");
        assert_eq!(clip.sample_rate_hz, 16_000);
        let mut all: Vec<i64> = clip.samples.iter().map(|v| i64::from(*v)).collect();
        while all.len() < WINDOW {
            all.extend_from_within(..);
        }
        all.truncate(WINDOW);
        all
    };
    let mut state = 1u32;
    let mut hiss = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 16) - 32768
    };
    let slt = || speech("en_flite_slt").into_iter();
    match name {
        "slt_quiet" => slt().map(|s| s >> 4).collect(),
        "slt_clipped" => slt().map(|s| s.clamp(-2500, 2500)).collect(),
        "slt_noise" => slt().map(|s| (s + (hiss() >> 5)).clamp(-32768, 32767)).collect(),
        "slt_holes" => slt().enumerate().map(|(i, s)| if i % 16_000 < 3200 { 0 } else { s }).collect(),
        "slt_smoothed" => (0..3).fold(slt().collect(), |x: Vec<i64>, _| {
            (0..WINDOW).map(|i| (x[(i + WINDOW - 1) % WINDOW] + 2 * x[i] + x[(i + 1) % WINDOW]) >> 2).collect()
        }),
        "noise" => (0..WINDOW).map(|_| hiss() >> 2).collect(),
        "saw" => (0..WINDOW as i64).map(|i| (i * 500 % 65536 - 32768) >> 1).collect(),
        "square_full_scale" => (0..WINDOW).map(|i| if i % 80 < 40 { 32767 } else { -32768 }).collect(),
        "silence" => vec![0; WINDOW],
        speech_name => speech(speech_name),
    }
}

fn golden() -> Vec<(String, Vec<f32>, [f32; 4])> {
    let text = include_str!("../../core/tests/data/dnsmos_golden.csv");
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let samples = signal(cells[0]).into_iter().map(|v| v as f32 / 32768.0).collect();
        (cells[0].to_owned(), samples, [1, 2, 3, 4].map(|i| cells[i].parse().expect("a number")))
    });
    rows.collect()
}

#[test]
fn windows_have_the_scores_of_onnxruntime_at_every_level() {
    for &level in Level::available() {
        let p808 = Scorer::new(Model::DnsmosP808, Some(level)).expect("ours");
        for (name, samples, wanted) in golden() {
            let got = p808.window(&samples[..144_000]).expect("samples")[0];
            // Single precision, in another order, from samples on.
            assert!((got - wanted[0]).abs() < 1e-4, "{name} {level}: {got} {}", wanted[0]);
        }
        let p835 = Scorer::new(Model::DnsmosP835, Some(level)).expect("ours");
        // It takes half a second a window, in plain Rust four.
        let few = if level == Level::Portable { 2 } else { usize::MAX };
        for (name, samples, wanted) in golden().into_iter().take(few) {
            let got = p835.window(&samples[..144_000 + 160]).expect("samples");
            for (got, wanted) in got.iter().zip(&wanted[1..]) {
                assert!((got - wanted).abs() < 1e-4, "{name} {level}: {got} {wanted}");
            }
        }
    }
}

#[test]
fn the_students_have_the_scores_of_pytorch_at_every_level() {
    let text = include_str!("../../core/tests/data/otoscope_mos_golden.csv");
    let mut count = 0;
    for &level in Level::available() {
        for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            // The table has a network too that is not built in.
            let Some(model) = Model::named(row[0]) else { continue };
            let samples: Vec<f32> = signal(row[1]).into_iter().map(|v| v as f32 / 32768.0).collect();
            let got = Scorer::new(model, Some(level)).expect("ours").window(&samples).expect("samples")[0];
            let wanted: f32 = row[2].parse().expect("a number");
            // Single precision, in another order, from samples on.
            assert!((got - wanted).abs() < 1e-4, "{} {} {level}: {got} {wanted}", row[0], row[1]);
            count += 1;
        }
    }
    assert!(count >= 2 * 13, "both networks, at one level at least: {count}");
}

fn stream(config: &Config, samples: &[f32]) -> Heard {
    let plan = config.clone().freeze().expect("a stream a probe accepts");
    listen(&plan, samples.chunks(1600).map(|chunk| (chunk, Push::CHUNK)))
}

fn config(sample_rate_hz: u32) -> Config {
    let mut config = Config::new(StreamSpec::mono(sample_rate_hz));
    config.only(["mos"]).expect("a metric");
    config.set("mos.model", "dnsmos_p808").expect("a model");
    config
}

#[test]
fn streams_are_close_to_windows() {
    let (mut sum, mut most, mut count) = (0.0, 0.0f64, 0);
    for (name, samples, wanted) in golden() {
        if ["noise", "saw", "square_full_scale", "silence"].contains(&&*name) {
            continue;
        }
        let got = stream(&config(16_000), &samples).number("mos.predicted_mos");
        let difference = (got - f64::from(wanted[0])).abs();
        println!("{name}: stream {got:.3}, window {:.3}", wanted[0]);
        (sum, most, count) = (sum + difference, most.max(difference), count + 1);
    }
    println!("mean {:.3}, most {most:.3}", sum / f64::from(count));
    // A lost phase or reference makes some tenths.
    assert!(sum / f64::from(count) < 0.1 && most < 0.3, "{sum} {most} {count}");
}

#[test]
fn another_rate_is_the_same_speech() {
    for clip in speech::clips().expect("the committed speech").iter().filter(|c| c.sample_rate_hz > 16_000) {
        let mut samples = clip.samples_f32();
        while samples.len() < 10 * clip.sample_rate_hz as usize {
            samples.extend_from_within(..);
        }
        let heard = stream(&config(clip.sample_rate_hz), &samples);
        let score = heard.number("mos.predicted_mos");
        println!("{} at {} Hz: {score:.3}", clip.name, clip.sample_rate_hz);
        assert!((3.0..4.5).contains(&score), "{}: {score}", clip.name);
        assert!(heard.number("mos.lowest_mos") <= heard.number("mos.last_mos"));
    }
}

#[test]
fn without_speech_there_is_a_reason_and_no_poison() {
    let reason = |heard: &Heard| match heard.report.value("mos.predicted_mos") {
        Some(Value::Undefined(why)) => why.to_owned(),
        other => panic!("{other:?}"),
    };
    let clip = &speech::clips().expect("the committed speech")[0];
    let (rate, speech) = (clip.sample_rate_hz, clip.samples_f32());
    let config = config(rate);
    for samples in [vec![], vec![0.0; 7], vec![0.0; 20 * rate as usize], vec![f32::NAN; 5 * rate as usize]] {
        assert!(reason(&stream(&config, &samples)).starts_with("not_enough_speech"));
    }
    assert!(reason(&stream(&config, &speech[..2 * rate as usize])).starts_with("not_enough_speech"));
    // What was no number is silence, before and between: the score is one of speech with a pause.
    let mut bad = vec![f32::NAN; rate as usize];
    bad.extend(&speech);
    bad.extend(vec![f32::INFINITY; rate as usize / 10]);
    bad.extend(&speech);
    let clean = stream(&config, &[&speech[..], &speech[..]].concat()).number("mos.predicted_mos");
    let got = stream(&config, &bad).number("mos.predicted_mos");
    assert!((got - clean).abs() < 0.3, "{got} {clean}");
}
