//! Means over many files and the quality of one, as callers of `otoscope probe` see them.

mod common;

use common::{Folder, otoscope, speech};

const TEXTS: [(&str, &str); 3] = [("one", "ja_kokoro_alpha"), ("two", "ru_human"), ("three", "it_human")];

/// Two systems that speak the same texts, the second with a hole in each.
fn systems() -> Folder {
    let folder = Folder::new();
    for (text, clip) in TEXTS {
        folder.write(&format!("good/{text}.flac"), std::fs::read(speech(clip)).expect("committed"));
        let out = folder.write(&format!("bad/{text}.wav"), []);
        let ran = otoscope(&["inject", "gap", &speech(clip), &out, "--severity", "100", "--seed", "7"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    folder
}

#[test]
fn the_quality_of_a_file_names_what_caps_it() {
    let folder = systems();
    let ran = otoscope(&["probe", "--metrics", "+mos", &folder.path("bad/one.wav")]);
    assert!(ran.out.contains("is predicted, but hole caps it at 2.50 (dropout."), "{}", ran.out);
    let json = otoscope(&["probe", "--metrics", "+mos", "--json", &folder.path("bad/one.wav")]).json();
    assert_eq!((&json["quality"]["cause"], &json["quality"]["capped_mos"]), (&"hole".into(), &2.5.into()));
    let clean = otoscope(&["probe", "--metrics", "+mos", &folder.path("good/one.flac")]);
    assert!(clean.out.contains("as predicted: no finding caps it"), "{}", clean.out);
    let off = otoscope(&["probe", &folder.path("bad/one.wav")]);
    assert!(!off.out.contains("quality"), "{}", off.out);
    let many = otoscope(&["probe", "--metrics", "+mos", &folder.path("bad"), &folder.path("good")]);
    let row = many.out.lines().find(|line| line.contains("bad/one.wav")).expect("a row");
    assert!(many.out.contains("capped_mos") && row.contains("2.500") && row.contains("hole"), "{}", many.out);
}

#[test]
fn groups_have_means_with_intervals_and_two_of_them_are_compared_item_by_item() {
    let folder = systems();
    let means = folder.path("means.csv");
    let (good, bad) = (folder.path("good"), folder.path("bad"));
    let args = [
        "probe",
        "--metrics",
        "+mos",
        &good,
        &bad,
        "--group-by",
        "folder",
        "--versus",
        "good",
        "bad",
        "--means",
        &means,
    ];
    let ran = otoscope(&args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    println!("{}", ran.out);
    let lines = |start: &str| ran.out.lines().filter(|l| l.trim_start().starts_with(start)).collect::<Vec<_>>();
    assert!(lines("good ")[0].contains('±') && lines("good ")[0].split_whitespace().nth(1) == Some("3"));
    let bad_line: Vec<&str> = lines("bad ")[0].split_whitespace().collect();
    assert_eq!(bad_line[..4], ["bad", "3", "3", "2.500"], "three files with errors, each capped: {bad_line:?}");
    let compared = lines("quality.capped_mos");
    let words: Vec<&str> = compared.iter().find(|l| !l.contains("files")).expect("a row").split_whitespace().collect();
    assert_eq!(words[1], "3", "items: {words:?}");
    assert!(words[2].parse::<f64>().is_ok_and(|d| d > 0.5), "good less bad: {words:?}");
    // In the file: every field, as numbers.
    let text = std::fs::read_to_string(&means).expect("written");
    assert!(text.starts_with("folder,field,unit,count,missing,mean,sd,ci_low,ci_high\n"));
    let row = text.lines().find(|l| l.starts_with("bad,quality.capped_mos,")).expect("a row");
    assert_eq!(row, "bad,quality.capped_mos,,3,0,2.5,0,2.5,2.5");
    assert!(text.lines().any(|l| l.starts_with("good,loudness.integrated_lufs,LUFS,3,0,-")), "{text}");
}

#[test]
fn a_list_gives_files_their_labels_and_may_stand_for_the_paths() {
    let folder = systems();
    let list = "file,voice,build,text\ngood/one.flac,anna,1,a\ngood/two.flac,anna,2,a\nbad/one.wav,bob,1,a\nbad/two.wav,bob,2,b\n";
    let list = folder.write("takes.csv", list);
    let json = otoscope(&["probe", "--labels", &list, "--label", "voice=nobody", "--label", "run=7", "--json"]).json();
    assert_eq!(json.as_array().map(Vec::len), Some(4));
    assert_eq!(json[0]["labels"], serde_json::json!({ "run": "7", "voice": "anna", "build": "1", "text": "a" }));
    let ran = otoscope(&["probe", "--labels", &list, "--group-by", "voice,build"]);
    assert!(["anna/1", "anna/2", "bob/1", "bob/2"].iter().all(|g| ran.out.contains(g)), "{}", ran.out);
    // JSON stays JSON; the means are told aside.
    let ran = otoscope(&["probe", "--labels", &list, "--group-by", "voice", "--ndjson"]);
    assert!(
        ran.out.lines().all(|l| l.starts_with('{')) && ran.err.contains("anna") && ran.err.contains('±'),
        "{}",
        ran.err
    );
    let by_text = ["probe", "--labels", &list, "--group-by", "voice", "--versus", "anna", "bob", "--item", "text"];
    // One text in common only: that is no comparison.
    assert!(otoscope(&by_text).err.contains("fewer than two items in common"));
}

#[test]
fn what_groups_cannot_be_is_said() {
    let clip = speech("it_human");
    let error = |args: &[&str]| {
        let ran = otoscope(&[&["probe", &clip, "--quiet"], args].concat());
        assert_eq!(ran.code, 2, "{}", ran.out);
        ran.error_line().to_owned()
    };
    assert!(
        error(&["--group-by", "voice"])
            .contains("no file has a label `voice`; give the files this label with --labels")
    );
    let versus = error(&["--group-by", "folder", "--versus", "a", "speech"]);
    assert!(versus.contains("no file is in a group `a`; the groups are speech"), "{versus}");
    assert!(error(&["--labels", "/nowhere.csv"]).contains("/nowhere.csv"));
    let folder = Folder::new();
    let list = folder.write("bad.csv", "path,voice\n");
    assert!(
        error(&["--labels", &list]).contains("its header is `path,voice`; write a CSV file with the header file,voice")
    );
}
