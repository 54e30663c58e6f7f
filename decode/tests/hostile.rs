//! Files that are cut off, flipped, lying, or no audio at all: never a panic, never a hang, and nothing lost in silence.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Decoded, Dribble, Rng, Wav, all_data, data, data_bytes, decode_bytes, decode_file, drain, open_bytes,
    repair_checksums, s16,
};
use otoscope_decode::{DecodeError, ErrorKind, Limits, Source, Warning};
use std::io::{self, Cursor, Read, Write};
use std::time::{Duration, Instant};

/// Decodes bytes of which nothing is expected but good behaviour: as a pipe, and, every so often, as a file (where seeking
/// code runs). A decoder's panic would arrive as an error with this text, so the test also counts those.
fn survive(bytes: &[u8], as_file: bool, panics: &mut u32) -> Result<Decoded, DecodeError> {
    let start = Instant::now();
    let result = if as_file {
        let dir = std::env::temp_dir().join(format!("otoscope-hostile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(format!("{:?}", std::thread::current().id()));
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        let result = Source::open(&path).map(drain);
        std::fs::remove_file(&path).unwrap();
        result
    } else {
        decode_bytes(bytes)
    };
    // 20 kB take milliseconds; ten seconds mean that something goes round in circles.
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
    let text = match &result {
        Ok(Decoded { error: Some(e), .. }) | Err(e) => e.to_string(),
        Ok(d) => {
            // A few bytes may honestly stand for a lot of silence, but not without end.
            assert!(d.samples() < 20_000_000, "{} samples", d.samples());
            return result;
        }
    };
    assert!(!text.contains('\n'), "one line: {text:?}");
    *panics += u32::from(text.contains("a bug worth reporting"));
    result
}

/// Third-party panics are caught, but each prints a message and is a defect: the count is a fact to watch.
fn no_panics(panics: u32) {
    assert_eq!(panics, 0, "decoder panics (caught)");
}

#[test]
fn not_audio() {
    let mut panics = 0;
    let cases: [(&[u8], &str); 11] = [
        (b"", "it is empty (0 bytes)"),
        (b"R", "it is text: \"R\""),
        (
            b"{\"error\": {\"message\": \"invalid voice\"}}",
            "it is text: \"{\\\"error\\\": {\\\"message\\\": \\\"invalid voice\\\"}}\"",
        ),
        (b"<html>\n<body>502 Bad Gateway", "it is text: \"<html>\\n<body>502 Bad Gateway\""),
        (&[0; 5_000], "it begins with the bytes 00 00 00"),
        (b"FORM\0\0\0\x0aAIFFCOMM", "AIFF is not supported: convert it"),
        (b"RIFX\0\0\0\0WAVE", "big-endian WAV"),
        (b"RIFF", "text"),
        (b"RIFF\0\0\0\0AVI LIST", "not a known audio format"),
        (b"ID3\x04\0\0\0\0\0\x02xx", "empty"),
        (b"\xff\xfb", "begins with the bytes ff fb"),
    ];
    for (bytes, text) in cases {
        let error = survive(bytes, false, &mut panics).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.path().is_none());
    }
    no_panics(panics);
}

#[test]
fn paths_are_named_in_errors() {
    let missing = Source::open("no/such/file.wav").unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file.wav: cannot be read: "), "{missing}");
    assert_eq!(missing.path().unwrap().to_str(), Some("no/such/file.wav"));
    assert!(std::error::Error::source(&missing).is_some());
    let directory = Source::open(data("")).unwrap_err();
    assert!(directory.to_string().ends_with("cannot be read: it is a directory"), "{directory}");
    assert!(matches!(directory.kind(), ErrorKind::Io(e) if e.kind() == io::ErrorKind::IsADirectory));
}

#[test]
fn a_read_error_ends_the_stream_after_what_came() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buf)? {
                0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset")),
                n => Ok(n),
            }
        }
    }
    let wav = Wav { data_len: Some(u32::MAX), ..Wav::new(1, 16, 1, 24_000) }.bytes(&s16(&[1, 2, 3]));
    let reset = |d: &Decoded| d.error.as_ref().unwrap().to_string();
    let d = drain(Source::from_reader(Box::new(Failing(Cursor::new(wav))), &Limits::default()).unwrap());
    assert_eq!((d.ints.as_slice(), reset(&d).as_str()), (&[1, 2, 3][..], "cannot be read: connection reset"));
    let flac = data_bytes("streamed_24k.flac");
    let d = drain(Source::from_reader(Box::new(Failing(Cursor::new(flac))), &Limits::default()).unwrap());
    // The last frame of a FLAC stream is known to be whole only when the stream ends.
    assert!(d.samples() >= 8_192 && reset(&d).contains("connection reset"), "{} {}", d.samples(), reset(&d));
}

/// A file cut at any byte: what was decodable comes, unchanged, and unless the cut is where a whole file could end, a warning
/// or an error says that something is missing.
fn truncate(name: &str, bytes: &[u8], step: usize, may_be_silent: impl Fn(usize, &Decoded) -> bool) {
    let whole = decode_bytes(bytes.to_vec()).unwrap_or_else(|_| decode_file(name));
    let mut panics = 0;
    for cut in (0..bytes.len()).step_by(step) {
        for as_file in [false, true] {
            let Ok(d) = survive(&bytes[..cut], as_file, &mut panics) else { continue };
            let same = d.floats.iter().zip(&whole.floats).take_while(|(a, b)| a.to_bits() == b.to_bits()).count();
            // A lossy decoder may add a last piece that the whole file trims or overlaps with what follows.
            let tail = (d.floats.len() - same) / usize::from(d.spec.channels);
            assert!(tail <= 4_096, "{name} cut at {cut}: {tail} samples differ");
            let told = !d.warnings.is_empty() || d.error.is_some();
            assert!(told || may_be_silent(cut, &d), "{name} cut at {cut} of {} ({as_file}): nothing said", bytes.len());
        }
    }
    no_panics(panics);
}

#[test]
fn truncated_wav() {
    let bytes = Wav::new(1, 16, 2, 24_000).bytes(&s16(&[5; 300]));
    truncate("", &bytes, 1, |_, _| false);
}

#[test]
fn truncated_flac() {
    truncate("mono_24k.flac", &data_bytes("mono_24k.flac"), 61, |_, _| false);
    truncate("mono_24k_in_ogg.oga", &data_bytes("mono_24k_in_ogg.oga"), 61, |_, _| false);
    // Without a length in the header, only a cut inside the last frame could be seen, and the reader drops what fails its
    // checksum: the samples of whole frames come.
    truncate("streamed_24k.flac", &data_bytes("streamed_24k.flac"), 61, |_, d| d.samples() % 4_096 == 0);
}

#[test]
fn truncated_mp3() {
    for name in ["mono_24k.mp3", "stereo_44k.mp3"] {
        truncate(name, &data_bytes(name), 61, |_, _| false);
    }
    // Without a tag a file may end after any frame: 108 bytes each, behind 45 bytes of ID3.
    truncate("no_tag_16k.mp3", &data_bytes("no_tag_16k.mp3"), 15, |cut, _| (cut - 45) % 108 == 0);
}

#[test]
fn truncated_ogg() {
    let mut names = vec!["mono_24k.ogg", "stereo_44k.ogg"];
    if cfg!(feature = "opus") {
        names.extend(["mono_24k.opus", "stereo_48k.opus"]);
    }
    for name in names {
        truncate(name, &data_bytes(name), 61, |_, _| false);
    }
}

#[test]
fn truncated_others() {
    truncate("mono_24k.aac", &data_bytes("mono_24k.aac"), 211, |_, _| false);
    truncate("faststart_44k.m4a", &data_bytes("faststart_44k.m4a"), 211, |_, _| false);
    truncate("mono_24k.m4a", &data_bytes("mono_24k.m4a"), 211, |_, _| false);
    truncate("vorbis_24k.webm", &data_bytes("vorbis_24k.webm"), 211, |_, _| true); // a live WebM states no length
}

#[test]
fn lost_and_damaged_pages_are_counted() {
    // A page in the middle disappears: the positions on the pages tell how many samples.
    let ogg = data_bytes("mono_24k.ogg");
    let starts: Vec<usize> = (0..ogg.len() - 4).filter(|&i| &ogg[i..i + 4] == b"OggS").collect();
    assert!(starts.len() >= 6, "{starts:?}");
    let whole = decode_file("mono_24k.ogg");
    let granule = |page: usize| u64::from_le_bytes(ogg[starts[page] + 6..starts[page] + 14].try_into().unwrap());
    let lost = [&ogg[..starts[3]], &ogg[starts[4]..]].concat();
    let d = decode_bytes(lost).unwrap();
    let missing = whole.samples() - d.samples();
    let [Warning::Gaps { count: 1, samples, first_at_sample }] = d.warnings[..] else { panic!("{:?}", d.warnings) };
    assert_eq!(samples as usize, missing);
    assert!(missing as u64 >= granule(3) - granule(2), "the page and the block that overlaps with it");
    assert!(first_at_sample >= granule(2) - 2_048);
    // One bit of it flips: the checksum finds it, and the bytes are counted as well.
    let mut flipped = ogg.clone();
    flipped[starts[3] + 60] ^= 1;
    let e = decode_bytes(flipped).unwrap();
    assert_eq!(e.floats, d.floats);
    let page = (starts[4] - starts[3]) as u64;
    assert!(e.warnings.contains(&Warning::SkippedBytes { bytes: page }), "{:?}", e.warnings);
    // A FLAC frame with a flipped bit is left out, and the next frame's number says where.
    let mut flac = data_bytes("mono_24k.flac");
    flac[12_000] ^= 0x10;
    let d = decode_bytes(flac).unwrap();
    let missing = 2_304; // one frame of ffmpeg's encoder at this rate
    assert_eq!(d.samples(), 12_000 - missing);
    assert_eq!(d.warnings[0], Warning::Gaps { count: 1, samples: missing as u64, first_at_sample: 9_216 });
    // Junk between MP3 frames.
    let mp3 = data_bytes("mono_24k.mp3");
    let frame = 192; // 64 kbit/s at 24 kHz
    let junk = [&mp3[..frame * 10], &[0x55; 333], &mp3[frame * 10..]].concat();
    let d = decode_bytes(junk).unwrap();
    assert_eq!((d.samples(), d.warnings), (24_000, vec![Warning::SkippedBytes { bytes: 333 }]));
    let adts = data_bytes("mono_24k.aac");
    let d = decode_bytes([&adts[..], &[0x55; 20], &adts[..]].concat()).unwrap();
    assert_eq!((d.samples(), d.warnings), (51_200, vec![Warning::SkippedBytes { bytes: 20 }]));
}

#[test]
fn flipped_bits() {
    let mut panics = 0;
    for (name, bytes) in all_data() {
        let mut rng = Rng(0x0709_0a5c_09e0_0001 ^ bytes.len() as u64);
        for round in 0..300 {
            let mut bad = bytes.clone();
            // Half of the damage goes to the first 200 bytes, where the headers are.
            for _ in 0..1 + rng.below(8) {
                let reach = if round % 2 == 0 { bad.len() } else { bad.len().min(200) };
                let at = rng.below(reach);
                bad[at] ^= 1 << rng.below(8);
            }
            // Symphonia checks no page checksum of FLAC frames' insides unless they match, so few of these get far; the
            // decoders themselves are reached by damage without a checksum (MP3, AAC, MP4, WebM).
            let _ = survive(&bad, round % 4 == 0, &mut panics);
        }
        assert!(panics == 0, "{name}: {panics} panics (caught)");
    }
}

#[test]
fn damage_that_the_page_checksums_do_not_see() {
    // The same on Ogg with the checksums made right again: now the packets reach the decoders.
    let mut panics = 0;
    for (name, bytes) in all_data().into_iter().filter(|(n, _)| ["ogg", "oga", "opus"].iter().any(|e| n.ends_with(e))) {
        let mut rng = Rng(0x1234_5678_9abc_def1 ^ bytes.len() as u64);
        for round in 0..300 {
            let mut bad = bytes.clone();
            for _ in 0..1 + rng.below(6) {
                let at = if round % 3 == 0 { rng.below(bad.len().min(600)) } else { rng.below(bad.len()) };
                bad[at] ^= 1 << rng.below(8);
            }
            repair_checksums(&mut bad);
            let _ = survive(&bad, false, &mut panics);
        }
        assert!(panics == 0, "{name}: {panics} panics (caught)");
    }
}

#[test]
fn random_bytes_behind_every_magic() {
    let mut panics = 0;
    let magics: [&[u8]; 9] = [
        b"",
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0",
        b"fLaC\x80\0\0\x22",
        b"OggS\0\x02",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x50\x80",
        b"\0\0\0\x18ftypM4A ",
        b"\x1a\x45\xdf\xa3",
        b"ID3\x04\0\0",
    ];
    for (i, magic) in magics.iter().enumerate() {
        let mut rng = Rng(99 + i as u64);
        for round in 0..200 {
            let mut bytes = magic.to_vec();
            bytes.extend((0..rng.below(20_000)).map(|_| rng.next() as u8));
            let _ = survive(&bytes, round % 8 == 0, &mut panics);
        }
    }
    no_panics(panics);
}

#[test]
fn lying_headers_are_refused_or_survived() {
    let limit = |bytes: Vec<u8>| open_bytes(bytes).unwrap_err().to_string();
    let wav = |channels, rate| Wav { block_align: 2, ..Wav::new(1, 16, channels, rate) }.bytes(&[0; 64]);
    assert_eq!(limit(wav(65_535, 48_000)), "65535 channels: the limit is 8 (see Limits to raise it)");
    assert!(limit(wav(0, 48_000)).contains("0 channels"));
    assert!(limit(wav(1, 0)).contains("0 Hz"));
    assert!(limit(wav(1, u32::MAX)).contains("Hz sample rate"));
    // A chunk of 4 GB before the data, and a format chunk of 4 GB.
    let mut bytes = b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff".to_vec();
    bytes.extend([0; 64]);
    assert!(limit(bytes).contains("bytes of header"));
    assert!(
        limit(b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff\x01\0\x01\0aaaabbbb\x02\0\x10\0".repeat(3))
            .contains("bytes of header")
    );
    // FLAC: 2^36 - 1 samples, 655,350 Hz, frames of 65,535 samples in 8 channels, and nothing behind.
    let mut flac = b"fLaC\x80\0\0\x22\xff\xff\xff\xff\0\0\0\xff\xff\xff\x9f\xff\x6f\xff\xff\xff\xff".to_vec();
    flac.resize(42, 0);
    assert_eq!(limit(flac), "damaged: it ends before the first sample");
    // Ogg: 255 channels of Vorbis or Opus.
    for ident in [
        &b"\x01vorbis\0\0\0\0\xff\x80\xbb\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01"[..],
        b"OpusHead\x01\xff\0\0\x80\xbb\0\0\0\0\x01\xff\0",
    ] {
        let mut page = b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
        page.push(ident.len() as u8);
        page.extend(ident);
        repair_checksums(&mut page);
        assert_eq!(limit(page), "255 channels: the limit is 8 (see Limits to raise it)");
    }
}

#[test]
fn a_stream_that_never_starts_is_given_up() {
    // An endless tag, an endless header, endless noise: each is left after a bounded number of bytes.
    struct Endless(Vec<u8>, u8, u64);
    impl Read for Endless {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.2 += buf.len() as u64;
            assert!(self.2 < 80 << 20, "reads on and on");
            let n = self.0.len().min(buf.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0.drain(..n);
            buf[n..].fill(self.1);
            Ok(buf.len())
        }
    }
    let mut flac = b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x05\xdc\0\xf0".to_vec();
    flac.resize(42, 0);
    let aac = data_bytes("mono_24k.aac");
    let ogg = data_bytes("mono_24k.ogg");
    for (head, fill) in [
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f".to_vec(), 0),
        (flac, 1),
        (b"OggS".to_vec(), b'O'),
        (b"RIFF\0\0\0\0WAVE".to_vec(), 0x20),
        (b"\0\0\0\x18ftypM4A ".to_vec(), 0),
        (b"\x1a\x45\xdf\xa3".to_vec(), 0xff),
        (vec![], 0),
        (vec![], 0xff),
        (aac, 0),
        (ogg, 0),
    ] {
        let name = String::from_utf8_lossy(&head[..head.len().min(4)]).into_owned();
        match Source::from_reader(Box::new(Endless(head, fill, 0)), &Limits::default()) {
            Err(e) => assert!(!e.to_string().contains("reporting"), "{name}: {e}"),
            Ok(source) => {
                let d = drain(source);
                assert!(d.error.is_some(), "{name}");
            }
        }
    }
}

#[test]
fn an_index_that_repeats_itself_is_noticed() {
    // The table of packet sizes of an MP4 with one size for all and four billion packets.
    let mut mp4 = data_bytes("faststart_44k.m4a");
    let stsz = mp4.windows(4).position(|w| w == b"stsz").unwrap();
    let stsc = mp4.windows(4).position(|w| w == b"stsc").unwrap();
    let stts = mp4.windows(4).position(|w| w == b"stts").unwrap();
    // One byte each, 2^24 of them, in one chunk: the sums stay within 32 bits, beyond which Symphonia panics in builds with
    // overflow checks (caught, but not the point here).
    mp4[stsz + 8..stsz + 12].copy_from_slice(&1u32.to_be_bytes());
    for at in [stsz + 12, stsc + 16, stts + 12] {
        mp4[at..at + 4].copy_from_slice(&(1u32 << 24).to_be_bytes());
    }
    mp4[stts + 16..stts + 20].copy_from_slice(&1u32.to_be_bytes());
    let mut panics = 0;
    for as_file in [true, false] {
        let error = survive(&mp4, as_file, &mut panics).unwrap().error.unwrap().to_string();
        assert!(error.contains("again and again") || error.contains("in a row"), "{error}");
    }
    no_panics(panics);
}

#[test]
fn a_panic_in_a_decoder_is_caught() {
    // The same table with a sum over 32 bits: Symphonia 0.6.1 adds without a check, so that builds with overflow checks (as
    // this one) panic. Whether it does or not, the process lives and the caller sees an error.
    let mut mp4 = data_bytes("faststart_44k.m4a");
    let at = |name: &[u8]| mp4.windows(4).position(|w| w == name).unwrap();
    for at in [at(b"stsz") + 12, at(b"stsc") + 16, at(b"stts") + 12] {
        mp4[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    }
    let mut panics = 0;
    let result = survive(&mp4, true, &mut panics);
    assert!(result.is_err() || result.unwrap().error.is_some());
}

/// The long version of the two mutation tests: `cargo test --release -- --ignored`. With Symphonia 0.6.1 one file of 340,000 makes
/// its Vorbis decoder divide by zero (a floor with two equal positions): caught, and the reason why panics are caught.
#[test]
#[ignore = "minutes"]
fn many_more_flipped_bits() {
    let mut panics = 0;
    for (_, bytes) in all_data() {
        let mut rng = Rng(0xfeed_beef ^ bytes.len() as u64);
        for round in 0..20_000 {
            let mut bad = bytes.clone();
            for _ in 0..1 + rng.below(12) {
                let reach = if round % 2 == 0 { bad.len() } else { bad.len().min(400) };
                let at = rng.below(reach);
                match rng.below(4) {
                    0 => bad[at] = 0xff,
                    1 => bad[at] = 0,
                    2 => bad[at] = rng.next() as u8,
                    _ => bad[at] ^= 1 << rng.below(8),
                }
            }
            if round % 3 == 0 {
                repair_checksums(&mut bad);
            }
            let piped =
                Source::from_reader(Box::new(Dribble(Cursor::new(bad.clone()), Rng(round + 1))), &Limits::default());
            let _ = piped.map(drain);
            let _ = survive(&bad, round % 4 == 0, &mut panics);
        }
    }
    println!("{panics} panics of decoders, all caught");
}
