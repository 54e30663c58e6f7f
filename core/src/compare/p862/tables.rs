//! The numbers of P.862 at both rates, and the filter curves.
//!
//! The Bark tables, the filter curves and the coefficients of the cascades are taken over from `spec/02`, `spec/03` and
//! `spec/06` of the crate `pesq` 0.2.0 (MIT OR Apache-2.0); "step 1.8" and the like in this module are sections there.

/// What depends on the sample rate.
#[derive(Debug)]
pub(super) struct Constants {
    pub rate_hz: u32,
    /// Samples of a window of the voice activity detector: 4 ms.
    pub window: usize,
    /// Samples of the transform that finds delays: 64 ms.
    pub aligned: usize,
    /// Samples of a frame of the perceptual model: 32 ms; it moves on by half of that.
    pub frame: usize,
    pub bands: &'static [Band],
    /// From the power of a band to its pitch power density.
    pub pitch_scale: f64,
    /// The filter before the alignment: b0, b1, b2, a1, a2 of each section.
    pub sections: &'static [[f32; 5]],
}

/// Windows of silence before and after each signal: 300 ms.
pub(super) const MARGIN: usize = 75;

impl Constants {
    pub(super) const fn margin(&self) -> usize {
        MARGIN * self.window
    }

    /// Samples of silence after the second margin: 320 ms.
    pub(super) const fn padding(&self) -> usize {
        80 * self.window
    }

    pub(super) const fn hop(&self) -> usize {
        self.frame / 2
    }
}

/// One band of the Bark scale.
#[derive(Debug)]
pub(super) struct Band {
    /// Bins of the spectrum in it.
    pub bins: usize,
    pub centre_bark: f64,
    pub width_bark: f64,
    /// Corrects for the bins being of whole width.
    pub correction: f64,
    /// The power at the threshold of hearing.
    pub threshold: f32,
}

impl Band {
    const fn new(bins: usize, centre_bark: f64, width_bark: f64, correction: f64, threshold: f32) -> Self {
        Self { bins, centre_bark, width_bark, correction, threshold }
    }
}

pub(super) static NARROW_8K: Constants = Constants {
    rate_hz: 8000,
    window: 32,
    aligned: 512,
    frame: 256,
    bands: &BANDS_8K,
    pitch_scale: 2.764_344e-5,
    sections: &SECTIONS_8K,
};

pub(super) static AT_16K: Constants = Constants {
    rate_hz: 16_000,
    window: 64,
    aligned: 1024,
    frame: 512,
    bands: &BANDS_16K,
    pitch_scale: 6.910_853e-6,
    sections: &SECTIONS_16K,
};

/// From the power law to sone.
pub(super) const LOUDNESS_SCALE: f64 = 1.866_055e-1;

/// The input filter of P.862.2 at 16 kHz: b0, b1, b2, a1, a2.
pub(super) const WIDEBAND: [f32; 5] = [2.740_826, -5.481_651_9, 2.740_826, -1.944_477_7, 0.945_977_94];

/// What Corrigendum 2 multiplies its numerator with: -12.0 dB.
pub(super) const CORRIGENDUM_2: f64 = 0.251_188;

/// Where the level is measured: frequency in hertz, gain in decibels.
#[rustfmt::skip]
pub(super) static LEVEL_CURVE: [(f64, f64); 26] = [
    (0.0, -500.0), (50.0, -500.0), (100.0, -500.0), (125.0, -500.0), (160.0, -500.0), (200.0, -500.0), (250.0, -500.0),
    (300.0, -500.0), (350.0, 0.0), (400.0, 0.0), (500.0, 0.0), (600.0, 0.0), (630.0, 0.0), (800.0, 0.0),
    (1000.0, 0.0), (1250.0, 0.0), (1600.0, 0.0), (2000.0, 0.0), (2500.0, 0.0), (3000.0, 0.0), (3250.0, 0.0),
    (3500.0, -500.0), (4000.0, -500.0), (5000.0, -500.0), (6300.0, -500.0), (8000.0, -500.0),
];

/// The receiving side of the Intermediate Reference System: frequency in hertz, gain in decibels.
#[rustfmt::skip]
pub(super) static IRS_CURVE: [(f64, f64); 26] = [
    (0.0, -200.0), (50.0, -40.0), (100.0, -20.0), (125.0, -12.0), (160.0, -6.0), (200.0, 0.0), (250.0, 4.0),
    (300.0, 6.0), (350.0, 8.0), (400.0, 10.0), (500.0, 11.0), (600.0, 12.0), (700.0, 12.0), (800.0, 12.0),
    (1000.0, 12.0), (1300.0, 12.0), (1600.0, 12.0), (2000.0, 12.0), (2500.0, 12.0), (3000.0, 12.0), (3250.0, 12.0),
    (3500.0, 4.0), (4000.0, -200.0), (5000.0, -200.0), (6300.0, -200.0), (8000.0, -200.0),
];

#[rustfmt::skip]
static SECTIONS_8K: [[f32; 5]; 8] = [
    [0.885535424, -0.885535424, 0.0, -0.771070709, 0.0],
    [0.895092588, 1.292907193, 0.449260174, 1.268869037, 0.442025372],
    [4.04952794, -7.865190042, 3.815662102, -1.746859852, 0.786305963],
    [0.500002353, -0.500002353, 0.0, 0.0, 0.0],
    [0.565002834, -0.241585934, -0.306009671, 0.259688659, 0.249979657],
    [2.115237288, 0.919935084, 1.141240051, -1.587313419, 0.665935315],
    [0.912224584, -0.224397719, -0.641121413, -0.246029464, -0.55672059],
    [0.444617727, -0.307589321, 0.141638062, -0.996391149, 0.502251622],
];

#[rustfmt::skip]
static SECTIONS_16K: [[f32; 5]; 12] = [
    [0.325631521, -0.08678286, -0.238848661, -1.07941649, 0.434583902],
    [0.403961804, -0.556985881, 0.153024077, -0.415115835, 0.696590244],
    [4.736162769, 3.287251046, 1.753289019, -1.859599046, 0.876284034],
    [0.365373469, 0.0, 0.0, -0.634626531, 0.0],
    [0.884811506, 0.0, 0.0, -0.256725271, 0.141536777],
    [0.723593055, -1.447186099, 0.723593044, -1.129587469, 0.657232737],
    [1.644910855, -1.817280902, 1.249658063, -1.778403899, 0.801724355],
    [0.633692689, -0.284644314, -0.319789663, 0.0, 0.0],
    [1.032763031, 0.268428979, 0.602913323, 0.0, 0.0],
    [1.001616361, -0.823749013, 0.439731942, -0.885778255, 0.0],
    [0.752472096, -0.37538899, 0.188977609, -0.077258216, 0.247230734],
    [1.023700575, 0.001661628, 0.52128424, -0.183867259, 0.354324187],
];

#[rustfmt::skip]
static BANDS_8K: [Band; 42] = [
    Band::new(1, 0.078672, 0.157344, 100.0, 51286152.0),
    Band::new(1, 0.316341, 0.317994, 99.999992, 2454709.5),
    Band::new(1, 0.636559, 0.322441, 100.0, 70794.59375),
    Band::new(1, 0.961246, 0.326934, 100.000008, 4897.788574),
    Band::new(1, 1.29045, 0.331474, 100.000008, 1174.897705),
    Band::new(1, 1.624217, 0.336061, 100.000015, 389.045166),
    Band::new(1, 1.962597, 0.340697, 99.999992, 104.71286),
    Band::new(1, 2.305636, 0.345381, 99.999969, 45.70882),
    Band::new(2, 2.653383, 0.350114, 50.000027, 17.782795),
    Band::new(1, 3.005889, 0.354897, 100.0, 9.772372),
    Band::new(1, 3.363201, 0.359729, 99.999969, 4.897789),
    Band::new(1, 3.725371, 0.364611, 100.000015, 3.090296),
    Band::new(1, 4.092449, 0.369544, 99.999947, 1.905461),
    Band::new(1, 4.464486, 0.374529, 100.000061, 1.258925),
    Band::new(2, 4.841533, 0.379565, 53.047077, 0.977237),
    Band::new(1, 5.223642, 0.384653, 110.000046, 0.724436),
    Band::new(1, 5.610866, 0.389794, 117.991989, 0.562341),
    Band::new(2, 6.003256, 0.394989, 65.0, 0.457088),
    Band::new(2, 6.400869, 0.400236, 68.760147, 0.389045),
    Band::new(2, 6.803755, 0.405538, 69.999931, 0.331131),
    Band::new(2, 7.211971, 0.410894, 71.428818, 0.295121),
    Band::new(2, 7.625571, 0.416306, 75.000038, 0.269153),
    Band::new(2, 8.044611, 0.421773, 76.843384, 0.25704),
    Band::new(2, 8.469146, 0.427297, 80.968781, 0.251189),
    Band::new(2, 8.899232, 0.432877, 88.646126, 0.251189),
    Band::new(3, 9.334927, 0.438514, 63.864388, 0.251189),
    Band::new(3, 9.776288, 0.444209, 68.15535, 0.251189),
    Band::new(3, 10.223374, 0.449962, 72.547775, 0.263027),
    Band::new(3, 10.676242, 0.455774, 75.584831, 0.288403),
    Band::new(4, 11.134952, 0.461645, 58.379192, 0.30903),
    Band::new(3, 11.599563, 0.467577, 80.950836, 0.338844),
    Band::new(4, 12.070135, 0.473569, 64.135651, 0.371535),
    Band::new(5, 12.546731, 0.479621, 54.384785, 0.398107),
    Band::new(4, 13.029408, 0.485736, 73.821884, 0.436516),
    Band::new(5, 13.518232, 0.491912, 64.437073, 0.467735),
    Band::new(6, 14.013264, 0.498151, 59.176456, 0.489779),
    Band::new(6, 14.514566, 0.504454, 65.521278, 0.501187),
    Band::new(7, 15.022202, 0.510819, 61.399822, 0.501187),
    Band::new(8, 15.536238, 0.51725, 58.144047, 0.512861),
    Band::new(9, 16.056736, 0.523745, 57.004543, 0.524807),
    Band::new(9, 16.583761, 0.530308, 64.126297, 0.524807),
    Band::new(11, 17.117382, 0.536934, 59.248363, 0.524807),
];

#[rustfmt::skip]
static BANDS_16K: [Band; 49] = [
    Band::new(1, 0.078672, 0.157344, 100.0, 51286152.0),
    Band::new(1, 0.316341, 0.317994, 99.999992, 2454709.5),
    Band::new(1, 0.636559, 0.322441, 100.0, 70794.59375),
    Band::new(1, 0.961246, 0.326934, 100.000008, 4897.788574),
    Band::new(1, 1.29045, 0.331474, 100.000008, 1174.897705),
    Band::new(1, 1.624217, 0.336061, 100.000015, 389.045166),
    Band::new(1, 1.962597, 0.340697, 99.999992, 104.71286),
    Band::new(1, 2.305636, 0.345381, 99.999969, 45.70882),
    Band::new(2, 2.653383, 0.350114, 50.000027, 17.782795),
    Band::new(1, 3.005889, 0.354897, 100.0, 9.772372),
    Band::new(1, 3.363201, 0.359729, 99.999969, 4.897789),
    Band::new(1, 3.725371, 0.364611, 100.000015, 3.090296),
    Band::new(1, 4.092449, 0.369544, 99.999947, 1.905461),
    Band::new(1, 4.464486, 0.374529, 100.000061, 1.258925),
    Band::new(2, 4.841533, 0.379565, 53.047077, 0.977237),
    Band::new(1, 5.223642, 0.384653, 110.000046, 0.724436),
    Band::new(1, 5.610866, 0.389794, 117.991989, 0.562341),
    Band::new(2, 6.003256, 0.394989, 65.0, 0.457088),
    Band::new(2, 6.400869, 0.400236, 68.760147, 0.389045),
    Band::new(2, 6.803755, 0.405538, 69.999931, 0.331131),
    Band::new(2, 7.211971, 0.410894, 71.428818, 0.295121),
    Band::new(2, 7.625571, 0.416306, 75.000038, 0.269153),
    Band::new(2, 8.044611, 0.421773, 76.843384, 0.25704),
    Band::new(2, 8.469146, 0.427297, 80.968781, 0.251189),
    Band::new(2, 8.899232, 0.432877, 88.646126, 0.251189),
    Band::new(3, 9.334927, 0.438514, 63.864388, 0.251189),
    Band::new(3, 9.776288, 0.444209, 68.15535, 0.251189),
    Band::new(3, 10.223374, 0.449962, 72.547775, 0.263027),
    Band::new(3, 10.676242, 0.455774, 75.584831, 0.288403),
    Band::new(4, 11.134952, 0.461645, 58.379192, 0.30903),
    Band::new(3, 11.599563, 0.467577, 80.950836, 0.338844),
    Band::new(4, 12.070135, 0.473569, 64.135651, 0.371535),
    Band::new(5, 12.546731, 0.479621, 54.384785, 0.398107),
    Band::new(4, 13.029408, 0.485736, 73.821884, 0.436516),
    Band::new(5, 13.518232, 0.491912, 64.437073, 0.467735),
    Band::new(6, 14.013264, 0.498151, 59.176456, 0.489779),
    Band::new(6, 14.514566, 0.504454, 65.521278, 0.501187),
    Band::new(7, 15.022202, 0.510819, 61.399822, 0.501187),
    Band::new(8, 15.536238, 0.51725, 58.144047, 0.512861),
    Band::new(9, 16.056736, 0.523745, 57.004543, 0.524807),
    Band::new(9, 16.583761, 0.530308, 64.126297, 0.524807),
    Band::new(12, 17.117382, 0.536934, 54.311001, 0.524807),
    Band::new(12, 17.657663, 0.543629, 61.114979, 0.512861),
    Band::new(15, 18.204674, 0.55039, 55.077751, 0.47863),
    Band::new(16, 18.758478, 0.55722, 56.849335, 0.42658),
    Band::new(18, 19.319147, 0.564119, 55.628868, 0.371535),
    Band::new(21, 19.886751, 0.571085, 53.137054, 0.363078),
    Band::new(25, 20.461355, 0.578125, 54.985844, 0.416869),
    Band::new(20, 21.043034, 0.585232, 79.546974, 0.537032),
];

/// A curve at a frequency: straight between its points, and the first and last pieces go on beyond the ends.
fn decibels(curve: &[(f64, f64)], hz: f64) -> f64 {
    let after = curve.iter().position(|&(f, _)| f > hz).unwrap_or(curve.len()).clamp(1, curve.len() - 1);
    let ((f0, d0), (f1, d1)) = (curve[after - 1], curve[after]);
    d0 + (hz - f0) * (d1 - d0) / (f1 - f0)
}

/// The gains of bins `0..=len/2` of a transform of `len` samples, 1 at 1 kHz (step 1.3.1).
pub(super) fn response(curve: &[(f64, f64)], rate_hz: u32, len: usize) -> Box<[f32]> {
    let reference = decibels(curve, 1000.0);
    let step = f64::from(rate_hz) / len as f64;
    (0..=len / 2).map(|k| 10f64.powf((decibels(curve, k as f64 * step) - reference) / 20.0) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_take_every_bin_but_the_last() {
        for c in [&NARROW_8K, &AT_16K] {
            assert_eq!(c.bands.iter().map(|b| b.bins).sum::<usize>(), c.frame / 2);
        }
    }

    #[test]
    fn curves_go_through_their_points_and_on_beyond_them() {
        assert_eq!(decibels(&IRS_CURVE, 100.0), -20.0);
        assert_eq!(decibels(&IRS_CURVE, 25.0), -120.0);
        assert_eq!(decibels(&LEVEL_CURVE, 325.0), -250.0);
        assert_eq!(decibels(&[(0.0, 0.0), (10.0, 5.0), (20.0, 0.0)], 30.0), -5.0);
        let gains = response(&IRS_CURVE, 8000, 16);
        assert_eq!((gains.len(), gains[2]), (9, 1.0));
    }
}
