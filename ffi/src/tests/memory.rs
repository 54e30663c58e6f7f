//! Probes in memory of the caller's.

use super::*;
use std::alloc::{Layout, alloc, dealloc};

/// Memory as a caller has it: full of rubbish.
struct Memory(*mut u8, Layout);

impl Memory {
    fn of(config: *const oto_config) -> Self {
        // SAFETY: a frozen config.
        let (size, align) = unsafe { (oto_probe_size(config), oto_probe_align(config)) };
        let layout = Layout::from_size_align(size, align).unwrap();
        assert_eq!(layout.pad_to_align(), layout, "probes may lie side by side");
        // SAFETY: not empty; written before it is read.
        unsafe {
            let memory = alloc(layout);
            memory.write_bytes(0xa5, size);
            Self(memory, layout)
        }
    }

    fn probe(&self, config: *const oto_config) -> *mut oto_probe {
        // SAFETY: a frozen config, and memory of the size it says.
        made(|out| unsafe { oto_probe_init(self.0.cast(), self.1.size(), config, out) })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: made by `of`.
        unsafe { dealloc(self.0, self.1) }
    }
}

#[test]
fn a_probe_that_moves_in_mid_stream_says_the_same() {
    for (rate, channels) in [(8_000, 1), (22_050, 1), (RATE, 1), (48_000, 2), (192_000, 8)] {
        let at_rest = Session::new(rate, channels);
        let pcm: Vec<i16> = take().iter().copied().cycle().take(channels as usize * 48_000).collect();
        let mut memory = Memory::of(at_rest.config);
        let mut probe = memory.probe(at_rest.config);
        assert_eq!(probe.cast::<u8>(), memory.0, "the handle is the address");
        let moved = made(|out| {
            // SAFETY: a frozen config.
            unsafe { oto_report_new(at_rest.config, out) }
        });
        for (i, chunk) in pcm.chunks(channels as usize * 1_237).enumerate() {
            let (n, t_ns) = (chunk.len() / channels as usize, i as i64 * 30_000_000);
            let calls = super::alloc::allocations(|| {
                // SAFETY: live probes, and `n` samples for each channel.
                unsafe {
                    assert_eq!(oto_probe_push_i16(at_rest.probe, chunk.as_ptr(), n, t_ns, 0), OTO_OK);
                    assert_eq!(oto_probe_push_i16(probe, chunk.as_ptr(), n, t_ns, 0), OTO_OK);
                }
            });
            assert_eq!(calls, 0);
            let next = Memory::of(at_rest.config);
            // SAFETY: two blocks of that size; the old one is overwritten, so that a pointer into it would be seen.
            unsafe {
                next.0.copy_from_nonoverlapping(memory.0, memory.1.size());
                memory.0.write_bytes(0x5a, memory.1.size());
            }
            memory = next;
            probe = memory.0.cast();
        }
        // SAFETY: live handles.
        let [a, b] = unsafe {
            assert_eq!(oto_probe_finish(at_rest.probe, at_rest.report), OTO_OK);
            assert_eq!(oto_probe_finish(probe, moved), OTO_OK);
            [at_rest.report, moved].map(|r| text_of(|buf, cap, needed| oto_report_json(r, buf, cap, needed)))
        };
        assert_eq!(a, b, "{rate} Hz, {channels} channels");
        assert!(a.contains("\"samples\":48000") && a.contains("\"start_sample\""), "it heard something");
        // SAFETY: live handles; a probe in memory of the caller's is left alone.
        unsafe {
            oto_probe_free(probe);
            assert_eq!(oto_probe_reset(probe), OTO_OK, "it is still there");
            assert_eq!(oto_probe_push_i16(probe, pcm.as_ptr(), 480, 0, 0), OTO_OK);
            oto_report_free(moved);
        }
    }
}

#[test]
fn to_init_allocates_nothing_and_makes_a_poisoned_probe_anew() {
    let session = Session::new(RATE, 1);
    let memory = Memory::of(session.config);
    let mut probe = null_mut();
    let calls = super::alloc::allocations(|| probe = memory.probe(session.config));
    assert_eq!(calls, 0);
    let pcm = [0_i16; 480];
    // SAFETY: live handles.
    unsafe {
        (*probe).poison.fault.set(true);
        assert_eq!(oto_probe_push_i16(probe, pcm.as_ptr(), 480, 0, 0), OTO_ERR_PANIC);
        assert_eq!(oto_probe_reset(probe), OTO_ERR_POISONED);
        probe = memory.probe(session.config);
        assert_eq!(oto_probe_push_i16(probe, pcm.as_ptr(), 480, 0, 0), OTO_OK);
    }
}

#[test]
fn memory_that_will_not_do_is_refused_and_left_alone() {
    let session = Session::new(RATE, 1);
    let memory = Memory::of(session.config);
    let (size, align) = (memory.1.size(), memory.1.align());
    let mut probe = null_mut();
    // SAFETY: pointers that are refused, or live ones.
    unsafe {
        let open = made(|out| oto_config_new(&spec(RATE, 1), out));
        assert_eq!((oto_probe_size(open), oto_probe_align(open)), (0, 0), "not frozen");
        assert_eq!((oto_probe_size(null()), oto_probe_align(null())), (0, 0));
        assert_eq!((oto_probe_size(odd_const()), oto_probe_align(odd_const())), (0, 0));
        let mut init = |mem: *mut u8, size, config| oto_probe_init(mem.cast(), size, config, &mut probe);
        assert_eq!(init(memory.0, size, open), OTO_ERR_STATE);
        assert_eq!(init(null_mut(), size, session.config), OTO_ERR_NULL);
        assert_eq!(init(memory.0, size, null()), OTO_ERR_NULL);
        assert_eq!(init(memory.0.add(align / 2), size, session.config), OTO_ERR_ARGUMENT);
        for short in [0, 1, size - 1] {
            assert_eq!(init(memory.0, short, session.config), OTO_ERR_BUFFER_TOO_SMALL);
        }
        assert_eq!(oto_probe_init(memory.0.cast(), size, session.config, null_mut()), OTO_ERR_NULL);
        assert_eq!(oto_probe_init(memory.0.cast(), size, session.config, odd()), OTO_ERR_ARGUMENT);
        assert!(probe.is_null());
        assert!((0..size).all(|i| *memory.0.add(i) == 0xa5), "not a byte is written");
        oto_config_free(open);
    }
}

#[test]
fn a_stream_costs_what_the_core_says() {
    let session = Session::new(RATE, 1);
    let plan = otoscope::Config::new(otoscope::StreamSpec::mono(RATE)).freeze().unwrap();
    // SAFETY: a frozen config.
    let (size, rust) = (unsafe { oto_probe_size(session.config) }, plan.state_bytes());
    assert!(size.abs_diff(rust) <= 192, "{size} and {rust}: a few words and the rounding to cache lines");
}
