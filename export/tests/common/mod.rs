//! A report with three findings, as a server makes it.
#![allow(dead_code, reason = "each test uses its part of it")]

use otoscope::{Config, Finding, Listener, Pcm, Push, Report, StreamSpec};

/// Two seconds of a trembling tone with a hole, a click and a cut in the end.
pub fn heard() -> (Report, Vec<Finding>) {
    let mut pcm: Vec<i16> = (0..48_000)
        .map(|i| {
            let t = f64::from(i) / 24_000.0;
            let wave = (std::f64::consts::TAU * (220.0 * t + 2.0 * (5.0 * t).sin())).sin();
            (9000.0 * wave * (1.0 + 0.2 * (13.0 * t).sin())) as i16
        })
        .collect();
    pcm[20_000..20_600].fill(0);
    pcm[30_000] = 29_000;
    pcm[40_000..40_060].fill(i16::MAX);
    let plan = Config::new(StreamSpec::mono(24_000)).freeze().expect("defaults");
    let mut listener = Listener::new(&plan);
    for (i, chunk) in pcm.chunks(480).enumerate() {
        listener.push(Pcm::I16(chunk), Push::at(20_000_000 * i as i64), |_| ()).expect("whole frames");
    }
    listener.finish(|_| ())
}

/// Some records as a sink gets them, each of a stream of its own.
pub fn records(count: usize) -> Vec<otoscope_export::Record> {
    let folder = tempfile::tempdir().expect("a folder");
    let spool =
        otoscope_export::Spool::open(folder.path(), otoscope_export::SpoolOptions::default()).expect("it opens");
    let (report, findings) = heard();
    for n in 0..count {
        let stream = n.to_string();
        let attributes = [("tts.stream.id", stream.as_str()), ("gen_ai.speech.voice", ["anna", "ben"][n % 2])];
        let unix_ms = 1_700_000_000_000 + n as u64;
        let submission =
            otoscope_export::Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes };
        spool.handle().try_push(submission).expect("room");
    }
    spool.handle().flush(std::time::Duration::from_secs(10)).expect("a good disk");
    let disk = otoscope_export::Disk::new(spool.folder()).expect("there");
    otoscope_export::Reader::new(disk, 1).next_batch(usize::MAX, usize::MAX).expect("readable")
}
