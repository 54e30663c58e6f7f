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
    let speech = |name: &str, is_any_rate: bool| -> Vec<i64> {
        let clips = speech::clips().expect("the committed speech");
        let clip = clips.iter().find(|c| c.name == name).expect("a clip");
        assert!(is_any_rate || clip.sample_rate_hz == 16_000);
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
    if let Some((clip, change)) = name.split_once('+') {
        let x = speech(clip, true);
        return match change {
            "plain" => x,
            "quiet" => x.iter().map(|s| s >> 4).collect(),
            "loud" => x.iter().map(|s| (s << 2).clamp(-32768, 32767)).collect(),
            "clipped" => x.iter().map(|s| (*s).clamp(-2500, 2500)).collect(),
            "noise" => x.iter().map(|s| (s + (hiss() >> 5)).clamp(-32768, 32767)).collect(),
            "holes" => x.iter().enumerate().map(|(i, s)| if i % 16_000 < 3200 { 0 } else { *s }).collect(),
            "telephone" => telephone(&x),
            _ => panic!("{name}"),
        };
    }
    let slt = || speech("en_flite_slt", false).into_iter();
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
        speech_name => speech(speech_name, false),
    }
}

/// Without what is above a quarter of the rate: seven taps of 32nds, around the ends.
fn half_band(x: &[i64]) -> Vec<i64> {
    let at = |i: usize, by: usize| x[(i + x.len() - by) % x.len()] + x[(i + by) % x.len()];
    (0..x.len()).map(|i| (16 * x[i] + 9 * at(i, 1) - at(i, 3)) >> 5).collect()
}

/// What 8 kHz leave of it.
fn telephone(x: &[i64]) -> Vec<i64> {
    let mut low = half_band(&half_band(x));
    low.iter_mut().skip(1).step_by(2).for_each(|s| *s = 0);
    half_band(&half_band(&low)).into_iter().map(|s| (2 * s).clamp(-32768, 32767)).collect()
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
    let golden = golden();
    let clips = golden.iter().filter(|(name, ..)| name.contains('+')).count();
    assert!(clips >= 50, "{clips} clips of speech");
    for &level in Level::available() {
        let (p808, p835) = (scorer(Model::DnsmosP808, level), scorer(Model::DnsmosP835, level));
        let mut most = [0.0f32; 2];
        // P.835 takes a quarter of a second a window, in plain Rust four; P.808 a third there.
        let [few, many] = if level == Level::Portable { [2, 24] } else { [usize::MAX; 2] };
        for (n, (name, samples, wanted)) in golden.iter().take(many).enumerate() {
            let mut got = p808.window(&samples[..144_000]).expect("samples");
            if n < few {
                got.extend(p835.window(samples).expect("samples"));
            }
            for (n, (got, wanted)) in got.iter().zip(wanted).enumerate() {
                // Single precision, in another order, from samples on.
                assert!((got - wanted).abs() < 1e-4, "{name} {level}: {got} {wanted}");
                most[n.min(1)] = most[n.min(1)].max((got - wanted).abs());
            }
        }
        println!(
            "{level}: at most {:.1e} (P.808) and {:.1e} (P.835) on {} signals",
            most[0],
            most[1],
            golden.len().min(many)
        );
    }
}

fn scorer(model: Model, level: Level) -> Scorer {
    Scorer::new(model, Some(level)).expect("ours")
}

/// So many samples of a signal, again and again.
fn long(name: &str, count: usize) -> Vec<f32> {
    signal(name).into_iter().map(|v| v as f32 / 32768.0).cycle().take(count).collect()
}

#[test]
fn clips_have_the_scores_of_the_package() {
    let text = include_str!("../../core/tests/data/dnsmos_golden_clips.csv");
    for &level in Level::available() {
        let [p808, p835] = [Model::DnsmosP808, Model::DnsmosP835].map(|m| Scorer::new(m, Some(level)).expect("ours"));
        for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let samples = long(row[0], row[1].parse().expect("a number"));
            let [overall, speech, background, votes] = [2, 3, 4, 5].map(|i| row[i].parse::<f64>().expect("a number"));
            let near = |got: &[f64], wanted: &[f64]| {
                // Single precision, in another order, from samples on.
                let good = got.len() == wanted.len() && got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-4);
                assert!(good, "{} {} {level}: {got:?} {wanted:?}", row[0], row[1]);
            };
            near(&p808.clip(&samples).expect("samples").fitted, &[votes]);
            // In plain Rust it takes four seconds a window.
            if level > Level::Portable {
                near(&p835.clip(&samples).expect("samples").fitted, &[speech, background, overall]);
            }
        }
    }
}

#[test]
fn windows_of_a_clip_have_the_bits_of_windows_alone() {
    let Some(&level) = Level::available().iter().find(|l| **l > Level::Portable) else {
        println!("SKIPPED avx2: this machine does not have it, and plain Rust takes four seconds a window");
        return;
    };
    for (model, len) in [(Model::DnsmosP835, WINDOW), (Model::DnsmosP808, 144_000)] {
        let scorer = Scorer::new(model, Some(level)).expect("ours");
        for (count, windows) in [(WINDOW, 1), (160_000, 1), (184_001, 2), (224_160, 5)] {
            let samples = long("slt_noise", count);
            let clip = scorer.clip(&samples).expect("samples");
            assert_eq!(clip.windows.len(), windows, "{count}");
            for (k, window) in clip.windows.iter().enumerate() {
                let alone = scorer.window(&samples[16_000 * k..][..len]).expect("samples");
                assert_eq!(window.raw, alone, "{model:?}, {count} samples, window {k}");
                assert!(window.start_s == k as f64 && !window.is_left_out);
            }
        }
    }
}

#[test]
fn clips_are_doubled_or_cut_by_each_models_rule() {
    let samples = long("slt_noise", 425_000);
    let dnsmos = Scorer::new(Model::DnsmosP808, None).expect("ours");
    let short = dnsmos.clip(&samples[..80_000]).expect("samples");
    let doubled: Vec<f32> = samples[..80_000].iter().copied().cycle().take(160_000).collect();
    assert_eq!(short, dnsmos.clip(&doubled).expect("samples"));
    let clip = dnsmos.clip(&samples).expect("samples");
    let left_out: Vec<f64> = clip.windows.iter().filter(|w| w.is_left_out).map(|w| w.start_s).collect();
    // 26.6 s: windows at 0 to 16 s, of which the package keeps seven (`clips_have_the_scores_of_the_package` has such means).
    assert_eq!((clip.windows.len(), left_out), (17, (7..17).map(f64::from).collect()));
    let kept = clip.windows.iter().take(7).map(|w| f64::from(w.raw[0])).sum::<f64>() / 7.0;
    assert!((clip.raw[0] - kept).abs() < 1e-9 && clip.raw == clip.fitted);
    // Ours: one window, or windows of 9 s from begin to end.
    let ours = Scorer::new(Model::Light, None).expect("ours");
    let one = ours.clip(&samples[..80_000]).expect("samples");
    assert_eq!(one.windows[0].raw, ours.window(&samples[..80_000]).expect("samples"));
    let many = ours.clip(&samples[..200_000]).expect("samples");
    let starts: Vec<f64> = many.windows.iter().map(|w| w.start_s).collect();
    assert_eq!(starts, [0.0, 0.875, 1.75, 2.625, 3.5]);
    let last = ours.window(&samples[200_000 - 144_000..200_000]).expect("samples");
    assert_eq!(many.windows[4].raw, last);
    assert!(many.windows.iter().all(|w| !w.is_left_out));
    for bad in [&samples[..1599], &[f32::NAN; 16_000], &[]] {
        assert_eq!(ours.clip(bad), None);
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
        if ["noise", "saw", "square_full_scale", "silence"].contains(&&*name) || name.ends_with("+plain") {
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
        assert!(reason(&stream(&config, &samples)).starts_with("no_speech"));
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

/// Three cuts of 6 s of each committed clip.
fn cuts() -> Vec<(u32, Vec<f32>)> {
    let clips = speech::clips().expect("the committed speech");
    let cut = |clip: &speech::Clip, n: usize| {
        let (rate, samples) = (clip.sample_rate_hz, clip.samples_f32());
        let first = n * samples.len() / 3;
        (rate, samples.iter().cycle().skip(first).take(6 * rate as usize).copied().collect())
    };
    clips.iter().flat_map(|clip| (0..3).map(|n| cut(clip, n)).collect::<Vec<_>>()).collect()
}

/// The mean of a network over the cuts, each changed.
fn mean(model: &str, cuts: &[(u32, Vec<f32>)], change: impl Fn(u32, &mut [f32])) -> f64 {
    let score = |(rate, samples): &(u32, Vec<f32>)| {
        let mut config = config(*rate);
        config.set("mos.model", model).expect("a model");
        let mut samples = samples.clone();
        change(*rate, &mut samples);
        stream(&config, &samples).number("mos.predicted_mos")
    };
    cuts.iter().map(score).sum::<f64>() / cuts.len() as f64
}

/// White noise that is so many decibels under the speech.
fn add_noise(samples: &mut [f32], snr_db: f64) {
    let power = samples.iter().map(|x| f64::from(x * x)).sum::<f64>() / samples.len() as f64;
    let gain = (power / 10f64.powf(snr_db / 10.0)).sqrt() * 12f64.sqrt();
    let mut state = 1u32;
    for x in samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *x += (gain * (f64::from(state >> 8) / f64::from(1 << 24) - 0.5)) as f32;
    }
}

#[test]
fn what_makes_speech_worse_lowers_the_mean() {
    let cuts = cuts();
    assert!(cuts.len() >= 20, "{}", cuts.len());
    for model in ["accurate", "light"] {
        let clean = mean(model, &cuts, |_, _| ());
        // The level is no quality: rows are put under the peak. What counts as speech moves a little with it.
        let softer = mean(model, &cuts, |_, x| x.iter_mut().for_each(|v| *v /= 2.0));
        println!("{model}: 6 dB softer {:+.3}", softer - clean);
        assert!((softer - clean).abs() < 0.05, "{model}: {clean:.2} {softer:.2}");
        let noisy = [40.0, 30.0, 20.0, 10.0, 0.0].map(|snr_db| mean(model, &cuts, |_, x| add_noise(x, snr_db)));
        println!("{model}: clean {clean:.2}, noise at 40 to 0 dB {noisy:.2?}");
        assert!(noisy.is_sorted_by(|a, b| a > b) && noisy[0] < clean + 0.05, "{model}: {noisy:?}");
        // What the teacher takes more than half a point for.
        let peak = |x: &[f32]| x.iter().fold(0.0f32, |m, v| m.max(v.abs())).max(1e-6);
        type Change<'a> = (&'a str, &'a dyn Fn(u32, &mut [f32]));
        let changes: [Change<'_>; 6] = [
            ("quantised to 5 bits", &|_, x| x.iter_mut().for_each(|v| *v = (*v * 16.0).round() / 16.0)),
            ("soft clip", &|_, x| {
                let gain = 20.0 / peak(x);
                x.iter_mut().for_each(|v| *v = 0.5 * (gain * *v).tanh());
            }),
            ("gaps", &|rate, x| x.chunks_mut(rate as usize / 10).for_each(|c| c[..rate as usize / 50].fill(0.0))),
            ("pops", &|rate, x| x.iter_mut().step_by(rate as usize / 4).for_each(|v| *v = 0.9)),
            ("sample and hold", &|rate, x| {
                let n = rate as usize / 4000;
                x.chunks_mut(n).for_each(|c| c.fill(c[0]));
            }),
            ("sent backwards in pieces", &|rate, x| x.chunks_mut(rate as usize / 100).for_each(<[f32]>::reverse)),
        ];
        for (name, change) in changes {
            let worse = mean(model, &cuts, change);
            println!("  {name}: {:+.2}", worse - clean);
            assert!(worse < clean - 0.3, "{model}, {name}: {clean:.2} {worse:.2}");
        }
    }
}

#[test]
fn what_a_low_rate_leaves_out_is_said() {
    for clip in speech::clips().expect("the committed speech").iter().filter(|c| c.sample_rate_hz >= 16_000) {
        let narrow: Vec<f32> = clip.samples_f32().iter().step_by(2).copied().collect();
        let heard = stream(&config(clip.sample_rate_hz / 2), &narrow);
        assert_eq!(heard.number("mos.judged_to_hz"), (f64::from(clip.sample_rate_hz / 2) / 2.0).min(8000.0));
        assert!((1.0..=5.0).contains(&heard.number("mos.predicted_mos")));
    }
    let heard = stream(&config(48_000), &[0.0; 48_000]);
    assert_eq!(heard.number("mos.judged_to_hz"), 8000.0);
    let music: Vec<f32> =
        (0..480_000).map(|i| [220.0, 277.2, 329.6].iter().map(|f| (f * i as f32 / 7639.4).sin() * 0.2).sum()).collect();
    match stream(&config(48_000), &music).report.value("mos.predicted_mos") {
        Some(Value::Number(score)) => assert!((1.0..=5.0).contains(&score)),
        Some(Value::Undefined(why)) => assert!(why.contains("speech"), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// A ZIP as PyTorch writes them: entries stored and padded, lengths only in the list at the end.
fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, body) in entries {
        let (at, size, padding) = (out.len() as u32, body.len() as u32, 7);
        out.extend(b"PK\x03\x04\0\0\x08\x08");
        out.extend([0; 18]);
        out.extend([(name.len() as u16).to_le_bytes(), (padding as u16).to_le_bytes()].concat());
        out.extend([name.as_bytes(), &vec![0; padding], body].concat());
        list.extend(b"PK\x01\x02\0\0\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0");
        list.extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        list.extend((name.len() as u16).to_le_bytes());
        list.extend([0; 12]);
        list.extend(at.to_le_bytes());
        list.extend(name.as_bytes());
    }
    let (count, at) = ((entries.len() as u16).to_le_bytes(), out.len() as u32);
    out.extend(&list);
    out.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count].concat());
    out.extend([(list.len() as u32).to_le_bytes(), at.to_le_bytes()].concat());
    out.extend([0, 0]);
    out
}

/// The weights of `training/golden_pro.py`, as the published files have theirs.
fn pro_entries() -> Vec<(String, Vec<u8>)> {
    let mut state = 1u32;
    let mut tensor = |count: usize, value: &dyn Fn(f32) -> f32| {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            value(((state >> 16) as f32 - 32768.0) / 32768.0).to_le_bytes()
        };
        (0..count).flat_map(next).collect::<Vec<u8>>()
    };
    let (quarter, around_one) = (|v: f32| v / 4.0, |v: f32| 1.0 + v / 2.0);
    let mut tensors = Vec::new();
    for [inputs, out] in [[1, 32], [32, 32], [32, 64], [64, 64]] {
        tensors.push(tensor(9 * inputs * out, &|v| v / if inputs == 1 { 2.0 } else { 16.0 }));
        tensors.push(tensor(out, &quarter));
        // The batch norm: gain, shift, mean, variance, and how often it was trained.
        tensors.extend([tensor(out, &around_one), tensor(out, &quarter), tensor(out, &quarter)]);
        tensors.extend([tensor(out, &around_one), vec![0; 8]]);
    }
    for out in [64, 64, 2] {
        tensors.extend([tensor(64 * out, &quarter), tensor(out, &quarter)]);
    }
    let named = tensors.into_iter().enumerate().map(|(n, body)| (format!("model_best/data/{n}"), body));
    let others = ["data.pkl", ".data/serialization_id", "code/__torch__/model.py"];
    named.chain(others.map(|name| (format!("model_best/{name}"), vec![b'x'; 40]))).collect()
}

#[test]
fn dnsmos_pro_has_the_scores_of_pytorch_at_every_level() {
    let (text, file) = (include_str!("../../core/tests/data/dnsmos_pro_golden.csv"), zip(&pro_entries()));
    for &level in Level::available() {
        let scorer = Scorer::from_dnsmos_pro(&file, Some(level)).expect("a file as theirs");
        assert_eq!(scorer.revision(), 0);
        for row in text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let samples = long(row[0], row[1].parse().expect("a number"));
            let clip = scorer.clip(&samples).expect("samples");
            assert_eq!(clip.windows.len(), 1, "ten seconds and no more");
            for (got, wanted) in clip.fitted.iter().zip(&row[2..]) {
                let wanted: f64 = wanted.parse().expect("a number");
                // Single precision, in another order, from samples on.
                assert!((got - wanted).abs() < 1e-4, "{} {level}: {got} {wanted}", row[0]);
            }
        }
    }
}

#[test]
fn what_is_no_file_of_dnsmos_pro_is_an_error_and_no_panic() {
    let entries = pro_entries();
    let file = zip(&entries);
    let wrong = |file: &[u8], why: &str| {
        let said = Scorer::from_dnsmos_pro(file, None).err().expect("no such file").to_string();
        assert!(said.contains(why), "{said}");
    };
    for len in (0..file.len()).step_by(4999).chain(0..100) {
        wrong(&file[..len], "no ZIP");
    }
    // Every byte of the list at the end as something else: an error, or the same weights.
    let list = file.windows(4).position(|w| w == b"PK\x01\x02").expect("a list");
    let mut damaged = file.clone();
    for at in list..file.len() {
        for value in [1, 255] {
            let was = core::mem::replace(&mut damaged[at], value);
            drop(Scorer::from_dnsmos_pro(&damaged, None));
            damaged[at] = was;
        }
    }
    let changed = |n: usize, body: Vec<u8>| {
        let mut entries = entries.clone();
        entries[n].1 = body;
        zip(&entries)
    };
    wrong(&changed(7, vec![0; 36_860]), "tensor 7 has 36860 bytes");
    wrong(&changed(33, f32::NAN.to_le_bytes().repeat(2)), "not finite");
    wrong(&changed(5, (-1.0f32).to_le_bytes().repeat(32)), "variance is not positive");
    wrong(&zip(&entries[..20]), "tensor 21 has 0 bytes");
    let mut packed = file.clone();
    packed[list + 10] = 8;
    wrong(&packed, "entry 0 is not stored");
    // Bytes before and behind the last entry of the list may be a comment.
    Scorer::from_dnsmos_pro(&[&file[..file.len() - 2], b"\x03\0abc"].concat(), None).map(drop).expect("a comment");
}
