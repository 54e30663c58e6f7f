//! Parquet files, one folder a day: `day=2026-11-26/0-00000000000000000001-00000000000000002000.parquet`. The store of one machine: DuckDB, pandas,
//! polars and Spark read the folder as it is.
//!
//! Exactly once: a file is named after the spool and the numbers of its first and last record, and appears whole (written, synced, renamed). On start
//! the files that are there decide where to go on, whatever the cursor says. Records are cut into files where the day changes, in their order.
//!
//! Small files of a day are put together when nothing else is to do: the larger file appears first, then the small ones go. Whoever reads in
//! just that moment sees both; a crash there is mended at the next start.

use crate::id::ReportId;
use crate::names::LABEL_PREFIX;
use crate::record::{Envelope, Record, json_schema, timestamp};
use crate::sink::{Failure, PumpOptions, Rejected, Sink};
use crate::verify::{Counted, Counter};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where, and how large.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ParquetOptions {
    /// The folder of the days.
    pub folder: PathBuf,
    /// A file is begun after so many records,
    pub records: usize,
    /// or when the first of them has waited so long.
    pub every: Duration,
    /// Files below this size are put together.
    pub compact_bytes: u64,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self { folder: "reports".into(), records: 20_000, every: Duration::from_secs(60), compact_bytes: 32 << 20 }
    }
}

/// So many small files of a day are left alone.
const FEW: usize = 8;

/// See the module.
pub struct Parquet {
    options: ParquetOptions,
    schema: Arc<Schema>,
    /// The spool that is delivered.
    spool: String,
}

/// One file, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    path: PathBuf,
    from: u64,
    to: u64,
    bytes: u64,
}

impl Parquet {
    /// A sink for the files of one spool.
    #[must_use]
    pub fn new(options: ParquetOptions) -> Self {
        Self { options, schema: Arc::new(schema()), spool: "0".to_owned() }
    }

    /// The files of one day, or of all if it is none, in the order of their records.
    fn parts(&self, day: &Path) -> io::Result<Vec<Part>> {
        let mut found = Vec::new();
        if !day.exists() {
            return Ok(found);
        }
        for entry in fs::read_dir(day)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let numbers = name.strip_suffix(".parquet").and_then(|n| n.strip_prefix(&format!("{}-", self.spool)));
            let Some((from, to)) = numbers.and_then(|n| n.split_once('-')) else { continue };
            if let (Ok(from), Ok(to)) = (from.parse(), to.parse()) {
                found.push(Part { path: entry.path(), from, to, bytes: entry.metadata()?.len() });
            }
        }
        found.sort_by_key(|part| (part.from, std::cmp::Reverse(part.to)));
        Ok(found)
    }

    fn days(&self) -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(&self.options.folder)?;
        let mut days = Vec::new();
        for entry in fs::read_dir(&self.options.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("day=") {
                days.push(entry.path());
            }
        }
        days.sort();
        Ok(days)
    }

    /// Removes what a crash left: files that were never finished, and small ones whose records are in a larger one.
    fn mend(&self) -> io::Result<u64> {
        let mut next = 1;
        for day in self.days()? {
            for entry in fs::read_dir(&day)? {
                let path = entry?.path();
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                if name.starts_with(&format!("{}-", self.spool)) && name.ends_with(".new") {
                    fs::remove_file(path)?;
                }
            }
            let mut covered = 0;
            for part in self.parts(&day)? {
                if part.to <= covered {
                    fs::remove_file(&part.path)?;
                }
                covered = covered.max(part.to);
                next = next.max(part.to + 1);
            }
        }
        Ok(next)
    }

    /// Writes one file, whole or not at all.
    fn write(
        &self,
        day: &Path,
        from: u64,
        to: u64,
        batches: impl Iterator<Item = io::Result<RecordBatch>>,
    ) -> io::Result<()> {
        let is_new = !day.exists();
        fs::create_dir_all(day)?;
        let path = day.join(format!("{}-{from:020}-{to:020}.parquet", self.spool));
        let temporary = path.with_extension("new");
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = File::create(&temporary)?;
        let mut writer =
            ArrowWriter::try_new(file, Arc::clone(&self.schema), Some(properties)).map_err(io::Error::other)?;
        for batch in batches {
            writer.write(&batch?).map_err(io::Error::other)?;
        }
        let file = writer.into_inner().map_err(io::Error::other)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(day)?.sync_all()?;
        // The name of the day's folder too.
        if is_new { File::open(&self.options.folder)?.sync_all() } else { Ok(()) }
    }

    /// Puts small files of each day together.
    fn compact(&self) -> io::Result<()> {
        for day in self.days()? {
            let small: Vec<Part> =
                self.parts(&day)?.into_iter().filter(|part| part.bytes < self.options.compact_bytes).collect();
            if small.len() <= FEW {
                continue;
            }
            let mut group: Vec<Part> = Vec::new();
            for part in small {
                // Only what stands side by side: between two files of one day may be a file of another, and a name is a range.
                let follows = group.last().is_none_or(|last| !self.has_between(&day, last.to, part.from));
                let total: u64 = group.iter().map(|p| p.bytes).sum();
                if !follows || total >= self.options.compact_bytes {
                    self.merge(&day, &std::mem::take(&mut group))?;
                }
                group.push(part);
            }
            self.merge(&day, &group)?;
        }
        Ok(())
    }

    /// Whether a file of this day lies between two numbers.
    fn has_between(&self, day: &Path, after: u64, before: u64) -> bool {
        self.parts(day).is_ok_and(|parts| parts.iter().any(|p| p.from > after && p.to < before))
    }

    fn merge(&self, day: &Path, group: &[Part]) -> io::Result<()> {
        let [first, .., last] = group else { return Ok(()) };
        let mut readers = Vec::new();
        for part in group {
            let file = File::open(&part.path)?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(io::Error::other)?;
            // Files of an older library lack columns of this one: they stay as they are.
            if builder.schema().fields() != self.schema.fields() {
                return Ok(());
            }
            readers.push(builder.build().map_err(io::Error::other)?);
        }
        let schema = Arc::clone(&self.schema);
        let batches = readers.into_iter().flatten().map(move |batch| {
            let batch = batch.map_err(io::Error::other)?;
            RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).map_err(io::Error::other)
        });
        self.write(day, first.from, last.to, batches)?;
        for part in group {
            fs::remove_file(&part.path)?;
        }
        Ok(())
    }

    fn batch(&self, rows: &[Value]) -> io::Result<RecordBatch> {
        let mut decoder = ReaderBuilder::new(Arc::clone(&self.schema))
            .with_batch_size(rows.len())
            .build_decoder()
            .map_err(io::Error::other)?;
        decoder.serialize(rows).map_err(io::Error::other)?;
        decoder.flush().map_err(io::Error::other)?.ok_or_else(|| io::Error::other("a batch of no records"))
    }

    /// A record with its labels in a map, and what this library does not know in `other`; `None` if it is no JSON object.
    fn row(&self, record: &Record) -> Option<Value> {
        let object: Map<String, Value> = serde_json::from_slice(&record.json).ok()?;
        let (mut row, mut labels, mut other) = (Map::new(), Map::new(), Map::new());
        for (name, value) in object {
            match name.strip_prefix(LABEL_PREFIX) {
                Some(label) => drop(labels.insert(label.to_owned(), value)),
                None if self.schema.column_with_name(&name).is_some() => drop(row.insert(name, value)),
                None => drop(other.insert(name, value)),
            }
        }
        if !labels.is_empty() {
            row.insert("labels".to_owned(), labels.into());
        }
        if !other.is_empty() {
            row.insert("other".to_owned(), Value::from(other).to_string().into());
        }
        Some(row.into())
    }
}

fn day_of(record: &Record) -> String {
    format!("day={}", &timestamp(record.envelope.unix_ms)[..10])
}

impl Sink for Parquet {
    fn name(&self) -> &str {
        "parquet"
    }

    fn takes_replays(&self) -> bool {
        false
    }

    fn pump_options(&self) -> PumpOptions {
        PumpOptions {
            batch: self.options.records,
            batch_bytes: 256 << 20,
            linger: self.options.every,
            ..PumpOptions::default()
        }
    }

    fn begin(&mut self, spool: &str) -> Result<Option<u64>, Failure> {
        spool.clone_into(&mut self.spool);
        self.mend().map(Some).map_err(|e| self.failure(&e))
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        let (mut done, mut rejected) = (0, Vec::new());
        // One file for each stretch of one day.
        for run in batch.chunk_by(|a, b| day_of(a) == day_of(b)) {
            let (mut rows, mut indices) = (Vec::new(), Vec::new());
            for (index, record) in (done..).zip(run) {
                match self.row(record) {
                    Some(row) => {
                        rows.push(row);
                        indices.push(index);
                    }
                    None => rejected.push(Rejected { index, reason: "it is no JSON object".to_owned() }),
                }
            }
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                let day = self.options.folder.join(day_of(first));
                let written = self.batch_or_rejected(rows, &indices, &mut rejected).and_then(|batch| match batch {
                    Some(batch) => self.write(&day, first.seq, last.seq, std::iter::once(Ok(batch))),
                    None => Ok(()),
                });
                if let Err(error) = written {
                    rejected.retain(|r| r.index < done);
                    let Failure::Later { reason, .. } = self.failure(&error) else { return Err(self.failure(&error)) };
                    return Err(Failure::Later { done, rejected, reason });
                }
            }
            done += run.len();
        }
        rejected.sort_by_key(|r| r.index);
        Ok(rejected)
    }

    fn idle(&mut self) -> Result<(), Failure> {
        self.compact().map_err(|e| self.failure(&e))
    }
}

impl Parquet {
    /// The records as columns; what does not fit the columns' types is refused, one by one.
    fn batch_or_rejected(
        &self,
        rows: Vec<Value>,
        indices: &[usize],
        rejected: &mut Vec<Rejected>,
    ) -> io::Result<Option<RecordBatch>> {
        if rows.is_empty() {
            return Ok(None);
        }
        if let Ok(batch) = self.batch(&rows) {
            return Ok(Some(batch));
        }
        let mut good = Vec::new();
        for (row, &index) in rows.into_iter().zip(indices) {
            match self.batch(std::slice::from_ref(&row)) {
                Ok(_) => good.push(row),
                Err(error) => rejected.push(Rejected { index, reason: error.to_string() }),
            }
        }
        if good.is_empty() { Ok(None) } else { self.batch(&good).map(Some) }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let text = format!("{}: {error}", self.options.folder.display());
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotADirectory => {
                Failure::Stop(format!("{text}; give the exporter a folder it may write to"))
            }
            _ => Failure::later(text),
        }
    }
}

/// The number and the digests of the records in a folder, for each hour; each id and revision once.
///
/// # Errors
/// What the operating system answers, or a file is no Parquet.
pub fn hours(folder: &Path) -> io::Result<Counted> {
    let mut counter = Counter::default();
    for day in fs::read_dir(folder)? {
        let day = day?.path();
        if !day.is_dir() {
            continue;
        }
        for file in fs::read_dir(day)? {
            let path = file?.path();
            if path.extension().is_none_or(|e| e != "parquet") {
                continue;
            }
            let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?).map_err(io::Error::other)?;
            let names = ["report_id", "rev", "digest32", "@timestamp"];
            let wanted = ProjectionMask::columns(builder.parquet_schema(), names);
            for batch in builder.with_projection(wanted).build().map_err(io::Error::other)? {
                let batch = batch.map_err(io::Error::other)?;
                let column = |name: &str| batch.column_by_name(name).ok_or_else(|| io::Error::other("it is no report"));
                let (ids, times) = (column("report_id")?, column("@timestamp")?);
                let (revs, digests) = (column("rev")?, column("digest32")?);
                for i in 0..batch.num_rows() {
                    let envelope = Envelope {
                        id: ReportId::parse(ids.as_string::<i32>().value(i)).unwrap_or_default(),
                        rev: revs.as_primitive::<Int64Type>().value(i) as u32,
                        unix_ms: times.as_primitive::<TimestampMillisecondType>().value(i) as u64,
                        digest32: digests.as_primitive::<Int64Type>().value(i) as u32,
                    };
                    counter.add(&envelope);
                }
            }
        }
    }
    Ok(counter.counted())
}

/// The columns: the record's schema, with its descriptions.
fn schema() -> Schema {
    let utc: Arc<str> = "+00:00".into();
    let finding = |name: &str, kind: DataType| Field::new(name, kind, true);
    let findings = Fields::from(vec![
        finding("metric", DataType::Utf8),
        finding("kind", DataType::Utf8),
        finding("severity", DataType::Utf8),
        finding("start_s", DataType::Float64),
        finding("end_s", DataType::Float64),
        finding("value", DataType::Float64),
        finding("threshold", DataType::Float64),
        finding("channel_mask", DataType::Int64),
        finding("chunk", DataType::Int64),
    ]);
    let list = |item: DataType| DataType::List(Arc::new(Field::new("item", item, true)));
    let json = json_schema();
    let mut fields = Vec::new();
    for (name, about) in json["properties"].as_object().into_iter().flatten() {
        let kind = match (&**name, about["type"].as_str()) {
            ("@timestamp", _) => DataType::Timestamp(TimeUnit::Millisecond, Some(Arc::clone(&utc))),
            ("findings", _) => list(DataType::Struct(findings.clone())),
            (_, Some("array")) => list(DataType::Utf8),
            (_, Some("integer")) => DataType::Int64,
            (_, Some("number")) => DataType::Float64,
            (_, Some("boolean")) => DataType::Boolean,
            _ => DataType::Utf8,
        };
        let doc = about["description"].as_str().unwrap_or_default().to_owned();
        fields.push(Field::new(name, kind, true).with_metadata(HashMap::from([("description".to_owned(), doc)])));
    }
    let entry =
        Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)]);
    let entries = Arc::new(Field::new("entries", DataType::Struct(entry), false));
    fields.push(Field::new("labels", DataType::Map(entries, false), true));
    fields.push(Field::new("other", DataType::Utf8, true));
    Schema::new(fields)
}
