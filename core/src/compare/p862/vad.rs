//! Where the voice is active (step 1.8). All sums are in single precision and in the order of the windows: the
//! iteration below decides, and its last bits decide with it.

use crate::simd::Simd;

/// Runs up to so many windows are no speech.
const SHORTEST: usize = 4;
/// Gaps up to so many windows are part of the speech around them.
const LONGEST_GAP: usize = 50;

/// The energy of each window: positive where there is speech, else zero; and the logarithm of what is over the
/// threshold.
pub(super) fn detect(simd: Simd, signal: &[f32], window: usize, energy: &mut Vec<f32>, log: &mut Vec<f32>) {
    energy.clear();
    energy.resize(signal.len() / window, 0.0);
    simd.window_energies(signal, window, energy);
    for e in &mut *energy {
        *e /= window as f32;
    }
    log.clear();
    let e = &mut energy[..];
    let count = e.len();
    if count == 0 {
        return;
    }

    // The first threshold is the mean before the floor is put in.
    let mut threshold = e.iter().fold(0.0f32, |s, v| s + v) / count as f32;
    let mut floor = e.iter().fold(0.0f32, |m, &v| m.max(v));
    floor = if floor > 0.0 { floor * 1e-4 } else { 1.0 };
    for v in &mut *e {
        *v = v.max(floor);
    }
    for _ in 0..12 {
        // What is over the threshold adds a zero, which changes no sum.
        let (mut n, mut mean, mut deviation) = (0, 0.0f32, 0.0f32);
        for &v in &*e {
            let noise = v <= threshold;
            n += u32::from(noise);
            mean += if noise { v } else { 0.0 };
        }
        if n > 0 {
            mean /= n as f32;
            for &v in &*e {
                let square = (v - mean) * (v - mean);
                deviation += if v <= threshold { square } else { 0.0 };
            }
            deviation = (deviation / n as f32).sqrt();
        }
        threshold = 1.001 * (mean + 2.0 * deviation);
    }

    let mean_of = |speech: bool| {
        let chosen = || e.iter().filter(|&&v| (v > threshold) == speech);
        let n = chosen().count();
        (n > 0).then(|| chosen().fold(0.0f32, |s, v| s + v) / n as f32)
    };
    let noise_level = mean_of(false).unwrap_or(1.0);
    let signal_level = mean_of(true);
    if signal_level.is_none() {
        threshold = -1.0;
    }
    let signal_level = signal_level.unwrap_or(0.0);

    // From here on the sign says what a window is: negative for noise.
    for v in &mut *e {
        if *v <= threshold {
            *v = -*v;
        }
    }
    silence_the_ends(e, floor);
    for_runs(e, |run| {
        if run.len() <= SHORTEST {
            negate(run);
        }
    });
    if signal_level >= 1000.0 * noise_level {
        for_runs(e, |run| {
            if run.iter().fold(0.0f32, |s, v| s + v) < 3.0 * threshold * run.len() as f32 {
                negate(run);
            }
        });
    }
    join(e, floor);
    if !e.iter().any(|&v| v > 0.0) {
        for v in &mut *e {
            *v = v.abs();
        }
        silence_the_ends(e, floor);
    }
    soften(e);
    for v in &mut *e {
        *v = v.max(0.0);
    }
    let threshold = if threshold <= 0.0 { floor } else { threshold };
    log.extend(e.iter().map(|&v| if v <= threshold { 0.0 } else { (v / threshold).ln() }));
}

fn silence_the_ends(e: &mut [f32], floor: f32) {
    if let Some(v) = e.first_mut() {
        *v = -floor;
    }
    if let Some(v) = e.last_mut() {
        *v = -floor;
    }
}

fn negate(run: &mut [f32]) {
    for v in run {
        *v = -*v;
    }
}

/// Hands over each run of positive values.
fn for_runs(e: &mut [f32], f: impl FnMut(&mut [f32])) {
    e.chunk_by_mut(|a, b| (*a > 0.0) == (*b > 0.0)).filter(|run| run[0] > 0.0).for_each(f);
}

/// Gaps between runs become speech at the floor, so they weigh nothing but end no utterance.
fn join(e: &mut [f32], floor: f32) {
    let mut end_of_run = None;
    for v in 1..e.len() {
        if e[v] > 0.0 && e[v - 1] <= 0.0 {
            if let Some(end) = end_of_run.take()
                && v - end <= LONGEST_GAP
            {
                e[end..v].fill(floor);
            }
        } else if e[v] <= 0.0 && e[v - 1] > 0.0 {
            end_of_run = Some(v);
        }
    }
}

/// Two windows before and after each run get a part of its first or last energy, in one pass that skips what it wrote.
fn soften(e: &mut [f32]) {
    let mut v = 3;
    while v + 2 < e.len() {
        if e[v] > 0.0 && e[v - 2] <= 0.0 {
            e[v - 2] = e[v] * 0.1;
            e[v - 1] = e[v] * 0.3;
            v += 1;
        }
        if e[v] <= 0.0 && e[v - 1] > 0.0 {
            e[v] = e[v - 1] * 0.3;
            e[v + 1] = e[v - 1] * 0.1;
            v += 3;
        }
        v += 1;
    }
}

/// The longest run of speech in windows, for the message when there is too little.
pub(super) fn longest_run(energy: &[f32]) -> usize {
    energy.chunk_by(|a, b| (*a > 0.0) == (*b > 0.0)).filter(|run| run[0] > 0.0).map(<[f32]>::len).max().unwrap_or(0)
}
