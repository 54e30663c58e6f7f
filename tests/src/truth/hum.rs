//! Whether hum that a detector found in clean speech is really in the recording, measured by other means than the detector's.

use otoscope_fixtures::take::Take;
use std::f64::consts::{PI, TAU};

/// The window: what the mains hold steady and no voice does.
const WINDOW_S: f64 = 2.0;
/// Spectra are taken this finely, up to so far on either side of the mains.
const STEP_HZ: f64 = 0.1;
const REACH: usize = 90;
/// The surroundings begin here.
const SIDE: usize = 30;
/// How near the line must lie, how narrow it must be (a steady sine in a Hann window is one Hz wide at half its amplitude), and
/// how far it must stand out of the RMS of its surroundings, three to nine Hz away on either side.
const NEAR_HZ: f64 = 0.25;
const WIDEST_HZ: f64 = 1.25;
const LEAST_DB: f64 = 12.0;

/// Whether some two seconds from `start` to `end` hold a line of the mains at `hz`.
#[must_use]
pub fn is_real(take: &Take, start: u64, end: u64, hz: f64) -> bool {
    // A fine spectrum of 2 s at full rate would cost a minute. Means over blocks have their zeros where they would fold onto the mains.
    let block = (take.sample_rate_hz as usize / 4000).max(1);
    let rate = f64::from(take.sample_rate_hz) / block as f64;
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(take.samples.len());
    let found = take.samples.get(start as usize..end).unwrap_or_default();
    let x: Vec<f64> =
        found.chunks_exact(block).map(|b| b.iter().map(|v| f64::from(*v)).sum::<f64>() / block as f64).collect();
    // The last samples of a stretch of just that length may be lost to a block.
    let n = ((WINDOW_S * rate) as usize).saturating_sub(1);
    let hop = (0.25 * rate) as usize;
    x.windows(n.max(1)).step_by(hop.max(1)).any(|w| is_line(w, rate, hz))
}

fn is_line(x: &[f64], rate: f64, hz: f64) -> bool {
    let n = x.len() as f64;
    let at = |i: usize| hz + (i as f64 - REACH as f64) * STEP_HZ;
    let spectrum: Vec<f64> = (0..=2 * REACH).map(|i| amplitude(x, n, TAU * at(i) / rate)).collect();
    let middle = REACH - SIDE..=REACH + SIDE;
    let Some(peak) = middle.clone().max_by(|a, b| spectrum[*a].total_cmp(&spectrum[*b])) else { return false };
    let half = 0.5 * spectrum[peak];
    let wide = |side: &mut dyn Iterator<Item = usize>| side.take_while(|&i| spectrum[i] > half).count();
    let width = wide(&mut (0..peak).rev()) + wide(&mut (peak + 1..=2 * REACH)) + 1;
    let around: Vec<f64> = (0..=2 * REACH).filter(|i| !middle.contains(i)).map(|i| spectrum[i] * spectrum[i]).collect();
    let rms = (around.iter().sum::<f64>() / around.len() as f64).sqrt();
    (at(peak) - hz).abs() <= NEAR_HZ + 1e-9
        && width as f64 * STEP_HZ <= WIDEST_HZ
        && 20.0 * (spectrum[peak] / rms.max(1e-12)).log10() >= LEAST_DB
}

/// The magnitude at an angular frequency, Hann-windowed.
fn amplitude(x: &[f64], n: f64, turn: f64) -> f64 {
    let (step_sin, step_cos) = turn.sin_cos();
    let (mut cos, mut sin) = (1.0, 0.0);
    let (mut re, mut im) = (0.0, 0.0);
    for (i, v) in x.iter().enumerate() {
        let w = (PI * (i as f64 + 0.5) / n).sin();
        re += v * w * w * cos;
        im += v * w * w * sin;
        (cos, sin) = (cos * step_cos - sin * step_sin, sin * step_cos + cos * step_sin);
    }
    re.hypot(im)
}

#[cfg(test)]
mod tests {
    use super::*;
    use otoscope_fixtures::signals;

    #[test]
    fn hum_is_told_from_a_voice_and_from_what_moves() {
        let rate = 16_000;
        let speech = signals::speech_like(rate, 4.0, 3);
        let with = |hz: f64, wobble: f64| {
            let hum = |i: usize| {
                let t = i as f64 / f64::from(rate);
                0.003 * (TAU * hz * t + wobble * (TAU * 0.7 * t).sin()).sin()
            };
            let x = speech.iter().enumerate().map(|(i, v)| v + hum(i) as f32).collect();
            is_real(&Take::new(rate, x), 0, 4 * u64::from(rate), 60.0)
        };
        assert!(with(60.0, 0.0) && with(60.1, 0.0));
        assert!(!with(60.6, 0.0), "no mains are that far off");
        assert!(!with(60.0, 3.0), "no mains wander by Hz");
        assert!(!is_real(&Take::new(rate, speech.clone()), 0, 4 * u64::from(rate), 60.0), "a voice alone");
        assert!(!is_real(&Take::new(rate, speech.clone()), 0, 100, 60.0), "too short to be told");
    }
}
