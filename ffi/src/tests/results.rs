//! What C gets is what Rust gets.

use super::*;
use otoscope::{Config, Finding, FindingLog, Probe, Push, Report, SPECS, Script, StreamMeta, StreamSpec, TextHint};

/// The take through the Rust interface: its report, and its findings as they were raised.
fn by_rust(pcm: &[i16]) -> (Report, Vec<Finding>) {
    let plan = Config::new(StreamSpec::mono(RATE)).freeze().unwrap();
    let mut probe = Probe::new(&plan);
    for (chunk, t_ns) in chunks(pcm) {
        probe.push_i16(chunk, Push::at(t_ns)).unwrap();
    }
    let report = probe.finish();
    (report, std::iter::from_fn(|| probe.poll_finding()).collect())
}

fn by_c(pcm: &[i16]) -> Session {
    let session = Session::new(RATE, 1);
    for (chunk, t_ns) in chunks(pcm) {
        assert_eq!(session.push(chunk, t_ns, 0), OTO_OK);
    }
    assert_eq!(session.finish(), OTO_OK);
    session
}

fn json_of(session: &Session) -> String {
    // SAFETY: a live report.
    text_of(|buf, cap, needed| unsafe { oto_report_json(session.report, buf, cap, needed) })
}

#[test]
fn the_json_is_the_same() {
    let pcm = take();
    let (report, findings) = by_rust(&pcm);
    assert!(findings.len() > 3, "the take has faults");
    let mut log = FindingLog::new();
    findings.iter().for_each(|f| log.add(*f));
    let session = by_c(&pcm);
    assert_eq!(json_of(&session), report.to_json(&StreamMeta::default(), &log.into_sorted()));
    // What is polled is the caller's; the counts stay.
    session.poll(100);
    assert_eq!(session.finish(), OTO_OK);
    assert_eq!(json_of(&session), report.to_json(&StreamMeta::default(), &[]));
}

#[test]
fn every_finding_is_the_same() {
    let pcm = take();
    let (_, expected) = by_rust(&pcm);
    let session = by_c(&pcm);
    let mut polled = session.poll(0);
    assert!(polled.is_empty());
    polled.extend(session.poll(2));
    assert_eq!(polled.len(), 2);
    polled.extend(session.poll(100));
    assert!(session.poll(100).is_empty());
    assert_eq!(polled.len(), expected.len());
    for (c, rust) in polled.iter().zip(&expected) {
        assert_eq!((c.seq, c.start_sample, c.end_sample), (rust.seq, rust.start_sample, rust.end_sample));
        assert_eq!((c.value.to_bits(), c.threshold.to_bits()), (rust.value.to_bits(), rust.threshold.to_bits()));
        assert_eq!((c.metric_id, c.kind), (rust.metric_id.into(), rust.kind.into()));
        assert_eq!((c.t_ns, c.chunk), (rust.t_ns.unwrap_or(OTO_NO_TIME), rust.chunk.unwrap_or(OTO_NO_CHUNK)));
        assert_eq!((c.event_id, c.flags, c.channel_mask), (rust.event_id, 0, rust.channel_mask));
        let (state, severity) = (["point", "open", "closed"], ["", "info", "warning", "error"]);
        assert_eq!(state[c.state as usize], rust.state.name());
        assert_eq!(severity[c.severity as usize], rust.severity.name());
        assert_eq!(str_of(oto_finding_kind_str(c.metric_id, c.kind)), otoscope::kind_name(rust));
    }
}

#[test]
fn what_is_unknown_of_a_finding_is_said() {
    let (_, findings) = by_rust(&take());
    let c = crate::probe::record(&Finding { t_ns: None, chunk: None, ..findings[0] });
    assert_eq!((c.t_ns, c.chunk), (i64::MIN, u32::MAX));
}

#[test]
fn every_value_is_the_same_by_id_and_in_bulk() {
    let pcm = take();
    let (report, _) = by_rust(&pcm);
    let session = by_c(&pcm);
    let count = oto_field_count();
    let (mut values, mut states, mut needed) = (vec![0.5; count + 1], vec![9; count + 1], 0);
    // SAFETY: live handles and vectors.
    unsafe {
        let mut values_of =
            |cap| oto_report_values(session.report, values.as_mut_ptr(), states.as_mut_ptr(), cap, &mut needed);
        assert_eq!(values_of(count - 1), OTO_ERR_BUFFER_TOO_SMALL);
        assert_eq!(values_of(count + 1), OTO_OK);
        let query = oto_report_values(session.report, null_mut(), null_mut(), 0, &mut needed);
        assert_eq!((query, needed), (OTO_ERR_BUFFER_TOO_SMALL, count));
    }
    assert_eq!((values[count], states[count]), (0.5, 9), "nothing beyond the fields is written");
    let (mut index, mut numbers) = (0, 0);
    report.visit(|metric, field, value| {
        let (mut x, mut by_key) = (0.25, 0.25);
        let key = std::ffi::CString::new(format!("{}.{}", metric.name, field.name)).unwrap();
        // SAFETY: a live report, a text and live locals.
        let status = unsafe {
            let status = oto_report_value(session.report, metric.field_id(field), &mut x);
            assert_eq!(oto_report_value_by_key(session.report, key.as_ptr(), &mut by_key), status);
            status
        };
        assert_eq!(x.to_bits(), by_key.to_bits());
        assert_eq!(i32::from(states[index]), status);
        match value.number() {
            Some(number) => {
                assert_eq!((status, x.to_bits()), (OTO_OK, number.to_bits()), "{}.{}", metric.name, field.name);
                assert_eq!(values[index].to_bits(), number.to_bits());
                numbers += 1;
            }
            None => {
                assert!(status == OTO_UNDEFINED || status == OTO_NOT_COMPUTED);
                assert!(x == 0.25 && values[index].is_nan());
            }
        }
        index += 1;
    });
    assert_eq!(index, count);
    assert!(numbers > 20, "{numbers}");
    let mut x = 0.25;
    for unknown in [c"", c"loudness", c"loudness.x", c"\xff.y"] {
        // SAFETY: a live report, a text and a live local.
        let status = unsafe { oto_report_value_by_key(session.report, unknown.as_ptr(), &mut x) };
        assert_eq!(status, OTO_ERR_UNKNOWN_KEY);
    }
    for unknown in [0, u32::MAX, 1 << 16] {
        // SAFETY: a live report and a live local.
        assert_eq!(unsafe { oto_report_value(session.report, unknown, &mut x) }, OTO_ERR_UNKNOWN_KEY);
    }
}

#[test]
fn floats_and_channels_arrive_in_order() {
    let session = Session::new(48_000, 2);
    let pcm: Vec<f32> = (0..48_000).flat_map(|i| [0.5 * (i as f32 * 0.1).sin(), f32::NAN]).collect();
    let plan = Config::new(StreamSpec { sample_rate_hz: 48_000, channels: 2 }).freeze().unwrap();
    let mut probe = Probe::new(&plan);
    for piece in pcm.chunks(1_000) {
        probe.push_f32(piece, Push::MORE).unwrap();
        // SAFETY: a live probe, and 500 samples for each of two channels.
        let status =
            unsafe { oto_probe_push_f32(session.probe, piece.as_ptr(), 500, OTO_NO_TIME, OTO_PUSH_SAME_CHUNK) };
        assert_eq!(status, OTO_OK);
    }
    // SAFETY: live handles.
    assert_eq!(unsafe { oto_probe_snapshot(session.probe, session.report) }, OTO_OK);
    let mut log = FindingLog::new();
    let snapshot = probe.snapshot();
    probe.pending_findings().for_each(|f| log.add(f));
    assert_eq!(json_of(&session), snapshot.to_json(&StreamMeta::default(), &log.into_sorted()));
    assert!(json_of(&session).contains("\"nan_samples\":48000"));
}

#[test]
fn the_catalogue_says_what_the_specs_say() {
    assert_eq!(oto_metric_count(), SPECS.len());
    let mut index = 0;
    for (m, spec) in SPECS.iter().enumerate() {
        let size = size_of::<oto_metric_info>() as u32;
        let mut info =
            oto_metric_info { struct_size: size, id: 0, revision: 0, field_count: 0, name: null(), doc: null() };
        // SAFETY: a live struct.
        assert_eq!(unsafe { oto_metric_get_info(m, &mut info) }, OTO_OK);
        assert_eq!((info.struct_size, info.id, info.revision), (size, spec.id.into(), spec.revision.into()));
        assert_eq!((str_of(info.name), str_of(info.doc)), (spec.name, spec.summary));
        assert_eq!(info.field_count as usize, spec.fields.len());
        for kind in spec.kinds {
            assert_eq!(str_of(oto_finding_kind_str(info.id, kind.id.into())), kind.name);
        }
        assert_eq!(str_of(oto_finding_kind_str(info.id, 0)), "");
        for field in spec.fields {
            let size = size_of::<oto_field_info>() as u32;
            let mut info = oto_field_info {
                struct_size: size,
                id: 0,
                metric_id: 0,
                exactness: 9,
                name: null(),
                unit: null(),
                doc: null(),
            };
            let mut id = 0;
            // SAFETY: a live struct, a static text and a live local.
            unsafe {
                assert_eq!(oto_field_get_info(index, &mut info), OTO_OK);
                assert_eq!(oto_field_find(info.name, &mut id), OTO_OK);
            }
            assert_eq!((info.struct_size, info.id, id), (size, spec.field_id(field), spec.field_id(field)));
            assert_eq!(str_of(info.name), format!("{}.{}", spec.name, field.name));
            assert_eq!((str_of(info.unit), str_of(info.doc)), (field.unit.name(), field.doc));
            assert_eq!(info.metric_id, u32::from(spec.id));
            let exact = field.exactness == otoscope::spec::Exactness::Exact;
            assert_eq!(info.exactness, if exact { OTO_EXACTNESS_EXACT } else { OTO_EXACTNESS_TOLERANCE });
            index += 1;
        }
    }
    assert_eq!(index, oto_field_count());
    let mut info = oto_metric_info { struct_size: 32, id: 7, revision: 0, field_count: 0, name: null(), doc: null() };
    let mut id = 7;
    // SAFETY: live locals and static texts.
    unsafe {
        for beyond in [oto_metric_count(), usize::MAX] {
            assert_eq!(oto_metric_get_info(beyond, &mut info), OTO_ERR_OUT_OF_RANGE);
        }
        for wrong in [c"", c"loudness", c"loudness.", c".x", c"loudness.integrated_lufs ", c"\xff"] {
            assert_eq!(oto_field_find(wrong.as_ptr(), &mut id), OTO_ERR_UNKNOWN_KEY);
        }
    }
    assert_eq!((info.id, id), (7, 7), "nothing was written");
    assert_eq!(str_of(oto_finding_kind_str(u32::MAX, 1)), "");
}

#[test]
fn every_verdict_is_the_same() {
    use otoscope::verdict::{MonoAs, NORMS};
    // Long enough for a verdict on its loudness, and quiet enough to pass something.
    let pcm: Vec<i16> = [take(), take()].concat().iter().map(|x| x / 4).collect();
    let (report, _) = by_rust(&pcm);
    let session = by_c(&pcm);
    assert_eq!(oto_norm_count(), NORMS.len());
    let bits = |x: Option<f64>| x.unwrap_or(f64::NAN).to_bits();
    let mut outcomes = [0; 4];
    for (n, norm) in NORMS.iter().enumerate() {
        let name = oto_norm_str(n);
        assert_eq!(str_of(name), norm.name);
        // SAFETY: a live report, a static text and a live local.
        let verdict = |index, out: &mut oto_verdict| unsafe { oto_report_verdict(session.report, name, index, out) };
        let mut index = 0;
        for want in norm.judge(&report) {
            let mut got = no_verdict();
            assert_eq!(verdict(index, &mut got), OTO_OK);
            let outcome = ["", "pass", "fail", "not_measured"][got.outcome as usize];
            assert_eq!((str_of(got.norm), str_of(got.requirement)), (norm.name, want.requirement.name));
            assert_eq!((outcome, str_of(got.unit)), (want.outcome.name(), want.requirement.unit.name()));
            assert_eq!(str_of(got.edition), norm.edition);
            assert_eq!([got.value, got.off].map(f64::to_bits), [bits(want.value), bits(want.off)]);
            let r = want.requirement;
            assert_eq!([got.target, got.min, got.max].map(f64::to_bits), [bits(r.target), bits(r.min), bits(r.max)]);
            assert_eq!(got.mono_as, want.mono_as.map_or(0, |m| if m == MonoAs::Mono { 1 } else { 2 }));
            let mut value = f64::NAN;
            if let Some(measured) = want.value {
                // SAFETY: a live report and a live local.
                assert_eq!(unsafe { oto_report_value(session.report, got.field_id, &mut value) }, OTO_OK);
                assert_eq!(value, measured, "the field it names");
            }
            outcomes[got.outcome as usize] += 1;
            index += 1;
        }
        let mut got = no_verdict();
        assert_eq!(verdict(index, &mut got), OTO_ERR_OUT_OF_RANGE);
        assert_eq!((got.outcome, got.value), (0, 0.5), "nothing was written");
    }
    assert!(outcomes[1..].iter().all(|&n| n > 0), "all three outcomes: {outcomes:?}");
    assert_eq!(str_of(oto_norm_str(NORMS.len())), "");
    let mut got = no_verdict();
    // SAFETY: a live report, static texts and a live local.
    assert_eq!(unsafe { oto_report_verdict(session.report, c"nobody".as_ptr(), 0, &mut got) }, OTO_ERR_UNKNOWN_KEY);
    let empty = Session::new(RATE, 1);
    // SAFETY: as above.
    assert_eq!(unsafe { oto_report_verdict(empty.report, c"r128".as_ptr(), 0, &mut got) }, OTO_ERR_STATE);
}

#[test]
fn the_length_of_the_text_arrives() {
    let pcm = take();
    let plan = Config::new(StreamSpec::mono(RATE)).freeze().unwrap();
    for script in Script::ALL {
        let mut probe = Probe::new(&plan);
        probe.expect_text(TextHint::new(40, script)).unwrap();
        probe.push_i16(&pcm, Push::CHUNK).unwrap();
        let want = probe.finish().value("length.expected_s").and_then(|v| v.number()).unwrap();
        let session = Session::new(RATE, 1);
        let field = OTO_SCRIPTS.iter().find(|(name, _)| *name == script.name()).unwrap().1;
        // SAFETY: live handles and a live local.
        unsafe {
            assert_eq!(oto_probe_expect_text(session.probe, 7, OTO_SCRIPT_LATIN), OTO_OK);
            assert_eq!(oto_probe_expect_text(session.probe, 40, field), OTO_OK, "the newest counts");
            assert_eq!(session.push(&pcm, OTO_NO_TIME, 0), OTO_OK);
            assert_eq!(session.finish(), OTO_OK);
            let mut got = 0.0;
            assert_eq!(oto_report_value(session.report, 10 << 16 | 3, &mut got), OTO_OK);
            assert_eq!(got.to_bits(), want.to_bits(), "{}", script.name());
            assert_eq!(oto_probe_expect_text(session.probe, 40, field), OTO_ERR_STATE);
        }
    }
    let session = Session::new(RATE, 1);
    for unknown in [Script::ALL.len() as u32, u32::MAX] {
        // SAFETY: a live handle.
        assert_eq!(unsafe { oto_probe_expect_text(session.probe, 40, unknown) }, OTO_ERR_UNSUPPORTED);
    }
}

const OTO_SCRIPTS: [(&str, u32); 9] = [
    ("latin", OTO_SCRIPT_LATIN),
    ("cyrillic", OTO_SCRIPT_CYRILLIC),
    ("greek", OTO_SCRIPT_GREEK),
    ("abjad", OTO_SCRIPT_ABJAD),
    ("indic", OTO_SCRIPT_INDIC),
    ("southeast_asian", OTO_SCRIPT_SOUTHEAST_ASIAN),
    ("han", OTO_SCRIPT_HAN),
    ("kana", OTO_SCRIPT_KANA),
    ("hangul", OTO_SCRIPT_HANGUL),
];

#[test]
fn findings_are_counted_by_kind_by_metric_and_all() {
    let (report, _) = by_rust(&take());
    let session = by_c(&take());
    let count = |metric_id: u32, kind: u32| {
        let mut n = u64::MAX;
        // SAFETY: a live report and a live local.
        match unsafe { oto_report_finding_count(session.report, metric_id, kind, &mut n) } {
            OTO_OK => Ok(n),
            status => Err((status, n)),
        }
    };
    assert_eq!(count(0, 0), Ok(report.finding_count()));
    let mut of_metrics = 0;
    for spec in SPECS {
        let of_metric: u64 = report.counts().filter(|(m, _, _)| m.id == spec.id).map(|(_, _, n)| u64::from(n)).sum();
        assert_eq!(count(spec.id.into(), 0), Ok(of_metric));
        of_metrics += of_metric;
    }
    assert_eq!(of_metrics, report.finding_count());
    for (metric, kind, n) in report.counts() {
        assert_eq!(count(metric.id.into(), kind.id.into()), Ok(n.into()));
    }
    for (metric_id, kind) in [(u32::MAX, 0), (0, 1), (4, 1), (7, 99)] {
        assert_eq!(count(metric_id, kind), Err((OTO_ERR_UNKNOWN_KEY, u64::MAX)));
    }
}

#[test]
fn a_finding_is_told_in_words() {
    let (_, findings) = by_rust(&take());
    let mut needed = 7;
    for f in &findings {
        let c = crate::probe::record(f);
        // SAFETY: a live finding.
        let text = text_of(|buf, cap, needed| unsafe { oto_finding_message(&c, RATE, buf, cap, needed) });
        assert_eq!(text, otoscope::message(f, RATE));
        // SAFETY: live locals.
        unsafe {
            let mut message = |f: &oto_finding, rate| oto_finding_message(f, rate, null_mut(), 0, &mut needed);
            assert_eq!(message(&oto_finding { metric_id: 65_536 + c.metric_id, ..c }, RATE), OTO_ERR_UNKNOWN_KEY);
            assert_eq!(message(&oto_finding { kind: 99, ..c }, RATE), OTO_ERR_UNKNOWN_KEY);
            assert_eq!(message(&c, 0), OTO_ERR_OUT_OF_RANGE);
        }
    }
    assert_eq!(needed, 7, "nothing was written");
}

#[test]
fn kinds_parameters_and_scores_are_listed() {
    use otoscope::compare::SCORES;
    use otoscope::spec::{Domain, ParamValue};
    let config = Config::new(StreamSpec::mono(RATE));
    let (mut k, mut p) = (0, 0);
    for spec in SPECS {
        for kind in spec.kinds {
            // SAFETY: integers and pointers, which may be 0.
            let mut info: oto_kind_info = unsafe { core::mem::zeroed() };
            info.struct_size = size_of::<oto_kind_info>() as u32;
            // SAFETY: a live struct.
            assert_eq!(unsafe { oto_kind_get_info(k, &mut info) }, OTO_OK);
            assert_eq!((info.id, info.metric_id), (kind.id.into(), spec.id.into()));
            assert_eq!((str_of(info.name), str_of(info.unit)), (kind.name, kind.unit.name()));
            assert_eq!((str_of(info.message), info.max_delay_ms), (kind.message, kind.max_delay_ms));
            k += 1;
        }
        for param in spec.params {
            // SAFETY: numbers and pointers, which may be 0.
            let mut info: oto_param_info = unsafe { core::mem::zeroed() };
            info.struct_size = size_of::<oto_param_info>() as u32;
            // SAFETY: a live struct.
            assert_eq!(unsafe { oto_param_get_info(p, &mut info) }, OTO_OK);
            assert_eq!((info.metric_id, info.reserved), (spec.id.into(), 0));
            assert_eq!((str_of(info.unit), str_of(info.doc)), (param.unit.name(), param.doc));
            let words: Vec<&str> = str_of(info.words).split(',').collect();
            match (param.domain, config.get(str_of(info.name)).unwrap()) {
                (Domain::Number { min, max, .. }, ParamValue::Number(default)) => {
                    assert_eq!(info.value_type, OTO_PARAM_NUMBER);
                    assert_eq!((info.default_value, info.min, info.max), (default, min, max));
                    assert_eq!(words, [""]);
                }
                (Domain::Choice(choices), ParamValue::Choice(default)) => {
                    assert_eq!(info.value_type, OTO_PARAM_CHOICE);
                    assert_eq!((words.as_slice(), words[0]), (choices, default));
                    assert!(info.default_value.is_nan() && info.min.is_nan() && info.max.is_nan());
                }
                other => panic!("{other:?}"),
            }
            p += 1;
        }
    }
    assert_eq!((k, p), (oto_kind_count(), oto_param_count()));
    assert!(k > 20 && p > 20);
    for (s, score) in SCORES.iter().enumerate() {
        // SAFETY: integers and pointers, which may be 0.
        let mut info: oto_score_info = unsafe { core::mem::zeroed() };
        info.struct_size = size_of::<oto_score_info>() as u32;
        // SAFETY: a live struct.
        assert_eq!(unsafe { oto_score_get_info(s, &mut info) }, OTO_OK);
        assert_eq!((info.id, info.revision), (score.id.into(), score.revision.into()));
        assert_eq!((str_of(info.name), str_of(info.doc)), (score.name, score.summary));
        assert_eq!(str_of(info.name), str_of(oto_score_str(s)));
        assert_eq!(str_of(info.unit), score.fields[0].unit.name());
        let presets: Vec<&str> = score.presets.iter().map(|p| p.name).collect();
        assert_eq!(str_of(info.presets).split(',').collect::<Vec<_>>(), presets);
        assert_eq!(info.flags & OTO_SCORE_HIGHER_IS_BETTER != 0, score.higher_is_better);
        assert_eq!(info.flags & OTO_SCORE_IN_STEP != 0, score.in_step);
    }
}
