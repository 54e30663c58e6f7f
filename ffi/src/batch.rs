//! Batch: pushes to many probes in one call, faster than one by one. Allocates nothing either

use crate::guard::{OutArray, Outcome, caught, check_array, samples};
use crate::probe::{oto_probe, push_of, status_of};
use crate::status::*;
use core::mem::MaybeUninit;
use otoscope::{Job, push_many};

/// How many pushes are made at a time: their list lies on the stack.
const GROUP: usize = 64;

/// What a batch was called with. Which of the arrays there are is checked; what they hold is not yet.
struct Batch<T> {
    probes: *const *mut oto_probe,
    pcm: *const *const T,
    samples_per_channel: *const usize,
    t_ns: *const i64,
    flags: *const u32,
    count: usize,
    statuses: OutArray<oto_status>,
    first_error: oto_status,
}

impl<T> Batch<T> {
    fn set(&mut self, index: usize, status: oto_status) {
        self.statuses.set(index, status);
        if self.first_error == OTO_OK {
            self.first_error = status;
        }
    }

    /// Push `index`, with everything about it checked and its probe marked as at work. `None` if the probe is at work already.
    ///
    /// # Safety
    /// The arrays hold what the header asks for. The probe is used by nobody else until its mark is taken away.
    unsafe fn job<'a>(&self, index: usize) -> Outcome<Option<(&'a crate::probe::Poison, Job<'a, T>)>> {
        // SAFETY: as promised to this function; the arrays are there, as checked before.
        unsafe {
            let probe = *self.probes.add(index);
            if oto_probe::is_at_work(probe)? {
                return Ok(None);
            }
            let t_ns = if self.t_ns.is_null() { crate::types::OTO_NO_TIME } else { *self.t_ns.add(index) };
            let flags = if self.flags.is_null() { 0 } else { *self.flags.add(index) };
            let push = push_of(t_ns, flags)?;
            let (poison, probe) = oto_probe::parts(probe)?;
            let channels = probe.plan().stream().channels as usize;
            let pcm = samples(*self.pcm.add(index), *self.samples_per_channel.add(index), channels)?;
            poison.begin();
            Ok(Some((poison, Job::new(probe, pcm, push))))
        }
    }

    /// Makes the pushes from `start` on that fit into a group and whose probes are different. How many they were.
    ///
    /// # Safety
    /// As `job`.
    unsafe fn group(&mut self, start: usize, push: fn(&mut [Job<'_, T>])) -> usize {
        let mut jobs = [const { MaybeUninit::<Job<'_, T>>::uninit() }; GROUP];
        // Of each job: its push, and the mark of its probe.
        let mut about = [None; GROUP];
        let (mut len, mut taken) = (0, 0);
        while len < GROUP && start + taken < self.count {
            let index = start + taken;
            // SAFETY: as promised to this function; the mark is taken away below.
            match unsafe { self.job(index) } {
                Ok(Some((poison, job))) => {
                    jobs[len].write(job);
                    about[len] = Some((index, poison));
                    len += 1;
                }
                // A probe that comes twice listens twice, in order; one that is in no job of this group met a panic before.
                // SAFETY: as promised to this function.
                Ok(None) if len > 0 && unsafe { self.comes_twice(index, start) } => break,
                Ok(None) => self.set(index, OTO_ERR_POISONED),
                Err(status) => self.set(index, status),
            }
            taken += 1;
        }
        // SAFETY: the first `len` are written.
        let jobs = unsafe { core::slice::from_raw_parts_mut(jobs.as_mut_ptr().cast::<Job<'_, T>>(), len) };
        let done = caught(|| {
            about.iter().flatten().for_each(|(_, poison)| poison.fault());
            push(jobs);
        });
        for (job, (index, poison)) in jobs.iter().zip(about.iter().flatten()) {
            match done {
                Some(()) => {
                    poison.end();
                    self.set(*index, job.result.map_or_else(status_of, |()| OTO_OK));
                }
                None => self.set(*index, OTO_ERR_PANIC),
            }
        }
        taken
    }

    /// Whether the probe of push `index` is that of an earlier push of the same group.
    ///
    /// # Safety
    /// As `job`.
    unsafe fn comes_twice(&self, index: usize, start: usize) -> bool {
        // SAFETY: as promised to this function.
        unsafe { (start..index).any(|i| *self.probes.add(i) == *self.probes.add(index)) }
    }
}

/// # Safety
/// As the header asks for these pointers.
#[allow(clippy::too_many_arguments, reason = "those of the C function")]
unsafe fn batch<T>(
    probes: *const *mut oto_probe,
    pcm: *const *const T,
    samples_per_channel: *const usize,
    t_ns: *const i64,
    flags: *const u32,
    count: usize,
    statuses: *mut oto_status,
    push: fn(&mut [Job<'_, T>]),
) -> Outcome {
    check_array(probes, count)?;
    check_array(pcm, count)?;
    check_array(samples_per_channel, count)?;
    if !t_ns.is_null() {
        check_array(t_ns, count)?;
    }
    if !flags.is_null() {
        check_array(flags, count)?;
    }
    let cap = if statuses.is_null() { 0 } else { count };
    // SAFETY: the caller's pointer, as the header asks for it.
    let statuses = unsafe { OutArray::new(statuses, cap) }?;
    let mut batch = Batch { probes, pcm, samples_per_channel, t_ns, flags, count, statuses, first_error: OTO_OK };
    let mut start = 0;
    while start < count {
        // SAFETY: the caller's pointers, as the header asks for them.
        start += unsafe { batch.group(start, push) };
    }
    if batch.first_error == OTO_OK { Ok(()) } else { Err(batch.first_error) }
}

/// Pushes 16-bit samples to `count` probes: the same as oto_probe_push_i16 for each, in one call and faster. Element `i` of each
/// array belongs to push `i`. `t_ns` may be NULL (no times), as may `flags` (all 0). `statuses` (may be NULL) gets what
/// oto_probe_push_i16 would have answered for each; the answer is the first of them that is not OTO_OK, and stops no other push.
///
/// Put probes of one config side by side: eight of one channel are heard at a time. Values behind the K-filter then agree with
/// those of single pushes within their tolerance; all others are the same. A probe may come several times and hears its pushes in order.
///
/// Errors: as oto_probe_push_i16 for a push; for the call OTO_ERR_NULL, or OTO_ERR_ARGUMENT if an array is misaligned or `count`
/// overflows: nothing was pushed and no status written then. OTO_ERR_PANIC poisons the probes it is written for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_batch_push_i16(
    probes: *const *mut oto_probe,
    pcm: *const *const i16,
    samples_per_channel: *const usize,
    t_ns: *const i64,
    flags: *const u32,
    count: usize,
    statuses: *mut oto_status,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { batch(probes, pcm, samples_per_channel, t_ns, flags, count, statuses, push_many::<i16>) }
    })
}

/// As oto_batch_push_i16, of floats with full scale 1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_batch_push_f32(
    probes: *const *mut oto_probe,
    pcm: *const *const f32,
    samples_per_channel: *const usize,
    t_ns: *const i64,
    flags: *const u32,
    count: usize,
    statuses: *mut oto_status,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { batch(probes, pcm, samples_per_channel, t_ns, flags, count, statuses, push_many::<f32>) }
    })
}
