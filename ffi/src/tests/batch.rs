//! Batches: what many get at once is what each gets alone.

use super::*;

fn json(report: *const oto_report) -> String {
    // SAFETY: a live report.
    text_of(|buf, cap, needed| unsafe { oto_report_json(report, buf, cap, needed) })
}

fn pushed(
    probes: &[*mut oto_probe],
    pcm: &[*const i16],
    counts: &[usize],
    flags: &[u32],
    statuses: &mut [oto_status],
) -> oto_status {
    let t_ns = vec![OTO_NO_TIME; probes.len()];
    // SAFETY: arrays of one length, of live probes and samples, or of what is to be refused.
    unsafe {
        oto_batch_push_i16(
            probes.as_ptr(),
            pcm.as_ptr(),
            counts.as_ptr(),
            t_ns.as_ptr(),
            flags.as_ptr(),
            probes.len(),
            statuses.as_mut_ptr(),
        )
    }
}

#[test]
fn a_batch_is_as_many_pushes() {
    // More than a group, of three configs: two alike, and stereo; floats and integers in turn.
    let pcm = take();
    let floats: Vec<f32> = pcm.iter().map(|&x| f32::from(x) / 32_768.0).collect();
    let configs = [Session::new(RATE, 1), Session::new(RATE, 1), Session::new(RATE, 2)];
    // SAFETY: a frozen config.
    let make = |config: *const oto_config| made(|out| unsafe { oto_probe_new(config, out) });
    let config_of = |i: usize| configs[if i % 50 == 7 { 2 } else { usize::from(i > 80) }].config;
    let (alone, batch): (Vec<_>, Vec<_>) = (0..150).map(|i| (make(config_of(i)), make(config_of(i)))).unzip();
    for (round, at) in (0..pcm.len() - 5_000).step_by(2_999).enumerate() {
        let counts: Vec<usize> = (0..150).map(|i| [480, 0, 479, 240, 1_201][(i + round) % 5]).collect();
        let t_ns: Vec<i64> = (0..150).map(|i| (round * 20 + i % 3) as i64 * 1_000_000).collect();
        let flags: Vec<u32> = (0..150).map(|i| u32::from(i % 4 == 0)).collect();
        let mut statuses = vec![9; 150];
        let answer = if round % 2 == 0 {
            let first: Vec<*const i16> = (0..150).map(|i| pcm[at + i..].as_ptr()).collect();
            for i in 0..150 {
                // SAFETY: live probes and samples.
                let status = unsafe { oto_probe_push_i16(alone[i], first[i], counts[i], t_ns[i], flags[i]) };
                assert_eq!(status, OTO_OK);
            }
            let (t_ns, flags, statuses) = (t_ns.as_ptr(), flags.as_ptr(), statuses.as_mut_ptr());
            // SAFETY: arrays of 150.
            unsafe { oto_batch_push_i16(batch.as_ptr(), first.as_ptr(), counts.as_ptr(), t_ns, flags, 150, statuses) }
        } else {
            let first: Vec<*const f32> = (0..150).map(|i| floats[at + i..].as_ptr()).collect();
            for i in 0..150 {
                // SAFETY: live probes and samples.
                let status = unsafe { oto_probe_push_f32(alone[i], first[i], counts[i], t_ns[i], 0) };
                assert_eq!(status, OTO_OK);
            }
            let (t_ns, statuses) = (t_ns.as_ptr(), statuses.as_mut_ptr());
            // SAFETY: arrays of 150; no flags are all 0.
            unsafe { oto_batch_push_f32(batch.as_ptr(), first.as_ptr(), counts.as_ptr(), t_ns, null(), 150, statuses) }
        };
        assert_eq!(answer, OTO_OK);
        assert_eq!(statuses, vec![OTO_OK; 150]);
    }
    let count = oto_field_count();
    let mut compared = 0;
    for i in 0..150 {
        let [a, b] = [alone[i], batch[i]].map(|probe| {
            let (mut values, mut states, mut needed) = (vec![0.0; count], vec![0_u8; count], 0);
            // SAFETY: live handles and vectors of that length.
            unsafe {
                assert_eq!(oto_probe_finish(probe, configs[0].report), OTO_OK);
                let report = configs[0].report;
                let status = oto_report_values(report, values.as_mut_ptr(), states.as_mut_ptr(), count, &mut needed);
                assert_eq!(status, OTO_OK);
                oto_probe_free(probe);
            }
            (values, states)
        });
        assert_eq!(a.1, b.1, "the same fields have values");
        let fields = otoscope::SPECS.iter().flat_map(|s| s.fields.iter().map(move |f| (s, f)));
        for (at, (spec, field)) in fields.enumerate() {
            if a.1[at] == 0 {
                let (x, y) = (a.0[at], b.0[at]);
                assert!(field.exactness.agrees(x, y), "{}.{}: {x} and {y}", spec.name, field.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 150 * 40, "{compared}");
}

#[test]
fn a_bad_push_stops_no_other() {
    let sessions: Vec<Session> = (0..70).map(|_| Session::new(RATE, 1)).collect();
    let pcm = take();
    let mut probes: Vec<*mut oto_probe> = sessions.iter().map(|s| s.probe).collect();
    let mut first = vec![pcm.as_ptr(); 70];
    let mut counts = vec![480; 70];
    let mut flags = vec![0; 70];
    let mut want = vec![OTO_OK; 70];
    probes[1] = null_mut();
    want[1] = OTO_ERR_NULL;
    probes[2] = odd();
    want[2] = OTO_ERR_ARGUMENT;
    first[3] = null();
    want[3] = OTO_ERR_NULL;
    first[4] = odd_const();
    want[4] = OTO_ERR_ARGUMENT;
    counts[5] = usize::MAX;
    want[5] = OTO_ERR_ARGUMENT;
    flags[6] = 2;
    want[6] = OTO_ERR_UNSUPPORTED;
    assert_eq!(sessions[7].finish(), OTO_OK);
    want[7] = OTO_ERR_STATE;
    first[8] = null();
    counts[8] = 0;
    let mut statuses = vec![9; 70];
    assert_eq!(pushed(&probes, &first, &counts, &flags, &mut statuses), OTO_ERR_NULL, "the first that is not OK");
    assert_eq!(statuses, want);
    for (i, session) in sessions.iter().enumerate() {
        assert_eq!(session.finish(), OTO_OK);
        let samples = json(session.report).contains("\"samples\":480");
        assert_eq!(samples, want[i] == OTO_OK && i != 8, "{i}");
    }
    // SAFETY: nothing at all, arrays that are not there, and no array of statuses.
    unsafe {
        let (p, pcm, n) = (probes.as_ptr(), first.as_ptr(), counts.as_ptr());
        let none = oto_batch_push_i16(null(), null(), null(), null(), null(), 0, null_mut());
        assert_eq!(none, OTO_OK);
        assert_eq!(oto_batch_push_i16(null(), pcm, n, null(), null(), 1, null_mut()), OTO_ERR_NULL);
        assert_eq!(oto_batch_push_i16(p, null(), n, null(), null(), 1, null_mut()), OTO_ERR_NULL);
        assert_eq!(oto_batch_push_i16(p, pcm, null(), null(), null(), 1, null_mut()), OTO_ERR_NULL);
        for wrong in [usize::MAX, isize::MAX as usize / 8 + 1] {
            assert_eq!(oto_batch_push_i16(p, pcm, n, null(), null(), wrong, null_mut()), OTO_ERR_ARGUMENT);
        }
        assert_eq!(oto_batch_push_i16(p, pcm, n, odd_const(), null(), 1, null_mut()), OTO_ERR_ARGUMENT);
        assert_eq!(oto_batch_push_i16(p, pcm, n, null(), odd_const(), 1, null_mut()), OTO_ERR_ARGUMENT);
        assert_eq!(oto_batch_push_i16(p, pcm, n, null(), null(), 1, odd()), OTO_ERR_ARGUMENT);
        assert_eq!(oto_batch_push_i16(p, pcm, n, null(), null(), 1, null_mut()), OTO_ERR_STATE, "it is finished");
    }
}

#[test]
fn a_probe_that_comes_twice_hears_both_in_order() {
    let pcm = take();
    let (twice, once) = (Session::new(RATE, 1), Session::new(RATE, 1));
    let others: Vec<Session> = (0..3).map(|_| Session::new(RATE, 1)).collect();
    for at in (0..pcm.len() - 960).step_by(960) {
        let (a, b) = (pcm[at..].as_ptr(), pcm[at + 480..].as_ptr());
        let probes = [others[0].probe, twice.probe, others[1].probe, twice.probe, others[2].probe];
        assert_eq!(pushed(&probes, &[a, a, a, b, b], &[480; 5], &[0, 0, 0, 1, 0], &mut [9; 5]), OTO_OK);
        // A batch of one: the K-filter is that of a single push.
        assert_eq!(pushed(&[once.probe], &[a], &[960], &[0], &mut [9]), OTO_OK);
    }
    let samples = (pcm.len() - 960).div_ceil(960) * 960;
    for session in [&twice, &once] {
        assert_eq!(session.finish(), OTO_OK);
        assert!(json(session.report).contains(&format!("\"samples\":{samples}")));
    }
    let [a, b] = [&twice, &once]
        .map(|s| s.poll(100).into_iter().map(|f| (f.start_sample, f.metric_id, f.kind, f.chunk)).collect::<Vec<_>>());
    assert_eq!(a, b, "the flag joined the two halves of each chunk");
}

#[test]
fn a_panic_poisons_its_group_and_no_other() {
    let sessions: Vec<Session> = (0..70).map(|_| Session::new(RATE, 1)).collect();
    let probes: Vec<*mut oto_probe> = sessions.iter().map(|s| s.probe).collect();
    let pcm = [0_i16; 480];
    // SAFETY: a live probe.
    unsafe { (*probes[5]).poison.fault.set(true) };
    let mut statuses = vec![9; 70];
    let mut push = || pushed(&probes, &[pcm.as_ptr(); 70], &[480; 70], &[0; 70], &mut statuses);
    assert_eq!(push(), OTO_ERR_PANIC);
    assert_eq!(push(), OTO_ERR_POISONED);
    assert_eq!(statuses, [vec![OTO_ERR_POISONED; 64], vec![OTO_OK; 6]].concat());
    assert_eq!(sessions[63].finish(), OTO_ERR_POISONED);
    assert_eq!(sessions[64].finish(), OTO_OK);
}

#[test]
fn a_batch_allocates_nothing() {
    let sessions: Vec<Session> = (0..100).map(|_| Session::new(RATE, 1)).collect();
    let probes: Vec<*mut oto_probe> = sessions.iter().map(|s| s.probe).collect();
    let pcm = take();
    let (first, counts, flags) = (vec![pcm.as_ptr(); 100], vec![pcm.len(); 100], vec![0; 100]);
    let mut statuses = vec![9; 100];
    let t_ns = vec![0_i64; 100];
    let calls = super::alloc::allocations(|| {
        let (p, n, f) = (first.as_ptr(), counts.as_ptr(), flags.as_ptr());
        // SAFETY: arrays of 100.
        let answer = unsafe { oto_batch_push_i16(probes.as_ptr(), p, n, t_ns.as_ptr(), f, 100, statuses.as_mut_ptr()) };
        assert_eq!(answer, OTO_OK);
    });
    assert_eq!(calls, 0);
}
