//! The texts of the catalogue as C needs them: with a NUL at their end, made when the library is compiled.

use core::ffi::c_char;
use otoscope::SPECS;
use otoscope::compare::SCORES;
use otoscope::spec::{Domain, MetricSpec, PresetSpec};
use otoscope::verdict::NORMS;

/// Metrics in the catalogue.
pub(crate) const METRICS: usize = SPECS.len();

/// All texts in a row: the metrics in `SPECS` order, each as [`of_metric`] counts; the norms in `NORMS` order, each as
/// [`of_norm`] counts; the scores in `SCORES` order, each as [`OF_SCORE`] counts.
struct Texts<const LEN: usize> {
    bytes: [u8; LEN],
    len: usize,
}

impl<const LEN: usize> Texts<LEN> {
    /// Adds a part of a text; what does not fit is only counted.
    const fn part(&mut self, text: &str) {
        let (bytes, mut i) = (text.as_bytes(), 0);
        while i < bytes.len() {
            assert!(bytes[i] != 0, "a text of the catalogue holds a NUL");
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < LEN {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }

    const fn text(&mut self, text: &str) {
        self.part(text);
        self.byte(0);
    }

    const fn key(&mut self, metric: &str, name: &str) {
        self.part(metric);
        self.part(".");
        self.text(name);
    }

    const fn words(&mut self, words: &[&str]) {
        let mut i = 0;
        while i < words.len() {
            if i > 0 {
                self.part(",");
            }
            self.part(words[i]);
            i += 1;
        }
        self.byte(0);
    }

    const fn presets(&mut self, presets: &[PresetSpec]) {
        let mut i = 0;
        while i < presets.len() {
            if i > 0 {
                self.part(",");
            }
            self.part(presets[i].name);
            i += 1;
        }
        self.byte(0);
    }

    const fn metric(&mut self, metric: &MetricSpec) {
        self.text(metric.name);
        self.text(metric.summary);
        let mut k = 0;
        while k < metric.kinds.len() {
            self.text(metric.kinds[k].name);
            self.text(metric.kinds[k].unit.name());
            self.text(metric.kinds[k].message);
            k += 1;
        }
        let mut f = 0;
        while f < metric.fields.len() {
            self.key(metric.name, metric.fields[f].name);
            self.text(metric.fields[f].unit.name());
            self.text(metric.fields[f].doc);
            f += 1;
        }
        let mut p = 0;
        while p < metric.params.len() {
            let param = &metric.params[p];
            self.key(metric.name, param.name);
            self.text(param.unit.name());
            match param.domain {
                Domain::Choice(words) => self.words(words),
                Domain::Number { .. } => self.text(""),
            }
            self.text(param.doc);
            p += 1;
        }
    }

    const fn new() -> Self {
        let mut texts = Self { bytes: [0; LEN], len: 0 };
        let mut m = 0;
        while m < METRICS {
            texts.metric(SPECS[m]);
            m += 1;
        }
        let mut n = 0;
        while n < NORMS.len() {
            let norm = &NORMS[n];
            texts.text(norm.name);
            texts.text(norm.edition);
            let mut r = 0;
            while r < norm.requirements.len() {
                texts.text(norm.requirements[r].name);
                texts.text(norm.requirements[r].unit.name());
                r += 1;
            }
            n += 1;
        }
        let mut s = 0;
        while s < SCORES.len() {
            let score = SCORES[s];
            texts.text(score.name);
            texts.text(score.fields[0].unit.name());
            texts.presets(score.presets);
            texts.text(score.summary);
            s += 1;
        }
        texts
    }
}

static TEXTS: Texts<{ Texts::<0>::new().len }> = Texts::new();

/// Text number `index` of the row.
fn at(index: usize) -> *const c_char {
    let mut rest = TEXTS.bytes.as_slice();
    for _ in 0..index {
        let end = rest.iter().position(|&b| b == 0).map_or(rest.len(), |nul| nul + 1);
        rest = &rest[end..];
    }
    if rest.is_empty() { c"".as_ptr() } else { rest.as_ptr().cast() }
}

/// `N` texts from number `first` on.
fn row<const N: usize>(first: usize) -> [*const c_char; N] {
    core::array::from_fn(|i| at(first + i))
}

/// How many texts a metric has: name and summary; name, unit and message of each kind; key, unit and sentence of each field; key,
/// unit, words and sentence of each parameter.
fn of_metric(metric: &MetricSpec) -> usize {
    2 + 3 * metric.kinds.len() + 3 * metric.fields.len() + 4 * metric.params.len()
}

/// How many texts a norm has: name and edition; name and unit of each requirement.
fn of_norm(norm: usize) -> usize {
    2 + 2 * NORMS[norm].requirements.len()
}

/// How many texts a score has: name, unit, presets and summary.
const OF_SCORE: usize = 4;

fn first(metric: usize) -> usize {
    SPECS[..metric].iter().map(|m| of_metric(m)).sum()
}

fn first_of_norm(norm: usize) -> usize {
    first(METRICS) + (0..norm).map(of_norm).sum::<usize>()
}

/// Name and summary of a metric.
pub(crate) fn metric(metric: usize) -> [*const c_char; 2] {
    row(first(metric))
}

/// Name, unit and message of a kind of a metric.
pub(crate) fn kind(metric: usize, kind: usize) -> [*const c_char; 3] {
    row(first(metric) + 2 + 3 * kind)
}

/// Key, unit and sentence of a field of a metric.
pub(crate) fn field(metric: usize, field: usize) -> [*const c_char; 3] {
    row(first(metric) + 2 + 3 * SPECS[metric].kinds.len() + 3 * field)
}

/// Key, unit, words and sentence of a parameter of a metric.
pub(crate) fn param(metric: usize, param: usize) -> [*const c_char; 4] {
    row(first(metric) + 2 + 3 * SPECS[metric].kinds.len() + 3 * SPECS[metric].fields.len() + 4 * param)
}

/// Name and edition of a norm.
pub(crate) fn norm(norm: usize) -> [*const c_char; 2] {
    row(first_of_norm(norm))
}

/// Name and unit of a requirement of a norm.
pub(crate) fn requirement(norm: usize, requirement: usize) -> [*const c_char; 2] {
    row(first_of_norm(norm) + 2 + 2 * requirement)
}

/// Name, unit, presets and summary of a score.
pub(crate) fn score(score: usize) -> [*const c_char; OF_SCORE] {
    row(first_of_norm(NORMS.len()) + OF_SCORE * score)
}
