//! Packets told through the C interface.

use super::*;
use otoscope::spec::Value;
use otoscope::{Config, Packet, PacketFate, Probe, StreamSpec};

fn tell(session: &Session, packet: &oto_packet) -> oto_status {
    // SAFETY: a live probe, and a struct as long as it says.
    unsafe { oto_probe_packet(session.probe, packet) }
}

#[test]
fn packets_reach_the_report_as_they_do_in_rust() {
    let session = Session::new(RATE, 1);
    let mut probe = Probe::new(&Config::new(StreamSpec::mono(RATE)).freeze().unwrap());
    let fates = [PacketFate::Received, PacketFate::Discarded, PacketFate::Lost];
    for n in (0..200u32).filter(|n| n % 9 != 4) {
        let (fate, rtp_timestamp) = (n as usize % 50 / 20, n.wrapping_mul(160).wrapping_sub(800));
        let arrival_ns = i64::from(n) * 20_000_000 + i64::from(n % 3) * 1_000_000;
        let sequence = 65_500u16.wrapping_add(n as u16);
        let c = oto_packet { sequence, fate: fate as u16, rtp_timestamp, arrival_ns, ..packet() };
        assert_eq!(tell(&session, &c), OTO_OK);
        let arrival_ns = Some(arrival_ns);
        probe.packet(Packet { sequence, rtp_timestamp, clock_rate_hz: 8_000, arrival_ns, fate: fates[fate] }).unwrap();
    }
    assert_eq!(session.finish(), OTO_OK);
    let report = probe.finish();
    let mut numbers = 0;
    report.visit(|metric, field, value| {
        let mut c = f64::NAN;
        // SAFETY: a live report and a live local.
        let status = unsafe { oto_report_value(session.report, metric.field_id(field), &mut c) };
        if metric.name == "rtp" {
            assert_eq!(status == OTO_OK, value.number().is_some(), "{}", field.name);
            numbers += u32::from(value.number() == Some(c));
        }
    });
    assert_eq!(numbers, 19, "all 22 but those that need a gap of 16 packets before a loss");
    assert!(matches!(report.value("rtp.discarded"), Some(Value::Number(x)) if x > 0.0));
}

#[test]
fn wrong_packets_are_refused_and_change_nothing() {
    let session = Session::new(RATE, 1);
    assert_eq!(tell(&session, &oto_packet { fate: 3, ..packet() }), OTO_ERR_UNSUPPORTED);
    for struct_size in [0, 3, 1025, u32::MAX] {
        assert_eq!(tell(&session, &oto_packet { struct_size, ..packet() }), OTO_ERR_ARGUMENT);
    }
    // SAFETY: NULL is refused; a live probe.
    unsafe {
        assert_eq!(oto_probe_packet(session.probe, null()), OTO_ERR_NULL);
        assert_eq!(oto_probe_packet(null_mut(), &packet()), OTO_ERR_NULL);
        assert_eq!(oto_probe_snapshot(session.probe, session.report), OTO_OK);
    }
    let rtp = otoscope::SPECS.iter().find(|s| s.name == "rtp").unwrap();
    let expected = rtp.field_id(&rtp.fields[0]);
    let mut value = 0.0;
    // SAFETY: a live report and a live local.
    assert_eq!(unsafe { oto_report_value(session.report, expected, &mut value) }, OTO_NOT_COMPUTED);
    assert_eq!(session.finish(), OTO_OK);
    assert_eq!(tell(&session, &packet()), OTO_ERR_STATE);
}
