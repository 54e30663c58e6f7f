//! Delivery norms: the option that names them, verdicts as people read them, and `otoscope norms`.

use std::fmt::Write;

use comfy_table::{Cell, Color};
use otoscope::verdict::{MonoAs, NORMS, Norm, Outcome, Requirement, Verdict, When, norm};
use otoscope::{Report, Severity};
use serde_json::{Value, json};

use crate::problem::{Problem, Stop};
use crate::table::{bold, dim, number, render, right, severity_cell, table};
use crate::term::{BOLD, DIM, paint, print};

/// The norms of some names; `all` is every one. None twice.
pub fn named(names: &[String]) -> Result<Vec<&'static Norm>, Problem> {
    let mut found: Vec<&'static Norm> = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let new = match (name, norm(name)) {
            (_, Some(norm)) => core::slice::from_ref(norm),
            ("all", None) => NORMS,
            (_, None) => {
                let known: Vec<&str> = NORMS.iter().map(|norm| norm.name).collect();
                let advice = format!("use {} or all; `otoscope norms` tells about them", known.join(", "));
                return Err(Problem::new("--norm", format!("no norm `{name}`"), advice));
            }
        };
        for norm in new {
            if found.iter().all(|f| f.name != norm.name) {
                found.push(norm);
            }
        }
    }
    Ok(found)
}

/// What the norms say of a report.
pub fn judge(norms: &[&'static Norm], report: &Report) -> Vec<Verdict> {
    norms.iter().flat_map(|norm| norm.judge(report)).collect()
}

/// What `--fail-on` takes a verdict for: a failure is an error, and what nobody measured is no pass.
fn severity(outcome: Outcome) -> Option<Severity> {
    match outcome {
        Outcome::Pass => None,
        Outcome::Fail => Some(Severity::Error),
        _ => Some(Severity::Warning),
    }
}

/// The worst of them.
pub fn worst(verdicts: &[Verdict]) -> Option<Severity> {
    verdicts.iter().filter_map(|v| severity(v.outcome)).max()
}

fn count(verdicts: &[Verdict], outcome: Outcome) -> usize {
    verdicts.iter().filter(|v| v.outcome == outcome).count()
}

/// All of them in a few words, for one line of many files.
pub fn summary(verdicts: &[Verdict]) -> Cell {
    let (failed, unknown) = (count(verdicts, Outcome::Fail), count(verdicts, Outcome::NotMeasured));
    match (failed, unknown) {
        (0, 0) => Cell::new("pass").fg(Color::DarkGreen),
        (0, n) => severity_cell(Severity::Warning, &format!("{n} not measured")),
        (n, _) => severity_cell(Severity::Error, &format!("{n} failed")),
    }
}

/// The verdicts, a line each.
pub fn verdicts(verdicts: &[Verdict]) -> String {
    let mut rows = table(&["norm", "requirement", "measured", "wanted", "off by", "verdict"]);
    let mut shown = "";
    for v in verdicts {
        let unit = v.requirement.unit;
        let name = if shown == v.norm.name { "" } else { v.norm.name };
        shown = v.norm.name;
        let off = v.off.filter(|off| *off != 0.0);
        rows.add_row(vec![
            bold(name),
            Cell::new(v.requirement.name),
            right(v.value.map_or_else(|| "-".to_owned(), |x| number(x, unit))),
            Cell::new(wanted(v.requirement)),
            right(off.map_or_else(String::new, |x| format!("{}{}", if x > 0.0 { "+" } else { "" }, number(x, unit)))),
            match v.outcome {
                Outcome::Pass => Cell::new("pass").fg(Color::DarkGreen),
                Outcome::Fail => severity_cell(Severity::Error, "FAIL"),
                _ => severity_cell(Severity::Warning, &format!("not measured: {}", v.reason)),
            },
        ]);
    }
    let mut text = render(&rows);
    let mono = match verdicts.iter().find_map(|v| v.mono_as) {
        Some(MonoAs::Mono) => {
            " The one channel counts once; from two loudspeakers it is 3.01 LU louder (--set loudness.mono_as=dual_mono)."
        }
        Some(_) => " The one channel counts as two (loudness.mono_as = dual_mono).",
        None => return text,
    };
    let _ = writeln!(text, "{}", paint(DIM, mono));
    text
}

/// `-23.5 to -22.5 LUFS`
fn wanted(r: &Requirement) -> String {
    format!("{} {}", r.bounds(), r.unit.symbol())
}

/// List delivery norms, or tell all about one
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tell all about this norm
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let one = match &args.name {
        Some(name) => named(core::slice::from_ref(name))?,
        None => NORMS.iter().collect(),
    };
    let text = match (&one[..], &args.name, args.json) {
        ([norm], Some(_), true) => format!("{}\n", to_json(norm)),
        (norms, _, true) => format!("{}\n", norms.iter().map(|norm| to_json(norm)).collect::<Value>()),
        (norms, Some(_), false) => norms.iter().map(|norm| page(norm)).collect::<Vec<_>>().join("\n"),
        (norms, None, false) => list(norms),
    };
    print(&text).map(|()| 0)
}

fn list(norms: &[&Norm]) -> String {
    let mut rows = table(&["norm", "", "asks for"]);
    for norm in norms {
        let asks: Vec<String> = norm.requirements.iter().map(|r| format!("{} {}", r.name, r.bounds())).collect();
        rows.add_row(vec![bold(norm.name), Cell::new(norm.title), Cell::new(asks.join("; "))]);
    }
    let hint = paint(DIM, " otoscope norms NAME tells all about one of them; otoscope probe --norm NAME judges by it.");
    format!("{}\n{hint}\n", render(&rows))
}

/// To which streams a requirement applies, in words; empty for all.
fn applies(when: When) -> String {
    match when {
        When::Always => String::new(),
        When::MonoOnce => "one channel, counted once".to_owned(),
        When::NotMonoOnce => "stereo, or one channel counted as two".to_owned(),
        When::Above(field, bound) => format!("{field} above {bound}"),
        When::NotAbove(field, bound) => format!("{field} not above {bound}"),
        _ => "some streams".to_owned(),
    }
}

fn page(norm: &Norm) -> String {
    let mut text = format!("{}  {}\n\n", paint(BOLD, norm.name), norm.title);
    let _ = writeln!(text, " edition  {}\n source   {}\n\n {}\n", norm.edition, norm.source, norm.note);
    let mut rows = table(&["requirement", "field", "wanted", "for", ""]);
    for r in norm.requirements {
        rows.add_row(vec![
            Cell::new(r.name),
            dim(r.field.unwrap_or("not measured")),
            Cell::new(wanted(r)),
            Cell::new(applies(r.when)),
            Cell::new(r.note),
        ]);
    }
    text.push_str(&render(&rows));
    text
}

fn to_json(norm: &Norm) -> Value {
    let requirements: Vec<Value> = norm
        .requirements
        .iter()
        .map(|r| {
            json!({
                "name": r.name, "field": r.field, "unit": r.unit.name(), "target": r.target, "min": r.min, "max": r.max,
                "least_s": r.least_s, "applies_to": applies(r.when), "note": r.note,
            })
        })
        .collect();
    json!({
        "name": norm.name, "title": norm.title, "edition": norm.edition, "source": norm.source, "note": norm.note,
        "requirements": requirements,
    })
}
