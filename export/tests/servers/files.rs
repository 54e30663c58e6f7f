//! Stores that need no server: what a process that dies leaves in files.

use crate::harness::{self, Storm, sums};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use otoscope_export::sinks::ndjson::Ndjson;
use otoscope_export::sinks::parquet::{Parquet, ParquetOptions, hours};
use otoscope_export::{ReportId, envelope_of};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER: &str = "OTOSCOPE_FILES";
type Stored = Vec<((ReportId, u32), u32)>;

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("the parent says where"))
}

fn storm(name: &str, pump: &'static str, folder: &Path) -> harness::Truth {
    let environment = vec![(FOLDER.to_owned(), folder.to_str().expect("UTF-8").to_owned())];
    Storm { name, server: None, pump, environment }.run()
}

#[test]
#[ignore = "a child"]
fn pump_parquet() {
    if harness::is_child() {
        let mut options = ParquetOptions::default();
        options.folder = folder();
        // A file is closed often, so that the end comes at all moments of its making.
        options.records = 500;
        options.every = Duration::from_millis(200);
        harness::pump(&mut Parquet::new(options));
    }
}

fn read_parquet(folder: &Path) -> Stored {
    let mut stored = Vec::new();
    for day in fs::read_dir(folder).expect("there") {
        for file in fs::read_dir(day.expect("readable").path()).expect("there") {
            let file = File::open(file.expect("readable").path()).expect("there");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a whole file").build();
            for batch in reader.expect("a reader") {
                let batch = batch.expect("whole");
                let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("{name}"));
                let (ids, digests) = (column("report_id").as_string::<i32>(), column("digest32"));
                let (digests, revs) = (digests.as_primitive::<Int64Type>(), column("rev").as_primitive::<Int64Type>());
                stored.extend((0..batch.num_rows()).map(|i| {
                    let id = ReportId::parse(ids.value(i)).expect("an id");
                    ((id, revs.value(i) as u32), digests.value(i) as u32)
                }));
            }
        }
    }
    stored
}

#[test]
#[ignore = "make test-servers"]
fn no_acknowledged_report_is_lost_or_twice_in_parquet_while_children_are_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = storm("parquet", "files::pump_parquet", folder.path());
    let again = truth.compare(read_parquet(folder.path()).into_iter());
    assert_eq!(again, 0, "each id once");
    assert_eq!(sums(&hours(folder.path()).expect("readable").0), truth.sums());
}

#[test]
#[ignore = "a child"]
fn pump_ndjson() {
    if harness::is_child() {
        harness::pump(&mut Ndjson::file(folder().join("reports.ndjson"), u64::MAX, 1));
    }
}

#[test]
#[ignore = "make test-servers"]
fn no_acknowledged_report_is_lost_in_lines_while_children_are_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = storm("ndjson", "files::pump_ndjson", folder.path());
    let text = fs::read(folder.path().join("reports.ndjson")).expect("there");
    let (mut stored, mut torn) = (Stored::new(), 0);
    for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        match envelope_of(line) {
            Some(envelope) => stored.push(((envelope.id, envelope.rev), envelope.digest32)),
            None => torn += 1,
        }
    }
    let lines = stored.len();
    let again = truth.compare(stored.into_iter());
    eprintln!("ndjson: {lines} lines, {again} of them again, {torn} torn");
    assert!(torn <= truth.child_kills, "each death leaves one half at most");
    assert!(again <= u64::from(truth.child_kills) * 2000, "{again} of {lines}");
}
