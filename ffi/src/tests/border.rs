//! What C may do wrong.

use super::*;
use crate::guard::{read_struct, write_struct};

#[test]
fn null_is_an_error_for_every_pointer() {
    let s = Session::new(RATE, 1);
    let (pcm, floats) = ([0_i16; 4], [0_f32; 4]);
    let key = c"clipping.min_run_samples".as_ptr();
    let (mut size, mut id, mut number) = (0_usize, 0_u32, 0_f64);
    let mut verdict = no_verdict();
    let mut bytes = [0_u8; 4096];
    let mut values = [0_f64; 512];
    let mut found = Vec::<oto_finding>::with_capacity(4);
    // SAFETY: every pointer is NULL, or points to what the function asks for.
    unsafe {
        let text: *mut c_char = bytes.as_mut_ptr().cast();
        assert_eq!(s.finish(), OTO_OK, "so that the report has values");
        let mut config: *mut oto_config = null_mut();
        let answers = [
            oto_stream_spec_init(null_mut(), 16),
            oto_config_new(null(), &mut config),
            oto_config_new(&spec(RATE, 1), null_mut()),
            oto_config_set_f64(null_mut(), key, 3.0),
            oto_config_set_f64(s.config, null(), 3.0),
            oto_config_set_str(null_mut(), key, key),
            oto_config_set_str(s.config, null(), key),
            oto_config_set_str(s.config, key, null()),
            oto_config_enable(null_mut(), key, 1),
            oto_config_enable(s.config, null(), 1),
            oto_config_freeze(null_mut()),
            oto_config_error(null(), text, 9, &mut size),
            oto_config_error(s.config, null_mut(), 9, &mut size),
            oto_config_error(s.config, text, 9, null_mut()),
            oto_probe_new(null(), &mut null_mut()),
            oto_probe_new(s.config, null_mut()),
            oto_probe_reset(null_mut()),
            oto_probe_expect_text(null_mut(), 9, OTO_SCRIPT_LATIN),
            oto_probe_push_i16(null_mut(), pcm.as_ptr(), 4, 0, 0),
            oto_probe_push_i16(s.probe, null(), 4, 0, 0),
            oto_probe_push_f32(null_mut(), floats.as_ptr(), 4, 0, 0),
            oto_probe_push_f32(s.probe, null(), 4, 0, 0),
            oto_probe_poll_findings(null_mut(), found.as_mut_ptr(), 4, &mut size),
            oto_probe_poll_findings(s.probe, null_mut(), 4, &mut size),
            oto_probe_poll_findings(s.probe, found.as_mut_ptr(), 4, null_mut()),
            oto_probe_snapshot(null(), s.report),
            oto_probe_snapshot(s.probe, null_mut()),
            oto_probe_finish(null_mut(), s.report),
            oto_report_new(null(), &mut null_mut()),
            oto_report_new(s.config, null_mut()),
            oto_report_value(null(), 0, &mut number),
            oto_report_value(s.report, 0, null_mut()),
            oto_report_values(null(), values.as_mut_ptr(), bytes.as_mut_ptr(), 512, &mut size),
            oto_report_values(s.report, null_mut(), bytes.as_mut_ptr(), 512, &mut size),
            oto_report_values(s.report, values.as_mut_ptr(), null_mut(), 512, &mut size),
            oto_report_values(s.report, values.as_mut_ptr(), bytes.as_mut_ptr(), 512, null_mut()),
            oto_report_json(null(), text, 9, &mut size),
            oto_report_json(s.report, null_mut(), 9, &mut size),
            oto_report_json(s.report, text, 9, null_mut()),
            oto_report_verdict(null(), c"r128".as_ptr(), 0, &mut verdict),
            oto_report_verdict(s.report, null(), 0, &mut verdict),
            oto_report_verdict(s.report, c"r128".as_ptr(), 0, null_mut()),
            oto_metric_get_info(0, null_mut()),
            oto_field_get_info(0, null_mut()),
            oto_field_find(null(), &mut id),
            oto_field_find(key, null_mut()),
        ];
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(*answer, OTO_ERR_NULL, "call {i}");
        }
        assert!(config.is_null());
        assert_eq!((size, id, number), (0, 0, 0.0), "nothing was written");
    }
}

#[test]
fn a_misaligned_pointer_is_an_error_and_is_not_followed() {
    let s = Session::new(RATE, 1);
    let (mut size, mut number) = (0_usize, 0_f64);
    let mut bytes = [0_u8; 512];
    let mut values = [0_f64; 512];
    let pcm = [0_i16; 4];
    // SAFETY: every pointer is misaligned, or points to what the function asks for.
    unsafe {
        assert_eq!(s.finish(), OTO_OK);
        let answers = [
            oto_stream_spec_init(odd(), 16),
            oto_config_new(odd_const(), &mut null_mut()),
            oto_config_new(&spec(RATE, 1), odd()),
            oto_config_set_f64(odd(), c"a.b".as_ptr(), 3.0),
            oto_config_set_str(odd(), c"a.b".as_ptr(), c"".as_ptr()),
            oto_config_enable(odd(), c"a".as_ptr(), 1),
            oto_config_freeze(odd()),
            oto_config_error(odd_const(), null_mut(), 0, &mut size),
            oto_config_error(s.config, null_mut(), 0, odd()),
            oto_probe_new(odd_const(), &mut null_mut()),
            oto_probe_new(s.config, odd()),
            oto_probe_reset(odd()),
            oto_probe_expect_text(odd(), 9, OTO_SCRIPT_LATIN),
            oto_probe_push_i16(odd(), pcm.as_ptr(), 4, 0, 0),
            oto_probe_push_i16(s.probe, odd_const(), 4, 0, 0),
            oto_probe_push_f32(odd(), null(), 0, 0, 0),
            oto_probe_push_f32(s.probe, odd_const(), 4, 0, 0),
            oto_probe_packet(odd(), &packet()),
            oto_probe_packet(s.probe, odd_const()),
            oto_probe_poll_findings(odd(), null_mut(), 0, &mut size),
            oto_probe_poll_findings(s.probe, odd(), 4, &mut size),
            oto_probe_poll_findings(s.probe, null_mut(), 0, odd()),
            oto_probe_snapshot(odd_const(), s.report),
            oto_probe_snapshot(s.probe, odd()),
            oto_probe_finish(odd(), s.report),
            oto_probe_finish(s.probe, odd()),
            oto_report_new(odd_const(), &mut null_mut()),
            oto_report_new(s.config, odd()),
            oto_report_value(odd_const(), 0, &mut number),
            oto_report_value(s.report, 0, odd()),
            oto_report_values(odd_const(), values.as_mut_ptr(), bytes.as_mut_ptr(), 512, &mut size),
            oto_report_values(s.report, odd(), bytes.as_mut_ptr(), 512, &mut size),
            oto_report_values(s.report, values.as_mut_ptr(), bytes.as_mut_ptr(), 512, odd()),
            oto_report_json(odd_const(), null_mut(), 0, &mut size),
            oto_report_json(s.report, null_mut(), 0, odd()),
            oto_report_verdict(odd_const(), c"r128".as_ptr(), 0, null_mut()),
            oto_metric_get_info(0, odd()),
            oto_field_get_info(0, odd()),
            oto_field_find(c"a.b".as_ptr(), odd()),
        ];
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(*answer, OTO_ERR_ARGUMENT, "call {i}");
        }
        assert_eq!((size, number), (0, 0.0), "nothing was written");
    }
}

#[test]
fn counts_that_overflow_are_errors() {
    let stereo = Session::new(RATE, 2);
    let pcm = [0_i16; 4];
    let floats = [0_f32; 4];
    let mut size = 0;
    // SAFETY: the counts are refused before anything is read.
    unsafe {
        for count in [usize::MAX, usize::MAX / 2 + 1, isize::MAX as usize / 4 + 1] {
            let status = oto_probe_push_i16(stereo.probe, pcm.as_ptr(), count, 0, 0);
            assert_eq!(status, OTO_ERR_ARGUMENT, "{count}");
            let status = oto_probe_push_f32(stereo.probe, floats.as_ptr(), count, 0, 0);
            assert_eq!(status, OTO_ERR_ARGUMENT, "{count}");
        }
        let mut finding = core::mem::MaybeUninit::<oto_finding>::uninit();
        let status = oto_probe_poll_findings(stereo.probe, finding.as_mut_ptr(), usize::MAX / 80 + 1, &mut size);
        assert_eq!(status, OTO_ERR_ARGUMENT);
        let mut byte = 0 as c_char;
        assert_eq!(oto_config_error(stereo.config, &mut byte, usize::MAX, &mut size), OTO_ERR_ARGUMENT);
        assert_eq!(oto_probe_snapshot(stereo.probe, stereo.report), OTO_OK);
        let mut id = 0;
        assert_eq!(oto_field_find(c"validity.samples".as_ptr(), &mut id), OTO_OK);
        let mut samples = 1.0;
        assert_eq!(oto_report_value(stereo.report, id, &mut samples), OTO_OK);
        assert_eq!((samples, size), (0.0, 0), "nothing was heard and nothing written");
    }
}

#[test]
fn a_push_of_nothing_is_allowed_and_unknown_flags_are_not() {
    let s = Session::new(RATE, 1);
    // SAFETY: a live probe, and no samples.
    unsafe {
        assert_eq!(oto_probe_push_i16(s.probe, null(), 0, OTO_NO_TIME, 0), OTO_OK);
        assert_eq!(oto_probe_push_f32(s.probe, null(), 0, 5, OTO_PUSH_SAME_CHUNK), OTO_OK);
        for flags in [2, 0x8000_0000, u32::MAX] {
            assert_eq!(oto_probe_push_i16(s.probe, null(), 0, 0, flags), OTO_ERR_UNSUPPORTED);
            assert_eq!(oto_probe_push_f32(s.probe, null(), 0, 0, flags), OTO_ERR_UNSUPPORTED);
        }
    }
}

#[test]
fn a_finished_probe_listens_again_after_reset() {
    let s = Session::new(RATE, 1);
    let pcm = take();
    let json = || {
        text_of(|buf, cap, needed| {
            // SAFETY: a live report.
            unsafe { oto_report_json(s.report, buf, cap, needed) }
        })
    };
    let mut size = 9;
    let mut number = 9.0;
    // SAFETY: live handles.
    unsafe {
        assert_eq!(oto_report_value(s.report, 1 << 16 | 1, &mut number), OTO_ERR_STATE, "never filled");
        assert_eq!(oto_report_json(s.report, null_mut(), 0, &mut size), OTO_ERR_STATE);
        assert_eq!(oto_report_values(s.report, null_mut(), null_mut(), 0, &mut size), OTO_ERR_STATE);
        assert_eq!((size, number), (9, 9.0), "nothing was written");
        let mut runs = Vec::new();
        for _ in 0..2 {
            for (chunk, t_ns) in chunks(&pcm) {
                assert_eq!(s.push(chunk, t_ns, 0), OTO_OK);
            }
            assert_eq!(oto_probe_finish(s.probe, null_mut()), OTO_OK, "a report is not compulsory");
            assert_eq!(s.finish(), OTO_OK, "nor is a second call an error");
            assert_eq!(s.push(&pcm, 0, 0), OTO_ERR_STATE);
            assert_eq!(oto_probe_push_f32(s.probe, null(), 0, 0, 0), OTO_ERR_STATE);
            runs.push(json());
            assert_eq!(oto_probe_reset(s.probe), OTO_OK);
        }
        assert_eq!(runs[0], runs[1], "reset is fresh");
    }
}

#[test]
fn a_panic_is_an_error_once_and_then_the_probe_is_poisoned() {
    let s = Session::new(RATE, 1);
    let other = Session::new(RATE, 1);
    let (mut size, mut found) = (9, Vec::<oto_finding>::with_capacity(4));
    type Call<'a> = (&'a str, &'a dyn Fn(*mut oto_probe) -> oto_status);
    let pcm = [0_i16; 8];
    let size_pointer = &raw mut size;
    let found_pointer = found.as_mut_ptr();
    let one = |p: *mut oto_probe| {
        let mut status = 9;
        // SAFETY: arrays of one.
        let answer = unsafe { oto_batch_push_i16(&p, &pcm.as_ptr(), &8, null(), null(), 1, &mut status) };
        assert_eq!(status, answer);
        answer
    };
    // SAFETY: live handles and live locals, in all of these.
    let calls: [Call<'_>; 9] = unsafe {
        [
            ("push_i16", &|p| oto_probe_push_i16(p, pcm.as_ptr(), 8, 0, 0)),
            ("push_f32", &|p| oto_probe_push_f32(p, null(), 0, 0, 0)),
            ("packet", &|p| oto_probe_packet(p, &packet())),
            ("poll", &|p| oto_probe_poll_findings(p, found_pointer, 4, size_pointer)),
            ("snapshot", &|p| oto_probe_snapshot(p, s.report)),
            ("finish", &|p| oto_probe_finish(p, s.report)),
            ("reset", &|p| oto_probe_reset(p)),
            ("batch", &one),
            ("expect_text", &|p| oto_probe_expect_text(p, 9, OTO_SCRIPT_LATIN)),
        ]
    };
    for (name, call) in calls {
        // SAFETY: a frozen config; the probe is live until it is freed.
        unsafe {
            let probe = made(|out| oto_probe_new(s.config, out));
            (*probe).poison.fault.set(true);
            assert_eq!(call(probe), OTO_ERR_PANIC, "{name}");
            for (after, call) in calls {
                assert_eq!(call(probe), OTO_ERR_POISONED, "{after} after {name}");
            }
            oto_probe_free(probe);
        }
    }
    assert_eq!(size, 9, "nothing was written");
    let mut value = 0.0;
    // SAFETY: a live report and a live local.
    assert_eq!(unsafe { oto_report_value(s.report, 1 << 16 | 1, &mut value) }, OTO_ERR_STATE, "nor the report");
    assert_eq!(other.push(&pcm, 0, 0), OTO_OK, "other probes are unharmed");
    assert_eq!(other.finish(), OTO_OK);
}

/// A struct as a newer version might have it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Newer {
    spec: oto_stream_spec,
    more: [u32; 2],
}

#[test]
fn structs_of_other_versions_are_understood() {
    let new = |spec: *const oto_stream_spec| {
        let mut config: *mut oto_config = null_mut();
        // SAFETY: structs as long as they say.
        let status = unsafe { oto_config_new(spec, &mut config) };
        assert_eq!(config.is_null(), status != OTO_OK);
        // SAFETY: NULL or made just before.
        unsafe { oto_config_free(config) };
        status
    };
    let sized = |struct_size| oto_stream_spec { struct_size, ..spec(RATE, 1) };
    assert_eq!(new(&sized(12)), OTO_OK, "an older caller has no `reserved`");
    for wrong in [0, 1, 3, 1025, u32::MAX] {
        assert_eq!(new(&sized(wrong)), OTO_ERR_ARGUMENT, "{wrong}");
    }
    assert_eq!(new(&oto_stream_spec { reserved: 1, ..spec(RATE, 1) }), OTO_ERR_UNSUPPORTED);
    let newer = |more| Newer { spec: sized(size_of::<Newer>() as u32), more };
    let of_newer = |more| new(core::ptr::from_ref(&newer(more)).cast());
    assert_eq!(of_newer([0, 0]), OTO_OK, "a newer caller that asks for nothing new");
    assert_eq!(of_newer([0, 1]), OTO_ERR_UNSUPPORTED);
    // SAFETY: live structs.
    unsafe {
        let mut short = oto_stream_spec { channels: 7, ..sized(8) };
        let read = read_struct(&short).unwrap();
        assert_eq!((read.sample_rate_hz, read.channels), (RATE, 0), "what was not given is 0");
        write_struct(&mut short, Some(spec(8_000, 2))).unwrap();
        assert_eq!(short, oto_stream_spec { sample_rate_hz: 8_000, channels: 7, ..sized(8) }, "no byte more");
        let mut long = newer([5, 6]);
        write_struct(&raw mut long.spec, Some(spec(8_000, 2))).unwrap();
        assert_eq!(long, Newer { spec: spec(8_000, 2), more: [5, 6] }, "it says that only 16 bytes are known");
        assert_eq!(write_struct::<oto_stream_spec>(&mut short, None), Err(OTO_ERR_OUT_OF_RANGE));
    }
}

#[test]
fn a_spec_is_prepared_for_hosts_without_macros() {
    let mut newer = Newer { spec: spec(1, 9), more: [5, 6] };
    let pointer = (&raw mut newer).cast::<oto_stream_spec>();
    // SAFETY: a live struct of 24 bytes.
    unsafe {
        assert_eq!(oto_stream_spec_init(pointer, 8), OTO_OK);
        assert_eq!(newer.spec, oto_stream_spec { struct_size: 8, sample_rate_hz: 0, channels: 9, reserved: 0 });
        assert_eq!(oto_stream_spec_init(pointer, size_of::<Newer>()), OTO_OK);
        let expected = oto_stream_spec { struct_size: 24, ..spec(0, 1) };
        assert_eq!(newer, Newer { spec: expected, more: [0, 0] });
        for wrong in [0, 3, 1025, usize::MAX] {
            assert_eq!(oto_stream_spec_init(pointer, wrong), OTO_ERR_ARGUMENT);
        }
    }
}
