//! WAV and raw PCM: bit-exact, whatever the header looks like.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Dribble, Rng, Wav, decode_bytes, drain, open_bytes, s16};
use otoscope_decode::{ErrorKind, Limits, RawFormat, Source, Warning};
use std::io::Cursor;

/// All corners of 16 bits, then noise.
fn ints(n: usize) -> Vec<i16> {
    let mut rng = Rng(11);
    let corners = [i16::MIN, i16::MAX, 0, 1, -1, i16::MIN + 1];
    corners.into_iter().chain(std::iter::from_fn(move || Some(rng.next() as i16))).take(n).collect()
}

#[test]
fn sixteen_bits_are_kept() {
    let samples = ints(50_000);
    for channels in [1u16, 2, 5, 8] {
        let whole = samples.len() - samples.len() % usize::from(channels);
        let d = decode_bytes(Wav::new(1, 16, channels, 44_100).bytes(&s16(&samples[..whole]))).unwrap();
        assert_eq!(d.ints, samples[..whole]);
        assert_eq!(d.spec.format, "WAV, 16-bit PCM");
        assert_eq!((d.spec.container, d.spec.codec, d.spec.bits_per_sample), ("WAV", "PCM", Some(16)));
        assert_eq!(d.spec.samples_per_channel, Some(whole as u64 / u64::from(channels)));
        assert_eq!((d.spec.channels, d.warnings), (channels, vec![]));
    }
}

#[test]
fn other_integers() {
    let bytes: Vec<u8> = (0..=255).collect();
    let d = decode_bytes(Wav::new(1, 8, 1, 8_000).bytes(&bytes)).unwrap();
    let want: Vec<i16> = (0..256).map(|b| ((b - 128) * 256) as i16).collect();
    assert_eq!((d.ints, d.spec.format.as_str()), (want, "WAV, 8-bit PCM"));

    let values = [-8_388_608i32, 8_388_607, 0, 1, -1, 4_194_304];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()[..3].to_vec()).collect();
    let d = decode_bytes(Wav::new(1, 24, 1, 48_000).bytes(&bytes)).unwrap();
    let want: Vec<f32> = values.iter().map(|&v| v as f32 / 8_388_608.0).collect();
    assert_eq!((d.floats, d.ints.len()), (want, 0));

    let values = [i32::MIN, i32::MAX, 0, 256, -256, 1 << 30];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let d = decode_bytes(Wav::new(1, 32, 1, 48_000).bytes(&bytes)).unwrap();
    let want: Vec<f32> = values.iter().map(|&v| (f64::from(v) / 2_147_483_648.0) as f32).collect();
    assert_eq!(d.floats, want);
}

#[test]
fn floats_pass_unchanged() {
    let values = [0.0f32, -0.0, 1.0, -1.5, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let d = decode_bytes(Wav::new(3, 32, 1, 48_000).bytes(&bytes)).unwrap();
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&d.floats), bits(&values));
    let bytes: Vec<u8> = values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect();
    let d = decode_bytes(Wav::new(3, 64, 1, 48_000).bytes(&bytes)).unwrap();
    assert_eq!(bits(&d.floats[..6]), bits(&values[..6]));
    assert!(d.floats[6].is_nan());
    assert_eq!((d.spec.format.as_str(), d.spec.codec), ("WAV, 64-bit float", "float"));
}

#[test]
fn g711() {
    let codes: Vec<u8> = (0..=255).collect();
    for (tag, name, first) in [(7, "WAV, mu-law", -32_124), (6, "WAV, A-law", -5_504)] {
        let d = decode_bytes(Wav::new(tag, 8, 1, 8_000).bytes(&codes)).unwrap();
        assert_eq!((d.spec.format.as_str(), d.ints[0], d.ints.len()), (name, first, 256));
        // Every code and its opposite are symmetric, and 12 or 13 bits are left of 16.
        assert!((0..128).all(|c| d.ints[c] == -d.ints[c + 128]));
        assert!(d.ints.iter().all(|v| v % if tag == 7 { 4 } else { 8 } == 0));
        let mut raw = Source::raw(
            Box::new(Cursor::new(codes.clone())),
            if tag == 7 { RawFormat::MuLaw } else { RawFormat::ALaw },
            8_000,
            1,
            &Limits::default(),
        )
        .unwrap();
        assert_eq!(raw.next_chunk().unwrap().unwrap(), otoscope::Pcm::I16(&d.ints));
    }
}

#[test]
fn extensible_headers() {
    let samples = ints(600);
    for tag in [1, 7, 6] {
        let bits = if tag == 1 { 16 } else { 8 };
        let wav = Wav { extensible: true, ..Wav::new(tag, bits, 2, 48_000) };
        let plain = decode_bytes(Wav::new(tag, bits, 2, 48_000).bytes(&s16(&samples))).unwrap();
        let d = decode_bytes(wav.bytes(&s16(&samples))).unwrap();
        assert_eq!((d.ints, d.warnings), (plain.ints, vec![]));
    }
    // 20 valid bits in 3 bytes, left-justified: the container sets the scale.
    let wav = Wav { extensible: true, block_align: 3, ..Wav::new(1, 20, 1, 48_000) };
    let d = decode_bytes(wav.bytes(&[0, 0, 0x40, 0, 0, 0xc0])).unwrap();
    assert_eq!((d.floats, d.warnings, d.spec.bits_per_sample), (vec![0.5, -0.5], vec![], Some(24)));
    // 24 bits in 4 bytes.
    let wav = Wav { block_align: 4, ..Wav::new(1, 24, 1, 48_000) };
    assert_eq!(decode_bytes(wav.bytes(&[0, 0, 0, 0x40])).unwrap().floats, [0.5]);
}

#[test]
fn headers_written_before_the_length_is_known() {
    let samples = ints(9_000);
    let data = s16(&samples);
    // Python's wave, OpenAI-like servers, ffmpeg to a pipe, sox to a pipe, and mixtures.
    for (riff, len) in [
        (36, 0),
        (0, 0),
        (u32::MAX, u32::MAX),
        (0, u32::MAX),
        (u32::MAX, 0),
        (u32::MAX, u32::MAX - 36),
        (0x7fff_ffff, 0x7fff_ffff),
        (0x7fff_f024, 0x7fff_f000),
        (36 + 18_000, u32::MAX),
    ] {
        let wav = Wav { riff_len: Some(riff), data_len: Some(len), ..Wav::new(1, 16, 1, 24_000) };
        let d = decode_bytes(wav.bytes(&data)).unwrap();
        assert_eq!(d.ints, samples, "{riff:#x} {len:#x}");
        assert_eq!((d.spec.samples_per_channel, d.warnings), (None, vec![]), "{riff:#x} {len:#x}");
    }
    // A RIFF length that is wrong in itself does not matter.
    for riff in [0, 4, 36, u32::MAX] {
        let wav = Wav { riff_len: Some(riff), ..Wav::new(1, 16, 1, 24_000) };
        assert_eq!(decode_bytes(wav.bytes(&data)).unwrap().ints, samples);
    }
}

#[test]
fn an_empty_recording_is_empty() {
    let d = decode_bytes(Wav::new(1, 16, 1, 24_000).bytes(&[])).unwrap();
    assert_eq!((d.samples(), d.warnings), (0, vec![]));
    let wav = Wav { after_data: b"LIST\x04\0\0\0INFO".to_vec(), ..Wav::new(1, 16, 1, 24_000) };
    let d = decode_bytes(wav.bytes(&[])).unwrap();
    assert_eq!((d.samples(), d.warnings), (0, vec![]), "a chunk after empty data is no audio");
}

#[test]
fn what_is_missing_or_left_over_is_told() {
    let samples = ints(1_000);
    let wav = Wav { data_len: Some(4_000), ..Wav::new(1, 16, 1, 24_000) };
    let d = decode_bytes(wav.bytes(&s16(&samples))).unwrap();
    assert_eq!(d.ints, samples);
    assert_eq!(d.warnings, [Warning::ShorterThanClaimed { claimed_samples: 2_000, got_samples: 1_000 }]);
    // Half a sample, and one of two channels.
    let d = decode_bytes(Wav::new(1, 16, 1, 24_000).bytes(&[1, 0, 2])).unwrap();
    assert_eq!((d.ints, d.warnings), (vec![1], vec![Warning::PartialFrame { bytes: 1 }]));
    let d = decode_bytes(Wav::new(1, 16, 2, 24_000).bytes(&[1, 0, 2, 0, 3, 0])).unwrap();
    assert_eq!((d.ints, d.warnings), (vec![1, 2], vec![Warning::PartialFrame { bytes: 2 }]));
    // Bytes behind the data, and a second WAV.
    let wav = Wav { after_data: vec![7; 100], ..Wav::new(1, 16, 1, 24_000) };
    let d = decode_bytes(wav.bytes(&s16(&samples))).unwrap();
    assert_eq!((d.ints.len(), d.warnings), (1_000, vec![Warning::TrailingBytes { bytes: 100, another_wav: false }]));
    let second = Wav::new(1, 16, 1, 24_000).bytes(&s16(&samples));
    let wav = Wav { after_data: second.clone(), ..Wav::new(1, 16, 1, 24_000) };
    let d = decode_bytes(wav.bytes(&s16(&samples))).unwrap();
    assert_eq!(d.warnings, [Warning::TrailingBytes { bytes: second.len() as u64, another_wav: true }]);
}

#[test]
fn chunks_around_the_data_are_fine() {
    let samples = ints(777);
    for odd in [3u32, 4] {
        let mut before = b"LIST".to_vec();
        before.extend(odd.to_le_bytes());
        before.extend(vec![1; odd.next_multiple_of(2) as usize]);
        let wav = Wav { before_data: before.clone(), after_data: before, ..Wav::new(1, 16, 1, 24_000) };
        let d = decode_bytes(wav.bytes(&s16(&samples))).unwrap();
        assert_eq!((d.ints, d.warnings), (samples.clone(), vec![]));
    }
    let wav = Wav { after_data: b"LIST\x01\0\0\0x\0".to_vec(), ..Wav::new(1, 8, 1, 24_000) };
    let d = decode_bytes(wav.bytes(&[128, 129, 130])).unwrap();
    assert_eq!((d.samples(), d.warnings), (3, vec![]), "the pad byte is no sample");
}

#[test]
fn rf64() {
    let samples = ints(500);
    let mut bytes = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    bytes.extend(1_080u64.to_le_bytes());
    bytes.extend(1_000u64.to_le_bytes());
    bytes.extend([0; 12]);
    let plain =
        Wav { data_len: Some(u32::MAX), after_data: vec![9, 9], ..Wav::new(1, 16, 1, 48_000) }.bytes(&s16(&samples));
    bytes.extend(&plain[12..]);
    let d = decode_bytes(bytes).unwrap();
    assert_eq!((d.ints, d.spec.container), (samples, "RF64"));
    assert_eq!(d.warnings, [Warning::TrailingBytes { bytes: 2, another_wav: false }]);
}

#[test]
fn contradictory_block_size_is_told() {
    for block_align in [0, 1, 3, 64] {
        let wav = Wav { block_align, ..Wav::new(1, 16, 2, 24_000) };
        let d = decode_bytes(wav.bytes(&s16(&[1, 2, 3, 4]))).unwrap();
        assert_eq!(d.ints, [1, 2, 3, 4]);
        assert!(matches!(d.warnings[..], [Warning::Header { .. }]), "{block_align}: {:?}", d.warnings);
    }
}

#[test]
fn other_codecs_are_named() {
    for (tag, bits, text) in [
        (2, 4, "WAV with Microsoft ADPCM is not supported: convert it to 16-bit PCM"),
        (0x11, 4, "WAV with IMA ADPCM"),
        (0x55, 0, "WAV with MP3 inside"),
        (0x1234, 16, "WAV with format code 0x1234"),
        (1, 64, "WAV with 64-bit integers"),
        (3, 16, "WAV with 16-bit floats"),
        (7, 16, "WAV with 16-bit G.711"),
    ] {
        let error = open_bytes(Wav::new(tag, bits, 1, 24_000).bytes(&[0; 64])).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn raw_formats() {
    let samples = ints(4_000);
    let be: Vec<u8> = samples.iter().flat_map(|s| s.to_be_bytes()).collect();
    for (format, bytes) in [(RawFormat::S16le, s16(&samples)), (RawFormat::S16be, be)] {
        let reader = Box::new(Dribble(Cursor::new(bytes), Rng(3)));
        let d = drain(Source::raw(reader, format, 16_000, 2, &Limits::default()).unwrap());
        assert_eq!((d.ints, d.warnings), (samples.clone(), vec![]));
        assert_eq!((d.spec.container, d.spec.sample_rate_hz, d.spec.channels), ("raw", 16_000, 2));
    }
    let floats: Vec<f32> = samples.iter().map(|&s| f32::from(s) / 7.0).collect();
    let bytes: Vec<u8> = floats.iter().flat_map(|s| s.to_le_bytes()).chain([1, 2, 3]).collect();
    let reader = Box::new(Dribble(Cursor::new(bytes), Rng(3)));
    let d = drain(Source::raw(reader, RawFormat::F32le, 16_000, 1, &Limits::default()).unwrap());
    assert_eq!((d.floats, d.warnings), (floats, vec![Warning::PartialFrame { bytes: 3 }]));
    let raw = |rate, channels| {
        Source::raw(Box::new(Cursor::new(Vec::new())), RawFormat::S16le, rate, channels, &Limits::default())
    };
    assert!(raw(0, 1).is_err() && raw(16_000, 0).is_err() && raw(16_000, 9).is_err() && raw(16_000, 8).is_ok());
}

#[test]
fn the_sample_limit_cuts_and_then_ends() {
    let limits = Limits { max_samples_per_channel: Some(1_234), ..Limits::default() };
    let bytes = Wav::new(1, 16, 2, 24_000).bytes(&s16(&ints(10_000)));
    let d = drain(Source::from_reader(Box::new(Dribble(Cursor::new(bytes), Rng(5))), &limits).unwrap());
    assert_eq!(d.ints, ints(10_000)[..2_468]);
    assert!(matches!(d.error.unwrap().kind(), ErrorKind::Limit { what: "samples per channel", limit: 1_234, .. }));
}

#[test]
fn limits_can_be_raised_and_lowered() {
    let bytes = Wav::new(1, 16, 16, 24_000).bytes(&s16(&ints(1_600)));
    let open = |limits: Limits| Source::from_reader(Box::new(Cursor::new(bytes.clone())), &limits);
    assert!(open(Limits::default()).is_err());
    let d = drain(open(Limits { max_channels: 16, ..Limits::default() }).unwrap());
    assert_eq!((d.spec.channels, d.ints), (16, ints(1_600)));
    let most = Limits {
        max_channels: u16::MAX,
        max_header_bytes: u64::MAX,
        max_packet_bytes: u64::MAX,
        max_samples_per_channel: Some(u64::MAX),
        ..Limits::default()
    };
    assert_eq!(drain(open(most).unwrap()).ints.len(), 1_600);
    let error = open(Limits { max_channels: 16, max_sample_rate_hz: 16_000, ..Limits::default() }).unwrap_err();
    assert!(error.to_string().starts_with("24000 Hz sample rate (most): the limit is 16000"), "{error}");
}
