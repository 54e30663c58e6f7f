//! A delay that changes within an utterance splits it (step 1.13).

use super::Scratch;
use super::align::{Aligner, fold};
use super::tables::MARGIN;
use super::transform::room;
use super::utterance::Utterance;

/// Windows of speech from which on a change of delay is looked for.
const LONG: isize = 200;
/// Places where the change is looked for.
const PLACES: usize = 40;
/// Utterances from which on the standard's own code splits no more.
pub(super) const MOST: usize = 50;

/// A place where the delay may change, and the delays on both sides if it does.
#[derive(Clone, Copy, Default)]
struct Place {
    at: isize,
    left: Side,
    right: Side,
}

#[derive(Clone, Copy, Default)]
struct Side {
    coarse: isize,
    delay: isize,
    /// `None` until it is computed.
    confidence: Option<f32>,
}

/// Votes for delays that are spread while they are added. The peak of undivided votes is their very sum to the last
/// bit, because both add the same numbers in the same order: a perfect match has the confidence 1, and ties between
/// perfect matches are ties.
struct Votes<'a> {
    votes: &'a mut [f32],
    sum: f32,
}

impl Votes<'_> {
    fn add(&mut self, aligner: &Aligner<'_>, largest: f32, scratch: &mut Scratch) {
        let len = self.votes.len();
        let half = len / 64;
        let whole = aligner.weight(largest);
        let unit = whole / half as f32;
        aligner.votes(scratch, largest, |p| {
            self.sum += whole;
            for k in 1..2 * half {
                let at = (p + len + k - half) % len;
                self.votes[at] += unit * (half - k.abs_diff(half)) as f32;
            }
        });
    }

    /// The delay that got most votes, and its share.
    fn winner(&self) -> (isize, f32) {
        let mut best = (0.0, 0);
        for (k, &v) in self.votes.iter().enumerate() {
            if v > best.0 {
                best = (v, k);
            }
        }
        let share = if self.sum > 0.0 { best.0 / self.sum } else { 0.0 };
        (fold(best.1, self.votes.len()), share)
    }
}

/// Splits utterances until none can be split, or there are too many.
pub(super) fn split(aligner: &Aligner<'_>, found: &mut Vec<Utterance>, scratch: &mut Scratch) {
    let mut u = 0;
    while u < found.len() && found.len() < MOST {
        if let Some(halves) = attempt(aligner, found[u], scratch) {
            found.splice(u..=u, halves);
            // Those behind are searched within their own bounds from here on; the halves where their whole was.
            for later in &mut found[u + 2..] {
                later.search = (later.start, later.end);
            }
        } else {
            u += 1;
        }
    }
}

fn attempt(aligner: &Aligner<'_>, whole: Utterance, scratch: &mut Scratch) -> Option<[Utterance; 2]> {
    let (start, end) = speech(&aligner.reference.energy, whole);
    if end - start < LONG {
        return None;
    }
    let mut memory = [Place::default(); PLACES];
    let places = places(aligner, start, end, &mut memory);

    // The window lies in memory that the correlations of the activity use before: where one of them was long enough,
    // its values weigh the waveform in both passes. The last writer wins (step 1.13.1).
    let len = aligner.c.aligned;
    let mut window = core::mem::take(&mut scratch.window);
    let weights = room(&mut window, len);
    weights.copy_from_slice(aligner.hann);
    let spared = 3 * len + 6;
    for place in &mut *places {
        let (at, seed) = (place.at, whole.coarse);
        for (side, (a, b)) in [(&mut place.left, (whole.start, at)), (&mut place.right, (at, whole.end))] {
            let (coarse, outputs) = aligner.coarse(a, b, seed, scratch);
            side.coarse = coarse;
            let over = outputs.saturating_sub(spared).min(len);
            weights[..over].copy_from_slice(&scratch.time[spared.min(outputs)..][..over]);
        }
    }
    forward(aligner, whole, places, weights, scratch);
    for place in &mut *places {
        if place.left.confidence.is_none_or(|c| c <= whole.confidence) {
            place.right.confidence = Some(0.0);
        }
    }
    backward(aligner, whole, places, weights, scratch);
    scratch.spectra.begin(0, 0);
    scratch.window = window;

    let window = aligner.c.window as isize;
    let (mut best, mut sum) = (None, 0.0);
    for place in &*places {
        let (left, right) = (place.left.confidence.unwrap_or(0.0), place.right.confidence.unwrap_or(0.0));
        if (place.right.delay - place.left.delay).abs() >= window
            && left > whole.confidence
            && right > whole.confidence
            && left + right > sum
        {
            (best, sum) = (Some(place), left + right);
        }
    }
    best.map(|place| halves(aligner, whole, place))
}

/// Where the speech of an utterance begins and ends.
fn speech(energy: &[f32], u: Utterance) -> (isize, isize) {
    let silent = |v: isize| usize::try_from(v).ok().and_then(|v| energy.get(v)).is_none_or(|&e| e == 0.0);
    let (mut start, mut end) = (u.start, u.end);
    while start < end && silent(start) {
        start += 1;
    }
    while end > u.start && silent(end) {
        end -= 1;
    }
    (start, end + 1)
}

fn places<'a>(aligner: &Aligner<'_>, start: isize, end: isize, memory: &'a mut [Place; PLACES]) -> &'a mut [Place] {
    let length = end - start;
    let grid = (aligner.c.aligned / (4 * aligner.c.window)) as isize;
    let step = ((0.801f32 * length as f32 + (40 * grid - 1) as f32) / (40 * grid) as f32) as isize * grid;
    let pad = (length / 10).max(MARGIN as isize);
    let mut count = 0;
    for (j, place) in memory.iter_mut().enumerate() {
        place.at = start + pad + j as isize * step;
        if place.at > end - pad {
            break;
        }
        count = j + 1;
    }
    &mut memory[..count]
}

/// From the start of the utterance to each place. Places with the same coarse delay share the votes, and each takes
/// what there is when its turn comes.
fn forward(aligner: &Aligner<'_>, whole: Utterance, places: &mut [Place], window: &[f32], scratch: &mut Scratch) {
    let len = aligner.c.aligned as isize;
    let unit = aligner.c.window as isize;
    let mut memory = core::mem::take(&mut scratch.votes);
    let room = room(&mut memory, len as usize);
    scratch.spectra.begin((whole.start * unit).max(0) as usize, len as usize / 4);
    while let Some(first) = places.iter().position(|p| p.left.confidence.is_none()) {
        let seed = places[first].left.coarse;
        let (mut here, mut there) = (whole.start * unit, whole.start * unit + seed);
        if there < 0 {
            (here, there) = (-seed, 0);
        }
        room.fill(0.0);
        let mut votes = Votes { votes: &mut *room, sum: 0.0 };
        for place in &mut places[first..] {
            if place.left.coarse != seed || place.left.confidence.is_some() {
                continue;
            }
            while there + len <= aligner.degraded.nominal as isize && here + len <= place.at * unit && here >= 0 {
                let largest = aligner.correlate(window, here as usize, there as usize, scratch);
                votes.add(aligner, largest, scratch);
                here += len / 4;
                there += len / 4;
            }
            let (lag, share) = votes.winner();
            (place.left.delay, place.left.confidence) = (seed + lag, Some(share));
        }
    }
    scratch.votes = memory;
}

/// From the end of the utterance back to each place that is still in question.
fn backward(aligner: &Aligner<'_>, whole: Utterance, places: &mut [Place], window: &[f32], scratch: &mut Scratch) {
    let len = aligner.c.aligned as isize;
    let unit = aligner.c.window as isize;
    let nominal = aligner.degraded.nominal as isize;
    let mut memory = core::mem::take(&mut scratch.votes);
    let room = room(&mut memory, len as usize);
    scratch.spectra.begin((whole.end * unit - len).max(0) as usize, len as usize / 4);
    while let Some(last) = places.iter().rposition(|p| p.right.confidence.is_none()) {
        let seed = places[last].right.coarse;
        let mut here = whole.end * unit - len;
        let mut there = here + seed;
        if there + len > nominal {
            there = nominal - len;
            here = there - seed;
        }
        room.fill(0.0);
        let mut votes = Votes { votes: &mut *room, sum: 0.0 };
        for place in places[..=last].iter_mut().rev() {
            if place.right.coarse != seed || place.right.confidence.is_some() {
                continue;
            }
            while there >= 0 && here >= place.at * unit && here + len <= aligner.reference.signal.len() as isize {
                let largest = aligner.correlate(window, here as usize, there as usize, scratch);
                votes.add(aligner, largest, scratch);
                here -= len / 4;
                there -= len / 4;
            }
            let (lag, share) = votes.winner();
            (place.right.delay, place.right.confidence) = (seed + lag, Some(share));
        }
    }
    scratch.votes = memory;
}

fn halves(aligner: &Aligner<'_>, whole: Utterance, place: &Place) -> [Utterance; 2] {
    let window = aligner.c.window as isize;
    let margin = MARGIN as isize;
    let nominal = aligner.degraded.nominal as isize;
    let half = |side: &Side| Utterance {
        coarse: side.coarse,
        delay: side.delay,
        confidence: side.confidence.unwrap_or(0.0),
        ..whole
    };
    let (mut left, mut right) = (half(&place.left), half(&place.right));
    // Where something was inserted, both halves reach over the place by half of it; where something was cut, they meet.
    let reach = if right.delay < left.delay { 0 } else { (right.delay - left.delay) / (2 * window) };
    left.end = place.at + reach;
    right.start = place.at - reach;
    if (left.start - margin) * window + left.delay < 0 {
        left.start = margin + (window - 1 - left.delay) / window;
    }
    if right.end * window + right.delay > nominal - margin * window {
        right.end = (nominal - right.delay) / window - margin;
    }
    [left, right]
}
