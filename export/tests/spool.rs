//! The spool as a process has it: the writer's thread, its folder, its end.

mod common;

use common::heard;
use otoscope_export::sinks::ndjson::Ndjson;
use otoscope_export::{
    Disk, Full, Handle, Pump, PumpOptions, Reader, ReportId, Spool, SpoolOptions, Submission, envelope_of,
};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn push(handle: &Handle, n: u64) -> Result<ReportId, Full> {
    thread_local! {
        static HEARD: (otoscope::Report, Vec<otoscope::Finding>) = heard();
    }
    HEARD.with(|(report, findings)| {
        let stream = n.to_string();
        let attributes = [("tts.stream.id", stream.as_str())];
        handle.try_push(Submission { report, findings, unix_ms: 1_700_000_000_000 + n, attributes: &attributes })
    })
}

fn read_all(folder: &Path) -> Vec<otoscope_export::Record> {
    let mut reader = Reader::new(Disk::new(folder).expect("there"), 1);
    let mut all = Vec::new();
    loop {
        let batch = reader.next_batch(1000, usize::MAX).expect("readable");
        if batch.is_empty() {
            assert_eq!((reader.skipped, reader.damages), (0, 0));
            return all;
        }
        all.extend(batch);
    }
}

#[test]
fn a_second_writer_takes_the_next_folder_and_the_first_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Spool::open(folder.path(), SpoolOptions::default()).expect("it opens");
    let second = Spool::open(folder.path(), SpoolOptions::default()).expect("it opens");
    assert_eq!((first.folder(), second.folder()), (&*folder.path().join("0"), &*folder.path().join("1")));
    push(&first.handle(), 1).expect("room");
    drop(first);
    let again = Spool::open(folder.path(), SpoolOptions::default()).expect("it opens");
    assert_eq!(
        (again.folder(), again.repair().last_seq),
        (&*folder.path().join("0"), 1),
        "dropping it made all durable"
    );
    push(&again.handle(), 2).expect("room");
    assert_eq!(again.handle().flush(Duration::from_secs(10)).expect("a good disk"), 2);
}

#[test]
fn a_full_ring_is_an_answer_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = SpoolOptions::default();
    options.ring_slots = 4;
    options.attribute_bytes = 40;
    let spool = Spool::open(folder.path(), options).expect("it opens");
    let handle = spool.handle();
    let refused = (0..3000).filter(|n| push(&handle, *n).is_err()).count() as u64;
    handle.flush(Duration::from_secs(10)).expect("a good disk");
    let marks = handle.watermarks();
    assert!(refused > 0, "four slots are not enough");
    assert_eq!((marks.accepted, marks.dropped), (3000 - refused, refused));
    assert_eq!((marks.written, marks.durable), (3000 - refused, 3000 - refused));
    let (report, _) = heard();
    let long = "x".repeat(100);
    let attributes = [("a", long.as_str()), ("b", "short")];
    handle.try_push(Submission { report: &report, findings: &[], unix_ms: 1, attributes: &attributes }).expect("room");
    handle.flush(Duration::from_secs(10)).expect("a good disk");
    assert_eq!(handle.watermarks().attributes_left_out, 1);
    let last = read_all(spool.folder()).pop().expect("one");
    let json: serde_json::Value = serde_json::from_slice(&last.json).expect("JSON");
    assert_eq!((json.get("labels.a"), &json["labels.b"]), (None, &"short".into()));
}

#[test]
fn an_exporter_goes_on_where_it_stopped_and_there_is_one_for_each_cursor() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool"), SpoolOptions::default()).expect("it opens");
    let file = folder.path().join("out.ndjson");
    let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
    for round in 1..=3 {
        for n in 0..10 {
            push(&spool.handle(), n).expect("room");
        }
        spool.handle().flush(Duration::from_secs(10)).expect("a good disk");
        let mut sink = Ndjson::file(&file, u64::MAX, 1);
        let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
        let taken = Pump::open(spool.folder(), &mut sink, PumpOptions::default());
        assert_eq!(taken.err().map(|e| e.kind()), Some(std::io::ErrorKind::WouldBlock));
        assert_eq!(pump.drain(&mut sink, Duration::from_secs(10)).expect("a good disk"), 10);
        assert_eq!((lines(), pump.cursor().delivered), (10 * round, 10 * round as u64));
    }
}

#[test]
fn lines_are_rotated_and_a_torn_one_is_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool"), SpoolOptions::default()).expect("it opens");
    for n in 0..40 {
        push(&spool.handle(), n).expect("room");
    }
    spool.handle().flush(Duration::from_secs(10)).expect("a good disk");
    let file = folder.path().join("out.ndjson");
    std::fs::write(&file, "{\"torn").expect("writable");
    let mut options = PumpOptions::default();
    options.batch = 4;
    let mut sink = Ndjson::file(&file, 60_000, 2);
    let mut pump = Pump::open(spool.folder(), &mut sink, options).expect("it opens");
    pump.drain(&mut sink, Duration::from_secs(10)).expect("a good disk");
    let names: Vec<String> = ["", ".1", ".2"].map(|end| format!("out.ndjson{end}")).into();
    let texts: Vec<String> =
        names.iter().map(|n| std::fs::read_to_string(folder.path().join(n)).expect("there")).collect();
    assert!(!folder.path().join("out.ndjson.3").exists(), "two are kept");
    for line in texts.iter().flat_map(|text| text.lines()).filter(|line| *line != "{\"torn") {
        assert!(envelope_of(line.as_bytes()).is_some(), "every other line is whole");
    }
    assert!(texts[0].ends_with('\n'));
}

/// What the parent starts again and again: it pushes and tells what is durable.
#[test]
#[ignore = "the child of the next test"]
fn child() {
    let Some(folder) = std::env::var_os("OTOSCOPE_SPOOL") else { return };
    let spool = Spool::open(folder, SpoolOptions::default()).expect("it opens");
    let handle = spool.handle();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "repaired {}", spool.repair().torn_bytes);
    let mut told = 0;
    for n in 0.. {
        while push(&handle, n).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let marks = handle.watermarks();
        if marks.durable > told {
            told = marks.durable;
            // In one write: the parent never sees half a line as a number.
            let _ = out.write_all(format!("written {} durable {}\n", marks.written, marks.durable).as_bytes());
            let _ = out.flush();
        }
    }
}

#[test]
fn killing_the_process_loses_nothing_that_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = 0;
    for round in 0..6 {
        let program = std::env::current_exe().expect("this test");
        let mut child = Command::new(program)
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env("OTOSCOPE_SPOOL", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (start, before) = (Instant::now(), acknowledged);
        // Until it has told of new durable records, and a little longer, each time another.
        while acknowledged == before || start.elapsed() < Duration::from_millis(150 + 37 * round) {
            let line = lines.next().expect("it goes on").expect("text");
            if let Some((written, durable)) =
                line.strip_prefix("written ").and_then(|rest| rest.split_once(" durable "))
            {
                let (written, durable): (u64, u64) =
                    (written.parse().expect("a number"), durable.parse().expect("a number"));
                assert!(written >= durable);
                acknowledged = acknowledged.max(written);
            }
            assert!(start.elapsed() < Duration::from_secs(60), "the child tells nothing");
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("it ends");
        let all = read_all(&folder.path().join("0"));
        let by_seq: BTreeMap<u64, &otoscope_export::Record> = all.iter().map(|r| (r.seq, r)).collect();
        assert_eq!(by_seq.len(), all.len());
        assert!((1..=acknowledged).all(|seq| by_seq.contains_key(&seq)), "round {round}: of {acknowledged}");
        assert!(all.iter().all(|r| envelope_of(&r.json) == Some(r.envelope)));
        let ids: std::collections::HashSet<ReportId> = all.iter().map(|r| r.envelope.id).collect();
        assert_eq!(ids.len(), all.len(), "no id twice, also over restarts");
    }
    assert!(acknowledged > 100, "{acknowledged}");
}
