//! Thousands of streams at once: by the time a probe's turn comes again, its state has left the caches.

use crate::case::{Edges, Set};
use crate::listen::push_of;
use crate::signal::Pcm;
use otoscope::{ConfigError, Job, Probe, push_many};
use std::hint::black_box;

/// Probes that hear the same speech, each from another place, in turn.
pub struct Crowd {
    probes: Vec<Probe>,
    rate_hz: u32,
    rounds: u64,
}

/// Pushes of 10 ms by which each stream is ahead of the one before.
const AHEAD: usize = 37;

impl Crowd {
    /// `streams` probes of one plan.
    ///
    /// # Errors
    /// A rate the probe does not take.
    pub fn new(set: Set, rate_hz: u32, streams: usize) -> Result<Self, ConfigError> {
        let plan = set.plan(rate_hz)?;
        Ok(Self { probes: (0..streams).map(|_| Probe::new(&plan)).collect(), rate_hz, rounds: 0 })
    }

    /// Every probe hears its next 10 ms (16 bits, timed), and its findings are taken. Returns the samples pushed.
    pub fn round(&mut self, pcm: &Pcm) -> usize {
        let hop = self.rate_hz as usize / 100;
        let hops = pcm.len() / hop;
        let push = push_of(Edges::Timed, self.rounds * hop as u64, self.rate_hz);
        for (i, probe) in self.probes.iter_mut().enumerate() {
            let at = (i * AHEAD + self.rounds as usize) % hops * hop;
            // Nobody has ended the probe.
            let _ = black_box(probe.push_i16(&pcm.codes[at..at + hop], push));
            while let Some(finding) = probe.poll_finding() {
                black_box(finding);
            }
        }
        self.rounds += 1;
        self.probes.len() * hop
    }

    /// The same as one batch for each `size` probes; the list of jobs is made by the caller of a batch, so it counts.
    pub fn round_batch(&mut self, pcm: &Pcm, size: usize) -> usize {
        let hop = self.rate_hz as usize / 100;
        let hops = pcm.len() / hop;
        let push = push_of(Edges::Timed, self.rounds * hop as u64, self.rate_hz);
        let mut jobs = Vec::with_capacity(size);
        for (b, probes) in self.probes.chunks_mut(size).enumerate() {
            jobs.clear();
            jobs.extend(probes.iter_mut().enumerate().map(|(i, probe)| {
                let at = ((b * size + i) * AHEAD + self.rounds as usize) % hops * hop;
                Job::new(probe, &pcm.codes[at..at + hop], push)
            }));
            push_many(&mut jobs);
            for job in &mut jobs {
                while let Some(finding) = job.probe.poll_finding() {
                    black_box(finding);
                }
            }
        }
        self.rounds += 1;
        self.probes.len() * hop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;

    #[test]
    fn every_probe_hears_every_round() {
        let pcm = Pcm::new(Signal::Speech, 24_000, 1.0).expect("committed");
        let mut crowd = Crowd::new(Set::All, 24_000, 7).expect("24 kHz");
        for _ in 0..3 {
            assert_eq!(crowd.round(&pcm), 7 * 240);
        }
        assert!(crowd.probes.iter().all(|p| p.samples() == 720));
        assert_eq!(crowd.round_batch(&pcm, 3), 7 * 240);
        assert!(crowd.probes.iter().all(|p| p.samples() == 960));
    }
}
