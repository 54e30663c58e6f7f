//! The one delay between two signals: the peak of their cross-correlation.

use crate::compare::samples::Samples;
use realfft::RealFftPlanner;
use rustfft::num_complex::Complex;

/// How two signals lie to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delay {
    /// How many samples the degraded signal is late; negative if it is early.
    pub samples: i64,
    /// The normalised cross-correlation there: 1 for equal signals, -1 for inverted ones.
    pub correlation: f64,
}

/// The delay within `longest` samples either way where the magnitude of the cross-correlation over the whole signals is
/// largest; `None` if one of them is silent. Of equal peaks the smallest delay wins.
///
/// The cross-spectra of blocks are summed before the one transform back, so that memory depends on `longest` and not on the
/// signals. Each block of the reference meets the stretch of the degraded signal that begins `longest` earlier and ends `longest`
/// later: within the lags asked for nothing wraps around.
pub(crate) fn delay(reference: &Samples<'_>, degraded: &Samples<'_>, longest: usize) -> Option<Delay> {
    let longest = longest.min(reference.len().max(degraded.len()));
    let len = (4 * longest.max(1)).next_power_of_two().max(8192);
    let block = len - 2 * longest;
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, back) = (planner.plan_fft_forward(len), planner.plan_fft_inverse(len));
    let mut time = forward.make_input_vec();
    let (mut a, mut b) = (forward.make_output_vec(), forward.make_output_vec());
    let mut scratch = vec![Complex::default(); forward.get_scratch_len().max(back.get_scratch_len())];
    let mut cross = forward.make_output_vec();
    let (mut energy_reference, mut energy_degraded) = (0.0, 0.0);
    degraded.each_block(|x| energy_degraded += x.iter().map(|v| v * v).sum::<f64>());

    for start in (0..reference.len()).step_by(block) {
        let end = (start + block).min(reference.len());
        copy(reference, start as i64, &mut time[..end - start]);
        time[end - start..].fill(0.0);
        energy_reference += time[..end - start].iter().map(|v| v * v).sum::<f64>();
        // Lengths are those the plan was made for, so that the transforms cannot fail.
        let _ = forward.process_with_scratch(&mut time, &mut a, &mut scratch);
        copy(degraded, start as i64 - longest as i64, &mut time);
        let _ = forward.process_with_scratch(&mut time, &mut b, &mut scratch);
        for (c, (a, b)) in cross.iter_mut().zip(a.iter().zip(&b)) {
            *c += a.conj() * b;
        }
    }
    if energy_reference <= 0.0 || energy_degraded <= 0.0 {
        return None;
    }
    let _ = back.process_with_scratch(&mut cross, &mut time, &mut scratch);
    let scale = 1.0 / (len as f64 * energy_reference.sqrt() * energy_degraded.sqrt());
    let mut best = Delay { samples: 0, correlation: time[longest] * scale };
    for distance in 1..=longest {
        for (at, samples) in [(longest + distance, distance as i64), (longest - distance, -(distance as i64))] {
            let correlation = time[at] * scale;
            // Rounding must not make a far lag win over an equal near one.
            if correlation.abs() > best.correlation.abs() + 1e-9 {
                best = Delay { samples, correlation };
            }
        }
    }
    Some(best)
}

/// Samples from `start` on, zero where there are none.
fn copy(from: &Samples<'_>, start: i64, out: &mut [f64]) {
    let len = from.len() as i64;
    let (first, last) = (start.clamp(0, len), (start + out.len() as i64).clamp(0, len));
    out.fill(0.0);
    if first < last {
        let range = first as usize..last as usize;
        let to = (first - start) as usize;
        let part = from.part(range);
        let mut at = to;
        part.each_block(|x| {
            out[at..at + x.len()].copy_from_slice(x);
            at += x.len();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, mut seed: u32) -> Vec<f64> {
        (0..n)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(seed >> 8) / f64::from(1 << 23) - 1.0
            })
            .collect()
    }

    fn of(reference: &[f64], degraded: &[f64], longest: usize) -> Option<Delay> {
        delay(&Samples::from(reference), &Samples::from(degraded), longest)
    }

    #[test]
    fn late_early_inverted_and_over_many_blocks() {
        let x = noise(100_000, 1);
        for shift in [0_usize, 1, 123, 4000] {
            let late = [vec![0.0; shift], x.clone()].concat();
            let d = of(&x, &late, 4000).expect("two loud signals");
            assert_eq!(d.samples, shift as i64);
            assert!((d.correlation - 1.0).abs() < 1e-9, "rounding of the transform: {d:?}");
            let inverted: Vec<f64> = x[shift..].iter().map(|v| -0.3 * v).collect();
            let d = of(&x, &inverted, 4000).expect("two loud signals");
            assert_eq!(d.samples, -(shift as i64));
            assert!(d.correlation < -0.97, "4 % of the energy was cut off: {d:?}");
        }
    }

    #[test]
    fn odd_cases_have_an_answer() {
        assert_eq!(of(&[0.0; 100], &noise(100, 2), 50), None);
        assert_eq!(of(&[], &noise(100, 2), 50), None);
        assert_eq!(of(&noise(100, 2), &[], 50), None);
        let d = of(&[1.0], &[0.0, 0.0, 1.0], 1000).expect("two impulses");
        assert_eq!(d.samples, 2);
        let d = of(&noise(9000, 3), &noise(9000, 3), 0).expect("no lag to search");
        assert_eq!(d.samples, 0);
    }
}
