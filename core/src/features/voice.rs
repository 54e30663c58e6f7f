//! Voice activity from the level of each hop: cheap, exact, and enough to tell speech from pauses.

/// Mean squares, so that no logarithm is needed.
const LEAST: f64 = 3.162_277_660_168_38e-6; // -55 dBFS: below it nothing is speech
const ABOVE_FLOOR: f64 = 8.0; // 9 dB
const BELOW_LOUDEST: f64 = 1e-4; // -40 dB
const FLOOR_AT_START: f64 = 1e-6; // -60 dBFS
const LOWEST_FLOOR: f64 = 1e-9; // -90 dBFS
const FLOOR_RISE: f64 = 1.013_911_386; // 6 dB a second
const LOUDEST_FALL: f64 = 0.997_700_064; // 1 dB a second
const HANGOVER_HOPS: u8 = 8;

/// Whether somebody speaks. The noise floor follows quiet hops at once and rises by 6 dB a second; a hop is active when
/// it lies 9 dB above that floor, above -55 dBFS and within 40 dB of the loudest recent hop; 80 ms of hangover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Voice {
    floor: f64,
    loudest: f64,
    hangover: u8,
}

impl Voice {
    pub(crate) fn new() -> Self {
        Self { floor: FLOOR_AT_START, loudest: 0.0, hangover: 0 }
    }

    pub(crate) fn update(&mut self, mean_square: f64) {
        self.floor = (self.floor * FLOOR_RISE).min(mean_square).max(LOWEST_FLOOR);
        self.loudest = (self.loudest * LOUDEST_FALL).max(mean_square);
        let speaks =
            mean_square > LEAST && mean_square > self.floor * ABOVE_FLOOR && mean_square > self.loudest * BELOW_LOUDEST;
        self.hangover = if speaks { HANGOVER_HOPS + 1 } else { self.hangover.saturating_sub(1) };
    }

    /// Whether the hop belongs to speech.
    pub(crate) fn is_active(self) -> bool {
        self.hangover > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(levels_db: impl IntoIterator<Item = f64>) -> Vec<bool> {
        let mut voice = Voice::new();
        levels_db
            .into_iter()
            .map(|db| {
                voice.update(10f64.powf(db / 10.0));
                voice.is_active()
            })
            .collect()
    }

    #[test]
    fn speech_over_noise_is_active_and_the_pause_is_not() {
        let talk = |n: usize| (0..n).map(|i| if i % 20 < 14 { -25.0 } else { -48.0 });
        let active = run(talk(300).chain(vec![-58.0; 100]).chain(talk(100)));
        assert!(active[..300].iter().filter(|a| **a).count() > 280);
        assert!(active[320..400].iter().all(|a| !a));
        assert!(active[402]);
    }

    #[test]
    fn steady_noise_is_not_speech_for_long() {
        let active = run(vec![-45.0; 1000]);
        assert!(active[600..].iter().all(|a| !a), "the floor reaches -45 dBFS within 2.5 s");
    }

    #[test]
    fn silence_is_never_active() {
        assert!(run(vec![f64::NEG_INFINITY; 100]).iter().all(|a| !a));
    }
}
