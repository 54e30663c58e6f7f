//! After construction nothing allocates: a counting allocator, armed per thread, watches every push path of every metric.
#![allow(unsafe_code, reason = "a global allocator is unsafe by its trait")]

use otoscope::{Config, Job, Packet, PacketFate, Plan, Probe, Push, Script, StreamSpec, TextHint, push_many};
use otoscope_tests::{everything, gallery, metric_names};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is being torn down is not under test.
    let _ = ARMED.try_with(|armed| {
        if armed.get() {
            CALLS.with(|calls| calls.set(calls.get() + 1));
        }
    });
}

// SAFETY: every method passes its arguments on to the system allocator unchanged; counting touches no allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often the allocator was called while `f` ran.
fn allocations(f: impl FnOnce()) -> u64 {
    CALLS.with(|calls| calls.set(0));
    ARMED.with(|armed| armed.set(true));
    f();
    ARMED.with(|armed| armed.set(false));
    CALLS.with(Cell::get)
}

#[test]
fn the_guard_fires() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2, "one allocation and its release");
    assert!(allocations(|| drop(std::hint::black_box(Box::new(1u64)))) >= 2);
    assert_eq!(allocations(|| ()), 0);
}

/// Everything a caller may do after construction, on every kind of stream.
fn use_every_path(plan: &Plan, f32s: &[f32], i16s: &[i16], chunks: &[(std::ops::Range<usize>, i64)]) {
    let mut probe = Probe::new(plan);
    let mut reports = 0u64;
    let calls = allocations(|| {
        for round in 0..2 {
            assert!(probe.expect_text(TextHint::new(9, Script::Kana)).is_ok());
            for (i, (range, t)) in chunks.iter().enumerate() {
                let push = match i % 4 {
                    0 => Push::CHUNK,
                    1 => Push::at(*t),
                    2 => Push::at(*t).same_chunk(),
                    _ => Push::MORE,
                };
                let pushed = if round == 0 {
                    probe.push_f32(&f32s[range.clone()], push)
                } else {
                    probe.push_i16(&i16s[range.clone()], push)
                };
                assert!(pushed.is_ok());
                // A packet in order, a hole, a late one, a discard, a jump.
                for (step, fate) in [
                    (0, PacketFate::Received),
                    (2, PacketFate::Received),
                    (1, PacketFate::Received),
                    (2, PacketFate::Discarded),
                    (40, PacketFate::Lost),
                    (if i % 5 == 0 { 9_000 } else { 41 }, PacketFate::Received),
                    (if i % 5 == 0 { 9_001 } else { 42 }, PacketFate::Received),
                ] {
                    let (sequence, rtp_timestamp) = (60 * i as u16 + step, 9_600 * i as u32);
                    let (clock_rate_hz, arrival_ns) = (8_000, Some(*t + 60_000_000 * i64::from(step % 3)));
                    let packet = Packet { sequence, rtp_timestamp, clock_rate_hz, arrival_ns, fate };
                    assert!(probe.packet(packet).is_ok());
                }
                // A tick, a single frame, a backwards clock.
                let channels = plan.stream().channels as usize;
                assert!(probe.push_f32(&[], Push::at(t + 400_000_000)).is_ok());
                assert!(probe.push_f32(&f32s[..channels], Push::at(t - 7)).is_ok());
                if i % 3 == 0 {
                    reports += u64::from(probe.snapshot().samples > 0);
                    while probe.poll_finding().is_some() {}
                }
            }
            reports += probe.finish().finding_count().min(1) + 1;
            assert!(probe.push_f32(&f32s[..0], Push::CHUNK).is_err());
            probe.reset();
        }
        let again = plan.clone();
        drop(again);
    });
    assert!(reports > 0);
    assert_eq!(calls, 0, "{:?}", plan.config());
}

#[test]
fn a_batch_allocates_nothing() {
    for stream in gallery() {
        let spec = StreamSpec { sample_rate_hz: stream.sample_rate_hz, channels: stream.channels };
        let plan = Config::new(spec).freeze().expect("defaults");
        let mut probes: Vec<Probe> = (0..11).map(|_| Probe::new(&plan)).collect();
        for (range, t) in &stream.chunks {
            let pcm = &stream.samples[range.clone()];
            let mut jobs: Vec<Job<f32>> = probes.iter_mut().map(|p| Job::new(p, pcm, Push::at(*t))).collect();
            assert_eq!(allocations(|| push_many(&mut jobs)), 0, "{spec:?}");
            assert!(jobs.iter().all(|job| job.result.is_ok()));
        }
    }
}

#[test]
fn no_metric_allocates_on_any_path() {
    for stream in gallery() {
        let i16s: Vec<i16> = stream.samples.iter().map(|v| (v * 32767.0) as i16).collect();
        let all = everything(stream.sample_rate_hz, stream.channels);
        use_every_path(&all.clone().freeze().expect("defaults"), &stream.samples, &i16s, &stream.chunks);
        for metric in metric_names() {
            let mut one = all.clone();
            one.only([metric]).expect("a name from the list");
            use_every_path(&one.freeze().expect("defaults"), &stream.samples, &i16s, &stream.chunks);
        }
    }
}
