//! Reports as people read them.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle};
use otoscope::spec::{FieldSpec, Unit, Value};
use otoscope::verdict::{Limit, Norm, Quality, quality};
use otoscope::{Config, Finding, Report, SPECS, Severity, StreamSpec, message, specs_of};

use crate::norms;
use crate::term::{BOLD, DIM, GOOD, paint, severity_style};

/// A line under the header and nothing else.
const STYLE: TableStyle = NOTHING.header_separator(LineStyle::none().fill('─').junction('─'));

/// An empty table in the house style. The header may be empty.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(if header.is_empty() { NOTHING } else { STYLE });
    // Codes are always written and taken out at the door when they are not wanted (see `term::print`). A narrow terminal
    // wraps the widest column; a pipe or a file gets whole lines.
    table.enforce_styling().set_content_arrangement(ContentArrangement::Dynamic);
    table.style_text_only();
    if !header.is_empty() {
        table.set_header(header.iter().map(|name| dim(name)));
    }
    table
}

/// The table as text that ends in a line break, with nothing at the ends of lines.
pub fn render(table: &Table) -> String {
    table.lines().fold(String::new(), |mut text, line| {
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

/// A number at the right.
pub fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A text that matters less.
pub fn dim(text: &str) -> Cell {
    styled(text, Attribute::Dim)
}

/// A name.
pub fn bold(text: &str) -> Cell {
    styled(text, Attribute::Bold)
}

/// Nothing needs no style: an empty cell would be a few codes around no text.
fn styled(text: &str, attribute: Attribute) -> Cell {
    if text.is_empty() { Cell::new("") } else { Cell::new(text).add_attribute(attribute) }
}

/// A word in the colour of a severity.
pub fn severity_cell(severity: Severity, text: &str) -> Cell {
    let cell = Cell::new(text);
    match severity {
        Severity::Error => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Severity::Warning => cell.fg(Color::DarkYellow),
        Severity::Info => cell.fg(Color::DarkCyan),
    }
}

/// A number with as many decimals as its unit deserves.
pub fn number(x: f64, unit: Unit) -> String {
    let decimals = match unit {
        Unit::Db | Unit::Dbfs | Unit::Dbtp | Unit::Lufs | Unit::Lu => 2,
        Unit::Ms | Unit::Hz => 1,
        Unit::Seconds => 3,
        Unit::Ratio => 4,
        Unit::FullScale => 5,
        _ if x.fract() == 0.0 => 0,
        _ => 3,
    };
    let text = format!("{x:.decimals$}");
    // -0.001 with two decimals is 0.00, not -0.00.
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| matches!(b, b'0' | b'.')) => rest.to_owned(),
        _ => text,
    }
}

/// A position as `mm:ss.mmm`.
pub fn clock(sample: u64, sample_rate_hz: u32) -> String {
    let ms = (u128::from(sample) * 1000 + u128::from(sample_rate_hz) / 2) / u128::from(sample_rate_hz.max(1));
    format!("{:02}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
}

/// A duration: seconds, and minutes where there are any.
pub fn duration(report: &Report) -> String {
    let seconds = report.duration_s();
    if seconds < 60.0 { format!("{seconds:.2} s") } else { clock(report.samples, report.stream.sample_rate_hz) }
}

/// `en.flac  FLAC, 16-bit, 22050 Hz, mono, 4.32 s`
pub fn header(name: &str, format: &str, report: &Report) -> String {
    let channels = match report.stream.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        n => format!("{n} channels"),
    };
    let rest = format!("{format}, {} Hz, {channels}, {}", report.stream.sample_rate_hz, duration(report));
    format!("{}  {}\n", paint(BOLD, name), paint(DIM, &rest))
}

/// All values with their units; what was not computed in one line at the end.
pub fn values(report: &Report, config: &Config) -> String {
    let mut rows = table(&["metric", "field", "value", "unit"]);
    let mut shown = "";
    let mut not_computed: Vec<(&'static str, Vec<String>)> = Vec::new();
    report.visit(|metric, field, value| {
        let (number, unit) = match value {
            Value::Number(x) => (right(number(x, field.unit)), dim(field.unit.symbol())),
            Value::Undefined(why) => (right("-").add_attribute(Attribute::Dim), dim(why)),
            Value::NotComputed(why) => {
                if config.is_enabled(metric.name) {
                    let key = format!("{}.{}", metric.name, field.name);
                    match not_computed.iter_mut().find(|(reason, _)| *reason == why) {
                        Some((_, keys)) => keys.push(key),
                        None => not_computed.push((why, vec![key])),
                    }
                }
                return;
            }
        };
        let name = if shown == metric.name { "" } else { metric.name };
        shown = metric.name;
        rows.add_row(vec![bold(name), Cell::new(field.name), number, unit]);
    });
    let mut text = if rows.is_empty() { String::new() } else { render(&rows) };
    if !not_computed.is_empty() {
        let parts: Vec<String> =
            not_computed.iter().map(|(why, keys)| format!("{} ({why})", collapse(keys).join(", "))).collect();
        let line = format!(" not computed: {}", parts.join("; "));
        text.push_str(&paint(DIM, &line));
        text.push('\n');
    }
    text
}

/// A metric all of whose fields are in the list stands for them.
fn collapse(keys: &[String]) -> Vec<String> {
    let mut short: Vec<String> = Vec::new();
    for key in keys {
        let metric = key.split('.').next().unwrap_or(key);
        let fields = SPECS.iter().find(|s| s.name == metric).map_or(0, |s| s.fields.len());
        let here = keys.iter().filter(|k| k.split('.').next() == Some(metric)).count();
        let name = if here == fields { metric } else { key };
        if short.last().is_none_or(|last| last != name) {
            short.push(name.to_owned());
        }
    }
    short
}

/// `quality 2.50 of 5, capped by hole: ...`: the predicted score under the caps of what was found, where it is measured.
pub fn capped(report: &Report, findings: &[Finding]) -> String {
    let Some(quality) = quality(report, findings) else { return String::new() };
    let Quality { capped_mos: Some(capped), predicted_mos: Some(predicted), .. } = quality else {
        return format!(" quality: no score, {}\n", quality.reason);
    };
    let mos = |x: f64| format!("{x:.2}");
    let between = match (quality.low_mos, quality.high_mos) {
        (Some(low), Some(high)) => format!(" ({} to {})", mos(low), mos(high)),
        _ => String::new(),
    };
    let mut text = format!(" quality {} of 5{between}", paint(BOLD, &mos(capped)));
    let Some(limit) = quality.cause() else {
        return format!("{text}, as predicted: no finding caps it\n");
    };
    let _ = writeln!(text, ": {} is predicted, but {}", mos(predicted), limited(limit, report));
    for limit in quality.limits.iter().skip(1).filter(|l| l.lowers_mos > 0.0) {
        let _ = writeln!(text, "   also {}", limited(limit, report));
    }
    text
}

/// `hole caps it at 2.50 (dropout.gap at 00:01.230)`
fn limited(limit: &Limit, report: &Report) -> String {
    let place = match &limit.worst {
        Some(f) => format!(" ({} at {})", kind(f), clock(f.start_sample, report.stream.sample_rate_hz)),
        None => String::new(),
    };
    format!("{} caps it at {:.2}{place}", paint(BOLD, limit.cause.name), limit.cap_mos)
}

/// How many findings of each severity, worst first.
fn counts(findings: &[Finding]) -> [(Severity, usize); 3] {
    [Severity::Error, Severity::Warning, Severity::Info]
        .map(|severity| (severity, findings.iter().filter(|f| f.severity == severity).count()))
}

/// A number of things: `1 error`, `3 errors`.
pub fn plural(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 || thing == "info" { "" } else { "s" })
}

/// The findings, one a line, at most `limit` of them.
pub fn findings(report: &Report, findings: &[Finding], limit: usize) -> String {
    let mut text = String::new();
    if findings.is_empty() && report.findings_dropped == 0 {
        return format!(" {}\n", paint(GOOD, "no findings"));
    }
    let kinds: Vec<String> = counts(findings)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(severity, n)| paint(severity_style(severity), &plural(n, severity.name())))
        .collect();
    let _ = writeln!(text, " {}: {}", plural(findings.len(), "finding"), kinds.join(", "));
    let mut rows = table(&[]);
    for f in findings.iter().take(limit) {
        rows.add_row(vec![
            severity_cell(f.severity, f.severity.name()),
            right(when(f, report.stream.sample_rate_hz)),
            bold(&kind(f)),
            Cell::new(sentence(f, report.stream)),
        ]);
    }
    text.push_str(&render(&rows));
    if findings.len() > limit {
        let line = format!(" ... and {} more: --verbose shows all of them\n", findings.len() - limit);
        text.push_str(&paint(DIM, &line));
    }
    if report.findings_dropped > 0 {
        let _ = writeln!(text, " {} more findings came too fast to be kept", report.findings_dropped);
    }
    text
}

/// `00:01.230 - 00:01.450`, or one position for what takes less than a millisecond.
fn when(f: &Finding, rate: u32) -> String {
    let (start, end) = (clock(f.start_sample, rate), clock(f.end_sample, rate));
    if start == end { start } else { format!("{start} - {end}") }
}

/// `metric.kind`
fn kind(f: &Finding) -> String {
    specs_of(f).map_or_else(String::new, |(metric, kind)| format!("{}.{}", metric.name, kind.name))
}

fn sentence(f: &Finding, stream: StreamSpec) -> String {
    let text = message(f, stream.sample_rate_hz);
    if f.channel_mask == 0 || stream.channels < 2 {
        return text;
    }
    let channels: Vec<String> =
        (0..32).filter(|bit| f.channel_mask >> bit & 1 == 1).map(|bit| (bit + 1).to_string()).collect();
    format!("{text} (channel {})", channels.join(", "))
}

/// One finding as a line of a live stream.
pub fn live(f: &Finding, stream: StreamSpec) -> String {
    let state = match f.state {
        otoscope::State::Point => "",
        otoscope::State::Open => "begins",
        otoscope::State::Closed => "ended",
    };
    let severity = paint(severity_style(f.severity), &format!("{:7}", f.severity.name()));
    let when = clock(f.start_sample, stream.sample_rate_hz);
    format!("{when}  {severity} {state:6}  {}  {}\n", paint(BOLD, &kind(f)), sentence(f, stream))
}

/// One line of the summary of several files: a name, and what was heard, if the file could be read.
pub type Line<'a> = (&'a str, Option<(&'a Report, &'a [Finding])>);

/// A line for each file.
pub fn summary(lines: &[Line<'_>], norms: &[&'static Norm]) -> String {
    let mut header = vec!["file", "duration", "LUFS", "dBTP", "speech dBFS", "errors", "warnings", "info", "worst"];
    // What had to be asked for is wanted here: the first field of each such metric.
    let asked: Vec<(String, &FieldSpec)> = SPECS
        .iter()
        .filter(|metric| !metric.on)
        .filter_map(|metric| metric.fields.first().map(|field| (format!("{}.{}", metric.name, field.name), field)))
        .filter(|(key, _)| {
            let is_there = |report: &Report| !matches!(report.value(key), None | Some(Value::NotComputed(_)));
            lines.iter().any(|(_, heard)| heard.is_some_and(|(report, _)| is_there(report)))
        })
        .collect();
    let qualities: Vec<Option<Quality>> =
        lines.iter().map(|(_, heard)| heard.and_then(|(report, findings)| quality(report, findings))).collect();
    let has_quality = qualities.iter().any(Option::is_some);
    let more = if has_quality { &["capped_mos", "cause"][..] } else { &[] };
    header.splice(5..5, asked.iter().map(|(_, field)| field.name).chain(more.iter().copied()));
    if !norms.is_empty() {
        header.push("norms");
    }
    let mut rows = table(&header);
    for ((name, heard), quality) in lines.iter().zip(&qualities) {
        let Some((report, findings)) = heard else {
            rows.add_row(vec![Cell::new(name), severity_cell(Severity::Error, "unreadable")]);
            continue;
        };
        let value = |key: &str, unit: Unit| match report.value(key) {
            Some(Value::Number(x)) => right(number(x, unit)),
            _ => right("-").add_attribute(Attribute::Dim),
        };
        let mut row = vec![
            Cell::new(name),
            right(duration(report)),
            value("loudness.integrated_lufs", Unit::Lufs),
            value("true_peak.max_dbtp", Unit::Dbtp),
            value("level.speech_rms_dbfs", Unit::Dbfs),
        ];
        row.extend(asked.iter().map(|(key, field)| value(key, field.unit)));
        if has_quality {
            let capped = quality.as_ref().and_then(|q| q.capped_mos);
            row.push(capped.map_or_else(|| right("-").add_attribute(Attribute::Dim), |x| right(format!("{x:.3}"))));
            row.push(dim(quality.as_ref().and_then(Quality::cause).map_or("", |limit| limit.cause.name)));
        }
        row.extend(counts(findings).map(|(severity, n)| match n {
            0 => right("0").add_attribute(Attribute::Dim),
            n => severity_cell(severity, &n.to_string()).set_alignment(CellAlignment::Right),
        }));
        // The first of the worst ones.
        let worst = findings.iter().rev().max_by_key(|f| f.severity);
        row.push(worst.map_or_else(|| Cell::new("none").fg(Color::DarkGreen), |f| severity_cell(f.severity, &kind(f))));
        if !norms.is_empty() {
            row.push(norms::summary(&norms::judge(norms, report)));
        }
        rows.add_row(row);
    }
    render(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_decimals_of_their_unit() {
        assert_eq!(number(-19.084, Unit::Lufs), "-19.08");
        assert_eq!(number(-0.001, Unit::Dbfs), "0.00");
        assert_eq!(number(240_000.0, Unit::Samples), "240000");
        assert_eq!(number(0.00316, Unit::FullScale), "0.00316");
        assert_eq!(number(2.5, Unit::Count), "2.500");
    }

    #[test]
    fn positions_are_minutes_seconds_and_milliseconds() {
        assert_eq!(clock(12_000, 24_000), "00:00.500");
        assert_eq!(clock(22_050 * 61 + 22, 22_050), "01:01.001");
        assert_eq!(clock(u64::MAX, 8_000).len(), "38430716820228:12.345".len());
    }

    #[test]
    fn a_metric_stands_for_all_its_fields() {
        let all: Vec<String> = SPECS[0].fields.iter().map(|f| format!("{}.{}", SPECS[0].name, f.name)).collect();
        assert_eq!(collapse(&all), [SPECS[0].name]);
        assert_eq!(collapse(&all[..1]), all[..1]);
    }

    #[test]
    fn things_are_counted_in_plain_english() {
        assert_eq!([plural(1, "error"), plural(2, "warning"), plural(2, "info")], ["1 error", "2 warnings", "2 info"]);
    }
}
