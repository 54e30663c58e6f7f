//! Probe and peer behind one face.

use crate::case::{Case, Edges, Format, Listener};
use crate::signal::Pcm;
use ebur128::EbuR128;
use otoscope::{Probe, Push};
use std::error::Error;
use std::hint::black_box;
use std::ops::Range;

/// What both can be asked for: the same answer first, then speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Integrated loudness.
    pub lufs: f64,
    /// True peak.
    pub dbtp: f64,
}

/// The listener of a case, ready for the first push.
pub struct Ear {
    who: Who,
    case: Case,
    pushed: u64,
}

// Made once a case and never moved while it is measured.
#[expect(clippy::large_enum_variant)]
enum Who {
    Probe(Probe),
    Peer(EbuR128),
}

impl Ear {
    /// Makes the listener of a case.
    ///
    /// # Errors
    /// When it does not take the case's rate.
    pub fn new(case: Case) -> Result<Self, Box<dyn Error>> {
        let who = match case.listener {
            Listener::Probe(set) => Who::Probe(Probe::new(&set.plan(case.rate_hz)?)),
            Listener::Peer(peer) => Who::Peer(EbuR128::new(1, case.rate_hz, peer.mode())?),
        };
        Ok(Self { who, case, pushed: 0 })
    }

    /// One push, and what a server does after it: the findings are taken.
    #[inline]
    pub fn push(&mut self, pcm: &Pcm, range: Range<usize>) {
        let samples = range.len() as u64;
        match (&mut self.who, self.case.format) {
            (Who::Probe(probe), format) => {
                let push = push_of(self.case.edges, self.pushed, self.case.rate_hz);
                // A probe refuses samples only after its end, and nobody has ended it.
                let _ = black_box(match format {
                    Format::I16 => probe.push_i16(&pcm.codes[range], push),
                    Format::F32 => probe.push_f32(&pcm.numbers[range], push),
                });
                while let Some(finding) = probe.poll_finding() {
                    black_box(finding);
                }
            }
            (Who::Peer(meter), Format::I16) => drop(black_box(meter.add_frames_i16(&pcm.codes[range]))),
            (Who::Peer(meter), Format::F32) => drop(black_box(meter.add_frames_f32(&pcm.numbers[range]))),
        }
        self.pushed += samples;
    }

    /// The whole signal in the pushes of the case.
    pub fn listen(&mut self, pcm: &Pcm) {
        for range in pcm.pushes(self.case.push_ms) {
            self.push(pcm, range);
        }
    }

    /// Makes it as new.
    pub fn reset(&mut self) {
        match &mut self.who {
            Who::Probe(probe) => probe.reset(),
            Who::Peer(meter) => meter.reset(),
        }
        self.pushed = 0;
    }

    /// What it has to say of what it heard; `None` where it was not asked to measure that.
    pub fn answer(&mut self) -> Option<Answer> {
        match &mut self.who {
            Who::Probe(probe) => {
                let report = probe.finish();
                let number = |key| report.value(key).and_then(|v| v.number());
                Some(Answer { lufs: number("loudness.integrated_lufs")?, dbtp: number("true_peak.max_dbtp")? })
            }
            Who::Peer(meter) => {
                let lufs = meter.loudness_global().ok()?;
                Some(Answer { lufs, dbtp: 20.0 * meter.true_peak(0).ok()?.log10() })
            }
        }
    }
}

/// What is said with the push that follows after `pushed` samples: a stream that arrives in real time.
pub(crate) fn push_of(edges: Edges, pushed: u64, rate_hz: u32) -> Push {
    match edges {
        Edges::Timed => Push::at((pushed * 1_000_000_000 / u64::from(rate_hz)) as i64),
        Edges::Chunk => Push::CHUNK,
        Edges::More => Push::MORE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Peer, Set, Signal};

    #[test]
    fn probe_and_peer_say_the_same_of_the_same_speech() {
        let cases = [Case::probe(Set::All), Case::probe(Set::LoudnessTruePeak), Case::peer(Peer::IntegratedTruePeak)];
        let pcm = Pcm::new(Signal::Speech, 48_000, 14.0).expect("committed");
        let [all, pair, peer] = cases.map(|case| {
            let mut ear = Ear::new(case.rate(48_000)).expect("a rate both take");
            ear.listen(&pcm);
            ear.answer().expect("speech has a loudness")
        });
        assert_eq!(all, pair);
        // The same K-filter at 48 kHz; half a bin of our histogram, and other taps of the interpolator.
        assert!((all.lufs - peer.lufs).abs() < 0.05, "{all:?} {peer:?}");
        assert!((all.dbtp - peer.dbtp).abs() < 0.2, "{all:?} {peer:?}");
    }

    #[test]
    fn a_reset_ear_is_as_new() {
        let pcm = Pcm::new(Signal::Noise, 24_000, 2.0).expect("made");
        let mut ear = Ear::new(Case::probe(Set::All)).expect("24 kHz");
        ear.listen(&pcm);
        let first = ear.answer();
        ear.reset();
        ear.listen(&pcm);
        assert_eq!(first, ear.answer());
    }
}
