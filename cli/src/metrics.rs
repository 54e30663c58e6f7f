//! `otoscope metrics`: the catalogue of metrics and scores, made of nothing but the specs.

use std::fmt::Write;

use comfy_table::Cell;
use otoscope::compare::SCORES;
use otoscope::spec::{Domain, Exactness, FieldSpec, MetricSpec, ParamSpec, ScoreSpec};
use otoscope::{Config, SPECS, StreamSpec};
use serde_json::{Value, json};

use crate::config::wrong;
use crate::problem::{Problem, Stop};
use crate::table::{bold, dim, plural, render, right, table};
use crate::term::{BOLD, DIM, paint, print};

/// List what is measured, or tell all about one metric or score
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tell all about this metric or score
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

/// A line of the catalogue.
#[derive(Clone, Copy)]
enum Entry {
    Metric(&'static MetricSpec),
    Score(&'static ScoreSpec),
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let one = args.name.as_deref().map(find).transpose()?;
    let text = match (one, args.json) {
        (Some(entry), true) => format!("{}\n", to_json(entry)),
        (None, true) => format!("{}\n", all().map(to_json).collect::<Value>()),
        (Some(Entry::Metric(spec)), false) => page(spec),
        (Some(Entry::Score(spec)), false) => score_page(spec),
        (None, false) => list(),
    };
    print(&text).map(|()| 0)
}

fn all() -> impl Iterator<Item = Entry> {
    SPECS.iter().map(|s| Entry::Metric(s)).chain(SCORES.iter().map(|s| Entry::Score(s)))
}

fn find(name: &str) -> Result<Entry, Problem> {
    let named = |entry: &Entry| match entry {
        Entry::Metric(spec) => spec.name == name,
        Entry::Score(spec) => spec.name == name,
    };
    if let Some(entry) = all().find(named) {
        return Ok(entry);
    }
    // The config knows the nearest name.
    match Config::new(StreamSpec::mono(48_000)).only([name]) {
        Err(error) => Err(wrong("metrics", &error, "")),
        Ok(()) => Err(Problem::new("metrics", format!("no metric `{name}`"), "`otoscope metrics` lists them")),
    }
}

fn list() -> String {
    let mut rows = table(&["metric", "what it measures", "fields", "findings"]);
    for spec in SPECS {
        let kinds: Vec<&str> = spec.kinds.iter().map(|k| k.name).collect();
        rows.add_row(vec![
            bold(spec.name),
            Cell::new(spec.summary),
            right(spec.fields.len()),
            Cell::new(kinds.join(", ")),
        ]);
    }
    let mut scores = table(&["score", "what it compares (otoscope compare)", "presets"]);
    for spec in SCORES {
        let presets: Vec<&str> = spec.presets.iter().map(|p| p.name).collect();
        scores.add_row(vec![bold(spec.name), Cell::new(spec.summary), Cell::new(presets.join(", "))]);
    }
    let hint = paint(DIM, " otoscope metrics NAME tells all about one of them.");
    format!("{}\n{}\n{hint}\n", render(&rows), render(&scores))
}

fn score_page(spec: &ScoreSpec) -> String {
    let mut text = format!("{}  {}\n\n", paint(BOLD, spec.name), spec.summary);
    let better = if spec.higher_is_better { "more is better" } else { "less is better" };
    let step = if spec.in_step { "; compares sample with sample" } else { "" };
    let _ = writeln!(text, " {better}{step}\n revision    {}", spec.revision);
    let part = |text: &mut String, title: &str| {
        let _ = writeln!(text, "\n {}", paint(BOLD, title));
    };
    part(&mut text, &plural(spec.presets.len(), "preset"));
    let mut rows = table(&["key", "definition", ""]);
    for preset in spec.presets {
        rows.add_row(vec![
            Cell::new(format!("{}:{}", spec.name, preset.name)),
            Cell::new(preset.definition),
            Cell::new(preset.doc),
        ]);
    }
    text.push_str(&render(&rows));
    part(&mut text, &plural(spec.fields.len(), "field"));
    text.push_str(&fields(spec.fields));
    for rows in spec.tables {
        part(&mut text, &format!("table {}: {}", rows.name, rows.doc));
        text.push_str(&fields(rows.columns));
    }
    text
}

fn fields(specs: &[FieldSpec]) -> String {
    let mut rows = table(&["name", "unit", "between machines", ""]);
    for field in specs {
        let symbol = dim(field.unit.symbol());
        rows.add_row(vec![Cell::new(field.name), symbol, dim(&exactness(field.exactness)), Cell::new(field.doc)]);
    }
    render(&rows)
}

/// `3 (2 to 1000)`, `mono (or dual_mono)`.
fn domain(param: &ParamSpec) -> (String, String) {
    match param.domain {
        Domain::Number { default, min, max } => (default.to_string(), format!("{min} to {max}")),
        Domain::Choice(words) => (words.first().copied().unwrap_or_default().to_owned(), words.join(" or ")),
    }
}

fn exactness(exactness: Exactness) -> String {
    match exactness {
        Exactness::Exact => "exact".to_owned(),
        Exactness::Abs(tolerance) => format!("within {tolerance}"),
    }
}

fn page(spec: &MetricSpec) -> String {
    let mut text = format!("{}  {}\n\n", paint(BOLD, spec.name), spec.summary);
    let _ = writeln!(text, " definition  {}\n revision    {}", spec.definition, spec.revision);
    let part = |text: &mut String, title: &str, n: usize| {
        let _ = writeln!(text, "\n {}", paint(BOLD, &plural(n, title)));
    };
    part(&mut text, "parameter", spec.params.len());
    if !spec.params.is_empty() {
        let mut rows = table(&["key", "default", "range", "unit", ""]);
        for param in spec.params {
            let (default, range) = domain(param);
            let key = format!("{}.{}", spec.name, param.name);
            rows.add_row(vec![
                Cell::new(key),
                right(default),
                Cell::new(range),
                dim(param.unit.symbol()),
                Cell::new(param.doc),
            ]);
        }
        text.push_str(&render(&rows));
    }
    part(&mut text, "field", spec.fields.len());
    text.push_str(&fields(spec.fields));
    if spec.kinds.is_empty() {
        text.push_str("\n No findings: the metric only measures.\n");
        return text;
    }
    let _ = writeln!(text, "\n {}", paint(BOLD, &format!("{} of finding", plural(spec.kinds.len(), "kind"))));
    let mut rows = table(&["kind", "told within", "message"]);
    for kind in spec.kinds {
        let delay = format!("{} ms", kind.max_delay_ms);
        rows.add_row(vec![Cell::new(kind.name), right(delay), Cell::new(kind.message)]);
    }
    text.push_str(&render(&rows));
    text
}

fn to_json(entry: Entry) -> Value {
    match entry {
        Entry::Metric(spec) => metric_json(spec),
        Entry::Score(spec) => score_json(spec),
    }
}

fn field_json(id: u32, f: &FieldSpec) -> Value {
    let tolerance = match f.exactness {
        Exactness::Exact => json!(0),
        Exactness::Abs(tolerance) => json!(tolerance),
    };
    json!({ "id": id, "name": f.name, "unit": f.unit.name(), "tolerance": tolerance, "doc": f.doc })
}

fn score_json(spec: &ScoreSpec) -> Value {
    let presets = spec.presets.iter().map(|p| json!({ "name": p.name, "definition": p.definition, "doc": p.doc }));
    let tables = spec.tables.iter().map(|t| {
        let columns = t.columns.iter().map(|c| field_json(c.id.into(), c));
        json!({
            "id": t.id, "name": t.name, "on_request": t.on_request, "doc": t.doc, "columns": columns.collect::<Vec<Value>>()
        })
    });
    json!({
        "type": "score",
        "id": spec.id,
        "name": spec.name,
        "revision": spec.revision,
        "summary": spec.summary,
        "definition": spec.presets.first().map(|p| p.definition),
        "in_step": spec.in_step,
        "higher_is_better": spec.higher_is_better,
        "presets": presets.collect::<Vec<Value>>(),
        "fields": spec.fields.iter().map(|f| field_json(spec.field_id(f), f)).collect::<Vec<Value>>(),
        "tables": tables.collect::<Vec<Value>>(),
        // As a metric has them, for readers of both.
        "params": [],
        "kinds": [],
    })
}

fn metric_json(spec: &MetricSpec) -> Value {
    let params = spec.params.iter().map(|p| {
        let mut object = json!({ "key": format!("{}.{}", spec.name, p.name), "unit": p.unit.name() });
        match p.domain {
            Domain::Number { default, min, max } => {
                object["default"] = json!(default);
                object["min"] = json!(min);
                object["max"] = json!(max);
            }
            Domain::Choice(words) => {
                object["default"] = json!(words.first());
                object["choices"] = json!(words);
            }
        }
        object["doc"] = json!(p.doc);
        object
    });
    let fields = spec.fields.iter().map(|f| field_json(spec.field_id(f), f));
    let kinds = spec.kinds.iter().map(|k| {
        json!({
            "id": k.id, "name": k.name, "unit": k.unit.name(), "max_delay_ms": k.max_delay_ms, "message": k.message
        })
    });
    json!({
        "type": "metric",
        "id": spec.id,
        "name": spec.name,
        "revision": spec.revision,
        "summary": spec.summary,
        "definition": spec.definition,
        "params": params.collect::<Vec<Value>>(),
        "fields": fields.collect::<Vec<Value>>(),
        "kinds": kinds.collect::<Vec<Value>>(),
    })
}
