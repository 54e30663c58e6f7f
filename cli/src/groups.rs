//! `--group-by`: means over many files with their intervals, and a paired comparison of two groups.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use comfy_table::Cell;
use otoscope::spec::{Unit, Value};
use otoscope::stats::{self, Group};
use otoscope::{Report, SPECS, Severity};

use crate::problem::{Problem, Stop};
use crate::table::{bold, dim, number, render, right, table};
use crate::term::{DIM, paint};

/// How sure the intervals are.
const CONFIDENCE: f64 = 0.95;
/// How often the items of a comparison are drawn anew: more moves the ends of the interval by less than their last digit.
const RESAMPLES: usize = 10_000;
/// What people see of each group; the file has all.
const MAIN: &[&str] = &[
    CAPPED,
    "mos.predicted_mos",
    "loudness.integrated_lufs",
    "true_peak.max_dbtp",
    "level.speech_rms_dbfs",
    "noise.snr_db",
];
/// The field that is no metric's: what a finding makes of the predicted score.
const CAPPED: &str = "quality.capped_mos";
/// The groups of files whose folder is their label.
const FOLDER: &str = "folder";
/// The item that a file is of, without a label: its name.
const NAME: &str = "name";

/// A field and its means by group.
type Means<'a> = (&'a str, Unit, Vec<Group<Vec<String>>>);

/// How files make groups.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GroupArgs {
    /// Labels of each file: a CSV with the column file and one more for each label (voice, build...); PATH is then not needed
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Means with 95 % intervals for each value of a label, or for each folder (comma-separated for several labels)
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    pub group_by: Vec<String>,
    /// Compare two groups item by item: mean difference, interval and p-value by bootstrap
    #[arg(long, value_names = ["FIRST", "SECOND"], num_args = 2, requires = "group_by")]
    pub versus: Vec<String>,
    /// The label that says which files of the two groups belong together; the file's name without its ending unless said otherwise
    #[arg(long, value_name = "LABEL", default_value = NAME, requires = "versus")]
    pub item: String,
    /// Write the means of every field to a CSV file
    #[arg(long, value_name = "FILE", requires = "group_by")]
    pub means: Option<PathBuf>,
}

/// The labels of files, by path.
#[derive(Debug, Default)]
pub struct Labels {
    /// In the order of the list.
    pub files: Vec<PathBuf>,
    names: Vec<String>,
    of_file: HashMap<PathBuf, Vec<(String, String)>>,
}

impl Labels {
    /// Reads the list, if there is one.
    pub fn read(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self::default()) };
        let place = path.display().to_string();
        let file = File::open(path).map_err(|e| Problem::reading(path, &e))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(io::BufReader::new(file));
        let advice = "write a CSV file with the header file,voice (and more labels if you like)";
        let bad = |e: csv::Error| Problem::new(&place, format!("not a list: {e}"), advice);
        let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
        let Some(at) = header.iter().position(|h| h == "file") else {
            return Err(Problem::new(&place, format!("its header is `{}`", header.join(",")), advice));
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let names = header.iter().filter(|name| *name != "file").cloned().collect();
        let mut labels = Self { names, ..Self::default() };
        for record in reader.records() {
            let record = record.map_err(bad)?;
            let file = folder.join(record.get(at).unwrap_or_default());
            let pairs =
                header.iter().zip(record.iter()).enumerate().filter(|(i, (_, value))| *i != at && !value.is_empty());
            let pairs = pairs.map(|(_, (name, value))| (name.clone(), value.to_owned())).collect();
            labels.of_file.insert(same(&file), pairs);
            labels.files.push(file);
        }
        Ok(labels)
    }

    /// Those of one file, besides those that all have.
    pub fn of(&self, file: &Path, all: &[(String, String)]) -> Vec<(String, String)> {
        let own = self.of_file.get(&same(file)).map_or(&[][..], Vec::as_slice);
        let others = all.iter().filter(|(key, _)| own.iter().all(|(k, _)| k != key));
        others.chain(own).cloned().collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }
}

/// A path as it is known whatever way led to it.
fn same(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What is known of every file, for the means.
pub struct Groups<'a> {
    args: &'a GroupArgs,
    /// By file: a value of each label.
    keys: Vec<Vec<String>>,
    items: Vec<String>,
    fields: Vec<(String, Unit)>,
    /// By field, then by file.
    values: Vec<Vec<Option<f64>>>,
    /// Groups in the order in which they first appear, how many files each has, and how many of them with errors.
    groups: Vec<(Vec<String>, usize, usize)>,
}

impl<'a> Groups<'a> {
    /// None unless groups were asked for. `is_on` says what is measured.
    pub fn new(
        args: &'a GroupArgs,
        labels: &Labels,
        all: &[(String, String)],
        is_on: impl Fn(&str) -> bool,
    ) -> Result<Option<Self>, Problem> {
        if args.group_by.is_empty() {
            return Ok(None);
        }
        let is_known = |name: &str| labels.has(name) || all.iter().any(|(key, _)| key == name);
        let wanted = args.group_by.iter().map(|name| (name, FOLDER, "--group-by"));
        for (name, special, option) in wanted.chain([(&args.item, NAME, "--item")]) {
            if name != special && !is_known(name) {
                let advice = format!("give the files this label with --labels, or use {special}");
                return Err(Problem::new(option, format!("no file has a label `{name}`"), advice));
            }
        }
        let mut fields = Vec::new();
        if is_on("mos") {
            fields.push((CAPPED.to_owned(), Unit::Mos));
        }
        for metric in SPECS.iter().filter(|metric| is_on(metric.name)) {
            fields.extend(metric.fields.iter().map(|f| (format!("{}.{}", metric.name, f.name), f.unit)));
        }
        Ok(Some(Self {
            args,
            keys: Vec::new(),
            items: Vec::new(),
            values: vec![Vec::new(); fields.len()],
            fields,
            groups: Vec::new(),
        }))
    }

    /// Takes what was heard of a file.
    pub fn take(&mut self, file: &str, labels: &[(String, String)], report: &Report, capped_mos: Option<f64>) {
        let label = |name: &str| labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let path = Path::new(file);
        let part = |name: &String| {
            let folder = || Some(same(path).parent()?.file_name()?.to_string_lossy().into_owned());
            let found = label(name).map(str::to_owned);
            found.or_else(|| (name == FOLDER).then(folder).flatten()).unwrap_or_else(|| "-".to_owned())
        };
        let key: Vec<String> = self.args.group_by.iter().map(part).collect();
        let stem = || path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let item = label(&self.args.item).map_or_else(stem, str::to_owned);
        let failed = usize::from(report.worst >= Some(Severity::Error));
        match self.groups.iter_mut().find(|(known, ..)| *known == key) {
            Some((_, files, with_errors)) => (*files, *with_errors) = (*files + 1, *with_errors + failed),
            None => self.groups.push((key.clone(), 1, failed)),
        }
        for ((field, _), values) in self.fields.iter().zip(&mut self.values) {
            let value = report.value(field).and_then(Value::number);
            values.push(if field == CAPPED { capped_mos } else { value });
        }
        self.keys.push(key);
        self.items.push(item);
    }

    /// Whether there is anything to tell.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn column(&self, field: &str) -> Option<(Unit, &[Option<f64>])> {
        let i = self.fields.iter().position(|(key, _)| key == field)?;
        Some((self.fields[i].1, &self.values[i]))
    }

    /// The tables, and the file if one was asked for.
    pub fn end(&self) -> Result<String, Stop> {
        if let Some(path) = &self.args.means {
            self.write(path)?;
        }
        let shown: Vec<Means<'_>> = MAIN
            .iter()
            .filter_map(|key| {
                let (unit, values) = self.column(key)?;
                Some((*key, unit, stats::by_group(&self.keys, values, CONFIDENCE)))
            })
            .filter(|(_, _, groups)| groups.iter().any(|g| g.mean.is_some()))
            .collect();
        let mut header = vec![self.args.group_by.join("/"), "files".to_owned(), "with errors".to_owned()];
        header.extend(shown.iter().map(|(key, ..)| (*key).to_owned()));
        let mut rows = table(&header.iter().map(String::as_str).collect::<Vec<_>>());
        for (i, (key, files, failed)) in self.groups.iter().enumerate() {
            let mut row = vec![bold(&key.join("/")), right(files), right(failed)];
            row.extend(shown.iter().map(|(_, unit, groups)| mean_cell(&groups[i], *unit)));
            rows.add_row(row);
        }
        let mut text = render(&rows);
        let note = " Means over files (so many of them, where some have no value), and how far the true mean may be from them at 95 % (Student's t).";
        text.push_str(&paint(DIM, note));
        text.push('\n');
        if let [first, second] = &self.args.versus[..] {
            text.push('\n');
            text.push_str(&self.versus(first, second)?);
        }
        Ok(text)
    }

    /// Each item counts once for each of the two, by the mean of its files.
    fn pairs(&self, values: &[Option<f64>], first: &str, second: &str) -> (Vec<f64>, Vec<f64>) {
        let of = |wanted: &str| -> Vec<Group<&String>> {
            let mine = self.keys.iter().zip(&self.items).zip(values).filter(|((key, _), _)| key.join("/") == wanted);
            let (items, values): (Vec<&String>, Vec<Option<f64>>) =
                mine.map(|((_, item), value)| (item, *value)).unzip();
            stats::by_group(&items, &values, CONFIDENCE)
        };
        let seconds: HashMap<&String, f64> =
            of(second).into_iter().filter_map(|g| Some((g.key, g.mean?.mean))).collect();
        of(first).into_iter().filter_map(|g| Some((g.mean?.mean, *seconds.get(g.key)?))).unzip()
    }

    fn versus(&self, first: &str, second: &str) -> Result<String, Problem> {
        for group in [first, second] {
            let known: Vec<String> = self.groups.iter().map(|(key, ..)| key.join("/")).collect();
            if !known.contains(&group.to_owned()) {
                let advice = format!("the groups are {}", known.join(", "));
                return Err(Problem::new("--versus", format!("no file is in a group `{group}`"), advice));
            }
        }
        let difference = format!("{first} less {second}");
        let mut rows = table(&["field", "items", &difference, "95 % interval", "p", "unit"]);
        for key in MAIN {
            let Some((unit, values)) = self.column(key) else { continue };
            let (a, b) = self.pairs(values, first, second);
            let Some(found) = stats::paired(&a, &b, CONFIDENCE, RESAMPLES, 0) else { continue };
            let sign = |x: f64| format!("{}{}", if x > 0.0 { "+" } else { "" }, number(x, unit));
            rows.add_row(vec![
                bold(key),
                right(found.count),
                right(sign(found.difference)),
                right(format!("{} to {}", sign(found.interval.0), sign(found.interval.1))),
                right(format!("{:.4}", found.p_value)),
                dim(unit.symbol()),
            ]);
        }
        if rows.is_empty() {
            let what = format!("`{first}` and `{second}` have fewer than two items in common");
            let advice = "give files of the same text the same name, or a label that --item names";
            return Err(Problem::new("--versus", what, advice));
        }
        let note =
            format!(" Items are paired by {}; interval and p by resampling them {RESAMPLES} times.", self.args.item);
        Ok(format!("{}{}\n", render(&rows), paint(DIM, &note)))
    }

    /// In the columns that `Results.summary` has in Python.
    fn write(&self, path: &Path) -> Result<(), Stop> {
        let trouble = |e| Problem::writing_csv(path, e);
        let mut out = csv::Writer::from_path(path).map_err(trouble)?;
        let mut header = self.args.group_by.clone();
        header.extend(["field", "unit", "count", "missing", "mean", "sd", "ci_low", "ci_high"].map(str::to_owned));
        out.write_record(&header).map_err(trouble)?;
        for ((field, unit), values) in self.fields.iter().zip(&self.values) {
            for group in stats::by_group(&self.keys, values, CONFIDENCE) {
                let Some(mean) = group.mean else { continue };
                let mut row = group.key;
                let some = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
                row.extend([
                    field.clone(),
                    unit.symbol().to_owned(),
                    mean.count.to_string(),
                    group.missing.to_string(),
                ]);
                row.extend([mean.mean.to_string(), some(mean.sd)]);
                row.extend([some(mean.interval.map(|i| i.0)), some(mean.interval.map(|i| i.1))]);
                out.write_record(&row).map_err(trouble)?;
            }
        }
        out.flush().map_err(|e| Problem::writing(path, &e))?;
        Ok(())
    }
}

/// `3.412 ± 0.083`, and of how many files where not all of them have a value.
fn mean_cell(group: &Group<Vec<String>>, unit: Unit) -> Cell {
    let Some(mean) = group.mean else { return right("-") };
    let interval = mean.interval.map_or_else(String::new, |(_, high)| format!(" ± {}", number(high - mean.mean, unit)));
    let of = if group.missing > 0 { format!(" ({})", mean.count) } else { String::new() };
    right(format!("{}{interval}{of}", number(mean.mean, unit)))
}
