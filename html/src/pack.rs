//! Bytes as the page carries them: deflated, in base64. No text of a user is ever written into the page in any other way, so that
//! nothing in it can be taken for markup.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Deflates (without a header) and writes in base64.
pub(crate) fn deflate(bytes: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    STANDARD.encode(encoder.finish().unwrap_or_default())
}

/// JSON and blobs in one: the length of the JSON in four bytes, low byte first, the JSON, the blobs.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    blobs: Vec<u8>,
}

impl Pack {
    /// Adds a blob; returns where it begins among the blobs and how long it is.
    pub(crate) fn add(&mut self, blob: &[u8]) -> [usize; 2] {
        let at = self.blobs.len();
        self.blobs.extend_from_slice(blob);
        [at, blob.len()]
    }

    pub(crate) fn finish(self, json: &str) -> String {
        let mut all = Vec::with_capacity(4 + json.len() + self.blobs.len());
        all.extend_from_slice(&(json.len() as u32).to_le_bytes());
        all.extend_from_slice(json.as_bytes());
        all.extend_from_slice(&self.blobs);
        deflate(&all)
    }
}

/// 16-bit audio: differences of neighbours, all low bytes, then all high bytes, which packs to some two thirds of itself.
pub(crate) fn audio(samples: &[i16], channels: usize) -> String {
    let before = std::iter::repeat_n(0, channels).chain(samples.iter().copied());
    let steps: Vec<[u8; 2]> = samples.iter().zip(before).map(|(x, b)| x.wrapping_sub(b).to_le_bytes()).collect();
    let bytes: Vec<u8> = steps.iter().map(|s| s[0]).chain(steps.iter().map(|s| s[1])).collect();
    deflate(&bytes)
}
