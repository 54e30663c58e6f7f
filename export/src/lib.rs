//! What Otoscope finds, on its way from a server to the stores people look at: a finished report becomes one flat [record](Record), goes through
//! a ring that never waits into a [spool](Spool) on disk, and from there, by one [cursor](Cursor) each, to [sinks](Sink).
//!
//! ```
//! use otoscope::{Config, Listener, Pcm, Push, StreamSpec};
//! use otoscope_export::{Pump, PumpOptions, Spool, SpoolOptions, Submission, sinks::ndjson::Ndjson};
//! use std::time::Duration;
//!
//! # let folder = tempfile::tempdir()?;
//! # let (spool_folder, file) = (folder.path().join("spool"), folder.path().join("reports.ndjson"));
//! let mut options = SpoolOptions::default();
//! options.attributes = vec![("service.name".to_owned(), "my-tts".to_owned())];
//! let spool = Spool::open(&spool_folder, options)?;
//! let handle = spool.handle();                            // cheap to clone, one for each thread
//!
//! let mut listener = Listener::new(&Config::new(StreamSpec::mono(24_000)).freeze()?);
//! listener.push(Pcm::I16(&[0; 48_000]), Push::CHUNK, |_| ())?;
//! let (report, findings) = listener.finish(|_| ());
//! // On the audio thread: no allocation, no lock, no system call.
//! let attributes = [("gen_ai.speech.voice", "anna")];
//! let unix_ms = 1_700_000_000_000;
//! let id = handle.try_push(Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes })?;
//!
//! assert_eq!(handle.flush(Duration::from_secs(5))?, 1);   // the number of the last record that survives the machine
//! let mut sink = Ndjson::file(&file, u64::MAX, 1);
//! let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default())?;
//! pump.drain(&mut sink, Duration::from_secs(5))?;
//! assert!(std::fs::read_to_string(&file)?.contains(&id.to_string()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! | | |
//! |---|---|
//! | The audio thread | [`Handle::try_push`] never waits. A full ring is counted, and the report is gone. |
//! | `accepted` | In the ring: lost if the process dies. |
//! | `written` | The operating system has it: survives `kill -9`. |
//! | `durable` | Synced, at the latest after [`SpoolOptions::sync_every`]: survives the machine. |
//! | Sinks | Offered everything in order, again after every crash. A sink says whether its store then has it once. |
//! | A full spool | [`Drop`] says what goes; it is counted. |
#![forbid(unsafe_code)]

pub mod config;
mod cursor;
mod id;
mod log;
mod names;
mod patience;
#[cfg(test)]
mod power;
mod reader;
mod record;
mod ring;
pub mod run;
#[cfg(feature = "prometheus")]
mod scrape;
mod segment;
mod sink;
pub mod sinks;
mod spool;
pub mod status;
mod storage;
pub mod verify;

pub use cursor::Cursor;
pub use id::ReportId;
pub use log::{Drop, LogCounters, LogOptions, Repair};
pub use names::{ATTRIBUTES, AUDIO_PREFIX, Attribute, LABEL_PREFIX, to_ecs};
pub use patience::Patience;
pub use reader::Reader;
pub use record::{Envelope, Record, SCHEMA, envelope_of, json_schema};
pub use sink::{Failure, Pump, PumpOptions, Rejected, Sink, Step};
pub use spool::{Full, Handle, Spool, SpoolOptions, SpoolState, Submission, Watermarks};
pub use storage::{Appender, Disk, Storage};
