//! Parquet files: whole, by day, once, and readable by others.
#![cfg(feature = "parquet")]

mod common;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use common::records;
use otoscope_export::sinks::parquet::{Parquet, ParquetOptions};
use otoscope_export::{Failure, PumpOptions, Record, Sink};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const DAY_MS: u64 = 86_400_000;

fn sink(folder: &Path) -> Parquet {
    let mut options = ParquetOptions::default();
    options.folder = folder.to_owned();
    Parquet::new(options)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for day in fs::read_dir(folder).expect("there") {
        let day = day.expect("readable").path();
        found.extend(fs::read_dir(day).expect("there").map(|f| f.expect("readable").path()));
    }
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).iter().map(|f| f.strip_prefix(folder).expect("inside").display().to_string()).collect()
}

/// Every record of every file by its id: loudness, number of findings, stream.
fn read(folder: &Path) -> BTreeMap<String, (f64, usize, String)> {
    let mut all = BTreeMap::new();
    for path in files(folder) {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("there")).expect("Parquet").build();
        for batch in reader.expect("a reader") {
            let batch = batch.expect("whole");
            let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("{name}"));
            for i in 0..batch.num_rows() {
                let id = column("report_id").as_string::<i32>().value(i).to_owned();
                let loudness = column("tts.audio.loudness.integrated_lufs").as_primitive::<Float64Type>().value(i);
                let findings = column("findings").as_list::<i32>().value_length(i) as usize;
                let stream = column("tts.stream.id").as_string::<i32>().value(i).to_owned();
                assert_eq!(column("tts.audio.samples").as_primitive::<Int64Type>().value(i), 48_000);
                assert!(all.insert(id, (loudness, findings, stream)).is_none(), "each once");
            }
        }
    }
    all
}

#[test]
fn records_are_cut_where_the_day_changes_and_are_all_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut batch = records(6);
    for record in &mut batch[4..] {
        record.envelope.unix_ms += DAY_MS;
    }
    assert_eq!(sink(folder.path()).deliver(&batch), Ok(Vec::new()));
    let name = |day: &str, from: u64, to: u64| format!("day=2023-11-{day}/0-{from:020}-{to:020}.parquet");
    assert_eq!(names(folder.path()), [name("14", 1, 4), name("15", 5, 6)]);
    let all = read(folder.path());
    for (n, record) in batch.iter().enumerate() {
        let json: serde_json::Value = serde_json::from_slice(&record.json).expect("JSON");
        let (loudness, findings, stream) = &all[&record.envelope.id.to_string()];
        assert_eq!(json["tts.audio.loudness.integrated_lufs"].as_f64(), Some(*loudness));
        assert_eq!(json["findings"].as_array().map(Vec::len), Some(*findings));
        assert_eq!(*stream, n.to_string());
    }
}

#[test]
fn the_files_decide_where_to_go_on_and_a_crash_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let batch = records(9);
    let mut first = sink(folder.path());
    assert_eq!(first.begin("0"), Ok(Some(1)));
    assert_eq!(first.deliver(&batch[..5]), Ok(Vec::new()));
    // What a crash leaves: a file that was not finished, and a small one that is in a larger one.
    let whole = files(folder.path()).remove(0);
    fs::write(whole.with_file_name("0-x.new"), "half").expect("writable");
    fs::copy(&whole, whole.with_file_name(format!("0-{:020}-{:020}.parquet", 2, 3))).expect("writable");
    let mut again = sink(folder.path());
    assert_eq!(again.begin("0"), Ok(Some(6)));
    assert_eq!(names(folder.path()).len(), 1);
    assert_eq!(again.deliver(&batch[5..]), Ok(Vec::new()));
    assert_eq!(read(folder.path()).len(), 9);
    assert_eq!(sink(folder.path()).begin("1"), Ok(Some(1)), "another spool's files are not its own");
    assert!(sink(folder.path()).pump_options().batch > PumpOptions::default().batch);
}

#[test]
fn small_files_are_put_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut batch = records(24);
    // Another day in the middle: files beside each other only.
    batch[12].envelope.unix_ms += DAY_MS;
    let mut sink = sink(folder.path());
    assert_eq!(sink.begin("0"), Ok(Some(1)));
    for record in batch.chunks(1) {
        assert_eq!(sink.deliver(record), Ok(Vec::new()));
    }
    let before = read(folder.path());
    assert_eq!((before.len(), files(folder.path()).len()), (24, 24));
    assert_eq!(sink.idle(), Ok(()));
    assert_eq!(read(folder.path()), before);
    assert!(files(folder.path()).len() <= 3, "{:?}", names(folder.path()));
    assert_eq!(sink.begin("0"), Ok(Some(25)));
}

#[test]
fn what_does_not_fit_the_columns_is_refused_alone_and_a_forbidden_folder_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut batch = records(4);
    let text = String::from_utf8(batch[1].json.clone()).expect("UTF-8");
    batch[1].json = text.replace("\"tts.audio.channels\":1", "\"tts.audio.channels\":\"one\"").into_bytes();
    batch[2] = Record { json: b"[]".to_vec(), ..batch[2].clone() };
    let rejected = sink(folder.path()).deliver(&batch).expect("delivered");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(read(folder.path()).len(), 2);
    let file = folder.path().join("a file");
    fs::write(&file, "").expect("writable");
    let refused = sink(&file.join("below")).deliver(&batch[..1]);
    assert!(matches!(&refused, Err(Failure::Stop(why)) if why.contains("a file")), "{refused:?}");
}
