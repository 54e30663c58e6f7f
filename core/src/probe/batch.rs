//! Pushing to many probes in one call.
//!
//! What a batch wins: the K-filter runs for eight streams in the lanes of one register, and while one probe works the next
//! one's state is on its way from memory, which ten thousand streams in turn spend more time waiting for than computing.

use super::{ProbeMut, ProbeRef, Push, Tables};
use crate::error::PushError;
use crate::frame::Sample;
use crate::metrics::{Plans, States};
use crate::simd::{KState, LANES, prefetch};
use std::sync::Arc;

/// One push of a batch.
#[derive(Debug)]
pub struct Job<'a, S> {
    /// Who listens.
    pub probe: ProbeMut<'a>,
    /// The samples, interleaved: `i16` or `f32`, as for [`ProbeMut::push_i16`] and [`ProbeMut::push_f32`].
    pub pcm: &'a [S],
    /// What is known beside them.
    pub push: Push,
    /// What came of it: set by [`push_many`]. A refused push changes nothing, and stops no other.
    pub result: Result<(), PushError>,
}

impl<'a, S> Job<'a, S> {
    /// A push that has not been made yet.
    pub fn new(probe: impl Into<ProbeMut<'a>>, pcm: &'a [S], push: Push) -> Self {
        Self { probe: probe.into(), pcm, push, result: Ok(()) }
    }
}

/// Pushes to many probes: the same as pushing to each, faster. Put probes of one plan side by side.
///
/// Nothing allocates. Fields declared `Exact`, and findings that rest on them, have the same bits as after single pushes;
/// those behind the K-filter agree within their tolerance. Single pushes and batches may be mixed.
///
/// ```
/// use otoscope::{Config, Job, Probe, Push, StreamSpec, push_many};
///
/// let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
/// let mut probes: Vec<Probe> = (0..20).map(|_| Probe::new(&plan)).collect();
/// let pcm = [100i16; 480];
/// let mut jobs: Vec<Job<i16>> = probes.iter_mut().map(|p| Job::new(p, &pcm, Push::CHUNK)).collect();
/// push_many(&mut jobs);
/// assert!(jobs.iter().all(|job| job.result.is_ok() && job.probe.samples() == 480));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[allow(private_bounds, reason = "sealed: i16 and f32")]
pub fn push_many<S: Sample>(jobs: &mut [Job<'_, S>]) {
    let mut rest = jobs;
    while !rest.is_empty() {
        let alike = |a: &Job<'_, S>, b: &Job<'_, S>| Arc::ptr_eq(&a.probe.plan.0, &b.probe.plan.0);
        let len = rest.iter().take(LANES).take_while(|job| alike(&rest[0], job)).count();
        let (group, others) = rest.split_at_mut(len);
        push_group(group, others);
        rest = others;
    }
}

/// Up to eight probes of one plan, and those whose turn is next.
fn push_group<S: Sample>(group: &mut [Job<'_, S>], others: &[Job<'_, S>]) {
    // How much of each is taken already.
    let mut taken = [0usize; LANES];
    for (job, taken) in group.iter_mut().zip(&mut taken) {
        job.result = job.probe.begin(job.pcm.len(), job.push);
        if job.result.is_err() {
            *taken = job.pcm.len();
        }
    }
    loop {
        let mut full = [false; LANES];
        for (i, job) in group.iter_mut().enumerate() {
            let pcm = &job.pcm[taken[i]..];
            if !pcm.is_empty() {
                let ProbeMut { plan, state, block } = &mut job.probe;
                let Tables { simd, layout, shape, .. } = &*plan.0;
                let (samples, _) = plan.0.split(block);
                taken[i] += shape.channels * state.framer.fill(*simd, *layout, samples, pcm);
                full[i] = state.framer.is_full();
            }
        }
        if full == [false; LANES] {
            return;
        }
        let energies = k_energies(group, &full);
        for i in 0..group.len() {
            if let Some(next) = others.get(i) {
                next.probe.look().prefetch_first();
            }
            if full[i] {
                let (this, rest) = group[i..].split_at_mut(1);
                let Some(this) = this.first_mut() else { break };
                let ProbeMut { plan, state, block } = &mut this.probe;
                let (samples, slab) = plan.0.split(block);
                let next = rest.first().or(others.first()).map(|job| job.probe.look());
                state.hop(&plan.0, samples, slab, energies.map(|e| e[i]), next);
            }
        }
    }
}

/// The K-weighted energy of each full hop, where lanes win: mono, and enough of them of one length.
fn k_energies<S>(group: &mut [Job<'_, S>], full: &[bool; LANES]) -> Option<[f64; LANES]> {
    const LEAST: usize = 3;
    let tables = &*group.first()?.probe.plan.0;
    let filter = tables.features.k_weighting().filter(|_| tables.shape.channels == 1)?;
    let mut states = [KState::default(); LANES];
    let mut hops: [&[f32]; LANES] = [&[]; LANES];
    for (i, job) in group.iter().enumerate().filter(|(i, _)| full[*i]) {
        let ProbeMut { plan, state, block } = &job.probe;
        states[i] = state.features.k_state();
        hops[i] = state.framer.hop(plan.0.layout, plan.0.peek(block).0);
    }
    let longest = hops.iter().map(|hop| hop.len()).max()?;
    let alike = hops.iter().filter(|hop| hop.len() == longest).count();
    if alike < LEAST || hops.iter().any(|hop| !hop.is_empty() && hop.len() != longest) {
        return None;
    }
    let energies = tables.simd.k_energy_lanes(filter, &mut states, &hops);
    for (i, job) in group.iter_mut().enumerate().filter(|(i, _)| full[*i]) {
        job.probe.state.features.set_k_state(states[i]);
    }
    Some(energies)
}

impl<'a> ProbeRef<'a> {
    /// What its metrics will touch in the hop in progress.
    pub(super) fn upcoming(self) -> (&'a Plans, &'a States, &'a [f32], u64) {
        let tables = &*self.plan.0;
        (&tables.metrics, &self.state.metrics, tables.peek(self.block).1, self.state.framer.index())
    }

    /// Asks for what a push touches first.
    pub(super) fn prefetch_first(self) {
        let (samples, slab) = self.plan.0.peek(self.block);
        prefetch(&self.state.framer);
        self.state.ledger.prefetch();
        prefetch(samples);
        prefetch(&self.state.features);
        self.state.metrics.prefetch_first(&self.plan.0.metrics, slab, self.state.framer.index());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, FindingLog, Probe, StreamSpec};

    /// Streams of different lengths, levels and phases, cut into pieces of different lengths.
    fn pieces(stream: usize, rate: u32) -> Vec<Vec<i16>> {
        let n = rate as usize + 137 * stream;
        let tone = |i: usize| (8_000.0 * (i as f64 * 0.05 * (1.0 + stream as f64 * 0.1)).sin()) as i16;
        let x: Vec<i16> = (0..n).map(|i| if (i / 3_000) % 4 == 3 { 0 } else { tone(i) }).collect();
        x.chunks(97 + 61 * stream).map(<[i16]>::to_vec).collect()
    }

    #[test]
    fn a_batch_says_what_single_pushes_say() {
        for (rate, channels) in [(24_000, 1), (22_050, 1), (48_000, 2)] {
            let plan = Config::new(StreamSpec { sample_rate_hz: rate, channels }).freeze().expect("a stream");
            let other = Config::new(StreamSpec { sample_rate_hz: rate, channels }).freeze().expect("another plan");
            let streams: Vec<Vec<Vec<i16>>> = (0..19).map(|s| pieces(s, rate)).collect();
            let probe = |s: usize| Probe::new(if s == 11 { &other } else { &plan });
            let (mut singles, mut batch): (Vec<_>, Vec<_>) = (0..19).map(|s| (probe(s), probe(s))).unzip();
            let rounds = streams.iter().map(Vec::len).max().unwrap_or(0);
            for round in 0..rounds {
                // A piece of half a frame is refused alike, and stops no other.
                let pcm = |s: usize| streams[s].get(round).map_or(&[][..], |p| &p[..]);
                let push = Push::at(round as i64 * 10_000_000);
                let alone: Vec<_> = singles.iter_mut().enumerate().map(|(s, p)| p.push_i16(pcm(s), push)).collect();
                let mut jobs: Vec<_> = batch.iter_mut().enumerate().map(|(s, p)| Job::new(p, pcm(s), push)).collect();
                push_many(&mut jobs);
                assert_eq!(alone, jobs.iter().map(|j| j.result).collect::<Vec<_>>());
            }
            for (single, batched) in singles.iter_mut().zip(&mut batch) {
                let (a, b) = (single.finish(), batched.finish());
                let mut theirs = Vec::new();
                b.visit(|_, _, v| theirs.push(v));
                let mut theirs = theirs.into_iter();
                a.visit(|m, f, x| {
                    let y = theirs.next().expect("the same catalogue");
                    match (x.number(), y.number()) {
                        (Some(x), Some(y)) => assert!(f.exactness.agrees(x, y), "{}.{} {x} {y}", m.name, f.name),
                        _ => assert_eq!(x, y, "{}.{}", m.name, f.name),
                    }
                });
                let (mut log_a, mut log_b) = (FindingLog::new(), FindingLog::new());
                log_a.drain(single);
                log_b.drain(batched);
                assert_eq!(log_a.into_sorted(), log_b.into_sorted());
            }
        }
    }
}
