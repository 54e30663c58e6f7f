//! Listening: clean speech for false alarms, injected faults for recall, on all cores.

use super::answers::{Known, metric_of, place};
use super::corpus::Voice;
use super::hum;
use super::matching::{Mark, Place, judge};
use crate::{listen_take_with, name};
use otoscope::{Config, Plan, SampleRate, Severity, StreamSpec};
use otoscope_fixtures::faults::{self, FaultError, Truth};
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::take::{Schedule, Take};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Settings as `metric.parameter` and value.
pub type Settings = Vec<(String, String)>;

/// Findings of one kind in clean speech.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raised {
    /// All of them.
    pub all: u32,
    /// Those that are only worth knowing.
    pub info: u32,
    /// Hum of the mains that another measurement finds in the recording, too: no false alarms.
    pub real: u32,
}

/// What came of one fault at one severity in one voice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Faults put in.
    pub injected: u32,
    /// Faults answered.
    pub found: u32,
    /// Answers whose value is not what the truth says; they do not count as found.
    pub wrong_value: u32,
    /// Findings of the same detectors that answer nothing.
    pub alarms: u32,
    /// Warnings and errors of other detectors that the clean take does not have.
    pub others: u32,
    /// Takes the fault does not fit into.
    pub no_place: u32,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.injected += other.injected;
        self.found += other.found;
        self.wrong_value += other.wrong_value;
        self.alarms += other.alarms;
        self.others += other.others;
        self.no_place += other.no_place;
    }
}

/// Everything heard. Voices, rows and severities by their index.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Hours of clean speech and number of files per voice.
    pub clean: BTreeMap<usize, (f64, u32)>,
    /// Findings on clean speech per voice and `metric.kind`.
    pub raised: BTreeMap<(usize, String), Raised>,
    /// Recall per row, severity and voice.
    pub recall: BTreeMap<(usize, usize, usize), Tally>,
    /// Other findings raised by a fault, per row and `metric.kind`, at all severities.
    pub beside: BTreeMap<(usize, String), u32>,
}

impl Heard {
    fn add(&mut self, other: Self) {
        for (voice, (hours, files)) in other.clean {
            let mine = self.clean.entry(voice).or_default();
            *mine = (mine.0 + hours, mine.1 + files);
        }
        for (key, raised) in other.raised {
            let mine = self.raised.entry(key).or_default();
            *mine = Raised { all: mine.all + raised.all, info: mine.info + raised.info, real: mine.real + raised.real };
        }
        for (key, tally) in other.recall {
            self.recall.entry(key).or_default().add(&tally);
        }
        for (key, n) in other.beside {
            *self.beside.entry(key).or_default() += n;
        }
    }

    /// The tallies of a row and a severity over the voices that are wanted.
    pub fn tally(&self, row: usize, severity: usize, wanted: impl Fn(usize) -> bool) -> Tally {
        let mut sum = Tally::default();
        let range = (row, severity, 0)..=(row, severity, usize::MAX);
        self.recall.range(range).filter(|(k, _)| wanted(k.2)).for_each(|(_, t)| sum.add(t));
        sum
    }
}

/// What to do with how much.
pub struct Task<'a> {
    /// The voices.
    pub voices: &'a [Voice],
    /// The faults.
    pub rows: &'a [Known],
    /// Changes to the defaults.
    pub settings: &'a Settings,
    /// How many files of a voice are damaged.
    pub takes_per_voice: usize,
}

/// Listens to everything.
///
/// # Panics
/// If a file cannot be read or a setting is not one.
#[must_use]
pub fn hear(task: &Task<'_>) -> Heard {
    let jobs = jobs(task);
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Heard::default()));
    let work = || {
        let mut ears = Ears { settings: task.settings, plans: BTreeMap::new() };
        let mut heard = Heard::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            one_file(task, job, &mut ears, &mut heard);
            progress(at + 1, jobs.len());
        }
        sum.lock().expect("no listener panicked").add(heard);
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    sum.into_inner().expect("no listener panicked")
}

/// One file to listen to.
struct Job {
    voice: usize,
    file: usize,
    /// Faults are put into it.
    damaged: bool,
}

/// Every file, those that are damaged spread evenly over the voice. The long jobs first, so that no core is left with them.
fn jobs(task: &Task<'_>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (voice, v) in task.voices.iter().enumerate() {
        let chosen = chosen(v.files.len(), task.takes_per_voice);
        jobs.extend((0..v.files.len()).map(|file| Job { voice, file, damaged: chosen.contains(&file) }));
    }
    jobs.sort_by_key(|job| !job.damaged);
    jobs
}

/// `n` of `len` indices, evenly spread.
#[must_use]
pub fn chosen(len: usize, n: usize) -> Vec<usize> {
    (0..n.min(len)).map(|k| k * len / n.min(len)).collect()
}

fn progress(done: usize, all: usize) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r{done} of {all} files ");
        if done == all {
            let _ = writeln!(err);
        }
    } else if done.is_multiple_of(all.div_ceil(10)) {
        let _ = writeln!(err, "{done} of {all} files");
    }
}

struct Ears<'a> {
    settings: &'a Settings,
    plans: BTreeMap<u32, Plan>,
}

impl Ears<'_> {
    fn plan(&mut self, rate_hz: u32) -> &Plan {
        self.plans.entry(rate_hz).or_insert_with(|| {
            let mut config = Config::new(StreamSpec::mono(rate_hz));
            for (key, value) in self.settings {
                config.set(key, value.as_str()).unwrap_or_else(|e| panic!("{key}={value}: {e}"));
            }
            config.freeze().expect("a stream a probe accepts")
        })
    }

    fn listen(&mut self, take: &Take) -> Vec<(Mark, Severity)> {
        let heard = listen_take_with(self.plan(take.sample_rate_hz), take);
        let mark = |f: &otoscope::Finding| Mark { name: name(f), range: f.start_sample..f.end_sample, value: f.value };
        heard.findings.iter().map(|f| (mark(f), f.severity)).collect()
    }
}

/// Chunks of odd lengths, so that edges fall everywhere.
fn chunked(take: Take, pace: f64, rng: &mut Rng) -> Take {
    take.chunked(20.0 + rng.unit() * 180.0, &Schedule::real_time(pace)).expect("a take with samples")
}

fn one_file(task: &Task<'_>, job: &Job, ears: &mut Ears<'_>, heard: &mut Heard) {
    let voice = &task.voices[job.voice];
    let path = &voice.files[job.file];
    let raw = voice.take(job.file);
    if raw.samples.is_empty() {
        return;
    }
    let seed = format!("{}/{}", voice.name, path.file_name().unwrap_or_default().to_string_lossy());
    let cut = |take: Take, pace: f64| chunked(take, pace, &mut Rng::named(1, &seed));
    let clean = ears.listen(&cut(raw.clone(), 0.95));
    let (hours, files) = heard.clean.entry(job.voice).or_default();
    *hours += raw.duration_s() / 3600.0;
    *files += 1;
    for (mark, severity) in &clean {
        let raised = heard.raised.entry((job.voice, mark.name.clone())).or_default();
        raised.all += 1;
        raised.info += u32::from(*severity == Severity::Info);
        let real = mark.name == "tone.hum" && hum::is_real(&raw, mark.range.start, mark.range.end, mark.value);
        raised.real += u32::from(real);
    }
    if !job.damaged {
        return;
    }
    // A long take costs as much as many: fewer of them.
    let rarely = chosen(voice.files.len(), task.takes_per_voice.div_ceil(4)).contains(&job.file);
    for (r, known) in task.rows.iter().enumerate() {
        let wants_long = known.row.least_s > 0.0;
        if wants_long && !rarely || known.row.wants_text && raw.text.is_none() {
            continue;
        }
        let long = wants_long.then(|| voice.long_take(job.file, known.row.least_s));
        let long_clean = long.as_ref().map(|take| ears.listen(&cut(take.clone(), 0.95)));
        let (raw, clean) = (long.as_ref().unwrap_or(&raw), long_clean.as_ref().unwrap_or(&clean));
        for (s, severity) in known.severities().into_iter().enumerate() {
            let mut tally = Tally::default();
            match damage(known, raw, severity, job.file as u64, |take| cut(take, known.row.pace)) {
                None => tally.no_place += 1,
                Some(Damaged { take, truth, lowered }) => {
                    let lowered = lowered.map(|lower| ears.listen(&cut(lower, 0.95)));
                    let clean = lowered.as_ref().unwrap_or(clean);
                    compare(known, &take, &truth, clean, ears, &mut tally, |kind| {
                        *heard.beside.entry((r, kind.to_owned())).or_default() += 1;
                    });
                }
            }
            heard.recall.entry((r, s, job.voice)).or_default().add(&tally);
        }
    }
}

/// A take with a fault in it.
pub struct Damaged {
    /// The take.
    pub take: Take,
    /// What was done to it.
    pub truth: Vec<Truth>,
    /// The take before, if it had to be turned down to make room.
    pub lowered: Option<Take>,
}

/// Puts a fault into a take, turned down first where the fault needs room. `None` if it does not fit, or gives a rate that no
/// probe takes.
pub fn damage(known: &Known, raw: &Take, severity: f64, seed: u64, cut: impl Fn(Take) -> Take) -> Option<Damaged> {
    inject(known, raw, severity, seed, cut).filter(|d| (8_000..=192_000).contains(&d.take.sample_rate_hz))
}

fn inject(known: &Known, raw: &Take, severity: f64, seed: u64, cut: impl Fn(Take) -> Take) -> Option<Damaged> {
    /// A take turned down further than this would be another one.
    const MOST_DB: f64 = 20.0;
    let mut take = cut(raw.clone());
    match faults::inject(known.row.fault, &mut take, Some(severity), seed) {
        // A label below what a probe accepts is answered with an error, not a finding.
        Ok(_) if SampleRate::new(take.sample_rate_hz).is_err() => None,
        Ok(truth) => Some(Damaged { take, truth, lowered: None }),
        Err(FaultError::NoHeadroom { missing_db, .. }) if missing_db <= MOST_DB => {
            let lower = raw.clone().gained(-(missing_db + 0.1));
            let mut take = cut(lower.clone());
            let truth = faults::inject(known.row.fault, &mut take, Some(severity), seed).ok()?;
            Some(Damaged { take, truth, lowered: Some(lower) })
        }
        Err(_) => None,
    }
}

fn compare(
    known: &Known,
    take: &Take,
    truth: &[Truth],
    clean: &[(Mark, Severity)],
    ears: &mut Ears<'_>,
    tally: &mut Tally,
    mut beside: impl FnMut(&str),
) {
    let all = ears.listen(take);
    let config = ears.plan(take.sample_rate_hz).config().clone();
    let metrics = known.metrics();
    // An info counts as an alarm only where it would count as an answer.
    let counts = |m: &Mark, s: Severity| s > Severity::Info || known.answers(&m.name);
    let own = |m: &Mark| metrics.contains(&metric_of(&m.name));
    let choose = |from: &[(Mark, Severity)], mine: bool| -> Vec<Mark> {
        from.iter().filter(|(m, s)| own(m) == mine && counts(m, *s)).map(|(m, _)| m.clone()).collect()
    };
    let clean: Vec<(Mark, Severity)> = clean.iter().map(|(m, s)| (moved(m, truth), *s)).collect();
    let places: Vec<Place> = truth.iter().map(place).collect();
    let marks = choose(&all, true);
    let answers = |_: &Place, m: &Mark| known.answers(&m.name);
    let verdict = judge(&places, known.row.shape, &marks, answers, &choose(&clean, true), take.sample_rate_hz);
    for (t, answer) in truth.iter().zip(&verdict.answers) {
        tally.injected += 1;
        let Some(m) = answer else { continue };
        let right = known.row.worth.is_none_or(|worth| {
            let (value, tolerance) = worth(take, t, &config);
            (marks[*m].value - value).abs() <= tolerance
        });
        if right {
            tally.found += 1;
        } else {
            tally.wrong_value += 1;
        }
    }
    tally.alarms += verdict.alarms.len() as u32;
    let others = choose(&all, false);
    let strange = judge(&[], known.row.shape, &others, |_, _| false, &choose(&clean, false), take.sample_rate_hz);
    tally.others += strange.alarms.len() as u32;
    verdict.alarms.iter().for_each(|&m| beside(&marks[m].name));
    strange.alarms.iter().for_each(|&m| beside(&others[m].name));
}

/// A finding of the clean take where it would be in the damaged one, in which samples were put in or taken out.
fn moved(mark: &Mark, truth: &[Truth]) -> Mark {
    let go = |at: u64| {
        truth.iter().fold(at, |at, t| {
            let n = t.shift_samples.unsigned_abs();
            if t.shift_samples < 0 {
                at.min(t.start_sample).max(at.saturating_sub(n))
            } else if at >= t.start_sample {
                at + n
            } else {
                at
            }
        })
    };
    Mark { range: go(mark.range.start)..go(mark.range.end), ..mark.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_files_are_spread() {
        assert_eq!(chosen(10, 3), [0, 3, 6]);
        assert_eq!(chosen(2, 12), [0, 1]);
        assert!(chosen(0, 12).is_empty());
    }

    #[test]
    fn clean_findings_move_with_what_was_put_in() {
        let mut take = Take::new(8000, otoscope_fixtures::signals::speech_like(8000, 3.0, 1));
        let truth = faults::inject("silence", &mut take, Some(1.0), 1).expect("speech with a pause");
        let at = truth[0].start_sample;
        let mark = |start| Mark { name: "a.b".into(), range: start..start + 1, value: 0.0 };
        assert_eq!(moved(&mark(at - 1), &truth).range.start, at - 1);
        assert_eq!(
            moved(&mark(at), &truth).range.start,
            at + 8000,
            "what stood at the place comes after what was put in"
        );
    }
}
