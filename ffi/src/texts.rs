//! The texts of the catalogue as C needs them: with a NUL at their end, made when the library is compiled.

use core::ffi::c_char;
use otoscope::SPECS;
use otoscope::compare::SCORES;
use otoscope::verdict::NORMS;

/// Metrics in the catalogue.
pub(crate) const METRICS: usize = SPECS.len();
/// Fields of all metrics together.
pub(crate) const FIELDS: usize = {
    let (mut m, mut sum) = (0, 0);
    while m < METRICS {
        sum += SPECS[m].fields.len();
        m += 1;
    }
    sum
};

/// All texts in a row. In `METRICS` order: name and summary, then the names of the kinds, then key, unit and sentence of
/// each field. Then in `NORMS` order: name and edition, then name and unit of each requirement. Then the
/// names of the scores.
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

    const fn new() -> Self {
        let mut texts = Self { bytes: [0; LEN], len: 0 };
        let mut m = 0;
        while m < METRICS {
            let metric = SPECS[m];
            texts.text(metric.name);
            texts.text(metric.summary);
            let mut k = 0;
            while k < metric.kinds.len() {
                texts.text(metric.kinds[k].name);
                k += 1;
            }
            let mut f = 0;
            while f < metric.fields.len() {
                let field = &metric.fields[f];
                texts.part(metric.name);
                texts.part(".");
                texts.text(field.name);
                texts.text(field.unit.name());
                texts.text(field.doc);
                f += 1;
            }
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
            texts.text(SCORES[s].name);
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

/// The number of the first text of a metric.
fn first(metric: usize) -> usize {
    SPECS[..metric].iter().map(|m| 2 + m.kinds.len() + 3 * m.fields.len()).sum()
}

/// Name and summary of a metric.
pub(crate) fn metric(metric: usize) -> [*const c_char; 2] {
    [0, 1].map(|i| at(first(metric) + i))
}

/// Name of a kind of a metric.
pub(crate) fn kind(metric: usize, kind: usize) -> *const c_char {
    at(first(metric) + 2 + kind)
}

/// Key, unit and sentence of a field of a metric.
pub(crate) fn field(metric: usize, field: usize) -> [*const c_char; 3] {
    [0, 1, 2].map(|i| at(first(metric) + 2 + SPECS[metric].kinds.len() + 3 * field + i))
}

/// The number of the first text of a norm.
fn first_of_norm(norm: usize) -> usize {
    first(METRICS) + NORMS[..norm].iter().map(|n| 2 + 2 * n.requirements.len()).sum::<usize>()
}

/// Name and edition of a norm.
pub(crate) fn norm(norm: usize) -> [*const c_char; 2] {
    [0, 1].map(|i| at(first_of_norm(norm) + i))
}

/// Name and unit of a requirement of a norm.
pub(crate) fn requirement(norm: usize, requirement: usize) -> [*const c_char; 2] {
    [0, 1].map(|i| at(first_of_norm(norm) + 2 + 2 * requirement + i))
}

/// Name of a score.
pub(crate) fn score(score: usize) -> *const c_char {
    at(first_of_norm(NORMS.len()) + score)
}
