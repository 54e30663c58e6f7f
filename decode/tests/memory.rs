//! What a header claims is never allocated. One test alone in its process: the allocator counts for all threads.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Rng, Wav, all_data, data, data_bytes, drain, open_bytes, repair_checksums, s16};
use otoscope_decode::{Limits, Source};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system allocator; the counters do not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), SeqCst) + layout.size(), SeqCst);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory in use during a call, beyond what was in use before.
fn peak(call: impl FnOnce()) -> usize {
    let before = NOW.load(SeqCst);
    PEAK.store(before, SeqCst);
    call();
    PEAK.load(SeqCst) - before
}

/// Reads to the end without keeping anything.
fn run(source: Result<Source, otoscope_decode::DecodeError>) -> u64 {
    let Ok(mut source) = source else { return 0 };
    while let Ok(Some(_)) = source.next_chunk() {}
    source.position()
}

const MIB: usize = 1 << 20;

#[test]
fn memory_is_bounded() {
    // Warm up what is allocated once per process, and see that the counter counts.
    drain(Source::open(data("mono_24k.flac")).unwrap());
    assert!(peak(|| drop(vec![0u8; 3 * MIB])) >= 3 * MIB);

    // WAV: 4 GB, 2^64 bytes, 65,535 channels.
    let mut rf64 = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    rf64.extend([0xff; 28]);
    rf64.extend(&Wav { data_len: Some(u32::MAX), ..Wav::new(1, 16, 1, 48_000) }.bytes(&s16(&[1; 100]))[12..]);
    let wavs = [
        Wav { data_len: Some(u32::MAX - 1_000), ..Wav::new(1, 16, 2, 48_000) }.bytes(&s16(&[1; 100])),
        Wav::new(1, 16, 65_535, 48_000).bytes(&s16(&[1; 100])),
        Wav { before_data: b"LIST\xff\xff\xff\xff".to_vec(), ..Wav::new(1, 16, 1, 48_000) }.bytes(&[]),
        rf64,
    ];
    for wav in wavs {
        let used = peak(|| _ = run(open_bytes(wav.clone())));
        assert!(used < MIB / 4 + wav.len(), "WAV: {used} bytes");
    }

    // FLAC: 2^36 samples, frames of 65,535 samples, 8 channels of 32 bits; a picture and tags of 16 MB.
    let mut flac = b"fLaC\0\0\0\x22\xff\xff\xff\xff\0\0\0\xff\xff\xff\x0b\xb8\x0f\xff\xff\xff\xff\xff".to_vec();
    flac.resize(42, 0);
    for kind in [4u8, 6, 0x86] {
        flac.extend([kind, 0xff, 0xff, 0xff]);
    }
    flac.extend([0xff; 64]);
    let used = peak(|| _ = run(open_bytes(flac.clone())));
    assert!(used < MIB, "FLAC: {used} bytes");

    // Compressed files whose every length field claims the most: Symphonia allocates up to 4 MiB for a stated length before it
    // reads, and then stops at the end of the file. 8 channels of the longest FLAC frame are 2 MiB.
    let mut worst = (0, String::new());
    for (name, bytes) in all_data() {
        for at in (0..bytes.len().min(700)).step_by(2) {
            let mut bad = bytes.clone();
            let reach = (at + 4).min(bad.len());
            bad[at..reach].fill(0xff);
            let used = peak(|| _ = run(open_bytes(bad.clone())));
            if used > worst.0 {
                worst = (used, format!("{name} at {at}"));
            }
        }
    }
    assert!(worst.0 < 6 * MIB, "{worst:?}");

    // Vorbis headers changed at random behind right checksums: tables of up to 16 MiB are allowed, as in `vorbis.rs`.
    let mut rng = Rng(5);
    for name in ["mono_24k.ogg", "stereo_44k.ogg", "vorbis_24k.webm"] {
        for _ in 0..1_000 {
            let mut bad = data_bytes(name);
            for _ in 0..1 + rng.below(4) {
                let at = 58 + rng.below(4_000);
                bad[at] = rng.next() as u8;
            }
            repair_checksums(&mut bad);
            let used = peak(|| _ = run(open_bytes(bad.clone())));
            assert!(used < 20 * MIB, "{name}: {used} bytes");
            worst.0 = worst.0.max(used);
        }
    }
    println!("most memory for a compressed file of 20 kB: {} bytes", worst.0);

    // Length does not matter: an hour of WAV, ten minutes of FLAC and Ogg frames, in a pipe.
    struct Loop(Vec<u8>, Vec<u8>, usize, usize);
    impl Read for Loop {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.2 == self.0.len() && self.3 > 0 {
                (self.0, self.2, self.3) = (self.1.clone(), 0, self.3 - 1);
            }
            let n = buf.len().min(self.0.len() - self.2);
            buf[..n].copy_from_slice(&self.0[self.2..self.2 + n]);
            self.2 += n;
            Ok(n)
        }
    }
    let wav = Wav { data_len: Some(u32::MAX), ..Wav::new(1, 16, 1, 24_000) }.bytes(&[]);
    let aac = data_bytes("mono_24k.aac");
    let mp3 = data_bytes("no_tag_16k.mp3");
    let ogg = data_bytes("mono_24k_in_ogg.oga");
    let renumbered = ogg.clone();
    for (name, head, body, times, least) in [
        ("WAV", wav, vec![0u8; 48_000], 3_600, 86_400_000u64),
        ("ADTS", aac.clone(), aac, 600, 600 * 25_600),
        ("MP3", mp3.clone(), mp3[45..].to_vec(), 600, 600 * 16_000),
        ("Ogg", ogg, renumbered, 600, 12_000),
    ] {
        let mut samples = 0;
        let used = peak(|| {
            let reader = Box::new(Loop(head, body, 0, times));
            samples = run(Source::from_reader(reader, &Limits::default()));
        });
        assert!(samples >= least, "{name}: {samples} samples");
        assert!(used < MIB, "{name}: {used} bytes for {samples} samples");
    }
}
