//! `--norm` and `otoscope norms` as their callers see them.

mod common;

use common::{Folder, otoscope, sine};

/// 440 Hz at -12 dBFS, mono, 4 s: -15.0 LUFS and -12 dBTP by BS.1770 (a sine of 0 dBFS reads -3.01 LUFS; at 440 Hz the
/// K-filter takes off another 0.5 LU or so).
fn tone(folder: &Folder) -> String {
    folder.wav("tone.wav", 24_000, 1, &sine(24_000, 4.0))
}

#[test]
fn a_table_says_what_was_measured_what_was_wanted_and_how_far_off_it_is() {
    let folder = Folder::new();
    let ran = otoscope(&["probe", &tone(&folder), "--norm", "r128,netflix", "--norm", "spotify", "--quiet"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let line = |start: &str| {
        let found = ran.out.lines().find(|l| l.trim_start().starts_with(start));
        found.unwrap_or_else(|| panic!("{start}: {}", ran.out)).to_owned()
    };
    let r128 = line("r128");
    assert!(
        r128.contains("integrated_lufs") && r128.contains("-23.5 to -22.5 LUFS") && r128.ends_with("FAIL"),
        "{r128}"
    );
    assert!(r128.contains(" +"), "how far off: {r128}");
    assert!(line("netflix").contains("not measured: dialogue-gated loudness"), "{}", ran.out);
    assert!(line("true_peak_dbtp").ends_with("pass"), "{}", ran.out);
    assert!(ran.out.contains("3.01 LU louder"), "how the one channel was counted: {}", ran.out);
    assert!(!otoscope(&["probe", &tone(&folder), "--quiet"]).out.contains("true_peak_dbtp"), "only when asked");
}

#[test]
fn the_json_has_an_array_of_verdicts() {
    let folder = Folder::new();
    let path = tone(&folder);
    let report = otoscope(&["probe", &path, "--json", "--norm", "all"]).json();
    let verdicts = report["verdicts"].as_array().expect("a list");
    let first = &verdicts[0];
    assert_eq!((&first["norm"], &first["requirement"]), (&"r128".into(), &"integrated_lufs".into()));
    assert_eq!(
        (&first["verdict"], &first["mono_as"], &first["unit"]),
        (&"fail".into(), &"mono".into(), &"lufs".into())
    );
    assert_eq!((&first["min"], &first["max"], &first["target"]), (&(-23.5).into(), &(-22.5).into(), &(-23).into()));
    assert_eq!(first["value"], report["metrics"]["loudness"]["integrated_lufs"], "the verdict reads the report");
    let netflix = verdicts.iter().find(|v| v["norm"] == "netflix").expect("all of them");
    assert!(netflix["verdict"] == "not_measured" && netflix["reason"].is_string() && netflix.get("value").is_none());
    assert!(otoscope(&["probe", &path, "--json"]).json().get("verdicts").is_none());
}

#[test]
fn a_failed_norm_is_an_error_and_one_not_measured_a_warning() {
    let folder = Folder::new();
    let path = tone(&folder);
    // A tone is told as one, unless it must be louder than this one is.
    let settings = ["--set", "silence.lead_s=60", "--set", "tone.least_dbfs=0"];
    let code = |args: &[&str]| otoscope(&[&["probe", &path, "--quiet"][..], &settings, args].concat()).code;
    assert_eq!(code(&["--norm", "r128"]), 0, "without --fail-on nothing changes the exit code");
    assert_eq!(code(&["--norm", "r128", "--fail-on", "error"]), 1);
    assert_eq!(code(&["--fail-on", "info"]), 0, "the tone itself is clean");
    // The dialogue is not measured, the peak passes.
    assert_eq!(
        [code(&["--norm", "netflix", "--fail-on", "error"]), code(&["--norm", "netflix", "--fail-on", "warning"])],
        [0, 1]
    );
    // What a norm needs was left out: nobody knows.
    assert_eq!(code(&["--norm", "r128", "--metrics", "level", "--fail-on", "error"]), 0);
    assert_eq!(code(&["--norm", "r128", "--metrics", "level", "--fail-on", "warning"]), 1);
}

#[test]
fn several_files_have_a_column_of_norms() {
    let folder = Folder::new();
    let quiet: Vec<i16> = sine(24_000, 4.0).iter().map(|s| s / 4).collect();
    let (loud, quiet) = (tone(&folder), folder.wav("quiet.wav", 24_000, 1, &quiet));
    let ran = otoscope(&["probe", &loud, &quiet, "--norm", "atsc_a85", "--quiet"]);
    let line = |name: &str| ran.out.lines().find(|l| l.contains(name)).expect("a line").trim_end().to_owned();
    assert!(line("tone.wav").ends_with("1 failed"), "{}", ran.out);
    assert!(ran.out.lines().next().expect("a header").contains("norms"), "{}", ran.out);
}

#[test]
fn an_unknown_norm_lists_those_there_are() {
    let ran = otoscope(&["probe", "x.wav", "--norm", "sportify"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.error_line().contains("no norm `sportify`") && ran.error_line().contains("apple_podcasts"),
        "{}",
        ran.err
    );
    assert_eq!(otoscope(&["norms", "sportify"]).code, 2);
}

#[test]
fn norms_are_listed_with_their_editions_and_sources() {
    let list = otoscope(&["norms"]);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    for name in ["r128", "atsc_a85", "spotify", "apple_podcasts", "alexa", "acx", "netflix", "telephony"] {
        assert!(list.out.contains(name), "{name}: {}", list.out);
        let norm = otoscope(&["norms", name, "--json"]).json();
        assert!(norm["edition"].is_string() && norm["source"].is_string() && norm["requirements"].is_array());
    }
    let one = otoscope(&["norms", "apple-podcasts"]).out;
    assert!(one.contains("-20 to -18 LUFS") && one.contains("one channel, counted once"), "{one}");
    assert_eq!(otoscope(&["norms", "--json"]).json().as_array().map(Vec::len), Some(8));
}
