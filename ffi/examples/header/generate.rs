//! Makes the C header: cbindgen translates the files of the crate one by one, each becomes a group, and the numbers of
//! metrics, fields and kinds come from the catalogue. The test `header` calls this too.

use otoscope::SPECS;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The groups, in the order of the header.
const GROUPS: [&str; 10] =
    ["status", "types", "library", "config", "probe", "batch", "report", "exporter", "compare", "catalogue"];

/// The plain structs.
const STRUCTS: [&str; 11] = [
    "oto_stream_spec",
    "oto_packet",
    "oto_compare_options",
    "oto_finding",
    "oto_metric_info",
    "oto_field_info",
    "oto_kind_info",
    "oto_param_info",
    "oto_score_info",
    "oto_verdict",
    "oto_watermarks",
];

/// The longest line.
const WIDTH: usize = 118;

/// Where the header lies.
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/otoscope.h")
}

/// The whole header.
pub fn header() -> String {
    let mut text = include_str!("top.h").to_owned();
    text.push_str(&versions());
    text.push_str(include_str!("open.h"));
    let (handles, groups): (Vec<_>, Vec<_>) = GROUPS.iter().map(|group| without_handles(&translate(group))).unzip();
    for (group, body) in GROUPS.iter().zip(groups) {
        text.push('\n');
        if *group == "types" {
            text.push_str(&heading("Handles"));
            text.push_str(&handles.concat());
            text.push('\n');
        }
        text.push_str(&body);
    }
    text.push_str(&numbers());
    text.push_str(include_str!("end.h"));
    text
}

fn versions() -> String {
    let parts = [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ];
    let mut text =
        String::from("/* The version this header belongs to. oto_version() is that of the library in use. */\n");
    for (name, value) in parts {
        let _ = writeln!(text, "#define OTO_VERSION_{name} {value}u");
    }
    text.push_str(
        "#define OTO_VERSION (OTO_VERSION_MAJOR * 65536u + OTO_VERSION_MINOR * 256u + OTO_VERSION_PATCH)\n\n",
    );
    text
}

/// One file of the crate in C, under the first line of its own documentation.
fn translate(group: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(format!("{group}.rs"));
    let title = std::fs::read_to_string(&source).unwrap_or_default();
    let title = title.lines().next().unwrap_or_default().trim_start_matches("//! ").trim_end_matches('.').to_owned();
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Both,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        usize_is_size_t: true,
        no_includes: true,
        line_length: WIDTH,
        function: cbindgen::FunctionConfig { args: cbindgen::Layout::Horizontal, ..Default::default() },
        // Structs that no function of the same file takes are wanted too.
        export: cbindgen::ExportConfig { include: STRUCTS.map(str::to_owned).to_vec(), ..Default::default() },
        ..cbindgen::Config::default()
    };
    let mut bytes = Vec::new();
    match cbindgen::Builder::new().with_config(config).with_src(&source).generate() {
        Ok(bindings) => bindings.write(&mut bytes),
        Err(error) => panic!("{}: {error}", source.display()),
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = compact(&text.lines().map(line).collect::<Vec<_>>());
    format!("{}{}\n", heading(&title), text.trim())
}

/// The handles a group declares, which must come before all functions, and the rest of it.
fn without_handles(group: &str) -> (String, String) {
    let (mut handles, mut rest) = (String::new(), String::new());
    for block in group.split_inclusive("\n\n") {
        let handle = block.contains("\ntypedef struct oto_") && !block.contains('{');
        let to = if handle { &mut handles } else { &mut rest };
        to.push_str(if handle { block.trim_end() } else { block });
        if handle {
            to.push('\n');
        }
    }
    (handles, rest)
}

/// A line as C programmers write it: negative constants in brackets, unsigned ones with their suffix; types by their
/// short names; long lists of arguments in two rows.
fn line(line: &str) -> String {
    if let Some((name, value)) = line.strip_prefix("#define ").and_then(|rest| rest.split_once(' ')) {
        let signed = ["OTO_OK", "OTO_UNDEFINED", "OTO_NOT_COMPUTED", "OTO_SEVERITY_"];
        return match value.parse::<i64>() {
            Ok(n) if n < 0 => format!("#define {name} ({n})"),
            Ok(n) if !signed.iter().any(|s| name.starts_with(s)) => format!("#define {name} {n}u"),
            _ => line.to_owned(),
        };
    }
    if line.starts_with("typedef") {
        return line.to_owned();
    }
    let line = line.replace("struct oto_", "oto_");
    match (line.find('('), line.get(..WIDTH).and_then(|start| start.rfind(", "))) {
        (Some(bracket), Some(comma)) if !line.starts_with(' ') => {
            format!("{},\n{}{}", &line[..comma], " ".repeat(bracket + 1), &line[comma + 2..])
        }
        _ => line,
    }
}

/// Comments of one line on one line, and constants without empty lines between them.
fn compact(lines: &[String]) -> String {
    let mut text = String::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let indent = &first[..first.len() - first.trim_start().len()];
        rest = match rest {
            [open, only, close, after @ ..] if open.trim() == "/**" && close.trim() == "*/" => {
                let _ = writeln!(text, "{indent}/** {} */", only.trim().trim_start_matches("* "));
                after
            }
            [define, empty, after @ ..] if define.starts_with("#define") && empty.is_empty() => {
                let more = after.iter().find(|l| l.starts_with(|c: char| c != '/' && c != ' '));
                let gap = if more.is_some_and(|l| l.starts_with("#define")) { "" } else { "\n" };
                let _ = writeln!(text, "{define}{gap}");
                after
            }
            [other, after @ ..] => {
                let _ = writeln!(text, "{other}");
                after
            }
            [] => rest,
        };
    }
    text
}

/// The title of a group.
fn heading(title: &str) -> String {
    let rule = "-".repeat(WIDTH - 3);
    format!("/* {rule}\n * {title}.\n * {rule} */\n\n")
}

/// The block that grows with every metric.
fn numbers() -> String {
    let title = "Numbers of the catalogue: metrics, fields and kinds of findings. Never reused; new ones are added";
    let mut text = format!("\n{}", heading(title));
    for (i, metric) in SPECS.iter().enumerate() {
        let name = metric.name.to_uppercase();
        let gap = if i == 0 { "" } else { "\n" };
        let _ = writeln!(text, "{gap}#define OTO_METRIC_{name} {}u", metric.id);
        for field in metric.fields {
            let _ = writeln!(
                text,
                "#define OTO_FIELD_{name}_{} 0x{:08x}u",
                field.name.to_uppercase(),
                metric.field_id(field)
            );
        }
        for kind in metric.kinds {
            let _ = writeln!(text, "#define OTO_KIND_{name}_{} {}u", kind.name.to_uppercase(), kind.id);
        }
    }
    text
}
