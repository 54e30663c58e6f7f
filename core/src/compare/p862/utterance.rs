//! Utterances: stretches of speech with one delay each (steps 1.11 and 1.12).

use super::Scratch;
use super::align::{Aligner, Heard};
use super::tables::{Constants, MARGIN};

/// Windows of speech that make an utterance.
const SHORTEST: isize = 50;

/// A stretch of the reference, in windows from the start of the first margin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Utterance {
    /// Where its delay is looked for.
    pub search: (isize, isize),
    pub start: isize,
    pub end: isize,
    /// In samples, from the activity.
    pub coarse: isize,
    /// In samples, from the waveform.
    pub delay: isize,
    pub confidence: f32,
}

/// The runs of speech that last and that the degraded signal, `coarse` samples late, can hold.
pub(super) fn find(c: &Constants, reference: &Heard, degraded: &Heard, coarse: isize, found: &mut Vec<Utterance>) {
    found.clear();
    let window = c.window as isize;
    let (after, before) = (50 - coarse / window, (degraded.nominal as isize - coarse) / window - 50);
    let count = reference.energy.len() as isize;
    let mut start = None;
    for (v, &e) in (0..).zip(&reference.energy) {
        if e > 0.0 && start.is_none() {
            start = Some(v);
        }
        if e == 0.0 || v == count - 1 {
            let Some(a) = start.take() else { continue };
            if v - a >= SHORTEST && a < before && v > after {
                let (margin, last) = (MARGIN as isize, count - 1);
                found.push(Utterance {
                    search: ((a - margin).max(0), (v + margin).min(last)),
                    start: a,
                    end: v,
                    ..Utterance::default()
                });
            }
        }
    }
}

/// The delay of each utterance.
pub(super) fn align(aligner: &Aligner<'_>, coarse: isize, found: &mut [Utterance], scratch: &mut Scratch) {
    for u in found {
        u.coarse = aligner.coarse(u.search.0, u.search.1, coarse, scratch).0;
        (u.delay, u.confidence) = aligner.fine(u.search.0, u.search.1, u.coarse, scratch);
    }
}

/// The utterances grow until they cover the signal, as far as the degraded one reaches, and do not overlap there.
pub(super) fn bound(c: &Constants, aligner: &Aligner<'_>, found: &mut [Utterance]) {
    let window = c.window as isize;
    let margin = MARGIN as isize;
    let nominal = aligner.degraded.nominal as isize;
    let Some(last) = found.len().checked_sub(1) else { return };
    found[0].start = margin;
    found[last].end = aligner.reference.energy.len() as isize - margin;
    for u in 1..found.len() {
        let middle = (found[u].start + found[u - 1].end) / 2;
        (found[u].start, found[u - 1].end) = (middle, middle);
    }
    let first = &mut found[0];
    if first.start * window + first.delay < margin * window {
        first.start = margin + (window - 1 - first.delay) / window;
    }
    let end = &mut found[last];
    if end.end * window + end.delay > nominal - margin * window {
        end.end = (nominal - end.delay) / window - margin;
    }
    for u in 1..found.len() {
        let (a, b) = (found[u].start * window + found[u].delay, found[u - 1].end * window + found[u - 1].delay);
        if a < b {
            let middle = isize::midpoint(a, b);
            found[u].start = (window - 1 + middle - found[u].delay) / window;
            found[u - 1].end = (middle - found[u - 1].delay) / window;
        }
    }
}

/// The delay at each sample of the reference: that of the last utterance that has begun, else of the first. Asked for
/// samples in their order, it looks through the utterances only where one begins.
pub(super) struct Delays<'a> {
    utterances: &'a [Utterance],
    window: isize,
    /// Where `delay` holds.
    from: isize,
    until: isize,
    delay: isize,
}

impl<'a> Delays<'a> {
    pub(super) fn new(c: &Constants, utterances: &'a [Utterance]) -> Self {
        Self { utterances, window: c.window as isize, from: 0, until: 0, delay: 0 }
    }

    pub(super) fn at(&mut self, sample: isize) -> isize {
        if !(self.from..self.until).contains(&sample) {
            let begun = self.utterances.iter().rev().find(|u| u.start * self.window <= sample);
            self.delay = begun.or(self.utterances.first()).map_or(0, |u| u.delay);
            let starts = || self.utterances.iter().map(|u| u.start * self.window);
            self.from = sample;
            self.until = starts().filter(|s| *s > sample).min().unwrap_or(isize::MAX);
        }
        self.delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::p862::tables::NARROW_8K;

    #[test]
    fn the_last_utterance_that_has_begun_governs_whatever_their_order() {
        let of = |start, delay| Utterance { start, delay, ..Utterance::default() };
        // Clamping can put a later utterance before an earlier one.
        let utterances = [of(75, 1), of(200, 2), of(150, 3)];
        let mut delays = Delays::new(&NARROW_8K, &utterances);
        let asked = [0, 75 * 32, 149 * 32, 150 * 32, 200 * 32, 9999, 80 * 32];
        assert_eq!(asked.map(|s| delays.at(s)), [1, 1, 1, 3, 3, 3, 1]);
    }
}
