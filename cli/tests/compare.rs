//! `otoscope compare` as its callers see it.

mod common;

use common::{Folder, otoscope};

const RATE: u32 = 16_000;

/// Two square waves whose products add up to zero over every four samples.
fn pcm(fast: i16) -> Vec<i16> {
    (0..16_000)
        .map(|n| {
            let slow = if n % 4 < 2 { 8000 } else { -8000 };
            slow + if n % 2 == 0 { fast } else { -fast }
        })
        .collect()
}

/// The reference, and three degraded files with the error a tenth, a fifth, and no signal at all.
fn files(folder: &Folder) -> [String; 4] {
    let silent = vec![0; pcm(0).len()];
    [("ref", pcm(0)), ("tenth", pcm(800)), ("fifth", pcm(1600)), ("silent", silent)]
        .map(|(name, x)| folder.wav(&format!("{name}.wav"), RATE, 1, &x))
}

#[test]
fn one_pair_as_a_table_and_as_json() {
    let folder = Folder::new();
    let [reference, tenth, _, silent] = files(&folder);
    let ran = otoscope(&["compare", &reference, &tenth, "--metrics", "snr,lsd:db"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let line = ran.out.lines().find(|l| l.contains("snr")).expect("a line for it");
    assert!(line.contains("value_db") && line.contains("20.00") && line.contains("dB"), "{line}");
    assert!(ran.out.contains("16000 Hz, 1.00 s"), "{}", ran.out);

    let json = otoscope(&["compare", &reference, &tenth, "--json", "--label", "build=7"]).json();
    assert_eq!(json["schema"], "otoscope.comparison/1");
    // 1e-9: rounding of sums of squares.
    assert!((json["scores"]["si_sdr"]["value_db"].as_f64().expect("a number") - 20.0).abs() < 1e-9, "{json}");
    assert_eq!(json["scores"]["si_sdr"]["rate_policy"], "native");
    assert_eq!((&json["labels"]["build"], &json["degraded"]["name"]), (&"7".into(), &tenth.into()));

    let ran = otoscope(&["compare", &reference, &silent, "--metrics", "snr"]);
    assert_eq!(ran.code, 0, "no score is no error");
    assert!(ran.out.contains("silent_degraded: the degraded signal is silent"), "{}", ran.out);
    let json = otoscope(&["compare", &reference, &silent, "--json", "--metrics", "snr,sdr"]).json();
    assert_eq!(json["status"]["sdr"], "silent_degraded");
    assert_eq!(json["scores"], serde_json::json!({}));
}

#[test]
fn a_list_of_pairs_loses_none() {
    let folder = Folder::new();
    files(&folder);
    folder.write("broken.wav", b"RIFF no more than that");
    let list = folder.write(
        "pairs.csv",
        "id,ref,deg,system\n1,ref.wav,tenth.wav,a\n2,ref.wav,fifth.wav,a\n3,ref.wav,silent.wav,b\n4,ref.wav,broken.wav,b\n\
         5,none.wav,tenth.wav,b\n6,ref.wav,tenth.wav,b\n",
    );
    let out = folder.path("scores.csv");
    let ran = otoscope(&["compare", "--pairs", &list, "--out", &out, "--metrics", "snr,lsd:db"]);
    assert_eq!(ran.code, 2, "files that cannot be read are told: {}", ran.err);
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
    let text = std::fs::read_to_string(&out).expect("written");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "id,ref,deg,system,snr.value_db,snr.status,lsd:db.value_ratio,lsd:db.value_db,lsd:db.status");
    assert_eq!(lines.len(), 7);
    let row = |n: usize| lines[n].split(',').collect::<Vec<_>>();
    assert_eq!((row(1)[4].parse::<f64>().expect("a number").round(), row(1)[5], row(1)[8]), (20.0, "ok", "ok"));
    assert_eq!((row(1)[6], row(1)[7].parse::<f64>().is_ok()), ("", true), "another preset has the other scale");
    assert_eq!(row(2)[4].parse::<f64>().expect("a number").round(), 14.0);
    assert_eq!((row(3)[4], row(3)[5]), ("", "silent_degraded"));
    assert_eq!((row(4)[5], row(5)[5], row(6)[5]), ("unreadable", "unreadable", "ok"));
    // The table of means by system.
    let means: Vec<&str> = ran.out.lines().filter(|l| l.contains("snr")).collect();
    assert!(means[0].contains("16.99") && means[0].contains("2 of 2"), "{means:?}");
    assert!(means[1].contains("20.00") && means[1].contains("1 of 4"), "{means:?}");

    let one_job = folder.path("again.csv");
    otoscope(&["compare", "--pairs", &list, "--out", &one_job, "--metrics", "snr,lsd:db", "--jobs", "1"]);
    assert_eq!(std::fs::read_to_string(one_job).expect("written"), text, "threads change nothing");

    let ran = otoscope(&["compare", "--pairs", &list, "--json", "--metrics", "snr", "--quiet"]);
    let all = ran.json();
    assert_eq!(all.as_array().expect("an array").len(), 4, "one for each pair that could be read");
    assert_eq!((&all[1]["labels"]["id"], &all[1]["labels"]["system"]), (&"2".into(), &"a".into()));
    let shown = otoscope(&["compare", "--pairs", &list, "--metrics", "snr"]).out;
    assert!(shown.contains("silent_degraded") && shown.contains("unreadable") && shown.contains("13.9"), "{shown}");
}

#[test]
fn delay_and_channels() {
    let folder = Folder::new();
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 17) as i16 - 16_384
    };
    let noise: Vec<i16> = (0..20_000).map(|_| next()).collect();
    let late: Vec<i16> = [vec![0; 160], noise[..19_840].to_vec()].concat();
    let reference = folder.wav("ref.wav", RATE, 1, &noise);
    let stereo: Vec<i16> = late.iter().flat_map(|&v| [0, v]).collect();
    let degraded = folder.wav("deg.wav", RATE, 2, &stereo);
    let ran = otoscope(&["compare", &reference, &degraded, "--metrics", "si_sdr"]);
    assert!(ran.err.contains("the mean of 2 channels is compared; --channel picks one"), "{}", ran.err);
    assert!(ran.out.contains("not_in_step: the degraded signal is 160 samples late"), "{}", ran.out);
    let ran = otoscope(&["compare", &reference, &degraded, "--metrics", "snr", "--align", "delay", "--channel", "2"]);
    assert_eq!(ran.code, 2, "the reference has no second channel");
    let ran = otoscope(&["compare", &reference, &degraded, "--metrics", "si_sdr", "--align", "delay", "--quiet"]);
    assert!(ran.out.contains("10.00 ms late (160 samples)") && ran.out.contains("identical"), "{}", ran.out);
}

#[test]
fn wrong_calls_say_what_to_do() {
    let folder = Folder::new();
    let [reference, tenth, ..] = files(&folder);
    for (args, says) in [
        (vec!["compare", reference.as_str()], "required"),
        (vec!["compare", &reference, &tenth, "--metrics", "snl"], "snr"),
        (vec!["compare", &reference, &tenth, "--max-delay-s", "99"], "0 to 60"),
        (vec!["compare", "--pairs", &tenth], "not a list"),
        (vec!["compare", &reference, &tenth, "--out", "x.csv"], "--pairs"),
    ] {
        let ran = otoscope(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    let list = folder.write("odd.csv", "a,b\n1,2\n");
    assert!(otoscope(&["compare", "--pairs", &list]).error_line().contains("columns ref and deg"));
    let empty = folder.write("empty.csv", "ref,deg\n");
    assert!(otoscope(&["compare", "--pairs", &empty]).error_line().contains("no pairs in it"));
    let both = otoscope(&["compare", "no1.wav", "no2.wav"]);
    assert_eq!((both.code, both.err.lines().count()), (2, 2), "both are told: {}", both.err);
}
