//! The file as a browser gets it: what is in it, that nothing in it is taken for markup, how large it gets.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use otoscope::compare::{self, ComparisonMeta, Reference, Samples, Scratch};
use otoscope::verdict::NORMS;
use otoscope::{Config, Pcm, Plan, SPECS, StreamMeta, StreamSpec};
use otoscope_fixtures::signals;
use otoscope_html::{About, Audio, Detail, Document, Entry, Heard};
use serde_json::Value;

const RATE: u32 = 16_000;
/// What would run, or end an element, were it ever written as it is.
const NASTY: [&str; 5] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)",
    "<!--<script>",
    "]]>\u{2028}\u{0}&lt;`${alert(1)}",
];

fn plan() -> Plan {
    Config::new(StreamSpec::mono(RATE)).freeze().expect("defaults")
}

/// Speech-like, with a hole and a click in it.
fn take(seconds: f64, seed: u64) -> Vec<i16> {
    let mut pcm = signals::quantise(&signals::speech_like(RATE, seconds, seed));
    let middle = pcm.len() / 2;
    pcm[middle..middle + 900].fill(0);
    pcm[middle / 2] = 32_000;
    pcm
}

fn meta(name: &str, labels: &[(&str, &str)]) -> StreamMeta {
    let mut meta = StreamMeta::default();
    meta.source = Some(name.to_owned());
    meta.labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    meta
}

fn entry(name: &str, pcm: &[i16], detail: Detail, audio: Audio) -> Entry {
    let heard = Heard::of(&plan(), Pcm::I16(pcm), None, detail, audio).expect("whole frames");
    heard.into_entry(About { meta: &meta(name, &[("voice", "anna")]), format: "WAV", warnings: &[] }, &[])
}

fn page(entries: Vec<Entry>) -> String {
    let plan = plan();
    let mut document = Document::of_reports(Vec::new(), plan.config(), entries.len()).expect("memory");
    for entry in entries {
        document.add(entry).expect("memory");
    }
    let (bytes, length) = document.finish().expect("memory");
    assert_eq!(bytes.len() as u64, length);
    String::from_utf8(bytes).expect("UTF-8")
}

/// The base64 text of an element, if the page has it.
fn element<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("<script type=\"text/plain\" id=\"{id}\">"))?;
    rest.split_once("</script>").map(|(text, _)| text)
}

fn unpacked(page: &str, id: &str) -> Vec<u8> {
    let packed = STANDARD.decode(element(page, id).unwrap_or_else(|| panic!("no {id}"))).expect("base64");
    let mut plain = Vec::new();
    flate2::read::DeflateDecoder::new(&packed[..]).read_to_end(&mut plain).expect("deflated");
    plain
}

fn index(page: &str) -> Value {
    serde_json::from_slice(&unpacked(page, "index")).expect("JSON")
}

/// The JSON behind a line, and the blobs after it.
fn detail(page: &str, line: usize) -> (Value, Vec<u8>) {
    let all = unpacked(page, &format!("d{line}"));
    let length = u32::from_le_bytes(all[..4].try_into().expect("four")) as usize;
    (serde_json::from_slice(&all[4..4 + length]).expect("JSON"), all[4 + length..].to_vec())
}

#[test]
fn a_line_and_what_is_behind_it_say_what_the_report_says() {
    let pcm = take(4.0, 1);
    let plan = plan();
    let heard = Heard::of(&plan, Pcm::I16(&pcm), None, Detail::of(1), Audio::Findings).expect("whole frames");
    let (report, findings) = (heard.report, heard.findings.clone());
    assert!(!findings.is_empty(), "the hole or the click is found");
    let verdicts: Vec<_> = NORMS.iter().flat_map(|norm| norm.judge(&report)).collect();
    let meta = meta("takes/one.wav", &[("voice", "anna")]);
    let warnings = ["3 bytes after the end".to_owned()];
    let about = About { meta: &meta, format: "WAV, 16-bit PCM", warnings: &warnings };
    let page = page(vec![heard.into_entry(about, &verdicts)]);

    let index = index(&page);
    let row = &index["rows"][0];
    assert_eq!((&index["kind"], &row["name"]), (&"probe".into(), &"takes/one.wav".into()));
    assert_eq!(row["labels"]["voice"], "anna");
    assert_eq!(row["worst"], findings.iter().map(|f| f.severity as u8).max().expect("some"));
    let counted: u64 = row["kinds"].as_array().expect("a list").iter().map(|k| k[1].as_u64().expect("a number")).sum();
    assert_eq!(counted, report.counts().map(|(_, _, n)| u64::from(n)).sum::<u64>());
    assert_eq!(row["marks"].as_array().expect("a list").len(), findings.len());
    assert_eq!(row["norms"].as_object().expect("an object").len(), NORMS.len());

    let (behind, blobs) = detail(&page, 0);
    let wanted: Value = serde_json::from_str(&report.to_json_with(&meta, &findings, &verdicts)).expect("JSON");
    assert_eq!(behind["report"], wanted);
    assert_eq!(behind["rest"]["warnings"][0], warnings[0]);
    let trace = &behind["rest"]["traces"][""];
    let size = |at: &Value| at[1].as_u64().expect("a number");
    let columns = (pcm.len() as u64).div_ceil(trace["wave"]["step"].as_u64().expect("a number"));
    assert_eq!(size(&trace["wave"]["at"]), 2 * columns);
    let rows = trace["spectrum"]["rows"].as_u64().expect("a number");
    let columns = (pcm.len() as u64).div_ceil(trace["spectrum"]["step"].as_u64().expect("a number"));
    assert_eq!(size(&trace["spectrum"]["at"]), rows * columns);
    assert_eq!(blobs.len() as u64, size(&trace["wave"]["at"]) + size(&trace["spectrum"]["at"]));
    let momentary = &trace["series"][0];
    assert_eq!(momentary["key"], "loudness.momentary_lufs");
    assert_eq!(momentary["values"].as_array().expect("a list").len(), 40, "ten a second");
}

#[test]
fn the_catalogue_has_every_field_in_the_order_of_the_values() {
    let pcm = take(3.0, 2);
    let heard = Heard::of(&plan(), Pcm::I16(&pcm), None, Detail::of(1), Audio::None).expect("whole frames");
    let report = heard.report;
    let meta = meta("x", &[]);
    let page = page(vec![heard.into_entry(About { meta: &meta, format: "", warnings: &[] }, &[])]);
    let index = index(&page);
    let (metrics, units) = (&index["catalogue"]["metrics"], &index["catalogue"]["units"]);
    let mut values = index["rows"][0]["values"].as_array().expect("a list").iter();
    for (spec, metric) in SPECS.iter().zip(metrics.as_array().expect("a list")) {
        assert_eq!((&metric["name"], &metric["definition"]), (&spec.name.into(), &spec.definition.into()));
        for (field, told) in spec.fields.iter().zip(metric["fields"].as_array().expect("a list")) {
            assert_eq!((&told["name"], &told["doc"]), (&field.name.into(), &field.doc.into()));
            assert_eq!(units[told["unit"].as_str().expect("a name")]["symbol"], field.unit.symbol());
            let key = format!("{}.{}", spec.name, field.name);
            let value = values.next().unwrap_or_else(|| panic!("no value of {key}"));
            match report.value(&key).and_then(otoscope::spec::Value::number) {
                Some(x) => {
                    let near = value.as_f64().unwrap_or_else(|| panic!("{key}: {value}"));
                    assert!((near - x).abs() <= 1e-5 * x.abs(), "six digits are kept: {key} {near} {x}");
                }
                None => assert!(value.is_null(), "{key}"),
            }
        }
    }
    assert!(values.next().is_none());
}

#[test]
fn the_audio_at_a_finding_is_the_samples_themselves() {
    let pcm = take(6.0, 3);
    let page =
        page(vec![entry("x", &pcm, Detail::of(1), Audio::Findings), entry("y", &pcm, Detail::of(1), Audio::All)]);
    let index = index(&page);
    for (line, clip) in [(0, 0), (1, 0)] {
        let place = &index["rows"][line]["clips"][clip];
        let number = |key: &str| place[key].as_u64().expect("a number") as usize;
        let bytes = unpacked(&page, &format!("c{line}.{clip}"));
        let (low, high) = bytes.split_at(bytes.len() / 2);
        let mut last = 0_i16;
        let played: Vec<i16> = low
            .iter()
            .zip(high)
            .map(|(&l, &h)| {
                last = last.wrapping_add(i16::from_le_bytes([l, h]));
                last
            })
            .collect();
        assert_eq!(played.len(), number("len"));
        assert!(played == pcm[number("start")..][..number("len")], "line {line}");
        assert_eq!(place["rate"], RATE);
    }
    assert_eq!(index["rows"][1]["clips"][0]["len"], pcm.len());
}

#[test]
fn nothing_a_user_writes_is_taken_for_markup() {
    let pcm = take(1.5, 4);
    let mut entries = Vec::new();
    for (i, text) in NASTY.iter().enumerate() {
        let heard = Heard::of(&plan(), Pcm::I16(&pcm), None, Detail::of(9), Audio::Findings).expect("whole frames");
        let meta = meta(text, &[(text, NASTY[(i + 1) % NASTY.len()])]);
        entries.push(heard.into_entry(About { meta: &meta, format: text, warnings: &[(*text).to_owned()] }, &[]));
        entries.push(Entry::of_problem(text, &[((*text).to_owned(), (*text).to_owned())], text));
    }
    let page = page(entries);
    for text in NASTY {
        assert!(!page.contains(text), "{text}");
    }
    assert!(!page.contains("onerror=") && !page.contains('\0'));
    // What opens is closed, once; and every piece of data is base64 and nothing else.
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    let mut pieces = 0;
    for piece in page.split("<script type=\"text/plain\" id=\"").skip(1) {
        let (id, rest) = piece.split_once("\">").expect("an id");
        let (data, _) = rest.split_once("</script>").expect("an end");
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'), "{id}");
        assert!(data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)), "{id}");
        pieces += 1;
    }
    assert!(pieces > NASTY.len());
    // And it is all there, to the letter.
    let index = index(&page);
    for (i, text) in NASTY.iter().enumerate() {
        let row = &index["rows"][2 * i];
        assert_eq!((&row["name"], &row["labels"][text]), (&(*text).into(), &NASTY[(i + 1) % NASTY.len()].into()));
        assert_eq!(detail(&page, 2 * i).0["report"]["source"]["name"], *text);
        assert_eq!(index["rows"][2 * i + 1]["labels"][text], *text);
    }
}

#[test]
fn the_page_asks_for_nothing_from_outside() {
    let page = page(Vec::new());
    for outside in [
        "http:",
        "https:",
        "src=\"",
        "url(",
        "@import",
        "<link",
        "<iframe",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.len() < 120_000, "what the crate says of the page itself: {}", page.len());
}

#[test]
fn a_file_takes_no_more_than_is_said() {
    // Noise packs worst; a minute of it is more than any picture has columns.
    let noise = signals::quantise(&signals::white_uniform(-6.0, RATE, 60.0, 5));
    for (files, most) in [(1, 80_000), (1000, 40_000)] {
        let bare = page(Vec::new()).len();
        let one = page(vec![entry("noise.wav", &noise, Detail::of(files), Audio::None)]).len();
        assert!(one - bare <= most, "{} of {most} for a report of {files}", one - bare);
        let voice = page(vec![entry("voice.wav", &take(60.0, 6), Detail::of(files), Audio::None)]).len();
        assert!(voice - bare <= most, "{} of {most} for a report of {files}", voice - bare);
    }
}

#[test]
fn the_same_gives_the_same_bytes() {
    let make = || {
        let entries = (0..3).map(|i| entry(&format!("{i}.wav"), &take(2.0, i), Detail::of(3), Audio::Findings));
        page(entries.collect())
    };
    assert!(make() == make());
}

#[test]
fn nothing_and_odd_signals_make_a_page() {
    let odd = [vec![], vec![0.5], vec![f32::NAN; 9000], vec![f32::INFINITY, -1e30, 3.0, 0.0], vec![0.0; 20_000]];
    let lines = odd.len();
    let entries = odd.into_iter().map(|pcm| {
        let heard = Heard::of(&plan(), Pcm::F32(&pcm), None, Detail::of(5), Audio::All).expect("whole frames");
        heard.into_entry(About { meta: &StreamMeta::default(), format: "", warnings: &[] }, &[])
    });
    let page = page(entries.collect());
    assert_eq!(index(&page)["rows"].as_array().expect("a list").len(), lines);
    for line in 0..lines {
        assert!(detail(&page, line).0["report"].is_object());
    }
    let stereo = Config::new(StreamSpec { sample_rate_hz: RATE, channels: 2 }).freeze().expect("defaults");
    assert!(Heard::of(&stereo, Pcm::I16(&[1, 2, 3]), None, Detail::of(1), Audio::None).is_err(), "half a frame");
}

#[test]
fn a_pair_has_its_scores_its_places_and_both_signals() {
    let reference = signals::quantise(&signals::speech_like(RATE, 4.0, 7));
    let mut degraded = reference.clone();
    degraded[30_000..32_000].fill(0);
    let mut config = compare::Config::new(["pesq_wb", "stoi", "snr"]);
    config.frames = true;
    let plan = config.freeze().expect("known scores");
    let prepared = Reference::new(&plan, Samples::from(&reference[..]), RATE);
    let signal = Samples::from(&degraded[..]);
    let result = prepared.compare(signal.borrowed(), RATE, &mut Scratch::new());
    let mut meta = ComparisonMeta::default();
    meta.reference = Some(NASTY[0].to_owned());
    meta.degraded = Some(NASTY[1].to_owned());
    let both = [prepared.samples(), &signal];
    let entry = Entry::of_comparison(&meta, ["WAV", "FLAC"], &result, both, Detail::of(1), Audio::Findings);
    let mut document = Document::of_comparisons(Vec::new(), &plan, 1).expect("memory");
    document.add(entry).expect("memory");
    let page = String::from_utf8(document.finish().expect("memory").0).expect("UTF-8");
    assert!(!page.contains(NASTY[0]) && !page.contains(NASTY[1]));

    let index = index(&page);
    assert_eq!((&index["kind"], &index["rows"][0]["reference"]), (&"compare".into(), &NASTY[0].into()));
    let keys: Vec<&str> =
        index["catalogue"]["wanted"].as_array().expect("a list").iter().filter_map(|w| w["key"].as_str()).collect();
    assert_eq!(keys, ["pesq_wb", "stoi", "snr"]);
    let (behind, _) = detail(&page, 0);
    let wanted: Value = serde_json::from_str(&result.to_json(&meta)).expect("JSON");
    assert_eq!(behind["comparison"], wanted);
    let places = behind["rest"]["places"].as_array().expect("a list");
    let hole = 30_000.0 / f64::from(RATE)..32_000.0 / f64::from(RATE);
    let at = places.iter().filter_map(|p| p[0].as_f64());
    assert!(at.clone().any(|at| at > hole.start - 0.1 && at < hole.end + 0.1), "the hole is a place: {places:?}");
    let sides: Vec<&str> =
        index["rows"][0]["clips"].as_array().expect("a list").iter().filter_map(|c| c["side"].as_str()).collect();
    assert!(sides.contains(&"reference") && sides.contains(&"degraded"), "both can be heard there: {sides:?}");
}
