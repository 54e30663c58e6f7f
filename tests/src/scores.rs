//! The P.862 scores against those of its oracles: `fixtures/golden/pesq/golden.csv`, made by `make.py` beside it.

use crate::digest_of_codes;
use crate::docs::root;
use otoscope::compare::p862::{Context, Edition, Mode, Model};
use otoscope_fixtures::pairs::{Set, conditions};
use otoscope_fixtures::signals::from_i16;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A mode and an edition that the table has scores for.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in reports.
    pub name: &'static str,
    /// The mode.
    pub mode: Mode,
    /// The edition.
    pub edition: Edition,
    /// The column of the table.
    index: usize,
}

/// The four of them.
pub const COLUMNS: [Column; 4] = [
    Column { name: "nb 8 kHz", mode: Mode::Narrow8, edition: Edition::E2005, index: 5 },
    Column { name: "nb 16 kHz", mode: Mode::Narrow16, edition: Edition::E2005, index: 5 },
    Column { name: "wb", mode: Mode::Wide16, edition: Edition::E2005, index: 6 },
    Column { name: "wb, Cor.2", mode: Mode::Wide16, edition: Edition::Cor2, index: 7 },
];

/// One pair, and how far the score is from the oracle's.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Voice and condition.
    pub pair: String,
    /// Our score, or the name of the reason why there is none.
    pub score: Result<f64, &'static str>,
    /// The oracle's at gain 1.
    pub oracle: f64,
    /// The difference from the nearest of the oracle's five.
    pub error: f64,
    /// The spread of these five.
    pub spread: f64,
}

/// Beyond this spread the oracle does not know its own score.
pub const ILL: f64 = 0.001;

/// One row of the golden table.
struct Row {
    fields: Vec<String>,
}

fn golden() -> Result<Vec<Row>, Box<dyn Error>> {
    let text = std::fs::read_to_string(root().join("fixtures/golden/pesq/golden.csv"))?;
    Ok(text.lines().skip(1).map(|l| Row { fields: l.split(',').map(str::to_owned).collect() }).collect())
}

/// Scores the pairs of every `step`-th item, all modes, on all processors; by column of [`COLUMNS`].
///
/// # Errors
/// If the speech or the table cannot be read, or the pairs are not those of the table.
pub fn score_all(step: usize) -> Result<[Vec<Scored>; 4], Box<dyn Error>> {
    let golden = golden()?;
    let out = Mutex::new([const { Vec::new() }; 4]);
    let wrong = Mutex::new(Vec::new());
    for rate_hz in [8000, 16_000] {
        let set = Set::new(rate_hz)?;
        let columns: Vec<_> =
            (0..4).filter(|&i| COLUMNS[i].mode.rate_hz() == rate_hz).map(|i| (i, COLUMNS[i])).collect();
        let models: Vec<_> = columns.iter().map(|(_, c)| Model::new(c.mode, c.edition)).collect();
        let items: Vec<_> = set.items.iter().step_by(step).collect();
        let jobs: Vec<_> = items.iter().flat_map(|&i| conditions().iter().map(move |c| (i, c))).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut ctx = Context::new();
            while let Some((item, condition)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let name = format!("{}, {}", item.voice, condition.name);
                let row = golden.iter().find(|r| {
                    r.fields[0] == rate_hz.to_string() && r.fields[1] == item.voice && r.fields[2] == condition.name
                });
                let (reference, degraded) = set.pair(item, condition);
                let digests = [digest_of_codes(&reference), digest_of_codes(&degraded)];
                let Some(row) = row.filter(|r| r.fields[3..5] == digests) else {
                    if let Ok(mut wrong) = wrong.lock() {
                        wrong.push(name);
                    }
                    continue;
                };
                let (x, y) = (from_i16(&reference), from_i16(&degraded));
                for (&(i, column), model) in columns.iter().zip(&models) {
                    let five: Vec<f64> = row.fields[column.index].split(' ').filter_map(|s| s.parse().ok()).collect();
                    let score = model.pair(&x, &y, &mut ctx, false).map(|o| o.mos_lqo).map_err(|r| r.name());
                    let ours = score.unwrap_or(f64::NAN);
                    let error = five.iter().map(|s| (ours - s).abs()).fold(f64::INFINITY, f64::min);
                    let (low, high) = five.iter().fold((f64::MAX, f64::MIN), |(l, h), &s| (l.min(s), h.max(s)));
                    let scored = Scored { pair: name.clone(), score, oracle: five[0], error, spread: high - low };
                    if let Ok(mut out) = out.lock() {
                        out[i].push(scored);
                    }
                }
            }
        };
        std::thread::scope(|s| {
            for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
                s.spawn(work);
            }
        });
    }
    let wrong = wrong.into_inner()?;
    if !wrong.is_empty() {
        return Err(format!("not the pairs of golden.csv: {wrong:?}").into());
    }
    let mut out = out.into_inner()?;
    for column in &mut out {
        column.sort_by(|a, b| a.error.total_cmp(&b.error));
    }
    Ok(out)
}

/// Median, 95 %, 99 % and largest error of pairs in order of their error.
#[must_use]
pub fn quantiles(sorted: &[&Scored]) -> [f64; 4] {
    let at = |share: f64| {
        let i = (share * sorted.len() as f64) as usize;
        sorted.get(i.min(sorted.len().saturating_sub(1))).map_or(f64::NAN, |s| s.error)
    };
    [at(0.5), at(0.95), at(0.99), at(1.0)]
}
