//! `--html`: one file that needs nothing else.

mod common;

use common::{Folder, clipped, otoscope, sine};

#[test]
fn a_report_is_one_file_without_links_and_names_do_not_break_out() {
    let folder = Folder::new();
    let bad = folder.wav("takes/a<b>\"'&.wav", 16_000, 1, &clipped(16_000));
    folder.wav("takes/good.wav", 16_000, 1, &sine(16_000, 1.0));
    folder.write("takes/broken.wav", b"RIFF");
    let html = folder.path("report.html");
    let label = "voice=</script><img src=x>";
    let ran = otoscope(&["probe", &folder.path("takes"), "--html", &html, "--label", label]);
    assert_eq!(ran.code, 2, "one file could not be read: {}", ran.err);
    assert!(ran.out.is_empty() && ran.err.contains("report.html: 3 files"), "{} {}", ran.out, ran.err);
    let page = std::fs::read_to_string(&html).unwrap_or_default();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    for link in ["http://", "https://", "src=x", "a<b>", "<link", "@import"] {
        assert!(!page.contains(link), "{link}");
    }
    // As many scripts as the page itself has: none came with a name.
    let scripts = |page: &str| page.matches("<script").count();
    let alone = folder.path("alone.html");
    assert_eq!(otoscope(&["probe", &bad, "--html", &alone, "--quiet"]).code, 0);
    let other = std::fs::read_to_string(&alone).unwrap_or_default();
    assert_eq!(scripts(&page) - scripts(&other), 1, "a block of data for each file that was read");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new();
    let take = folder.wav("a.wav", 16_000, 1, &sine(16_000, 1.0));
    let ran = otoscope(&["probe", &take, "--html", &folder.path("no/such/folder.html")]);
    assert_eq!(ran.code, 2);
    assert!(ran.error_line().contains("folder.html"), "{}", ran.err);
}

#[test]
fn audio_is_carried_as_asked() {
    let folder = Folder::new();
    let take = folder.wav("a.wav", 16_000, 1, &clipped(16_000));
    let size = |audio: &str| {
        let html = folder.path(&format!("{audio}.html"));
        assert_eq!(otoscope(&["probe", &take, "--html", &html, "--html-audio", audio, "--quiet"]).code, 0);
        std::fs::metadata(&html).map_or(0, |m| m.len())
    };
    let (none, findings, all) = (size("none"), size("findings"), size("all"));
    assert!(none < findings && none < all && all < none + 60_000, "{none} {findings} {all}");
}
