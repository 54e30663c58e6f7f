//! Facts about one hop that more than one metric reads: computed once, and only when somebody's `needs` asks.

mod bands;
mod packets;
mod pitch;
mod true_peak;
mod view;
mod voice;

pub(crate) use bands::{BANDS, Bands, level};
pub use packets::{Packet, PacketFate};
pub(crate) use packets::{PacketFacts, PacketStats};
pub(crate) use pitch::Pitch;
pub(crate) use view::{Event, FrameView};
pub(crate) use voice::Voice;

use crate::dsp::fft::{LONGEST_HALF, Scratch, SpectrumPlan};
use crate::frame::{Signals, lfe};
use crate::probe::MAX_CHANNELS;
use crate::simd::{GateCounts, KState, KWeighting, Simd, Statistics, TruePeakTable};
use crate::spec::Needs;
use crate::units::SampleRate;
use bands::BandPlan;
use packets::Packets;
use pitch::{PitchPlan, PitchTracker};
use true_peak::TruePeak;

/// The tables behind the features, one set per plan.
pub(crate) struct FeaturePlan {
    needs: Needs,
    k_weighting: Option<KWeighting>,
    true_peak: Option<TruePeakTable>,
    spectrum: Option<SpectrumPlan>,
    bands: Option<BandPlan>,
    pitch: Option<PitchPlan>,
}

/// How many bins each band has.
pub(crate) fn band_widths(rate: SampleRate) -> [f32; BANDS] {
    BandPlan::new(rate, spectrum_len(rate)).widths()
}

/// How many samples of the downmix before the hop are there for those who need `HISTORY`: 15 ms and two.
pub(crate) fn recent_len(rate: SampleRate) -> usize {
    rate.samples_in_ms(15) + 2
}

/// The frame of the spectrum in samples: 20 ms, rounded up to a power of two.
pub(crate) fn spectrum_len(rate: SampleRate) -> usize {
    rate.samples_in_ms(20).next_power_of_two()
}

impl FeaturePlan {
    pub(crate) fn new(needs: Needs, rate: SampleRate) -> Self {
        let frame = spectrum_len(rate);
        Self {
            needs,
            k_weighting: needs.has(Needs::K_ENERGY).then(|| KWeighting::new(rate.hz())),
            true_peak: needs.has(Needs::TRUE_PEAK).then(|| TruePeakTable::new(rate.hz())),
            spectrum: (needs.has(Needs::SPECTRUM) || needs.has(Needs::BANDS)).then(|| SpectrumPlan::new(frame)),
            bands: needs.has(Needs::BANDS).then(|| BandPlan::new(rate, frame)),
            pitch: needs.has(Needs::PITCH).then(|| PitchPlan::new(rate)),
        }
    }

    /// The K-filter, if somebody needs it.
    pub(crate) fn k_weighting(&self) -> Option<&KWeighting> {
        self.k_weighting.as_ref()
    }

    /// The bands of a spectrum, if somebody needs them.
    pub(crate) fn bands(&self, simd: Simd, spectrum: Option<&[f32]>) -> Option<Bands> {
        self.bands.as_ref().zip(spectrum).map(|(plan, spectrum)| plan.of(simd, spectrum))
    }

    /// Samples of the downmix that must be kept before the hop.
    pub(crate) fn history(&self, rate: SampleRate) -> usize {
        let shortest_hop = rate.hz() as usize / 100;
        let spectrum = self.spectrum.as_ref().map_or(0, |s| s.len().saturating_sub(shortest_hop));
        let edges = if self.needs.has(Needs::HISTORY) { recent_len(rate) } else { 0 };
        let pitch = self.pitch.as_ref().map_or(0, PitchPlan::history);
        spectrum.max(edges).max(pitch)
    }
}

/// What the features remember of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Features {
    k_states: [KState; MAX_CHANNELS],
    true_peak: TruePeak,
    pitch: PitchTracker,
    voice: Voice,
    packets: Packets,
}

/// The facts of one hop, by channel where they are.
pub(crate) struct Facts {
    pub mix: Statistics,
    pub channels: [Statistics; MAX_CHANNELS],
    pub k_energy: [f64; MAX_CHANNELS],
    pub true_peak: [f32; MAX_CHANNELS],
    pub voice: Voice,
    /// On every fourth hop.
    pub pitch: Option<Pitch>,
    pub gate: GateCounts,
}

impl Features {
    pub(crate) fn new() -> Self {
        Self {
            k_states: Default::default(),
            true_peak: TruePeak::default(),
            pitch: PitchTracker::new(),
            voice: Voice::new(),
            packets: Packets::new(),
        }
    }

    /// Computes what is needed for one hop. `batched` is the K-weighted energy of a mono
    /// stream, where a batch has computed it already.
    pub(crate) fn compute(
        &mut self,
        simd: Simd,
        plan: &FeaturePlan,
        s: &Signals<'_>,
        hop_index: u64,
        gate: GateCounts,
        batched: Option<f64>,
    ) -> Facts {
        let n = s.channels();
        let mut channels = [Statistics::default(); MAX_CHANNELS];
        for (c, stats) in channels[..n].iter_mut().enumerate() {
            *stats = simd.statistics(s.channel(c, 0));
        }
        let mix = if n == 1 { channels[0] } else { simd.statistics(s.hop()) };
        let mut k_energy = [0.0; MAX_CHANNELS];
        if let Some(energy) = batched {
            k_energy[0] = energy;
        } else if let Some(filter) = &plan.k_weighting {
            for c in (0..n).filter(|&c| Some(c) != lfe(n)) {
                k_energy[c] = simd.k_energy(filter, &mut self.k_states[c], s.channel(c, 0));
            }
        }
        if let Some(table) = &plan.true_peak {
            self.true_peak.update(simd, table, s, &channels);
        }
        if plan.needs.has(Needs::VOICE) || plan.pitch.is_some() {
            self.voice.update(mix.energy / s.hop().len().max(1) as f64);
        }
        let pitch = plan.pitch.as_ref().and_then(|plan| {
            self.pitch.update(simd, plan, s);
            let look = || if self.voice.is_active() { self.pitch.find(simd, plan) } else { Pitch::default() };
            (hop_index % 4 == 3).then(look)
        });
        Facts { mix, channels, k_energy, true_peak: self.true_peak.largest(), voice: self.voice, pitch, gate }
    }

    /// The K-filter's state of a mono stream, for a batch to compute its energy in lanes.
    pub(crate) fn k_state(&self) -> KState {
        self.k_states[0]
    }

    pub(crate) fn set_k_state(&mut self, state: KState) {
        self.k_states[0] = state;
    }

    /// Takes a packet, if somebody wants to know.
    pub(crate) fn packet(&mut self, plan: &FeaturePlan, packet: &Packet, sample: u64) -> Option<PacketFacts> {
        plan.needs.has(Needs::PACKETS).then(|| self.packets.take(packet, sample))
    }

    /// The packets that were still waited for when the stream ended.
    pub(crate) fn finish_packets(&mut self, sample: u64) -> Option<PacketFacts> {
        self.packets.finish(sample)
    }

    /// The last points between samples, which only the end of the stream completes.
    pub(crate) fn finish(&mut self, simd: Simd, plan: &FeaturePlan, s: &Signals<'_>) -> [f32; MAX_CHANNELS] {
        if let Some(table) = &plan.true_peak {
            self.true_peak.finish(simd, table, s);
        }
        self.true_peak.largest()
    }
}

/// Runs `listen` with the spectrum of the frame, on every second hop and only if somebody needs it. The transform's
/// scratch (8 bytes a point) lives on the stack for the time of the call, so no probe carries it. A frame of less than
/// -80 dBFS has the spectrum of silence; `mean_square` is that of the hop.
pub(crate) fn with_spectrum<R>(
    simd: Simd,
    plan: &FeaturePlan,
    window: &[f32],
    mean_square: f64,
    hop_index: u64,
    listen: impl FnOnce(Option<&[f32]>) -> R,
) -> R {
    fn run<const M: usize, R>(
        simd: Simd,
        plan: &SpectrumPlan,
        window: &[f32],
        listen: impl FnOnce(Option<&[f32]>) -> R,
    ) -> R {
        let mut scratch = Scratch::<M>::new();
        let frame = &window[window.len().saturating_sub(2 * M)..];
        listen(Some(plan.power(simd, frame, &mut scratch)))
    }
    static SILENCE: [f32; LONGEST_HALF + 1] = [0.0; LONGEST_HALF + 1];
    const LEAST: f64 = 1e-8;
    match &plan.spectrum {
        Some(spectrum)
            if hop_index % 2 == 1 && mean_square < LEAST && {
                let frame = &window[window.len().saturating_sub(spectrum.len())..];
                simd.statistics(frame).energy < LEAST * frame.len() as f64
            } =>
        {
            listen(SILENCE.get(..=spectrum.len() / 2))
        }
        Some(spectrum) if hop_index % 2 == 1 => match spectrum.len() {
            ..=256 => run::<128, R>(simd, spectrum, window, listen),
            512 => run::<256, R>(simd, spectrum, window, listen),
            1024 => run::<512, R>(simd, spectrum, window, listen),
            2048 => run::<1024, R>(simd, spectrum, window, listen),
            _ => run::<LONGEST_HALF, R>(simd, spectrum, window, listen),
        },
        _ => listen(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spectrum_comes_on_every_second_hop_and_holds_the_power_of_its_frame() {
        for hz in [8_000, 16_000, 24_000, 48_000, 96_000, 192_000] {
            let rate = SampleRate::new(hz).expect("in range");
            let plan = FeaturePlan::new(Needs::SPECTRUM, rate);
            let len = plan.history(rate) + hz as usize / 100;
            // A sine in the middle of a bin: the Hann window's power is normalised away.
            let frame = rate.samples_in_ms(20).next_power_of_two();
            let step = core::f64::consts::TAU * (frame / 8) as f64 / frame as f64;
            let x: Vec<f32> = (0..len).map(|n| 0.5 * (step * n as f64).sin() as f32).collect();
            let simd = Simd::choose(None);
            assert!(with_spectrum(simd, &plan, &x, 0.125, 0, |s| s.is_none()));
            let total: f32 = with_spectrum(simd, &plan, &x, 0.125, 1, |s| s.expect("an odd hop").iter().sum());
            assert!((total - 0.125).abs() < 1e-5, "single precision over {frame} points: {total}");
            let faint: Vec<f32> = x.iter().map(|v| 1e-4 * v).collect();
            let heard = with_spectrum(simd, &plan, &faint, 0.125e-8, 1, |s| s.expect("an odd hop").to_vec());
            assert_eq!(heard, vec![0.0; frame / 2 + 1], "-89 dBFS are silence");
            assert!(
                with_spectrum(simd, &plan, &x, 0.0, 1, |s| s.expect("an odd hop")[frame / 8] > 0.05),
                "half a frame is not"
            );
            let nobody = FeaturePlan::new(Needs::NONE, rate);
            assert!(with_spectrum(simd, &nobody, &x, 0.125, 1, |s| s.is_none()));
        }
    }
}
