//! The functions as C calls them.

mod alloc;
mod batch;
mod border;
mod compare;
mod memory;
mod numbers;
mod packets;
mod results;

use crate::*;
use core::ffi::{CStr, c_char};
use core::ptr::{null, null_mut};

pub(crate) const RATE: u32 = 24_000;

pub(crate) fn spec(sample_rate_hz: u32, channels: u32) -> oto_stream_spec {
    oto_stream_spec { struct_size: 16, sample_rate_hz, channels, reserved: 0 }
}

/// A packet as OTO_PACKET_INIT makes it, with a clock rate.
pub(crate) fn packet() -> oto_packet {
    let (clock_rate_hz, arrival_ns) = (8_000, OTO_NO_TIME);
    oto_packet { struct_size: 24, sequence: 0, fate: OTO_PACKET_RECEIVED, rtp_timestamp: 0, clock_rate_hz, arrival_ns }
}

/// What a function wrote into its output.
pub(crate) fn made<T>(make: impl FnOnce(*mut *mut T) -> oto_status) -> *mut T {
    let mut out = null_mut();
    assert_eq!(make(&mut out), OTO_OK);
    assert!(!out.is_null());
    out
}

/// A config, a probe and a report, freed at the end.
pub(crate) struct Session {
    pub config: *mut oto_config,
    pub probe: *mut oto_probe,
    pub report: *mut oto_report,
}

impl Session {
    pub fn new(sample_rate_hz: u32, channels: u32) -> Self {
        // SAFETY: pointers to live locals, and handles made just before.
        unsafe {
            let config = made(|out| oto_config_new(&spec(sample_rate_hz, channels), out));
            assert_eq!(oto_config_freeze(config), OTO_OK);
            let probe = made(|out| oto_probe_new(config, out));
            let report = made(|out| oto_report_new(config, out));
            Self { config, probe, report }
        }
    }

    pub fn push(&self, pcm: &[i16], t_ns: i64, flags: u32) -> oto_status {
        // SAFETY: a live probe of one channel, and a slice.
        unsafe { oto_probe_push_i16(self.probe, pcm.as_ptr(), pcm.len(), t_ns, flags) }
    }

    pub fn finish(&self) -> oto_status {
        // SAFETY: live handles.
        unsafe { oto_probe_finish(self.probe, self.report) }
    }

    pub fn poll(&self, cap: usize) -> Vec<oto_finding> {
        let mut found = Vec::with_capacity(cap);
        let mut count = 0;
        // SAFETY: a live probe, room for `cap` findings, and `count` of them written.
        unsafe {
            assert_eq!(oto_probe_poll_findings(self.probe, found.as_mut_ptr(), cap, &mut count), OTO_OK);
            found.set_len(count);
        }
        found
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once, the config last.
        unsafe {
            oto_report_free(self.report);
            oto_probe_free(self.probe);
            oto_config_free(self.config);
        }
    }
}

/// A verdict before anything was written into it.
pub(crate) fn no_verdict() -> oto_verdict {
    oto_verdict {
        struct_size: size_of::<oto_verdict>() as u32,
        outcome: 0,
        field_id: 0,
        mono_as: 9,
        value: 0.5,
        target: 0.5,
        min: 0.5,
        max: 0.5,
        off: 0.5,
        norm: null(),
        requirement: null(),
        unit: null(),
        edition: null(),
    }
}

/// The text a function gives, asked for in two calls.
pub(crate) fn text_of(call: impl Fn(*mut c_char, usize, *mut usize) -> oto_status) -> String {
    let mut needed = 0;
    assert_eq!(call(null_mut(), 0, &mut needed), OTO_ERR_BUFFER_TOO_SMALL);
    let mut buf = vec![0x55; needed];
    assert_eq!(call(buf.as_mut_ptr().cast(), needed - 1, &mut needed), OTO_ERR_BUFFER_TOO_SMALL);
    assert!(buf.iter().all(|&b| b == 0x55), "too small a buffer is not touched");
    assert_eq!(call(buf.as_mut_ptr().cast(), buf.len(), &mut needed), OTO_OK);
    assert_eq!(buf.pop(), Some(0), "needed counts the NUL");
    String::from_utf8(buf).unwrap()
}

pub(crate) fn str_of<'a>(text: *const c_char) -> &'a str {
    // SAFETY: all texts of the library are static and end with a NUL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap()
}

/// Two seconds with something for most detectors: a tone at the rails, a hole, a step at a chunk's edge.
pub(crate) fn take() -> Vec<i16> {
    let mut seed = 1_u32;
    (0..2 * RATE as usize)
        .map(|i| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(seed >> 16) / 65_536.0 - 0.5;
            let tone = (i as f64 * 0.05).sin() * if (8_000..12_000).contains(&i) { 60_000.0 } else { 9_000.0 };
            let step = if i >= 24_000 { 6_000.0 } else { 0.0 };
            if (30_000..31_500).contains(&i) { 0 } else { (tone + 40.0 * noise + step) as i16 }
        })
        .collect()
}

/// Pushes the take in chunks of 100 ms that arrive in time, but the tenth too late.
pub(crate) fn chunks(pcm: &[i16]) -> impl Iterator<Item = (&[i16], i64)> {
    pcm.chunks(RATE as usize / 10).enumerate().map(|(i, chunk)| {
        let late = if i >= 10 { 700_000_000 } else { 0 };
        (chunk, i as i64 * 50_000_000 + late)
    })
}

#[test]
fn the_version_is_one() {
    let parts: Vec<u32> = otoscope::VERSION.split('.').map(|p| p.parse().unwrap()).collect();
    assert_eq!(oto_version(), parts[0] << 16 | parts[1] << 8 | parts[2]);
    let header = include_str!("../../../include/otoscope.h");
    for (name, part) in ["MAJOR", "MINOR", "PATCH"].iter().zip(parts) {
        assert!(header.contains(&format!("#define OTO_VERSION_{name} {part}u\n")));
    }
    assert!(header.contains(&format!("#define OTO_ABI_VERSION {}u\n", oto_abi_version())));
}

#[test]
fn every_status_has_its_own_text() {
    let texts: Vec<&str> = (OTO_ERR_TIMEOUT..=OTO_NOT_COMPUTED).map(|s| str_of(oto_status_str(s))).collect();
    for (i, text) in texts.iter().enumerate() {
        assert!(!texts[..i].contains(text) && *text != "unknown status", "{text}");
    }
    for unknown in [i32::MIN, OTO_ERR_TIMEOUT - 1, 3, i32::MAX] {
        assert_eq!(str_of(oto_status_str(unknown)), "unknown status");
    }
}

#[test]
fn every_entry_has_the_guard_and_is_in_the_header() {
    let header = include_str!("../../../include/otoscope.h");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let rust = paths.filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let sources: Vec<String> = rust.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut count = 0;
    for function in sources.iter().flat_map(|s| s.split("#[unsafe(no_mangle)]\n").skip(1)) {
        let name = function.split(['(', ' ']).find(|word| word.starts_with("oto_")).unwrap();
        let body = &function[..function.find("\n}\n").unwrap()];
        assert!(body.contains("extern \"C\" fn") && body.contains("entry!({"), "{name} has no guard");
        assert!(header.contains(&format!("{name}(")), "{name} is not in the header");
        count += 1;
    }
    let all: usize = sources.iter().map(|s| s.matches("extern \"C\" fn oto_").count()).sum();
    assert_eq!(count, all);
    let symbols = include_str!("../../symbols.txt");
    assert_eq!(count, symbols.lines().count(), "symbols.txt: what the library exports, see examples/c/check.sh");
}

#[test]
fn handles_may_be_handed_to_other_threads() {
    const fn send<T: Send>() {}
    const fn sync<T: Sync>() {}
    send::<oto_config>();
    sync::<oto_config>();
    send::<oto_probe>();
    send::<oto_report>();
    sync::<oto_report>();
}

#[test]
fn a_frozen_config_is_shared_by_threads() {
    let session = Session::new(RATE, 1);
    let config = session.config as usize;
    let json = |config: usize| {
        // SAFETY: a frozen config that outlives the threads, and handles made from it.
        unsafe {
            let config = config as *const oto_config;
            let probe = made(|out| oto_probe_new(config, out));
            let report = made(|out| oto_report_new(config, out));
            for (chunk, t_ns) in chunks(&take()) {
                assert_eq!(oto_probe_push_i16(probe, chunk.as_ptr(), chunk.len(), t_ns, 0), OTO_OK);
            }
            assert_eq!(oto_probe_finish(probe, report), OTO_OK);
            let json = text_of(|buf, cap, needed| oto_report_json(report, buf, cap, needed));
            oto_report_free(report);
            oto_probe_free(probe);
            json
        }
    };
    let all: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || json(config))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(all.iter().all(|j| *j == all[0]));
}

#[test]
fn a_config_says_what_is_wrong_and_is_closed_by_freeze() {
    // SAFETY: live handles, and texts with a NUL.
    unsafe {
        let config = made(|out| oto_config_new(&spec(RATE, 1), out));
        let error = || text_of(|buf, cap, needed| oto_config_error(config, buf, cap, needed));
        assert_eq!(error(), "");
        assert_eq!(oto_config_set_f64(config, c"clipping.min_run_samples".as_ptr(), 4.0), OTO_OK);
        assert_eq!(oto_config_set_str(config, c"clipping.min_run_samples".as_ptr(), c"5".as_ptr()), OTO_OK);
        assert_eq!(oto_config_set_str(config, c"loudness.mono_as".as_ptr(), c"dual_mono".as_ptr()), OTO_OK);
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let status = oto_config_set_f64(config, c"clipping.min_run_samples".as_ptr(), bad);
            assert_eq!(status, OTO_ERR_OUT_OF_RANGE);
            assert!(error().contains("clipping.min_run_samples") && error().contains("is outside"), "{}", error());
        }
        assert_eq!(oto_config_set_f64(config, c"cliping.x".as_ptr(), 1.0), OTO_ERR_UNKNOWN_KEY);
        assert!(error().contains("did you mean `clipping`"), "{}", error());
        assert_eq!(oto_config_set_str(config, c"\xff\xfe".as_ptr(), c"1".as_ptr()), OTO_ERR_UNKNOWN_KEY);
        assert_eq!(oto_config_enable(config, c"clippin".as_ptr(), 1), OTO_ERR_UNKNOWN_KEY);
        assert_eq!(oto_config_enable(config, c"clipping".as_ptr(), 2), OTO_ERR_OUT_OF_RANGE);
        assert!(error().contains("must be 0 or 1"));
        assert_eq!(oto_config_enable(config, c"clipping".as_ptr(), 0), OTO_OK);

        let mut untouched: *mut oto_probe = null_mut();
        assert_eq!(oto_probe_new(config, &mut untouched), OTO_ERR_STATE, "not frozen");
        let mut report: *mut oto_report = null_mut();
        assert_eq!(oto_report_new(config, &mut report), OTO_ERR_STATE, "not frozen");
        assert!(untouched.is_null() && report.is_null());

        assert_eq!(oto_config_freeze(config), OTO_OK);
        assert_eq!(oto_config_freeze(config), OTO_ERR_STATE);
        assert_eq!(oto_config_set_f64(config, c"clipping.min_run_samples".as_ptr(), 4.0), OTO_ERR_STATE);
        assert_eq!(oto_config_set_str(config, c"loudness.mono_as".as_ptr(), c"mono".as_ptr()), OTO_ERR_STATE);
        assert_eq!(oto_config_enable(config, c"clipping".as_ptr(), 1), OTO_ERR_STATE);
        oto_config_free(config);

        for (rate, channels) in [(7_999, 1), (192_001, 1), (0, 1), (RATE, 0), (RATE, 9), (RATE, u32::MAX)] {
            let config = made(|out| oto_config_new(&spec(rate, channels), out));
            assert_eq!(oto_config_freeze(config), OTO_ERR_OUT_OF_RANGE);
            let error = text_of(|buf, cap, needed| oto_config_error(config, buf, cap, needed));
            assert!(error.contains("Hz") || error.contains("channels"), "{error}");
            oto_config_free(config);
        }
    }
}

#[test]
fn a_metric_that_is_off_is_not_computed() {
    // SAFETY: live handles, and texts with a NUL.
    unsafe {
        let config = made(|out| oto_config_new(&spec(RATE, 1), out));
        assert_eq!(oto_config_enable(config, c"loudness".as_ptr(), 0), OTO_OK);
        assert_eq!(oto_config_freeze(config), OTO_OK);
        let probe = made(|out| oto_probe_new(config, out));
        let report = made(|out| oto_report_new(config, out));
        assert_eq!(oto_probe_finish(probe, report), OTO_OK);
        let mut id = 0;
        assert_eq!(oto_field_find(c"loudness.integrated_lufs".as_ptr(), &mut id), OTO_OK);
        let mut value = 7.0;
        assert_eq!(oto_report_value(report, id, &mut value), OTO_NOT_COMPUTED);
        assert_eq!(value, 7.0, "not written");
        oto_report_free(report);
        oto_probe_free(probe);
        oto_config_free(config);
    }
}

#[test]
fn free_takes_null_and_leaves_what_is_misaligned() {
    // SAFETY: neither NULL nor a misaligned pointer is followed.
    unsafe {
        oto_config_free(null_mut());
        oto_probe_free(null_mut());
        oto_report_free(null_mut());
        oto_config_free(odd());
        oto_probe_free(odd());
        oto_report_free(odd());
    }
}

/// A pointer that is aligned for nothing but bytes.
pub(crate) fn odd<T>() -> *mut T {
    core::ptr::without_provenance_mut(0x1001)
}

/// The same for inputs.
pub(crate) fn odd_const<T>() -> *const T {
    null::<T>().wrapping_byte_add(0x1001)
}
