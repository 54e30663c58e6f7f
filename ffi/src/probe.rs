//! Probe: listens to one stream. Once a probe is made, no call with it allocates, locks or makes a system call

use crate::config::oto_config;
use crate::guard::{Out, OutArray, Outcome, check, check_memory, exclusive, read_struct, samples, shared};
use crate::report::oto_report;
use crate::status::*;
use crate::types::*;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::NonNull;
use otoscope::{Finding, Packet, PacketFate, Plan, ProbeMut, ProbeRef, ProbeState, Push, PushError, Script, TextHint};
use std::alloc::{Layout, alloc, dealloc};

/// Listens to one stream.
pub struct oto_probe {
    pub(crate) poison: Poison,
    /// Whether oto_probe_new made the memory.
    ours: bool,
    /// That of the config, which outlives the probe.
    plan: NonNull<Plan>,
    state: ProbeState,
    _line: CacheLine,
    // After this, in the same memory: the block of the state, as many `u64` as the plan says.
}

/// What memory is fetched in.
#[repr(align(64))]
struct CacheLine;

// SAFETY: the plan is only read, and plans may be read from any thread; everything else is plain data.
unsafe impl Send for oto_probe {}

/// Where in the memory of a probe its block begins.
const BLOCK: usize = size_of::<oto_probe>();
const _: () = assert!(BLOCK.is_multiple_of(align_of::<u64>()) && !core::mem::needs_drop::<oto_probe>());

/// The memory of one probe. Its size is a multiple of its alignment, so that probes may lie side by side.
fn layout(plan: &Plan) -> Outcome<Layout> {
    let size = BLOCK + plan.block_len() * size_of::<u64>();
    let layout = Layout::from_size_align(size, align_of::<oto_probe>()).map_err(|_| OTO_ERR_MEMORY)?;
    Ok(layout.pad_to_align())
}

impl oto_probe {
    /// Makes a probe in memory that has its [`layout`].
    ///
    /// # Safety
    /// The memory may be written, and is as large and as aligned as the layout says. The plan outlives the probe.
    unsafe fn place(memory: *mut Self, plan: &Plan, ours: bool) {
        let made = Self {
            poison: Poison::default(),
            ours,
            plan: NonNull::from(plan),
            state: ProbeState::new(plan),
            _line: CacheLine,
        };
        // SAFETY: as promised to this function: the layout has room for both.
        unsafe {
            memory.write(made);
            memory.cast::<u8>().add(BLOCK).write_bytes(0, plan.block_len() * size_of::<u64>());
        }
    }

    /// A probe as the core sees it, and whether it is poisoned.
    ///
    /// # Safety
    /// If not NULL and aligned, it points to a probe that nobody else uses during `'a`.
    pub(crate) unsafe fn parts<'a>(probe: *mut Self) -> Outcome<(&'a Poison, ProbeMut<'a>)> {
        // SAFETY: as promised to this function.
        let Self { poison, plan, state, .. } = unsafe { exclusive(probe) }?;
        // SAFETY: the config outlives the probe. The block lies behind the probe, as `place` made it; nothing else points to it.
        let (plan, block) = unsafe {
            let plan = plan.as_ref();
            (plan, core::slice::from_raw_parts_mut(probe.cast::<u8>().add(BLOCK).cast(), plan.block_len()))
        };
        Ok((poison, ProbeMut::new(plan, state, block)))
    }

    /// Whether a call is at work, or was when it panicked. Takes hold of nothing: the call at work has the rest.
    ///
    /// # Safety
    /// If not NULL and aligned, it points to a probe.
    pub(crate) unsafe fn is_at_work(probe: *const Self) -> Outcome<bool> {
        check(probe)?;
        // SAFETY: not NULL and aligned; a probe, as promised. A mark is a cell, which the call at work only looks at, too.
        Ok(unsafe { &(*probe).poison }.poisoned.get())
    }

    /// The same, to look at.
    ///
    /// # Safety
    /// If not NULL and aligned, it points to a probe that nobody changes during `'a`.
    unsafe fn look<'a>(probe: *const Self) -> Outcome<(&'a Poison, ProbeRef<'a>)> {
        // SAFETY: as promised to this function.
        let Self { poison, plan, state, .. } = unsafe { shared(probe) }?;
        // SAFETY: as in `parts`.
        let (plan, block) = unsafe {
            let plan = plan.as_ref();
            (plan, core::slice::from_raw_parts(probe.cast::<u8>().add(BLOCK).cast(), plan.block_len()))
        };
        Ok((poison, ProbeRef::new(plan, state, block)))
    }
}

/// Remembers that a call panicked.
#[derive(Default)]
pub(crate) struct Poison {
    /// Set while a call is at work: a panic leaves it set.
    poisoned: Cell<bool>,
    /// Makes the next call panic.
    #[cfg(test)]
    pub(crate) fault: Cell<bool>,
}

impl Poison {
    fn guard<R>(&self, call: impl FnOnce() -> Outcome<R>) -> Outcome<R> {
        if self.poisoned.replace(true) {
            return Err(OTO_ERR_POISONED);
        }
        self.fault();
        let result = call();
        self.poisoned.set(false);
        result
    }

    /// Panics if a test said so.
    pub(crate) fn fault(&self) {
        #[cfg(test)]
        assert!(!self.fault.take(), "a fault made by a test");
    }

    /// Says that a call is at work; whether another one is, or was when it panicked.
    pub(crate) fn begin(&self) -> bool {
        self.poisoned.replace(true)
    }

    /// Says that it is done.
    pub(crate) fn end(&self) {
        self.poisoned.set(false);
    }
}

/// A call that changes the probe.
///
/// # Safety
/// If not NULL and aligned, it points to a probe that nobody else uses.
unsafe fn with<R>(probe: *mut oto_probe, call: impl FnOnce(&mut ProbeMut<'_>) -> Outcome<R>) -> Outcome<R> {
    // SAFETY: as promised to this function.
    let (poison, mut probe) = unsafe { oto_probe::parts(probe) }?;
    poison.guard(|| call(&mut probe))
}

pub(crate) fn push_of(t_ns: i64, flags: u32) -> Outcome<Push> {
    if flags & !OTO_PUSH_SAME_CHUNK != 0 {
        return Err(OTO_ERR_UNSUPPORTED);
    }
    let t_ns = (t_ns != OTO_NO_TIME).then_some(t_ns);
    Ok(Push { t_ns, same_chunk: flags & OTO_PUSH_SAME_CHUNK != 0 })
}

pub(crate) fn status_of(error: PushError) -> oto_status {
    match error {
        PushError::Finished => OTO_ERR_STATE,
        _ => OTO_ERR_ARGUMENT,
    }
}

/// Makes a probe at the start of a stream. Free it with oto_probe_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_STATE if `config` is not frozen;
/// OTO_ERR_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_new(config: *const oto_config, out: *mut *mut oto_probe) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (config, out) = unsafe { (shared(config)?, Out::new(out)?) };
        let plan = config.plan()?;
        let layout = layout(plan)?;
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout) }.cast::<oto_probe>();
        if memory.is_null() {
            return Err(OTO_ERR_MEMORY);
        }
        // SAFETY: memory of that layout; the config outlives the probe, as the header asks.
        unsafe { oto_probe::place(memory, plan, true) };
        out.set(memory);
        Ok(())
    })
}

/// Frees what oto_probe_new made. NULL is allowed. A probe in memory of yours is left alone: it holds nothing that would have to
/// be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_free(probe: *mut oto_probe) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe {
            if let Ok((true, plan)) = shared(probe).map(|p| (p.ours, p.plan))
                && let Ok(layout) = layout(plan.as_ref())
            {
                dealloc(probe.cast(), layout);
            }
        }
    } else ())
}

/// How many bytes a probe of this config needs, for oto_probe_init: the same for all, a multiple of oto_probe_align, and for
/// ever: nothing grows while a probe listens. 0 if `config` is NULL, misaligned or not frozen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_size(config: *const oto_config) -> usize {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { shared(config) }.and_then(|c| layout(c.plan()?)).map_or(0, |l| l.size())
    } else 0)
}

/// What the address of that memory must be a multiple of: a power of 2. 0 if `config` is NULL, misaligned or not frozen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_align(config: *const oto_config) -> usize {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { shared(config) }.and_then(|c| layout(c.plan()?)).map_or(0, |l| l.align())
    } else 0)
}

/// Makes a probe at the start of a stream, in memory of yours: at least oto_probe_size bytes at a multiple of oto_probe_align,
/// with anything in them. Allocates nothing, and there is nothing to free: forget the memory when you like, or make the next probe in it.
///
///     void *mem = aligned_alloc(oto_probe_align(config), oto_probe_size(config));
///     oto_probe_init(mem, oto_probe_size(config), config, &probe);
///
/// The handle is the address of the memory. While no call is at work you may move a probe: copy its oto_probe_size bytes to other
/// memory of that alignment and go on with the new address as the handle; the old one is memory again.
///
/// Errors, after which the memory is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer or `mem` is misaligned;
/// OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if `config` is not frozen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_init(
    mem: *mut c_void,
    size: usize,
    config: *const oto_config,
    out: *mut *mut oto_probe,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (config, out) = unsafe { (shared(config)?, Out::new(out)?) };
        let plan = config.plan()?;
        let memory = check_memory(mem, size, layout(plan)?)?.cast::<oto_probe>();
        // SAFETY: large and aligned enough, as just checked; writable, as the header asks. The config outlives the probe.
        unsafe { oto_probe::place(memory, plan, false) };
        out.set(memory);
        Ok(())
    })
}

/// Makes a probe as new, for the next stream: a pool keeps one for each stream that may run at a time. Findings nobody polled
/// are gone.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `probe` is misaligned; OTO_ERR_POISONED, OTO_ERR_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_reset(probe: *mut oto_probe) -> oto_status {
    entry!({
        let reset = |probe: &mut ProbeMut<'_>| {
            probe.reset();
            Ok(())
        };
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { with(probe, reset) }
    })
}

/// Says how much text the stream is to speak, never the text itself: `chars` letters (spaces and punctuation are not
/// spoken; count a digit as four) of one OTO_SCRIPT_*. Before the first push, or later as the text grows: each call gives the
/// whole length so far. Without it `length` is not computed.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `probe` is misaligned; OTO_ERR_UNSUPPORTED for an unknown script;
/// OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED, OTO_ERR_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_expect_text(probe: *mut oto_probe, chars: u32, script: u32) -> oto_status {
    entry!({
        let expect = |probe: &mut ProbeMut<'_>| {
            let script = Script::ALL.into_iter().find(|&s| s as u32 == script).ok_or(OTO_ERR_UNSUPPORTED)?;
            probe.expect_text(TextHint::new(chars, script)).map_err(status_of)
        };
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { with(probe, expect) }
    })
}

/// Checks what the caller gave and pushes it, whatever the type of the samples.
///
/// # Safety
/// As `oto_probe_push_i16`: each pointer is NULL or what the header asks for.
unsafe fn push<T>(
    probe: *mut oto_probe,
    pcm: *const T,
    samples_per_channel: usize,
    t_ns: i64,
    flags: u32,
    hand_over: fn(&mut ProbeMut<'_>, &[T], Push) -> Result<(), PushError>,
) -> Outcome<()> {
    let checked = |probe: &mut ProbeMut<'_>| {
        let push = push_of(t_ns, flags)?;
        let channels = probe.plan().stream().channels as usize;
        // SAFETY: the caller's pointer, as the header asks for it.
        let pcm = unsafe { samples(pcm, samples_per_channel, channels) }?;
        hand_over(probe, pcm, push).map_err(status_of)
    };
    // SAFETY: the caller's pointer, as the header asks for it.
    unsafe { with(probe, checked) }
}

/// Listens to 16-bit samples; full scale is 32768. Channels are interleaved: `pcm` holds `samples_per_channel` times
/// the stream's channels. Any number will do. Nothing the samples contain is an error.
///
/// One push is one chunk of the speech engine, and its start is an edge that the join detector looks at. With the flag
/// OTO_PUSH_SAME_CHUNK it continues the chunk of the push before. `t_ns` is when it arrived, in nanoseconds of any clock
/// that does not jump, or OTO_NO_TIME. A push of 0 samples (`pcm` may be NULL then) with a time says that time passes.
///
/// Errors, after which the stream is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or the count
/// overflows; OTO_ERR_UNSUPPORTED for an unknown flag; OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED.
/// OTO_ERR_PANIC poisons the probe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_push_i16(
    probe: *mut oto_probe,
    pcm: *const i16,
    samples_per_channel: usize,
    t_ns: i64,
    flags: u32,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { push(probe, pcm, samples_per_channel, t_ns, flags, |probe, pcm, push| probe.push_i16(pcm, push)) }
    })
}

/// Listens to floating-point samples; full scale is 1.0. What lies beyond is legal, NaN and infinity are counted,
/// reported and heard as 0. For everything else see oto_probe_push_i16.
///
/// Errors: as oto_probe_push_i16.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_push_f32(
    probe: *mut oto_probe,
    pcm: *const f32,
    samples_per_channel: usize,
    t_ns: i64,
    flags: u32,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { push(probe, pcm, samples_per_channel, t_ns, flags, |probe, pcm, push| probe.push_f32(pcm, push)) }
    })
}

/// Takes what the caller's receiver knows of one RTP packet: the metrics `rtp` and `e_model` are made of them. Tell it
/// before the samples the packet brought. Packets in any order, twice, or with any numbers are no error.
///
/// Errors, after which the stream is as it was: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is
/// less than 4 or more than 1024; OTO_ERR_UNSUPPORTED for an unknown fate, or if a member this library does not know is
/// not 0; OTO_ERR_STATE after oto_probe_finish; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the probe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_packet(probe: *mut oto_probe, packet: *const oto_packet) -> oto_status {
    entry!({
        let tell = |probe: &mut ProbeMut<'_>| {
            // SAFETY: the caller's pointer, as the header asks for it.
            let packet = packet_of(unsafe { read_struct(packet) }?)?;
            probe.packet(packet).map_err(status_of)
        };
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { with(probe, tell) }
    })
}

fn packet_of(p: oto_packet) -> Outcome<Packet> {
    let fate = match p.fate {
        OTO_PACKET_RECEIVED => PacketFate::Received,
        OTO_PACKET_DISCARDED => PacketFate::Discarded,
        OTO_PACKET_LOST => PacketFate::Lost,
        _ => return Err(OTO_ERR_UNSUPPORTED),
    };
    let arrival_ns = (p.arrival_ns != OTO_NO_TIME).then_some(p.arrival_ns);
    let oto_packet { sequence, rtp_timestamp, clock_rate_hz, .. } = p;
    Ok(Packet { sequence, rtp_timestamp, clock_rate_hz, arrival_ns, fate })
}

/// Takes findings out of the probe, oldest first: up to `cap` of them into `out`, and sets `count` to how many they are.
/// Fewer than `cap` means that none are left. `cap` 0 takes none (`out` may be NULL then).
///
/// A probe keeps 32. What comes while it is full is counted (`findings_dropped` in the JSON) and lost, so poll after
/// every push. Polling is allowed after oto_probe_finish, which may raise more.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows; OTO_ERR_POISONED.
/// OTO_ERR_PANIC poisons the probe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_poll_findings(
    probe: *mut oto_probe,
    out: *mut oto_finding,
    cap: usize,
    count: *mut usize,
) -> oto_status {
    entry!({
        let poll = |probe: &mut ProbeMut<'_>| {
            // SAFETY: the caller's pointers, as the header asks for them.
            let (out, count) = unsafe { (OutArray::new(out, cap)?, Out::new(count)?) };
            let mut taken = 0;
            while taken < out.cap()
                && let Some(finding) = probe.poll_finding()
            {
                out.set(taken, record(&finding));
                taken += 1;
            }
            count.set(taken);
            Ok(())
        };
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { with(probe, poll) }
    })
}

/// A finding as C sees it.
pub(crate) fn record(f: &Finding) -> oto_finding {
    oto_finding {
        seq: f.seq,
        start_sample: f.start_sample,
        end_sample: f.end_sample,
        t_ns: f.t_ns.unwrap_or(OTO_NO_TIME),
        value: f.value,
        threshold: f.threshold,
        metric_id: f.metric_id.into(),
        kind: f.kind.into(),
        chunk: f.chunk.unwrap_or(OTO_NO_CHUNK),
        severity: f.severity as i32,
        state: f.state as u32,
        event_id: f.event_id,
        flags: 0,
        channel_mask: f.channel_mask,
    }
}

/// Fills a report with the values so far. Does not disturb the stream. The last samples, less than 10 ms, and all that
/// can only be judged at the end are not in it.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the
/// probe. The report is as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_snapshot(probe: *const oto_probe, report: *mut oto_report) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let ((poison, probe), report) = unsafe { (oto_probe::look(probe)?, exclusive(report)?) };
        poison.guard(|| {
            report.fill(probe.snapshot(), probe.pending_findings());
            Ok(())
        })
    })
}

/// Ends the stream: judges what can only be judged at the end, and fills a report with the final values (`report` may be
/// NULL). A push is OTO_ERR_STATE from now on, until oto_probe_reset. A second call gives the same values.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_POISONED. OTO_ERR_PANIC poisons the
/// probe. The report is as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_finish(probe: *mut oto_probe, report: *mut oto_report) -> oto_status {
    entry!({
        let finish = |probe: &mut ProbeMut<'_>| {
            // SAFETY: the caller's pointer, as the header asks for it.
            let report = if report.is_null() { None } else { Some(unsafe { exclusive(report) }?) };
            let values = probe.finish();
            if let Some(report) = report {
                report.fill(values, probe.pending_findings());
            }
            Ok(())
        };
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { with(probe, finish) }
    })
}
