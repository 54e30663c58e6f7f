//! Probe: listens to one stream. After oto_probe_new no call here allocates, locks or makes a system call

use crate::config::oto_config;
use crate::guard::{Out, OutArray, Outcome, exclusive, free, read_struct, samples, shared};
use crate::report::oto_report;
use crate::status::*;
use crate::types::*;
use core::cell::Cell;
use otoscope::{Finding, Packet, PacketFate, Probe, Push, PushError, Script, TextHint};

/// Listens to one stream.
pub struct oto_probe {
    probe: Probe,
    pub(crate) poison: Poison,
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
        #[cfg(test)]
        assert!(!self.fault.take(), "a fault made by a test");
        let result = call();
        self.poisoned.set(false);
        result
    }
}

/// A call that changes the probe.
///
/// # Safety
/// If not NULL and aligned, it points to a probe that nobody else uses.
unsafe fn with<R>(probe: *mut oto_probe, call: impl FnOnce(&mut Probe) -> Outcome<R>) -> Outcome<R> {
    // SAFETY: as promised to this function.
    let oto_probe { probe, poison } = unsafe { exclusive(probe) }?;
    poison.guard(|| call(probe))
}

fn push_of(t_ns: i64, flags: u32) -> Outcome<Push> {
    if flags & !OTO_PUSH_SAME_CHUNK != 0 {
        return Err(OTO_ERR_UNSUPPORTED);
    }
    let t_ns = (t_ns != OTO_NO_TIME).then_some(t_ns);
    Ok(Push { t_ns, same_chunk: flags & OTO_PUSH_SAME_CHUNK != 0 })
}

fn status_of(error: PushError) -> oto_status {
    match error {
        PushError::Finished => OTO_ERR_STATE,
        _ => OTO_ERR_ARGUMENT,
    }
}

/// Makes a probe at the start of a stream. Free it with oto_probe_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_STATE if `config` is not frozen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_new(config: *const oto_config, out: *mut *mut oto_probe) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (config, out) = unsafe { (shared(config)?, Out::new(out)?) };
        let probe = Probe::new(config.plan()?);
        out.set(Box::into_raw(Box::new(oto_probe { probe, poison: Poison::default() })));
        Ok(())
    })
}

/// Frees a probe. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_free(probe: *mut oto_probe) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { free(probe) }
    } else ())
}

/// Makes a probe as new, for the next stream. Findings nobody polled are gone.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `probe` is misaligned; OTO_ERR_POISONED, OTO_ERR_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_probe_reset(probe: *mut oto_probe) -> oto_status {
    entry!({
        let reset = |probe: &mut Probe| {
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
        let expect = |probe: &mut Probe| {
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
    hand_over: fn(&mut Probe, &[T], Push) -> Result<(), PushError>,
) -> Outcome<()> {
    let checked = |probe: &mut Probe| {
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
        unsafe { push(probe, pcm, samples_per_channel, t_ns, flags, Probe::push_i16) }
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
        unsafe { push(probe, pcm, samples_per_channel, t_ns, flags, Probe::push_f32) }
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
        let tell = |probe: &mut Probe| {
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
        let poll = |probe: &mut Probe| {
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
        let (oto_probe { probe, poison }, report) = unsafe { (shared(probe)?, exclusive(report)?) };
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
        let finish = |probe: &mut Probe| {
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
