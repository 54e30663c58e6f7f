//! The weights file: a list of layers and their values, as `training/weights.py` writes it (its README describes the format).
//!
//! A file may come from anywhere: every count is checked before a value is read.

use core::fmt;

const MAGIC: &[u8; 8] = b"OTOMOSW1";
const HEAD: usize = 24;
const RECORD: usize = 64;
/// More layers, a longer row or more channels than this are no network for a stream.
const MOST: usize = 4096;
const MOST_LAYERS: usize = 64;

/// What is wrong with a file of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsError(String);

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "these weights cannot be used: {}", self.0)
    }
}

impl core::error::Error for WeightsError {}

pub(super) fn wrong<T>(what: impl Into<String>) -> Result<T, WeightsError> {
    Err(WeightsError(what.into()))
}

/// One layer as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layer {
    /// Mel bands of a Hann-windowed DFT in decibels under the window's peak.
    MelDb {
        bands: usize,
        rate_hz: usize,
        dft: usize,
        hop: usize,
        low_hz: f64,
        high_hz: f64,
        floor: f32,
        centre: f32,
        half_range: f32,
    },
    /// The logarithm of the power in bins of a basis of its own.
    BasisLogPower {
        bins: usize,
        frame: usize,
        hop: usize,
        values: Vec<f32>,
    },
    /// The logarithm of the magnitude of a Hann-windowed DFT, clipped at 1e-7 and 1e7. No file of ours has it.
    LogMagnitude {
        dft: usize,
    },
    Conv {
        out: usize,
        inputs: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        relu: bool,
        values: Vec<f32>,
    },
    MaxPool {
        size: [usize; 2],
    },
    Save,
    Add {
        relu: bool,
    },
    /// Over the window: maximum, mean, mean of the maximum over bands, deviation of the mean over bands.
    Pool {
        channels: usize,
        which: [bool; 4],
    },
    Dense {
        out: usize,
        inputs: usize,
        relu: bool,
        values: Vec<f32>,
    },
    RowDense {
        out: usize,
        channels: usize,
        width: usize,
        relu: bool,
        values: Vec<f32>,
    },
}

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    pub revision: u32,
    pub layers: Vec<Layer>,
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

pub(super) fn parse(bytes: &[u8]) -> Result<Weights, WeightsError> {
    if bytes.len() < HEAD || &bytes[..8] != MAGIC || u32_at(bytes, 8) != 1 {
        return wrong("it begins otherwise");
    }
    let (revision, count, total) = (u32_at(bytes, 12), u32_at(bytes, 16) as usize, u32_at(bytes, 20) as usize);
    if count > MOST_LAYERS || total > bytes.len() / 4 || bytes.len() != HEAD + RECORD * count + 4 * total {
        return wrong(format!("{} bytes do not fit {count} layers and {total} values", bytes.len()));
    }
    let (records, numbers) = bytes[HEAD..].split_at(RECORD * count);
    let numbers: Vec<f32> = numbers.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if numbers.iter().any(|v| !v.is_finite()) {
        return wrong("a value is not finite");
    }
    let mut rest = &numbers[..];
    let mut layers = Vec::with_capacity(count);
    for (n, record) in records.as_chunks::<RECORD>().0.iter().enumerate() {
        let size = |i: usize| u32_at(record, 8 + 4 * i) as usize;
        let sizes: Vec<usize> = (0..14).map(size).collect();
        if sizes.iter().any(|s| *s > 1 << 20) {
            return wrong(format!("layer {n} is too large"));
        }
        let (kind, own) = (u32_at(record, 0), u32_at(record, 4) as usize);
        if own > rest.len() {
            return wrong(format!("layer {n} has {own} values, and {} are left", rest.len()));
        }
        let (values, others) = rest.split_at(own);
        rest = others;
        let (values, flag) = (values.to_vec(), |i: usize| sizes[i] != 0);
        let (layer, wanted) = match kind {
            1 => {
                let [bands, rate_hz, dft, hop] = [sizes[0], sizes[1], sizes[2], sizes[3]];
                let [low_hz, high_hz] = [sizes[4] as f64, sizes[5] as f64];
                let [floor, centre, half_range] = [sizes[6] as f32, sizes[7] as f32, sizes[8] as f32];
                (Layer::MelDb { bands, rate_hz, dft, hop, low_hz, high_hz, floor, centre, half_range }, 0)
            }
            2 => {
                let [bins, frame, hop] = [sizes[0], sizes[1], sizes[2]];
                (Layer::BasisLogPower { bins, frame, hop, values }, 2 * bins * frame)
            }
            3 => {
                let (out, inputs, kernel) = (sizes[0], sizes[1], [sizes[2], sizes[3]]);
                let wanted = out.saturating_mul(inputs).saturating_mul(kernel[0] * kernel[1]).saturating_add(out);
                (Layer::Conv { out, inputs, kernel, stride: [sizes[4], sizes[5]], relu: flag(6), values }, wanted)
            }
            5 => (Layer::MaxPool { size: [sizes[0], sizes[1]] }, 0),
            6 => (Layer::Save, 0),
            7 => (Layer::Add { relu: flag(0) }, 0),
            8 => (Layer::Pool { channels: sizes[0], which: [flag(1), flag(2), flag(3), flag(4)] }, 0),
            9 => {
                let (out, inputs) = (sizes[0], sizes[1]);
                (Layer::Dense { out, inputs, relu: flag(2), values }, out.saturating_mul(inputs).saturating_add(out))
            }
            10 => {
                let (out, channels, width) = (sizes[0], sizes[1], sizes[2]);
                let wanted = out.saturating_mul(channels).saturating_mul(width).saturating_add(out);
                (Layer::RowDense { out, channels, width, relu: flag(3), values }, wanted)
            }
            other => return wrong(format!("layer {n} is of the unknown kind {other}")),
        };
        let extents = match kind {
            1 | 2 => &sizes[..4],
            3 => &sizes[..6],
            5 => &sizes[..2],
            8 => &sizes[..1],
            9 => &sizes[..2],
            10 => &sizes[..3],
            _ => &[],
        };
        let extents = if kind == 2 { &extents[..3] } else { extents };
        let too_much = |&&s: &&usize| s == 0 || (s > MOST && !(kind == 1 && s == sizes[1]));
        if let Some(size) = extents.iter().find(too_much) {
            return wrong(format!("layer {n} has a size of {size}"));
        }
        if own != wanted {
            return wrong(format!("layer {n} has {own} values, and needs {wanted}"));
        }
        layers.push(layer);
    }
    if !rest.is_empty() {
        return wrong(format!("{} values are nobody's", rest.len()));
    }
    Ok(Weights { revision, layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = include_bytes!("../../weights/dnsmos_p808.bin");

    #[test]
    fn a_file_is_read_whole_and_every_prefix_and_changed_byte_of_its_head_is_an_error_or_a_network() {
        let weights = parse(GOOD).expect("ours");
        assert_eq!((weights.revision, weights.layers.len()), (1, 13));
        for len in (0..GOOD.len()).step_by(977).chain(0..2000) {
            assert!(parse(&GOOD[..len]).is_err(), "{len}");
        }
        let mut bytes = GOOD.to_vec();
        for at in 0..HEAD + 13 * RECORD {
            for value in [0, 1, 127, 255] {
                let was = core::mem::replace(&mut bytes[at], value);
                // Whatever it says: no panic, no memory beyond the file's own size.
                let _ = parse(&bytes).map(|w| super::super::network::Network::new(&w));
                bytes[at] = was;
            }
        }
        bytes[HEAD + 13 * RECORD..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(parse(&bytes).expect_err("not finite").to_string().contains("finite"));
    }
}
