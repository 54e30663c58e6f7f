//! `--html` as its callers see it; what is in the file is otoscope-html's to test.

mod common;

use common::{Folder, clipped, otoscope, speech};

#[test]
fn a_report_takes_the_place_of_the_table_and_its_size_is_told() {
    let folder = Folder::new();
    folder.wav("takes/good.wav", 16_000, 1, &common::sine(16_000, 2.0));
    folder.wav("takes/bad.wav", 16_000, 1, &clipped(16_000));
    folder.write("takes/none.wav", "no audio");
    let (takes, page) = (folder.path("takes"), folder.path("report.html"));
    let ran = otoscope(&["probe", &takes, "--html", &page, "--norm", "spotify"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "one of them cannot be read: {}", ran.err);
    let html = std::fs::read_to_string(&page).expect("the file");
    assert!(ran.err.contains("report.html: 3 files, "), "{}", ran.err);
    let told = format!("{:.0} kB", html.len() as f64 / 1000.0);
    assert!(ran.err.contains(&told), "{told}: {}", ran.err);
    assert!(html.ends_with("</html>\n") && html.contains("id=\"d1\"") && html.contains("id=\"index\""));
    assert_eq!(
        html.matches("id=\"c").count() - html.matches("id=\"crumb\"").count(),
        1,
        "only one has audio at a finding"
    );

    let json = otoscope(&["probe", &takes, "--html", &page, "--ndjson", "--quiet"]);
    assert_eq!(json.out.lines().count(), 2, "JSON is still written: {}", json.err);
}

#[test]
fn how_much_audio_is_carried_is_a_choice() {
    let folder = Folder::new();
    // Longer than what is carried around one finding.
    let path = folder.wav("bad.wav", 16_000, 1, &[clipped(16_000), common::sine(16_000, 4.0)].concat());
    let size = |audio: &[&str]| {
        let page = folder.path("report.html");
        let ran = otoscope(&[&["probe", &path, "--quiet", "--html", &page][..], audio].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let html = std::fs::read_to_string(&page).expect("the file");
        (html.contains("id=\"c0.0\""), html.len())
    };
    let [none, findings, all] = [&["--html-audio", "none"][..], &[], &["--html-audio", "all"]].map(size);
    assert_eq!([none.0, findings.0, all.0], [false, true, true]);
    assert!(none.1 < findings.1 && findings.1 < all.1, "{none:?} {findings:?} {all:?}");
    assert!(otoscope(&["probe", &path, "--html-audio", "all"]).err.contains("--html <FILE>"), "it needs a file");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new();
    let path = folder.wav("good.wav", 16_000, 1, &common::sine(16_000, 1.0));
    let ran = otoscope(&["probe", &path, "--quiet", "--html", &folder.path("no/such/report.html")]);
    assert_eq!(ran.code, 2);
    assert!(ran.error_line().contains("report.html"), "{}", ran.err);
}

#[test]
fn a_recording_is_never_written_over_but_a_page_is() {
    let folder = Folder::new();
    let path = folder.wav("take.wav", 16_000, 1, &common::sine(16_000, 1.0));
    let before = std::fs::read(&path).expect("the recording");
    for args in [&["probe", &path, "--html", &path][..], &["compare", &path, &path, "--html", &path]] {
        let ran = otoscope(args);
        assert_eq!(ran.code, 2);
        assert!(ran.error_line().contains("no HTML"), "{}", ran.err);
        assert!(std::fs::read(&path).expect("the recording") == before);
    }
    let page = folder.path("report.html");
    for _ in 0..2 {
        assert_eq!(otoscope(&["probe", &path, "--quiet", "--html", &page]).code, 0);
    }
}

#[test]
fn names_do_not_break_out_and_nothing_is_linked() {
    let folder = Folder::new();
    let bad = folder.wav("takes/a<b>\"'&.wav", 16_000, 1, &clipped(16_000));
    folder.wav("takes/good.wav", 16_000, 1, &common::sine(16_000, 1.0));
    let (page, alone) = (folder.path("report.html"), folder.path("alone.html"));
    let label = "voice=</script><img src=x>";
    let ran = otoscope(&["probe", &folder.path("takes"), "--html", &page, "--label", label, "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(otoscope(&["probe", &bad, "--html", &alone, "--quiet"]).code, 0);
    let [page, alone] = [page, alone].map(|path| std::fs::read_to_string(path).expect("the file"));
    for link in ["http://", "https://", "src=x", "a<b>", "<link", "@import"] {
        assert!(!page.contains(link), "{link}");
    }
    // As many scripts as the page itself has: none came with a name.
    let scripts = |page: &str| page.matches("<script").count();
    assert_eq!(scripts(&page) - scripts(&alone), 1, "a block of data for each file that was read");
}

#[test]
fn pairs_make_a_report_too() {
    let folder = Folder::new();
    let (clip, page) = (speech("en_flite_kal"), folder.path("pair.html"));
    let one = otoscope(&["compare", &clip, &clip, "--html", &page, "--metrics", "stoi,snr", "--quiet"]);
    assert_eq!((one.code, one.out.as_str(), one.err.as_str()), (0, "", ""));
    assert!(std::fs::read_to_string(&page).expect("the file").contains("id=\"d0\""));

    let list = folder.write("pairs.csv", format!("ref,deg,system\n{clip},{clip},a\n{clip},no-such.wav,b\n"));
    let many = otoscope(&["compare", "--pairs", &list, "--html", &page, "--metrics", "stoi,snr"]);
    assert!(many.err.contains("pair.html: 2 pairs, "), "{}", many.err);
    let html = std::fs::read_to_string(&page).expect("the file");
    assert!(html.contains("id=\"d0\"") && !html.contains("id=\"d1\""), "nothing is behind what could not be read");
}
