//! Comparisons: what C gets is what Rust gets, and wrong calls get a status.

use super::*;
use otoscope::compare::{Config, compare};

fn pair() -> (Vec<f32>, Vec<f32>) {
    let pcm: Vec<f32> = take().iter().map(|&v| f32::from(v) / 32_768.0).collect();
    let worse = pcm.iter().enumerate().map(|(n, v)| 0.9 * v + (n % 5) as f32 * 1e-3).collect();
    (pcm, worse)
}

fn reference(pcm: &[f32], scores: *const c_char) -> *mut oto_reference {
    // SAFETY: a slice and a string with a NUL, or NULL.
    made(|out| unsafe { oto_reference_new_f32(pcm.as_ptr(), pcm.len(), RATE, scores, null(), out) })
}

#[test]
fn values_status_and_json_are_those_of_rust() {
    let (pcm, worse) = pair();
    let plan = Config::default().freeze().unwrap();
    let want = compare(&plan, &pcm, &worse, RATE);
    let reference = reference(&pcm, null());
    // SAFETY: live handles and slices.
    unsafe {
        let got = made(|out| oto_compare_f32(reference, worse.as_ptr(), worse.len(), RATE, out));
        let json = text_of(|buf, cap, needed| oto_comparison_json(got, buf, cap, needed));
        assert_eq!(json, want.to_json(&Default::default()));
        let mut numbers = 0;
        for scored in &want.scores {
            let key = std::ffi::CString::new(scored.key.clone()).unwrap();
            let status = text_of(|buf, cap, needed| oto_comparison_status(got, key.as_ptr(), buf, cap, needed));
            assert_eq!(status, scored.status());
            let mut x = -1.0;
            match scored.value() {
                Some(value) => {
                    assert_eq!(oto_comparison_value(got, key.as_ptr(), &mut x), OTO_OK);
                    assert_eq!(x.to_bits(), value.to_bits());
                    numbers += 1;
                }
                None => assert_eq!((oto_comparison_value(got, key.as_ptr(), &mut x), x), (OTO_UNDEFINED, -1.0)),
            }
        }
        assert!(numbers >= 10, "{numbers} scores of a good pair");
        let mut x = 0.0;
        assert_eq!(oto_comparison_value(got, c"lsd.value_db".as_ptr(), &mut x), OTO_NOT_COMPUTED);
        for key in [c"nope", c"snr.nope", c"nope.value_db", c""] {
            assert_eq!(oto_comparison_value(got, key.as_ptr(), &mut x), OTO_ERR_UNKNOWN_KEY);
        }
        oto_comparison_free(got);
        oto_reference_free(reference);
    }
}

#[test]
fn integers_are_taken_and_audio_is_never_an_error() {
    let pcm = take();
    // SAFETY: live handles and slices; no samples need no pointer.
    unsafe {
        let scores = c"snr, si_sdr:plain".as_ptr();
        let of = |out| oto_reference_new_i16(pcm.as_ptr(), pcm.len(), RATE, scores, null(), out);
        let reference = made(of);
        for (count, status) in [(pcm.len(), "identical"), (0, "too_short"), (100, "length_mismatch")] {
            let first = if count == 0 { null() } else { pcm.as_ptr() };
            let got = made(|out| oto_compare_i16(reference, first, count, RATE, out));
            let text = text_of(|buf, cap, needed| oto_comparison_status(got, c"snr".as_ptr(), buf, cap, needed));
            // So little of the take may be silence.
            assert!(text == status || text == "silent_degraded", "{count}: {text}");
            oto_comparison_free(got);
        }
        oto_reference_free(reference);
    }
}

#[test]
fn options_are_read_and_checked() {
    let (pcm, _) = pair();
    let late: Vec<f32> = [vec![0.0; 50], pcm[..pcm.len() - 50].to_vec()].concat();
    let mut options =
        oto_compare_options { struct_size: 24, align: OTO_ALIGN_DELAY, flags: 0, reserved: 0, max_delay_s: 0.0 };
    let make = |options: &oto_compare_options, out: *mut *mut oto_reference| {
        // SAFETY: a slice, a string, a struct and a place for the result.
        unsafe { oto_reference_new_f32(pcm.as_ptr(), pcm.len(), RATE, c"snr".as_ptr(), options, out) }
    };
    let reference = made(|out| make(&options, out));
    // SAFETY: live handles and slices.
    unsafe {
        let got = made(|out| oto_compare_f32(reference, late.as_ptr(), late.len(), RATE, out));
        let json = text_of(|buf, cap, needed| oto_comparison_json(got, buf, cap, needed));
        assert!(json.contains(r#""delay_samples":50"#), "{json}");
        oto_comparison_free(got);
        oto_reference_free(reference);
    }
    let mut out = null_mut();
    for (change, status) in [
        ((|o| o.align = 9) as fn(&mut oto_compare_options), OTO_ERR_UNSUPPORTED),
        (|o| o.flags = 2, OTO_ERR_UNSUPPORTED),
        (|o| o.reserved = 1, OTO_ERR_UNSUPPORTED),
        (|o| o.max_delay_s = 61.0, OTO_ERR_OUT_OF_RANGE),
        (|o| o.max_delay_s = f64::NAN, OTO_ERR_OUT_OF_RANGE),
        (|o| o.struct_size = 3, OTO_ERR_ARGUMENT),
    ] {
        let good = options;
        change(&mut options);
        assert_eq!((make(&options, &mut out), out), (status, null_mut()));
        options = good;
    }
    // An older caller's struct ends before max_delay_s.
    options.struct_size = 16;
    let old = made(|out| make(&options, out));
    // SAFETY: a live handle.
    unsafe { oto_reference_free(old) };
}

#[test]
fn wrong_calls_get_a_status() {
    let (pcm, _) = pair();
    let mut out = null_mut();
    let (first, n) = (pcm.as_ptr(), pcm.len());
    // SAFETY: NULL and misaligned pointers are errors, everything else is live.
    unsafe {
        let new = |first, n, scores, out| oto_reference_new_f32(first, n, RATE, scores, null(), out);
        assert_eq!(new(null(), n, null(), &mut out), OTO_ERR_NULL);
        assert_eq!(new(first, n, null(), null_mut()), OTO_ERR_NULL);
        assert_eq!(new(first.byte_add(1), n - 1, null(), &mut out), OTO_ERR_ARGUMENT);
        assert_eq!(new(first, usize::MAX, null(), &mut out), OTO_ERR_ARGUMENT);
        assert_eq!(new(first, n, c"pesq_xb".as_ptr(), &mut out), OTO_ERR_UNKNOWN_KEY);
        assert_eq!(new(first, n, c"snr:x".as_ptr(), &mut out), OTO_ERR_UNKNOWN_KEY);
        assert_eq!(new(first, n, c"snr,snr".as_ptr(), &mut out), OTO_ERR_OUT_OF_RANGE);
        assert!(out.is_null());
        let mut got = null_mut();
        assert_eq!(oto_compare_f32(null(), first, n, RATE, &mut got), OTO_ERR_NULL);
        let reference = reference(&pcm, c"snr".as_ptr());
        assert_eq!(oto_compare_f32(reference, null(), n, RATE, &mut got), OTO_ERR_NULL);
        assert_eq!(oto_compare_f32(reference, first, n, RATE, null_mut()), OTO_ERR_NULL);
        let mut x = 0.0;
        assert_eq!(oto_comparison_value(null(), c"snr".as_ptr(), &mut x), OTO_ERR_NULL);
        let mut needed = 0;
        assert_eq!(oto_comparison_status(null(), c"snr".as_ptr(), null_mut(), 0, &mut needed), OTO_ERR_NULL);
        assert_eq!(oto_comparison_json(null(), null_mut(), 0, &mut needed), OTO_ERR_NULL);
        oto_reference_free(reference);
        oto_reference_free(null_mut());
        oto_comparison_free(null_mut());
    }
}

#[test]
fn the_names_of_the_scores() {
    let names: Vec<String> = (0..=oto_score_count())
        // SAFETY: static strings.
        .map(|i| unsafe { CStr::from_ptr(oto_score_str(i)) }.to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.last().unwrap(), "");
    assert!(names.iter().any(|n| n == "si_sdr") && names.len() > 10);
}
