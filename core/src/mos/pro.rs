//! The weights of DNSMOS Pro out of the file that its authors publish: a ZIP of raw tensors beside code that is not looked at.
//!
//! The file is the user's and may be anything: every size is checked before a value is read.

use super::weights::{Layer, Weights, WeightsError, u32_at, wrong};

/// Samples of its DFT.
const DFT: usize = 320;
/// Channels in and out of its convolutions. Behind each is a batch norm, and behind the second a pooling by three.
const CONVS: [[usize; 2]; 4] = [[1, 32], [32, 32], [32, 64], [64, 64]];
/// Entries of a convolution: weights, bias; gain, shift, mean and variance of the batch norm, and its counter.
const ENTRIES: usize = 7;
/// Outputs of its dense layers, each of 64 inputs.
const DENSE: [usize; 3] = [64, 64, 2];
/// What PyTorch adds to a variance.
const LEAST_VARIANCE: f64 = 1e-5;

fn u16_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes).into()
}

/// The entries `NAME/data/NUMBER` of a ZIP, which have to be stored as they are, by their numbers.
fn entries(zip: &[u8]) -> Result<Vec<(usize, &[u8])>, WeightsError> {
    const END: usize = 22;
    // A comment of up to 64 kB may stand behind the end.
    let ends = (0..=zip.len().saturating_sub(END)).rev().take(1 << 16);
    let Some(end) = ends.into_iter().find(|&at| zip[at..].starts_with(b"PK\x05\x06")) else {
        return wrong("it is no ZIP");
    };
    let (count, mut at) = (u16_at(zip, end + 10), u32_at(zip, end + 16) as usize);
    let mut found = Vec::new();
    for _ in 0..count {
        let Some(head) = zip.get(at..).filter(|head| head.starts_with(b"PK\x01\x02")) else {
            return wrong("its list of entries is damaged");
        };
        let [packed, size, local] = [20, 24, 42].map(|field| u32_at(head, field) as usize);
        let [flags, method, name, extra, comment] = [8, 10, 28, 30, 32].map(|field| u16_at(head, field));
        at += 46 + name + extra + comment;
        let name = head.get(46..46 + name).and_then(|name| core::str::from_utf8(name).ok()).unwrap_or_default();
        let number = name.rsplit_once("/data/").and_then(|(_, number)| number.parse().ok());
        let Some(number) = number else { continue };
        let start = local.saturating_add(30 + u16_at(zip, local + 26) + u16_at(zip, local + 28));
        let body = zip.get(start..).and_then(|rest| rest.get(..size));
        match body {
            Some(body) if method == 0 && flags & 1 == 0 && packed == size => found.push((number, body)),
            _ => return wrong(format!("its entry {number} is not stored as it is, or not whole")),
        }
    }
    Ok(found)
}

/// The network of such a file, batch norm folded into the convolutions before it.
pub(super) fn read(zip: &[u8]) -> Result<Weights, WeightsError> {
    let entries = entries(zip)?;
    let tensor = |number: usize, len: usize| {
        let entry = entries.iter().find(|(n, _)| *n == number).map_or(&[][..], |(_, body)| body);
        if entry.len() != 4 * len {
            return wrong(format!("tensor {number} has {} bytes and not {}", entry.len(), 4 * len));
        }
        let values: Vec<f32> = entry.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if values.iter().any(|v| !v.is_finite()) { wrong("a value is not finite") } else { Ok(values) }
    };
    let mut layers = vec![Layer::LogMagnitude { dft: DFT }];
    for (n, [inputs, out]) in CONVS.into_iter().enumerate() {
        let of_channel = |field: usize| tensor(ENTRIES * n + field, out);
        let (mut values, bias) = (tensor(ENTRIES * n, 9 * inputs * out)?, of_channel(1)?);
        let [gain, shift, mean, variance] = [of_channel(2)?, of_channel(3)?, of_channel(4)?, of_channel(5)?];
        let factor = |o: usize| f64::from(gain[o]) / (f64::from(variance[o]) + LEAST_VARIANCE).sqrt();
        for (o, kernel) in values.chunks_exact_mut(9 * inputs).enumerate() {
            kernel.iter_mut().for_each(|w| *w = (f64::from(*w) * factor(o)) as f32);
        }
        let moved = |o: usize| (f64::from(bias[o]) - f64::from(mean[o])) * factor(o) + f64::from(shift[o]);
        values.extend((0..out).map(|o| moved(o) as f32));
        if values.iter().any(|v| !v.is_finite()) {
            return wrong("a variance is not positive");
        }
        layers.push(Layer::Conv { out, inputs, kernel: [3, 3], stride: [1, 1], relu: true, values });
        if n == 1 {
            layers.push(Layer::MaxPool { size: [3, 3] });
        }
    }
    layers.push(Layer::Pool { channels: 64, which: [true, false, false, false] });
    for (n, out) in DENSE.into_iter().enumerate() {
        let number = ENTRIES * CONVS.len() + 2 * n;
        let values = [tensor(number, 64 * out)?, tensor(number + 1, out)?].concat();
        layers.push(Layer::Dense { out, inputs: 64, relu: n < 2, values });
    }
    Ok(Weights { revision: 0, layers })
}
