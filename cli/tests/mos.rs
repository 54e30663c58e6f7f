//! `otoscope mos` as its callers see it.

mod common;

use common::{Folder, otoscope, sine, speech};

#[test]
fn files_are_scored_by_every_model_that_is_asked_for() {
    let folder = Folder::new();
    let silent = folder.wav("silent.wav", 16_000, 1, &[0; 32_000]);
    let narrow = folder.wav("narrow.wav", 8_000, 1, &sine(8_000, 10.0));
    let [good, other] = ["it_human", "en_flite_slt"].map(speech);
    let ran = otoscope(&["mos", &good, &other, &silent, &narrow, "--model", "accurate,dnsmos_p808,dnsmos_p835"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    println!("{}", ran.out);
    let row = |name: &str| {
        ran.out
            .lines()
            .find(|l| l.contains(name))
            .expect("a row")
            .split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let numbers: Vec<f64> = row("it_human").iter().map(|x| x.parse().expect("a number")).collect();
    // Seconds, accurate, P.808; SIG, BAK, OVRL fitted.
    assert!(numbers.len() == 6 && numbers[1] > 3.5 && (numbers[2] - 3.895).abs() < 0.1, "{numbers:?}");
    assert!(numbers[3..].iter().all(|x| (2.5..4.5).contains(x)) && numbers[5] < numbers[4], "{numbers:?}");
    assert!(row("silent.wav")[1..].iter().all(|x| x == "silent"));
    assert!(
        ran.out.contains("mean of 4")
            && ran.out.contains("predicted Distill-MOS, 16 kHz view")
            && ran.out.contains("below 16 kHz")
    );

    let json = otoscope(&["mos", &good, &silent, "--model", "dnsmos_p835", "--json"]).json();
    let score = &json[0]["scores"]["dnsmos_p835"];
    assert_eq!((&score["mode"], &json[1]["scores"]["dnsmos_p835"]["reason"]), (&"window".into(), &"silent".into()));
    let near = |value: &serde_json::Value, x: f64| (value.as_f64().expect("a number") - x).abs() < 1e-3;
    assert!(near(&score["fitted"]["ovrl"], numbers[5]), "{score}");
    // The clip is doubled to 11 s and more: two windows.
    assert_eq!(score["windows"].as_array().map(Vec::len), Some(2));

    let out = folder.path("scores.csv");
    assert_eq!(otoscope(&["mos", &good, "--out", &out, "--quiet"]).code, 0);
    let text = std::fs::read_to_string(&out).expect("written");
    assert!(
        text.starts_with("file,duration_s,sample_rate_hz,accurate,reason\n") && text.lines().count() == 2,
        "{text}"
    );
}

#[test]
fn what_cannot_be_scored_is_said_and_the_rest_is_done() {
    let folder = Folder::new();
    let broken = folder.write("broken.wav", "not audio");
    let ran = otoscope(&["mos", &speech("it_human"), &broken]);
    assert!(ran.code == 2 && ran.error_line().contains("broken.wav") && ran.out.contains("it_human"));
    let wrong = otoscope(&["mos", &broken, "--model", "utmos"]);
    assert!(
        wrong.code == 2 && wrong.error_line().contains("use accurate, light, dnsmos_p808, dnsmos_p835"),
        "{}",
        wrong.err
    );
}

#[test]
fn the_file_of_dnsmos_pro_is_the_users() {
    let clip = speech("it_human");
    let ran = otoscope(&["mos", &clip, "--dnsmos-pro", &clip]);
    assert!(ran.code == 2 && ran.error_line().contains("it is no ZIP; give a model_best.pt"), "{}", ran.err);
}
