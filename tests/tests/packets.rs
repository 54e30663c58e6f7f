//! Packets: RFC 3550 and 3611 vectors, the E-model's published and recomputed values, and hostile packets.

use otoscope::spec::Value;
use otoscope::{Config, FindingLog, Packet, PacketFate, Plan, Probe, Push, Severity, StreamSpec};
use otoscope_fixtures::rng::Rng;
use otoscope_tests::{ExactOnly, Heard, differences};

const CLOCK: u32 = 8_000;
/// 20 ms.
const TICKS: u32 = 160;

fn plan_with(settings: &[(&str, &str)]) -> Plan {
    let mut config = Config::new(StreamSpec::mono(24_000));
    for (key, value) in settings {
        config.set(key, *value).expect("a key and a value that are allowed");
    }
    config.freeze().expect("settings that agree")
}

/// Packet `n` of a stream that arrives evenly.
fn even(n: u32) -> Packet {
    Packet {
        sequence: n as u16,
        rtp_timestamp: n * TICKS,
        clock_rate_hz: CLOCK,
        arrival_ns: Some(i64::from(n) * 20_000_000),
        fate: PacketFate::Received,
    }
}

/// Tells the packets, each before its 20 ms of audio; a lost one brings concealment of the same length.
fn hear(plan: &Plan, packets: impl IntoIterator<Item = Option<Packet>>) -> Heard {
    let (mut probe, mut log) = (Probe::new(plan), FindingLog::new());
    let audio = vec![0.1f32; plan.stream().sample_rate_hz as usize / 50];
    for packet in packets {
        if let Some(packet) = packet {
            probe.packet(packet).expect("not finished");
        }
        probe.push_f32(&audio, Push::MORE).expect("mono");
        log.drain(&mut probe);
    }
    let report = probe.finish();
    log.drain(&mut probe);
    Heard { report, findings: log.into_sorted() }
}

/// A stream in which `came(n)` says whether packet n came.
fn holes(plan: &Plan, n: u32, came: impl Fn(u32) -> bool) -> Heard {
    hear(plan, (0..n).map(|i| came(i).then(|| even(i))))
}

fn found<'a>(heard: &'a Heard, name: &str) -> Vec<&'a otoscope::Finding> {
    heard.findings.iter().filter(|f| otoscope_tests::name(f) == name).collect()
}

/// The value of a field to so many decimals, as a table prints it.
fn printed(heard: &Heard, key: &str, decimals: usize) -> String {
    format!("{:.decimals$}", heard.number(key))
}

#[test]
fn jitter_is_that_of_rfc_3550_in_both_forms() {
    let arrivals = [0, 160, 328, 480, 672, 800, 1000, 1120, 1284, 1440];
    let float = ["0.00000", "0.50000", "0.96875", "2.90820", "4.72644", "6.93104", "8.99785", "8.68548", "8.39264"];
    let integer = [0.0, 0.0, 0.0, 0.0, 2.0, 4.0, 6.0, 8.0, 8.0, 8.0];
    let mut probe = Probe::new(&plan_with(&[]));
    for (n, ticks) in arrivals.into_iter().enumerate() {
        probe.packet(Packet { arrival_ns: Some(ticks * 125_000), ..even(n as u32) }).expect("not finished");
        let report = probe.snapshot();
        let number = |key| report.value(key).and_then(Value::number);
        if n == 0 {
            assert_eq!(number("rtp.jitter_ticks"), None, "one packet has no jitter");
            continue;
        }
        assert_eq!(number("rtp.jitter_a8_ticks"), Some(integer[n]), "packet {n}");
        let jitter = number("rtp.jitter_ticks").expect("two packets");
        assert_eq!(format!("{jitter:.5}"), float[n - 1], "packet {n}");
        assert_eq!(number("rtp.jitter_ms"), Some(jitter * 1e3 / 8e3));
    }
    let report = probe.finish();
    assert_eq!(report.value("rtp.interarrival_max_ms"), Some(Value::Number(25.0)), "from 800 to 1000 ticks");
    assert_eq!(report.value("rtp.interarrival_mean_ms"), Some(Value::Number(20.0)));
}

#[test]
fn bursts_and_gaps_are_those_of_rfc_3611() {
    let heard = holes(&plan_with(&[]), 92, |n| n != 30 && n != 61);
    assert_eq!(heard.number("rtp.gap_ms"), 1240.0);
    assert_eq!(heard.number("rtp.burst_ms"), 20.0);
    assert_eq!(heard.number("rtp.burst_density_ratio"), 1.0);
    assert_eq!(heard.number("rtp.gap_density_ratio"), 1.0 / 61.0);
    assert_eq!(heard.number("rtp.lost"), 2.0);
    // 40 received, 0010110 (0 = lost), 40 received, 1 lost, 50 received.
    let lost = [40, 41, 43, 46, 87];
    let heard = holes(&plan_with(&[]), 138, |n| !lost.contains(&n));
    assert_eq!((heard.number("rtp.gap_ms"), heard.number("rtp.burst_ms")), (820.0, 80.0));
    let (p23, p32) = (2.0 / 3.0, 0.4);
    let density = heard.number("rtp.burst_density_ratio");
    assert!((density - p23 / (p23 + p32)).abs() < 1e-12, "rounding of three divisions: {density}");
    assert_eq!((density * 256.0) as u32, 160, "as the report block has it");
    assert_eq!(heard.number("rtp.gap_density_ratio"), 0.0);
}

#[test]
fn a_clean_stream_has_no_findings_and_no_loss() {
    // Even, and with 3 ms of random delay; sequence numbers and timestamps wrap.
    let mut rng = Rng::new(3);
    for most_ns in [1, 3_000_000] {
        let packets = (0..3_000u32).map(|n| {
            let p = even(n);
            Some(Packet {
                sequence: p.sequence.wrapping_add(64_000),
                rtp_timestamp: p.rtp_timestamp.wrapping_add(u32::MAX - 9_000),
                arrival_ns: p.arrival_ns.map(|t| t + rng.below(most_ns) as i64),
                ..p
            })
        });
        let heard = hear(&plan_with(&[]), packets);
        assert!(heard.findings.iter().all(|f| !otoscope_tests::name(f).starts_with("rtp.")), "{:?}", heard.names());
        for (key, value) in [("expected", 3_000.0), ("received", 3_000.0), ("lost", 0.0), ("restarts", 0.0)] {
            assert_eq!(heard.number(&format!("rtp.{key}")), value, "{key}");
        }
        assert_eq!(heard.number("rtp.packet_ms"), 20.0);
        assert!(heard.number("rtp.jitter_max_ms") < 3.0);
    }
}

#[test]
fn a_burst_of_losses_is_one_finding_where_it_was() {
    let packet = 480;
    for (n, severity) in [(2, None), (3, Some(Severity::Warning)), (12, Some(Severity::Error))] {
        let heard = holes(&plan_with(&[]), 400, |i| !(100..100 + n).contains(&i));
        let bursts = found(&heard, "rtp.loss_burst");
        assert_eq!(bursts.first().map(|f| f.severity), severity, "{n} packets");
        for f in &bursts {
            let (start, end) = (100 * packet, u64::from(100 + n) * packet);
            assert_eq!((f.start_sample, f.end_sample, f.value), (start, end, f64::from(n)));
        }
        assert!(bursts.len() <= 1);
    }
    // Losses with fewer than 16 received between them are one burst; discards count as losses.
    let heard = hear(
        &plan_with(&[]),
        (0..400u32).map(|i| match i {
            100 | 120 => None,
            110 => Some(Packet { fate: PacketFate::Discarded, ..even(i) }),
            _ => Some(even(i)),
        }),
    );
    let bursts = found(&heard, "rtp.loss_burst");
    assert_eq!(bursts.len(), 1);
    assert_eq!((bursts[0].start_sample, bursts[0].end_sample), (100 * packet, 121 * packet));
    assert_eq!(heard.number("rtp.discarded"), 1.0);
    // 16 received end it.
    let heard = holes(&plan_with(&[]), 400, |i| ![100, 101, 102, 119, 120, 121].contains(&i));
    assert_eq!(found(&heard, "rtp.loss_burst").len(), 2);
    // The last packets never came, and nothing shows it but the caller.
    let lost = |i| Packet { fate: PacketFate::Lost, arrival_ns: None, ..even(i) };
    let heard = hear(&plan_with(&[]), (0..100u32).map(|i| Some(if i < 95 { even(i) } else { lost(i) })));
    assert_eq!(heard.number("rtp.lost"), 5.0);
    let bursts = found(&heard, "rtp.loss_burst");
    assert_eq!((bursts[0].start_sample, bursts[0].end_sample), (95 * packet, 100 * packet));
}

#[test]
fn much_loss_and_jitter_are_found_where_they_are() {
    // Every 17th packet (5.9 %) is lost from 500 to 1000: no burst, but too much.
    let heard = holes(&plan_with(&[]), 2_000, |i| !((500..1_000).contains(&i) && i % 17 == 0));
    let loss = found(&heard, "rtp.high_loss");
    assert_eq!(loss.len(), 1, "{:?}", heard.names());
    assert_eq!((loss[0].start_sample, loss[0].end_sample), (500 * 480, 1_000 * 480));
    assert!(found(&heard, "rtp.loss_burst").is_empty());
    // Every 25th (4 %) is not.
    assert!(found(&holes(&plan_with(&[]), 2_000, |i| i % 25 != 7), "rtp.high_loss").is_empty());
    // A short stream is judged at its end.
    let heard = holes(&plan_with(&[]), 100, |i| i % 10 != 7);
    assert_eq!(found(&heard, "rtp.high_loss").len(), 1);
    // Every fifth packet 200 ms late: the mean of |D| is 80 ms.
    let late = |i: u32| i64::from(i.is_multiple_of(5) && (500..1_000).contains(&i)) * 200_000_000;
    let heard = hear(
        &plan_with(&[]),
        (0..2_000u32).map(|i| Some(Packet { arrival_ns: even(i).arrival_ns.map(|t| t + late(i)), ..even(i) })),
    );
    let jitter = found(&heard, "rtp.high_jitter");
    assert_eq!(jitter.len(), 1, "{:?}", heard.names());
    assert!(jitter[0].start_sample <= 500 * 480 && jitter[0].end_sample >= 1_000 * 480);
    // A single one is no reason.
    let once = |i: u32| i64::from(i == 700) * 200_000_000;
    let heard = hear(
        &plan_with(&[]),
        (0..2_000u32).map(|i| Some(Packet { arrival_ns: even(i).arrival_ns.map(|t| t + once(i)), ..even(i) })),
    );
    assert!(found(&heard, "rtp.high_jitter").is_empty(), "peak {}", heard.number("rtp.jitter_max_ms"));
}

#[test]
fn without_packets_nothing_is_claimed() {
    let heard = hear(&plan_with(&[]), [None; 50]);
    heard.report.visit(|m, f, v| {
        if m.name == "rtp" {
            assert_eq!(v, Value::NotComputed("no packets were given"), "{}", f.name);
        }
        if m.name == "e_model" {
            assert!(matches!(v, Value::NotComputed(why) if why.starts_with("not grounded")), "{}: {v:?}", f.name);
        }
    });
}

/// E-model inputs by parameters only.
fn rated(settings: &[(&str, &str)]) -> Heard {
    let usual = [("e_model.codec", "given"), ("e_model.delay", "given"), ("e_model.loss", "given")];
    let all: Vec<(&str, &str)> = usual.iter().chain(settings).copied().collect();
    hear(&plan_with(&all), [None])
}

#[test]
fn the_defaults_of_g_107_give_its_published_rating() {
    let heard = rated(&[]);
    for (key, value) in [
        ("nb_r", "93.2062"),
        ("nb_mos", "4.4094"),
        ("nb_ro", "94.7688"),
        ("nb_is", "1.4136"),
        ("nb_idte", "0.0000"),
        ("nb_idle", "0.1490"),
        ("nb_idd", "0.0000"),
        ("nb_ie_eff", "0.0000"),
    ] {
        assert_eq!(printed(&heard, &format!("e_model.{key}"), 4), value, "{key}");
    }
}

#[test]
fn delay_costs_what_g_107_says() {
    // Delay, R without echo, R with T = Ta and Tr = 2 Ta, Idd.
    let table = [
        ("50", "93.21", "91.76", 0.0),
        ("100", "93.21", "90.66", 0.0),
        ("150", "93.04", "89.54", 0.16),
        ("200", "90.16", "85.80", 3.04),
        ("250", "84.29", "79.18", 8.92),
        ("300", "78.45", "72.67", 14.8),
        ("400", "69.14", "62.25", 24.1),
        ("500", "62.57", "54.80", 30.6),
    ];
    for (ta, without, with, idd) in table {
        let heard = rated(&[("e_model.ta_ms", ta)]);
        assert_eq!(printed(&heard, "e_model.nb_r", 2), without, "{ta} ms");
        let exact = heard.number("e_model.nb_idd");
        assert!((exact - idd).abs() <= 0.05, "the table has one decimal: {exact}");
        let tr = format!("{}", 2.0 * ta.parse::<f64>().expect("a number"));
        let heard = rated(&[("e_model.ta_ms", ta), ("e_model.t_ms", ta), ("e_model.tr_ms", &tr)]);
        assert_eq!(printed(&heard, "e_model.nb_r", 2), with, "{ta} ms with echo");
    }
}

#[test]
fn loss_costs_what_g_107_says() {
    let table = [
        ("g711", ["75.3", "63.0", "54.2", "42.1", "26.8"]),
        ("g711_plc", ["89.6", "86.2", "83.1", "77.4", "66.1"]),
        ("g729a_vad", ["78.0", "74.2", "70.8", "64.7", "53.2"]),
    ];
    for (codec, row) in table {
        for (ppl, r) in ["1", "2", "3", "5", "10"].into_iter().zip(row) {
            let heard = rated(&[("e_model.codec", codec), ("e_model.ppl_percent", ppl)]);
            assert_eq!(printed(&heard, "e_model.nb_r", 1), r, "{codec} {ppl} %");
        }
    }
    let bursts = [("e_model.codec", "g711_plc"), ("e_model.ppl_percent", "1.99999"), ("e_model.burst_ratio", "2")];
    assert_eq!(printed(&rated(&bursts), "e_model.nb_r", 2), "85.93");
    let bursts = [("e_model.codec", "g711_plc"), ("e_model.ppl_percent", "2"), ("e_model.burst_ratio", "2")];
    assert_eq!(printed(&rated(&bursts), "e_model.nb_r", 2), "85.93");
}

#[test]
fn mos_follows_annex_b() {
    // Ie moves R to where it is wanted: R = 93.2062 - Ie.
    let r0 = rated(&[]).number("e_model.nb_r");
    for (r, mos) in [(60.0, "3.100"), (70.0, "3.597"), (80.0, "4.024"), (90.0, "4.339")] {
        let ie = format!("{}", r0 - r);
        assert_eq!(printed(&rated(&[("e_model.ie", &ie)]), "e_model.nb_mos", 3), mos, "R {r}");
    }
    // The dip of the cubic below 1, and R below 0.
    let low = [("e_model.ie", "40"), ("e_model.ppl_percent", "20"), ("e_model.ta_ms", "500")];
    let heard = rated(&low);
    assert!(heard.number("e_model.nb_r") < 0.0);
    assert_eq!(heard.number("e_model.nb_mos"), 1.0);
    // 20 of advantage bring R over 100.
    assert_eq!(rated(&[("e_model.advantage", "20")]).number("e_model.nb_mos"), 4.5);
}

#[test]
fn the_wide_band_scale_is_that_of_g_107_1() {
    // Vectors of two independent public implementations (loom, sipnab), the second without echo.
    let wb = |more: &[(&str, &str)]| rated(&[&[("e_model.given_scale", "wb")], more].concat());
    let heard = wb(&[]);
    assert_eq!(printed(&heard, "e_model.wb_idle", 6), "0.153685");
    assert_eq!(printed(&heard, "e_model.wb_r", 6), "128.846315");
    assert_eq!(printed(&heard, "e_model.wb_mos", 6), "4.499152");
    let heard = wb(&[("e_model.ta_ms", "150"), ("e_model.tr_ms", "300")]);
    assert_eq!(printed(&heard, "e_model.wb_idle", 6), "1.012266");
    assert_eq!(printed(&heard, "e_model.wb_idd", 6), "0.210955");
    assert_eq!(printed(&wb(&[("e_model.ta_ms", "200")]), "e_model.wb_idd", 6), "3.927294");
    // Ie 20, Bpl 4.3, 2 % of random loss.
    let diotic = [("e_model.codec", "amr_wb_12.65"), ("e_model.listening", "diotic"), ("e_model.ppl_percent", "2")];
    assert_eq!(printed(&rated(&diotic), "e_model.wb_ie_eff", 4), "43.8095");
    let monotic = [("e_model.codec", "amr_wb_23.85"), ("e_model.listening", "monotic")];
    assert_eq!(rated(&monotic).number("e_model.wb_ie_eff"), 8.0);
}

#[test]
fn the_full_band_scale_is_that_of_g_107_2() {
    // R = 148 - 7.2, MOS of 140.8/1.48 = 95.1351.
    let evs = |more: &[(&str, &str)]| {
        rated(&[&[("e_model.codec", "evs_swb_24.4"), ("e_model.listening", "diotic")], more].concat())
    };
    let heard = evs(&[]);
    assert_eq!(printed(&heard, "e_model.fb_r", 4), "140.8000");
    let rx: f64 = 140.8 / 1.48;
    let mos = 1.0 + 0.035 * rx + 7e-6 * rx * (rx - 60.0) * (100.0 - rx);
    assert!((heard.number("e_model.fb_mos") - mos).abs() < 1e-12, "rounding");
    // 7.2 + 124.8 x 2/13.4, and 1.48 times the delay of 200 ms.
    let heard = evs(&[("e_model.ppl_percent", "2"), ("e_model.ta_ms", "200")]);
    assert_eq!(printed(&heard, "e_model.fb_ie_eff", 4), "25.8269");
    assert_eq!(printed(&heard, "e_model.fb_idd", 4), "4.5057");
}

#[test]
fn what_nobody_published_is_not_grounded() {
    let reason = |settings: &[(&str, &str)], key: &str| match rated(settings).report.value(key) {
        Some(Value::NotComputed(why)) if why.starts_with("not grounded") => why,
        other => panic!("{settings:?} {key}: {other:?}"),
    };
    for codec in ["unknown", "opus", "g722", "amr_nb", "amr_wb_12.65", "evs_swb_32"] {
        for key in ["nb_r", "nb_mos", "wb_r", "wb_mos", "fb_r", "fb_mos", "ie", "bpl_percent"] {
            reason(&[("e_model.codec", codec)], &format!("e_model.{key}"));
        }
    }
    // A codec of one scale has no rating on another.
    for key in ["wb_r", "wb_mos", "fb_r", "fb_mos"] {
        assert!(reason(&[("e_model.codec", "g711")], &format!("e_model.{key}")).contains("another scale"));
    }
    assert!(reason(&[("e_model.delay", "unmeasured")], "e_model.nb_r").contains("delay"));
    assert!(reason(&[("e_model.loss", "packets")], "e_model.nb_r").contains("no packets"));
    let loss = ("e_model.ppl_percent", "1");
    assert!(reason(&[loss, ("e_model.bpl_percent", "0")], "e_model.nb_r").contains("Bpl"));
    let monotic = [("e_model.codec", "amr_wb_12.65"), ("e_model.listening", "monotic"), loss];
    assert!(reason(&monotic, "e_model.wb_r").contains("Bpl"));
    let rate = [("e_model.codec", "amr_wb_14.25"), ("e_model.listening", "diotic")];
    assert!(reason(&rate, "e_model.wb_r").contains("two ears"));
    let wide = ("e_model.given_scale", "wb");
    assert!(reason(&[wide, loss, ("e_model.burst_ratio", "2")], "e_model.wb_r").contains("random loss"));
    assert!(reason(&[wide, ("e_model.t_ms", "50")], "e_model.wb_r").contains("talker echo"));
    assert!(reason(&[wide, ("e_model.ps_db", "50")], "e_model.wb_r").contains("narrow band"));
    assert!(reason(&[("e_model.given_scale", "fb"), ("e_model.tr_ms", "50")], "e_model.fb_r").contains("echo"));
    let bursty = [("e_model.ppl_percent", "3"), ("e_model.burst_ratio", "2.5")];
    assert!(reason(&bursty, "e_model.nb_r").contains("Table 3"));
}

#[test]
fn inputs_that_contradict_each_other_are_refused() {
    for settings in [
        &[("e_model.stmr_db", "12")][..],
        &[("e_model.codec", "given"), ("e_model.ie", "60")],
        &[("e_model.bpl_percent", "1")],
    ] {
        let mut config = Config::new(StreamSpec::mono(24_000));
        settings.iter().for_each(|(key, value)| config.set(key, *value).expect("in range"));
        assert!(config.freeze().is_err(), "{settings:?}");
    }
    let agree = [("e_model.stmr_db", "12"), ("e_model.lstr_db", "15"), ("e_model.codec", "g711")];
    plan_with(&agree);
}

#[test]
fn loss_and_burst_ratio_come_from_the_packets() {
    let plc = [("e_model.codec", "g711_plc"), ("e_model.delay", "given")];
    // 20 single losses of 1000: the mean run is 1 where chance makes 1/0.98.
    let heard = holes(&plan_with(&plc), 1_000, |i| i % 50 != 25);
    assert_eq!((heard.number("e_model.ppl_percent"), heard.number("e_model.burst_ratio")), (2.0, 1.0));
    assert_eq!(printed(&heard, "e_model.nb_r", 1), "86.2");
    // 19 of 1000 (1.9 %) in runs, 10 of them: BurstR = 1.9 x 0.981.
    let heard = holes(&plan_with(&plc), 1_000, |i| !(i % 100 == 50 || i % 100 == 51 && i > 100));
    assert_eq!(heard.number("e_model.ppl_percent"), 1.9);
    assert!((heard.number("e_model.burst_ratio") - 1.9 * 0.981).abs() < 1e-12, "rounding");
    let ie_eff = 95.0 * 1.9 / (1.9 / (1.9 * 0.981) + 25.1);
    assert!((heard.number("e_model.nb_ie_eff") - ie_eff).abs() < 1e-9, "rounding");
    // The same runs are not random loss, all that the wide band scale knows.
    let wide = [("e_model.codec", "amr_wb_12.65"), ("e_model.listening", "diotic"), ("e_model.delay", "given")];
    let heard = holes(&plan_with(&wide), 1_000, |i| !(i % 100 == 50 || i % 100 == 51 && i > 100));
    assert!(matches!(heard.report.value("e_model.wb_r"), Some(Value::NotComputed(_))));
    // Random loss is random on nearly every draw, by the test's two deviations and one.
    let mut random = 0;
    for seed in 0..100 {
        let mut rng = Rng::new(seed);
        let lost: Vec<bool> = (0..1_000).map(|_| rng.below(100) < 3).collect();
        let heard = holes(&plan_with(&wide), 1_000, |i| !lost[i as usize]);
        random += u32::from(heard.report.value("e_model.wb_r").and_then(Value::number).is_some());
    }
    assert!(random >= 90, "two deviations and one leave about one in 30 out: {random}");
    // Over 20 % is outside the model.
    let heard = holes(&plan_with(&plc), 1_000, |i| i % 4 != 1);
    assert!(matches!(heard.report.value("e_model.nb_r"), Some(Value::NotComputed(why)) if why.contains("20 %")));
}

#[test]
fn hostile_packets_do_no_harm() {
    let extreme = [0, 1, u32::MAX, u32::MAX / 2, 1 << 31, CLOCK];
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let settings =
            [("e_model.codec", ["g711", "opus", "g729a_vad"][seed as usize % 3]), ("e_model.delay", "given")];
        let plan = plan_with(&settings);
        let (mut probe, mut log) = (Probe::new(&plan), FindingLog::new());
        let mut n = rng.below(65_536) as u16;
        for _ in 0..3_000 {
            // Random jumps, near steps, duplicates and steps back.
            n = match rng.below(10) {
                0 => rng.below(65_536) as u16,
                1 => n.wrapping_sub(rng.below(120) as u16),
                2 => n.wrapping_add(rng.below(3_100) as u16),
                3 => n,
                _ => n.wrapping_add(1),
            };
            let word = rng.next_u64();
            probe
                .packet(Packet {
                    sequence: n,
                    rtp_timestamp: if word & 1 == 0 { word as u32 } else { u32::from(n).wrapping_mul(160) },
                    clock_rate_hz: if word & 2 == 0 { extreme[rng.below(6)] } else { CLOCK },
                    arrival_ns: match rng.below(6) {
                        0 => None,
                        1 => Some(i64::MAX),
                        2 => Some(i64::MIN),
                        3 => Some(rng.next_u64() as i64),
                        _ => Some(i64::from(n) * 20_000_000),
                    },
                    fate: [PacketFate::Received, PacketFate::Discarded, PacketFate::Lost][rng.below(3)],
                })
                .expect("not finished");
            if rng.below(3) == 0 {
                probe.push_f32(&vec![0.1; rng.below(500)], Push::MORE).expect("mono");
            }
            log.drain(&mut probe);
        }
        let report = probe.finish();
        log.drain(&mut probe);
        report.visit(|m, f, v| {
            if let Value::Number(x) = v {
                let least = if ["rtp", "continuity"].contains(&m.name) { 0.0 } else { f64::MIN };
                assert!(x.is_finite() && x >= least, "{seed}: {}.{} is {x}", m.name, f.name);
                assert!(!(f.name.ends_with("density_ratio") || f.name == "lost_ratio") || x <= 1.0, "{} {x}", f.name);
            }
        });
        for f in log.into_sorted() {
            assert!(f.start_sample <= f.end_sample && f.end_sample <= report.samples, "{seed}: {f:?}");
            assert!(f.value.is_finite() && f.threshold.is_finite(), "{seed}: {f:?}");
        }
        assert!(probe.packet(even(0)).is_err(), "after the end");
        probe.reset();
        probe.packet(even(0)).expect("a new stream");
        assert_eq!(probe.finish().value("rtp.expected"), Some(Value::Number(1.0)), "reset forgets the packets");
    }
}

#[test]
fn how_calls_are_cut_between_packets_changes_nothing() {
    let plan = plan_with(&[("e_model.codec", "g711_plc"), ("e_model.delay", "given")]);
    let came = |i: u32| !(300..306).contains(&i) && i % 11 != 3;
    let whole = holes(&plan, 900, came);
    assert!(!found(&whole, "rtp.loss_burst").is_empty() && !found(&whole, "rtp.high_loss").is_empty());
    let mut rng = Rng::new(8);
    let (mut probe, mut log) = (Probe::new(&plan), FindingLog::new());
    for i in 0..900 {
        if came(i) {
            probe.packet(even(i)).expect("not finished");
        }
        let mut left = 480;
        while left > 0 {
            let n = (1 + rng.below(200)).min(left);
            probe.push_f32(&vec![0.1; n], Push::MORE).expect("mono");
            left -= n;
            if rng.below(4) == 0 {
                assert!(!probe.snapshot().is_final);
            }
        }
        log.drain(&mut probe);
    }
    let report = probe.finish();
    log.drain(&mut probe);
    let different = differences(&whole.report, &report, ExactOnly::AllBits);
    assert!(different.is_empty(), "{different:?}");
    assert_eq!(whole.findings, log.into_sorted());
}
