//! The repository keeps the rules of ARCHITECTURE.md: a test that reads the source.

use otoscope::SPECS;
use otoscope_tests::docs::{HEADINGS, all, module_doc, root, source_of};
use std::path::{Path, PathBuf};

/// Every file below a folder with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            let skip = name.starts_with('.') && name != ".ci"
                || ["target", "speech", "build", "__pycache__"].contains(&name.as_str());
            if !skip {
                out.extend(files(&path, endings));
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            out.push(path);
        }
    }
    out
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Source without its comments and tests.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().unwrap_or("");
    text.lines().filter(|l| !l.trim_start().starts_with("//")).map(|l| format!("{l}\n")).collect()
}

#[test]
fn every_metric_has_its_five_headings_in_order() {
    for spec in SPECS {
        let doc = module_doc(&source_of(spec));
        let headings: Vec<&str> = doc.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{}", spec.name);
    }
}

#[test]
fn generated_pages_are_current() {
    for (path, text) in all() {
        let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(on_disk == text, "{} is out of date: run `make docs`", path.display());
    }
    let pages = files(&root().join("docs/metrics"), &[".md"]).len();
    assert_eq!(pages, SPECS.len(), "a page without a metric");
}

#[test]
fn links_lead_to_files_and_the_guide_has_every_page() {
    let root = root();
    let mut pages = files(&root.join("docs"), &[".md"]);
    let summary = read(&root.join("docs/SUMMARY.md"));
    for page in &pages {
        let name = page.strip_prefix(root.join("docs")).expect("a page below docs").display().to_string();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in the guide");
    }
    pages.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|p| root.join(p)));
    let mut links = 0;
    for page in &pages {
        let text = read(page);
        for link in text.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            let path = link.split('#').next().unwrap_or(link);
            if path.is_empty() || path.contains("://") || path.contains(char::is_whitespace) {
                continue;
            }
            links += 1;
            let folder = page.parent().expect("a folder");
            assert!(folder.join(path).exists(), "{}: {link} leads nowhere", page.display());
        }
    }
    assert!(links > 60, "links are not recognised: {links}");
}

#[test]
fn a_metric_knows_no_other_metric_no_probe_and_no_report() {
    for spec in SPECS {
        let text = code(&source_of(spec));
        for line in text.lines().filter(|l| l.contains("crate::")) {
            let allowed = [
                "crate::dsp",
                "crate::error",
                "crate::features",
                "crate::finding",
                "crate::frame",
                "crate::mos",
                "crate::simd",
                "crate::spec",
                "crate::text",
                "crate::units",
            ];
            let shared = line.contains("crate::metrics::{") || line == "use crate::probe::MAX_CHANNELS;";
            assert!(shared || allowed.iter().any(|a| line.contains(a)), "{}: {line}", spec.name);
            assert!(!line.contains("crate::probe::Probe") && !line.contains("crate::report"), "{}: {line}", spec.name);
        }
        for other in SPECS.iter().filter(|o| o.name != spec.name) {
            assert!(!text.contains(&format!("metrics::{}", other.name)), "{} uses {}", spec.name, other.name);
        }
    }
}

#[test]
fn the_report_and_the_probe_name_no_metric() {
    let core = root().join("core/src");
    for path in files(&core.join("report"), &[".rs"]).into_iter().chain(files(&core.join("probe"), &[".rs"])) {
        let text = code(&path);
        for spec in SPECS {
            assert!(!text.contains(&format!("\"{}\"", spec.name)), "{} names {}", path.display(), spec.name);
            assert!(!text.contains(&format!(".{}.", spec.name)), "{} names {}", path.display(), spec.name);
        }
    }
}

#[test]
fn the_core_depends_on_nothing_of_ours_and_opens_nothing() {
    let manifest = read(&root().join("core/Cargo.toml"));
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or("");
    let names: Vec<&str> = dependencies.lines().filter_map(|l| l.split_once('=').map(|(n, _)| n.trim())).collect();
    assert_eq!(names, ["bytemuck", "realfft", "rustfft"]);
    for path in files(&root().join("core/src"), &[".rs"]) {
        if path.ends_with("simd/suite.rs") {
            continue; // Tests through and through.
        }
        let text = code(&path);
        for word in ["std::fs", "std::net", "std::thread", "std::time", "std::process", "println!", "thread_local!"] {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
        let asks_environment = text.contains("std::env");
        assert!(!asks_environment || path.ends_with("simd/mod.rs"), "{} reads the environment", path.display());
    }
}

#[test]
fn unsafe_code_stands_only_where_it_is_allowed_to() {
    let word = ["un", "safe"].concat();
    let mut seen = 0;
    for path in files(&root(), &[".rs"]) {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
        let allowed = name.starts_with("core/src/simd/")
            || name.starts_with("ffi/")
            || name.starts_with("python/src/")
            || name == "tests/tests/no_alloc.rs"
            || name == "decode/tests/memory.rs";
        let uses = code(&path).lines().any(|l| {
            l.contains(&format!("{word} {{"))
                || l.contains(&format!("{word} fn"))
                || l.contains(&format!("{word} impl"))
        });
        seen += usize::from(uses);
        assert!(!uses || allowed, "{name} has {word} code");
    }
    assert!(seen >= 2, "the test looks at nothing");
}

#[test]
fn decibels_are_made_in_one_place() {
    for path in files(&root().join("core/src"), &[".rs"]) {
        let text = code(&path);
        let makes = text.contains("20.0 * ") && text.contains("log10()") && text.contains("20.0 * x.log10");
        assert!(!makes || path.ends_with("units.rs"), "{} makes decibels", path.display());
    }
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let names = ["work", "root", "home"].map(|n| format!("/{n}/"));
    for path in files(&root(), &[".rs", ".md", ".sh", ".py", ".toml", ".c", ".h", ".hpp", "Makefile", "run"]) {
        let text = read(&path);
        for name in &names {
            let found = text.lines().find(|l| l.contains(name.as_str()));
            assert!(found.is_none(), "{}: {found:?}", path.display());
        }
    }
}

#[test]
fn no_file_is_called_utils_and_none_is_endless() {
    for path in files(&root(), &[".rs"]) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(
            !["utils.rs", "util.rs", "misc.rs", "helpers.rs", "common.rs"].contains(&name.as_str()),
            "{}",
            path.display()
        );
        assert!(read(&path).lines().count() <= 800, "{}: over 800 lines, split it", path.display());
    }
}
