//! Every spool of a folder to every sink, each on a thread of its own, until somebody says stop.

use crate::config::{ConfigError, ExportConfig, Factory};
use crate::sink::{Pump, Sink, Step};
use crate::status::{SinkStatus, status_file};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a pump sleeps when there is nothing to deliver.
const NAP: Duration = Duration::from_millis(50);
/// New spools are looked for this often.
const LOOK: Duration = Duration::from_secs(2);
/// When nothing came for so long, a sink may close what it keeps open.
const IDLE: Duration = Duration::from_secs(10);
/// What somebody has to change is tried again after this time.
const STOPPED: Duration = Duration::from_secs(60);

/// The folders of writers below a spool's folder, in their order.
///
/// # Errors
/// What the operating system answers.
pub fn spools(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<u32>().ok());
        if let (Some(number), true) = (number, path.is_dir()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The running exporters.
pub struct Exporters {
    sinks: Vec<&'static str>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporters {
    /// Starts everything a configuration names. `tell` hears what people should know: a store that does not answer, and that it does again.
    ///
    /// # Errors
    /// The configuration makes no sense.
    pub fn start(config: &ExportConfig, tell: impl Fn(&str) + Send + Sync + 'static) -> Result<Self, ConfigError> {
        let factories: Vec<Arc<Factory>> = config.factories()?.into_iter().map(Arc::new).collect();
        let sinks = factories.iter().map(|factory| factory.name).collect();
        let (folder, stop) = (config.spool.folder.clone(), Arc::new(AtomicBool::new(false)));
        let (stopped, tell) = (Arc::clone(&stop), Arc::new(tell));
        let look = move || {
            let mut threads: HashMap<(PathBuf, &'static str), JoinHandle<()>> = HashMap::new();
            let mut looked: Option<Instant> = None;
            while !stopped.load(Ordering::Acquire) {
                if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                    looked = Some(Instant::now());
                    for spool in spools(&folder).unwrap_or_default() {
                        for factory in &factories {
                            threads.entry((spool.clone(), factory.name)).or_insert_with(|| {
                                let (spool, factory) = (spool.clone(), Arc::clone(factory));
                                let (stopped, tell) = (Arc::clone(&stopped), Arc::clone(&tell));
                                std::thread::spawn(move || pump(&spool, &factory, &stopped, &*tell))
                            });
                        }
                    }
                }
                std::thread::sleep(NAP);
            }
            for thread in threads.into_values() {
                let _ = thread.join();
            }
        };
        let thread = std::thread::Builder::new().name("otoscope-export".to_owned()).spawn(look);
        let thread = thread.map_err(|e| ConfigError(format!("no thread can be started: {e}")))?;
        Ok(Self { sinks, stop, thread: Some(thread) })
    }

    /// The names of the sinks it delivers to.
    #[must_use]
    pub fn sinks(&self) -> &[&'static str] {
        &self.sinks
    }

    /// Ends all pumps after the batch they are at, and waits for them.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Exporters {
    fn drop(&mut self) {
        self.end();
    }
}

fn sleep(time: Duration, stop: &AtomicBool) {
    let start = Instant::now();
    while start.elapsed() < time && !stop.load(Ordering::Acquire) {
        std::thread::sleep(NAP.min(time));
    }
}

/// One spool to one sink.
fn pump(spool: &Path, factory: &Factory, stop: &AtomicBool, tell: &(dyn Fn(&str) + Send + Sync)) {
    let mut trouble = Trouble { sink: factory.name, spool, tell, status: SinkStatus::default(), reason: None };
    while !stop.load(Ordering::Acquire) {
        let opened = (factory.make)().and_then(|mut sink| {
            let options = sink.pump_options();
            Pump::open(spool, &mut *sink, options).map(|pump| (sink, pump))
        });
        match opened {
            Ok((mut sink, mut pump)) => {
                if let Err(error) = deliver(&mut pump, &mut *sink, stop, &mut trouble) {
                    // The spool's own side: read or written again from the start.
                    trouble.begins("stopped", &error.to_string());
                    sleep(Duration::from_secs(1), stop);
                }
            }
            Err(error) => {
                trouble.begins("stopped", &error.to_string());
                sleep(Duration::from_secs(5), stop);
            }
        }
    }
}

fn deliver(
    pump: &mut Pump<crate::storage::Disk>,
    sink: &mut dyn Sink,
    stop: &AtomicBool,
    trouble: &mut Trouble<'_>,
) -> io::Result<()> {
    let (mut idle_since, mut told_idle): (Option<Instant>, bool) = (None, false);
    while !stop.load(Ordering::Acquire) {
        match pump.step(sink)? {
            Step::Delivered(count) => {
                trouble.ends(count);
                (idle_since, told_idle) = (None, false);
            }
            Step::Nothing => {
                let since = *idle_since.get_or_insert_with(Instant::now);
                // Once, until something comes again.
                if !told_idle && since.elapsed() >= IDLE {
                    told_idle = true;
                    let _ = sink.idle();
                }
                trouble.rests();
                std::thread::sleep(NAP);
            }
            Step::Waiting(reason, wait) => {
                trouble.begins("waiting", &reason);
                sleep(wait, stop);
            }
            Step::Stopped(reason) => {
                trouble.begins("stopped", &reason);
                sleep(STOPPED, stop);
            }
        }
    }
    // What waits for more is not held back by an end.
    match pump.drain(sink, Duration::ZERO) {
        Ok(_) => Ok(()),
        Err(error) => {
            trouble.begins("waiting", &error.to_string());
            Ok(())
        }
    }
}

/// What goes wrong, told once when it begins and once when it is over, and left in a file for `status`.
struct Trouble<'a> {
    sink: &'static str,
    spool: &'a Path,
    tell: &'a (dyn Fn(&str) + Send + Sync),
    status: SinkStatus,
    reason: Option<String>,
}

impl Trouble<'_> {
    fn begins(&mut self, state: &str, reason: &str) {
        if self.reason.as_deref() != Some(reason) {
            (self.tell)(&format!("{} (spool {}): {reason}", self.sink, self.spool.display()));
            self.reason = Some(reason.to_owned());
        }
        self.leave(state, Some(reason));
    }

    fn ends(&mut self, count: usize) {
        if self.reason.take().is_some() {
            (self.tell)(&format!("{} (spool {}): delivers again, {count} records", self.sink, self.spool.display()));
        }
        self.leave("delivering", None);
    }

    fn rests(&mut self) {
        if self.reason.is_none() {
            self.leave("idle", None);
        }
    }

    fn leave(&mut self, state: &str, reason: Option<&str>) {
        let status = SinkStatus { state: state.to_owned(), reason: reason.map(str::to_owned) };
        if status != self.status {
            // Only for people to look at.
            let _ = std::fs::write(
                self.spool.join(status_file(self.sink)),
                serde_json::to_string(&status).unwrap_or_default(),
            );
            self.status = status;
        }
    }
}
