//! Compressed formats against the known signal. The files are made by `data/make.sh`.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Decoded, Dribble, Rng, data, data_bytes, decode_bytes, decode_file, drain, signal};
use otoscope_decode::{ErrorKind, Limits, Source, Warning};
use std::io::Cursor;

fn expect(d: &Decoded, format: &str, rate_hz: u32, channels: u16, samples: usize) {
    assert_eq!(d.spec.format, format);
    assert_eq!((d.spec.sample_rate_hz, d.spec.channels, d.samples()), (rate_hz, channels, samples));
    assert_eq!(d.warnings, [], "{format}");
}

#[test]
fn flac_16_bit_is_exact() {
    for (name, format) in [
        ("mono_24k.flac", "FLAC, 16-bit"),
        ("mono_24k_in_ogg.oga", "FLAC in Ogg"),
        ("streamed_24k.flac", "FLAC, 16-bit"),
    ] {
        let d = decode_file(name);
        expect(&d, format, 24_000, 1, 12_000);
        assert_eq!(d.ints.len(), 12_000, "integers are kept");
        for (n, &v) in d.ints.iter().enumerate() {
            let want = signal(0, n, 24_000) * 32_768.0;
            assert!((f64::from(v) - want).abs() <= 0.51, "{name} {n}: {v} {want}"); // ffmpeg rounds to nearest: 0.5, and the last bits of its sine
        }
    }
    assert_eq!(decode_file("mono_24k.flac").spec.samples_per_channel, Some(12_000));
    assert_eq!(decode_file("streamed_24k.flac").spec.samples_per_channel, None);
}

#[test]
fn flac_24_bit_is_exact() {
    let d = decode_file("stereo_48k_24bit.flac");
    expect(&d, "FLAC, 24-bit", 48_000, 2, 4_800);
    assert!(d.ints.is_empty());
    for c in 0..2 {
        for (n, v) in d.channel(c).into_iter().enumerate() {
            let steps = v * 8_388_608.0;
            assert_eq!(steps.fract(), 0.0, "a whole 24-bit step");
            assert!((steps - signal(c, n, 48_000) * 8_388_608.0).abs() <= 1.01); // ffmpeg makes 24 bits from 32 by dropping eight
        }
    }
}

#[test]
fn flac_checksum_is_compared() {
    let mut bytes = data_bytes("mono_24k.flac");
    bytes[30] ^= 1; // inside the MD5 of the stream information
    let d = decode_bytes(bytes).unwrap();
    assert_eq!((d.samples(), d.warnings), (12_000, vec![Warning::ChecksumMismatch]));
}

/// Lossy codecs: aligned to the sample and of the exact length.
#[track_caller]
fn lossy(name: &str, format: &str, rate_hz: u32, channels: u16, samples: usize, least_db: f64) {
    let d = decode_file(name);
    expect(&d, format, rate_hz, channels, samples);
    d.aligned(0, rate_hz as usize, least_db);
}

#[test]
fn mp3_without_its_padding() {
    // LAME scales by 0.95, which alone is -26.0 dB of difference; nothing else may be left.
    lossy("mono_24k.mp3", "MP3", 24_000, 1, 24_000, 25.9);
    lossy("stereo_44k.mp3", "MP3", 44_100, 2, 44_100, 25.9);
}

#[test]
fn mp3_without_a_tag_keeps_its_padding() {
    // Nothing in the file says how much was added: 1,105 samples of encoder and decoder delay, and frames of 576.
    let d = decode_file("no_tag_16k.mp3");
    expect(&d, "MP3", 16_000, 1, 17_280);
    assert_eq!(d.spec.samples_per_channel, None);
    d.aligned(1_105, 16_000, 25.9); // as above
}

#[test]
fn vorbis() {
    lossy("mono_24k.ogg", "Vorbis in Ogg", 24_000, 1, 24_000, 23.0); // quality 2 gives 24.4 dB
    lossy("stereo_44k.ogg", "Vorbis in Ogg", 44_100, 2, 44_100, 30.0); // 31.2 dB
    let d = decode_file("vorbis_24k.webm");
    expect(&d, "Vorbis in WebM/Matroska", 24_000, 1, 24_448); // the reader does not say where the last block ends
    d.aligned(0, 24_000, 23.0); // as in Ogg
}

#[test]
fn aac() {
    // The encoder's 1,024 samples of priming are kept: see the crate's documentation.
    for (name, format, rate_hz, channels, samples, least_db) in [
        ("mono_24k.m4a", "AAC in MP4", 24_000, 1, 25_024, 36.0), // 96 kbit/s gives 37.6 dB
        ("faststart_44k.m4a", "AAC in MP4", 44_100, 2, 45_124, 14.0), // 128 kbit/s give 15.1 dB with ffmpeg's encoder
        ("mono_24k.aac", "AAC in ADTS", 24_000, 1, 25_600, 36.0), // whole frames: no end is stated
    ] {
        let d = decode_file(name);
        expect(&d, format, rate_hz, channels, samples);
        d.aligned(1_024, rate_hz as usize, least_db);
    }
}

#[cfg(feature = "opus")]
#[test]
fn opus() {
    lossy("stereo_48k.opus", "Opus in Ogg", 48_000, 2, 48_000, 35.0); // 64 kbit/s give 36.9 dB
    let d = decode_file("mono_24k.opus");
    expect(&d, "Opus in Ogg", 48_000, 1, 48_000);
    assert!(d.snr_db(0, 48_000) > 9.0); // 10.2 dB: a speech codec on a chirp, too rough to see one sample of shift; the next test does
    lossy("opus_48k.mp4", "Opus in MP4", 48_000, 1, 48_000, 18.0); // 32 kbit/s give 18.9 dB
    let d = decode_file("mono_48k.webm");
    expect(&d, "Opus in WebM/Matroska", 48_000, 1, 48_648); // the reader does not pass on how much of the last packet is padding
    d.aligned(0, 48_000, 18.0); // as in MP4
}

#[cfg(feature = "opus")]
#[test]
fn opus_as_libopus_decodes_it() {
    let d = decode_file("mono_24k.opus");
    let reference = data_bytes("mono_24k.opus.libopus.f32");
    let reference: Vec<f32> = reference.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    assert_eq!(reference.len(), 4_800);
    for (n, (a, b)) in d.floats[9_600..].iter().zip(&reference).enumerate() {
        assert!((a - b).abs() < 2.0 / 32_768.0, "{n}: {a} {b}"); // SILK is fixed-point and the same; the rest is float order: under 2 steps of 16 bits
    }
}

#[cfg(not(feature = "opus"))]
#[test]
fn opus_left_out_says_so() {
    let error = Source::open(data("mono_24k.opus")).unwrap_err();
    assert!(error.to_string().contains("Opus is not supported: build with"), "{error}");
}

#[test]
fn a_pipe_gives_the_same_samples_as_the_file() {
    for (name, bytes) in common::all_data() {
        let piped = Source::from_reader(Box::new(Dribble(Cursor::new(bytes), Rng(7))), &Limits::default());
        let opened = Source::open(data(&name));
        match (piped, opened) {
            (Ok(a), Ok(b)) => {
                let (a, b) = (drain(a), drain(b));
                assert_eq!((a.floats, a.spec), (b.floats, b.spec), "{name}");
                assert_eq!(a.warnings, b.warnings, "{name}");
            }
            (Err(e), Ok(_)) => {
                assert!(["mono_24k.m4a", "opus_48k.mp4"].contains(&&name[..]), "{name}: {e}");
                assert!(e.to_string().contains("faststart"), "{name}: {e}");
            }
            (_, Err(e)) => assert!(!cfg!(feature = "opus") && e.to_string().contains("Opus"), "{name}: {e}"),
        }
    }
}

#[test]
fn tags_and_pictures_are_passed_over() {
    // 300 kB of ID3v2 in front of MP3, ADTS and FLAC, and an ID3v1 tag behind: nothing to warn of.
    let mut id3 = b"ID3\x04\0\0".to_vec();
    let size = 300_000u32;
    id3.extend([size >> 21, size >> 14 & 127, size >> 7 & 127, size & 127].map(|b| b as u8));
    id3.extend(vec![0xff; size as usize]);
    for name in ["mono_24k.mp3", "mono_24k.aac", "mono_24k.flac"] {
        let plain = decode_file(name);
        let mut bytes = id3.clone();
        bytes.extend(data_bytes(name));
        if name.ends_with("mp3") || name.ends_with("aac") {
            bytes.extend(b"TAG");
            bytes.extend([b' '; 125]);
        }
        let tagged = decode_bytes(bytes).unwrap();
        assert_eq!(plain.floats, tagged.floats, "{name}");
        assert_eq!(tagged.warnings, [], "{name}");
    }
    // A FLAC picture block of 10 MB.
    let flac = data_bytes("mono_24k.flac");
    let mut bytes = flac[..42].to_vec();
    bytes.extend([6, 0x98, 0x96, 0x80]);
    bytes.extend(vec![0; 10_000_000]);
    bytes.extend(&flac[42..]);
    assert_eq!(decode_bytes(bytes).unwrap().floats, decode_file("mono_24k.flac").floats);
}

#[test]
fn chained_ogg_goes_on() {
    // A server that encodes sentence by sentence sends one Ogg stream after the other.
    for name in ["mono_24k.ogg", "mono_24k_in_ogg.oga"] {
        let one = data_bytes(name);
        let mut two = one.clone();
        // The second stream needs its own serial number in every page, and a new checksum.
        two.extend(renumbered(&one, 0x1234));
        let (a, b) = (decode_bytes(one).unwrap(), decode_bytes(two).unwrap());
        assert_eq!(b.floats, [a.floats.clone(), a.floats].concat(), "{name}");
        assert_eq!(b.warnings, [], "{name}");
    }
    let mut mixed = data_bytes("mono_24k.ogg");
    mixed.extend(renumbered(&data_bytes("stereo_44k.ogg"), 0x1234));
    let d = decode_bytes(mixed).unwrap();
    assert_eq!(d.samples(), 24_000, "all before the change is delivered");
    let error = d.error.unwrap();
    assert!(matches!(
        error.kind(),
        ErrorKind::Changed { what: "sample rate", from: 24_000, to: 44_100, at_sample: 24_000 }
    ));
}

/// Gives all pages of an Ogg file another serial number.
fn renumbered(ogg: &[u8], serial: u32) -> Vec<u8> {
    let mut out = ogg.to_vec();
    let starts: Vec<usize> = (0..out.len() - 4).filter(|&i| &out[i..i + 4] == b"OggS").collect();
    for at in starts {
        out[at + 14..at + 18].copy_from_slice(&serial.to_le_bytes());
    }
    common::repair_checksums(&mut out);
    out
}

#[test]
fn mp3_files_one_after_the_other_are_all_delivered() {
    let one = data_bytes("mono_24k.mp3");
    let alone = decode_file("mono_24k.mp3");
    let d = decode_bytes([one.clone(), one].concat()).unwrap();
    assert!(d.samples() > 48_000, "{}", d.samples());
    assert_eq!(d.floats[..24_000], alone.floats[..]);
    assert!(d.warnings.contains(&Warning::LongerThanClaimed { claimed_samples: 24_000 }), "{:?}", d.warnings);
}

#[test]
fn a_change_of_rate_in_mid_stream_is_an_error() {
    let mp3 = [data_bytes("no_tag_16k.mp3"), data_bytes("stereo_44k.mp3")].concat();
    let d = decode_bytes(mp3).unwrap();
    let error = d.error.unwrap();
    assert!(matches!(error.kind(), ErrorKind::Changed { from: 16_000, to: 44_100, .. }), "{error}");
    assert!(d.floats.len() >= 16_000, "all before the change is delivered");
    let mut adts = data_bytes("mono_24k.aac");
    let mut other = adts.clone();
    // The same frames with another rate in their headers.
    let mut at = 0;
    while at < other.len() {
        other[at + 2] = (other[at + 2] & !0x3c) | 8 << 2;
        at += usize::from(other[at + 3] & 3) << 11 | usize::from(other[at + 4]) << 3 | usize::from(other[at + 5] >> 5);
    }
    adts.extend(other);
    let error = decode_bytes(adts).unwrap().error.unwrap();
    assert!(matches!(error.kind(), ErrorKind::Changed { from: 24_000, to: 16_000, .. }), "{error}");
}

#[test]
fn sources_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Source>();
    is_send::<otoscope_decode::Resampler>();
    is_send::<otoscope_decode::DecodeError>();
    let source = Source::open(data("mono_24k.mp3")).unwrap();
    assert_eq!(std::thread::spawn(move || drain(source).samples()).join().unwrap(), 24_000);
}
