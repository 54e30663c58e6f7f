//! Nothing on the way of the audio allocates.

use super::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the current thread asks the system's allocator for.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    CALLS.with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: hands everything to the system's allocator; the counter is a plain cell that does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees of this thread during a call.
pub(super) fn allocations(call: impl FnOnce()) -> u64 {
    let before = CALLS.with(Cell::get);
    call();
    CALLS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2);
    let session = Session::new(RATE, 1);
    let made = allocations(|| {
        // SAFETY: a frozen config, and a probe made just before.
        unsafe { oto_probe_free(made(|out| oto_probe_new(session.config, out))) }
    });
    assert_eq!(made, 2, "a probe is one piece of memory, made and freed");
    assert_eq!(session.finish(), OTO_OK);
    // SAFETY: a live report and a live local.
    let json = allocations(|| unsafe {
        assert_eq!(oto_report_json(session.report, null_mut(), 0, &mut 0), OTO_ERR_BUFFER_TOO_SMALL);
    });
    assert!(json > 0, "the JSON allocates, as its documentation says");
}

#[test]
fn after_new_nothing_allocates() {
    for (rate, channels) in [(8_000, 1), (22_050, 1), (RATE, 1), (48_000, 2), (192_000, 8)] {
        let session = Session::new(rate, channels);
        let ints: Vec<i16> = take().iter().copied().cycle().take(channels as usize * 30_011).collect();
        let floats: Vec<f32> =
            ints.iter().enumerate().map(|(i, &x)| if i % 997 == 0 { f32::NAN } else { f32::from(x) / 2e4 }).collect();
        let mut found = Vec::<oto_finding>::with_capacity(40);
        let mut all = 0;
        // On a thread of its own: nothing is prepared per thread either.
        let handles = (session.probe as usize, session.report as usize);
        let calls = std::thread::scope(|scope| {
            let listen = scope.spawn(|| {
                let (probe, report) = (handles.0 as *mut oto_probe, handles.1 as *mut oto_report);
                allocations(|| {
                    for _ in 0..2 {
                        // SAFETY: a handle that outlives this.
                        assert_eq!(unsafe { oto_probe_expect_text(probe, 3, OTO_SCRIPT_HAN) }, OTO_OK);
                        for (i, per_push) in [1, 7, 160, 441, 4_800, 24_602].into_iter().enumerate() {
                            let (t_ns, mut count) = (i as i64 * 1_000_000, 0);
                            // SAFETY: handles that outlive this, and vectors that hold as many samples.
                            unsafe {
                                assert_eq!(oto_probe_push_i16(probe, ints.as_ptr(), per_push, t_ns, 0), OTO_OK);
                                assert_eq!(oto_probe_push_f32(probe, floats.as_ptr(), per_push, t_ns, 1), OTO_OK);
                                let packet = oto_packet { sequence: 40 * i as u16, arrival_ns: t_ns, ..packet() };
                                assert_eq!(oto_probe_packet(probe, &packet), OTO_OK);
                                assert_eq!(oto_probe_snapshot(probe, report), OTO_OK);
                                let poll = oto_probe_poll_findings(probe, found.as_mut_ptr(), 40, &mut count);
                                assert_eq!(poll, OTO_OK);
                            }
                            all += count;
                        }
                        // SAFETY: handles that outlive this.
                        unsafe {
                            assert_eq!(oto_probe_finish(probe, report), OTO_OK);
                            assert_eq!(oto_probe_push_i16(probe, ints.as_ptr(), 1, 0, 0), OTO_ERR_STATE);
                            assert_eq!(oto_probe_reset(probe), OTO_OK);
                        }
                    }
                })
            });
            listen.join().unwrap()
        });
        assert_eq!(calls, 0, "{rate} Hz, {channels} channels");
        assert!(all > 0, "something was found");
    }
}
