//! The audio to listen to at a finding: from a bit before to a bit after, and no more of it than a page can carry.

use std::ops::Range;

use otoscope::{Finding, Pcm, Severity, StreamSpec};

use crate::pack;

/// What of the audio a page carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audio {
    /// Nothing.
    None,
    /// What is around findings.
    #[default]
    Findings,
    /// All of it, up to ten minutes a file.
    All,
}

/// Played before and after what was found.
const MARGIN_S: f64 = 0.75;
/// Of what lasts longer only the beginning is played.
const LONGEST_S: f64 = 3.0;
/// All clips of one file together.
const MOST_S: f64 = 20.0;
const MOST_CLIPS: usize = 16;
/// With [`Audio::All`].
const ALL_S: f64 = 600.0;

/// A stretch of audio, ready for the page.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    /// First sample per channel.
    pub start: u64,
    /// Samples per channel.
    pub len: u64,
    pub channels: usize,
    /// How bad the worst finding in it is.
    pub worst: Severity,
    /// As the page carries it.
    pub text: String,
}

/// One stretch that is wanted, and what came of it so far.
struct Wanted {
    range: Range<u64>,
    worst: Severity,
    samples: Vec<i16>,
}

/// Picks stretches out of a stream that comes once more.
pub struct Clips {
    channels: usize,
    position: u64,
    wanted: Vec<Wanted>,
}

/// A place that someone will want to hear.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub range: Range<u64>,
    pub severity: Severity,
}

impl Clips {
    /// What a page should carry of a stream of `samples` per channel with these findings: the worst first, as long as there is room.
    #[must_use]
    pub fn of(stream: StreamSpec, samples: u64, findings: &[Finding], audio: Audio) -> Self {
        let places = findings.iter().map(|f| Place { range: f.start_sample..f.end_sample, severity: f.severity });
        Self::around(stream, samples, places.collect(), audio)
    }

    pub(crate) fn around(stream: StreamSpec, samples: u64, mut places: Vec<Place>, audio: Audio) -> Self {
        let rate = f64::from(stream.sample_rate_hz.max(1));
        let count = |seconds: f64| (seconds * rate) as u64;
        let mut ranges: Vec<(Range<u64>, Severity)> = Vec::new();
        match audio {
            Audio::None => {}
            Audio::All => ranges.push((0..samples.min(count(ALL_S)), Severity::Info)),
            Audio::Findings => {
                places.sort_by_key(|p| (std::cmp::Reverse(p.severity), p.range.start));
                for place in places {
                    let start = place.range.start.saturating_sub(count(MARGIN_S)).min(samples);
                    let end = place.range.end.min(place.range.start.saturating_add(count(LONGEST_S)));
                    let end = end.saturating_add(count(MARGIN_S)).min(samples);
                    let mut joined = ranges.clone();
                    join(&mut joined, start..end, place.severity);
                    let total: u64 = joined.iter().map(|(r, _)| r.end - r.start).sum();
                    if joined.len() <= MOST_CLIPS && total <= count(MOST_S) {
                        ranges = joined;
                    }
                }
            }
        }
        ranges.retain(|(range, _)| !range.is_empty());
        let wanted = ranges.into_iter().map(|(range, worst)| Wanted { range, worst, samples: Vec::new() });
        Self { channels: stream.channels.max(1) as usize, position: 0, wanted: wanted.collect() }
    }

    /// Whether all of it has come: nothing more need be pushed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.wanted.iter().all(|w| w.range.end <= self.position)
    }

    /// Takes interleaved samples, whole frames, from the start of the stream.
    pub fn push(&mut self, pcm: Pcm<'_>) {
        match pcm {
            Pcm::I16(x) => self.pick(x, |x| x),
            // A cast of NaN is 0, what lies beyond full scale stays at the rail.
            Pcm::F32(x) => self.pick(x, |x| (x * 32_768.0).round() as i16),
        }
    }

    fn pick<T: Copy>(&mut self, pcm: &[T], convert: impl Fn(T) -> i16) {
        let channels = self.channels;
        let end = self.position + (pcm.len() / channels) as u64;
        for wanted in &mut self.wanted {
            let from = wanted.range.start.clamp(self.position, end) - self.position;
            let to = wanted.range.end.clamp(self.position, end) - self.position;
            for frame in pcm[from as usize * channels..to as usize * channels].chunks(channels) {
                if channels <= 2 {
                    wanted.samples.extend(frame.iter().map(|&x| convert(x)));
                } else {
                    let sum: i32 = frame.iter().map(|&x| i32::from(convert(x))).sum();
                    wanted.samples.push((sum / channels as i32) as i16);
                }
            }
        }
        self.position = end;
    }

    /// The clips, in the order of time; more than two channels were mixed to one.
    pub(crate) fn finish(self) -> Vec<Clip> {
        let channels = if self.channels <= 2 { self.channels } else { 1 };
        let whole = self.wanted.into_iter().filter(|w| !w.samples.is_empty());
        whole
            .map(|w| Clip {
                start: w.range.start,
                len: (w.samples.len() / channels) as u64,
                channels,
                worst: w.worst,
                text: pack::audio(&w.samples, channels),
            })
            .collect()
    }
}

/// Adds a range; those that touch become one.
fn join(ranges: &mut Vec<(Range<u64>, Severity)>, new: Range<u64>, severity: Severity) {
    let mut whole = (new, severity);
    ranges.retain(|(range, worst)| {
        let apart = range.end < whole.0.start || whole.0.end < range.start;
        if !apart {
            whole = (range.start.min(whole.0.start)..range.end.max(whole.0.end), whole.1.max(*worst));
        }
        apart
    });
    let at = ranges.partition_point(|(range, _)| range.start < whole.0.start);
    ranges.insert(at, whole);
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamSpec = StreamSpec { sample_rate_hz: 1000, channels: 2 };

    fn at(range: Range<u64>, severity: Severity) -> Place {
        Place { range, severity }
    }

    #[test]
    fn a_clip_is_the_samples_around_the_finding_and_near_ones_share_one() {
        let places = vec![at(5000..5010, Severity::Warning), at(5200..5200, Severity::Error), at(0..1, Severity::Info)];
        let mut clips = Clips::around(STREAM, 9000, places, Audio::Findings);
        let pcm: Vec<i16> = (0..18_000).map(|i| i as i16).collect();
        pcm.chunks(334).for_each(|part| clips.push(Pcm::I16(part)));
        assert!(clips.is_complete());
        assert_eq!(clips.wanted[1].samples, pcm[2 * 4250..2 * 5950]);
        let made: Vec<_> = clips.finish().iter().map(|c| (c.start, c.len, c.worst)).collect();
        assert_eq!(made, [(0, 751, Severity::Info), (4250, 1700, Severity::Error)]);
    }

    #[test]
    fn there_are_never_more_than_a_page_can_carry_and_the_worst_come_first() {
        let mut places: Vec<Place> = (0..500).map(|i| at(i * 9000..i * 9000 + 8000, Severity::Info)).collect();
        places.push(at(4_000_000..4_000_001, Severity::Error));
        let clips = Clips::around(STREAM, 5_000_000, places, Audio::Findings);
        let total: u64 = clips.wanted.iter().map(|w| w.range.end - w.range.start).sum();
        assert!(total <= 20_000 && clips.wanted.len() <= MOST_CLIPS, "{total}");
        assert!(clips.wanted.iter().any(|w| w.worst == Severity::Error));
        assert!(Clips::around(STREAM, 9000, vec![at(1..2, Severity::Error)], Audio::None).is_complete());
        let all = Clips::around(STREAM, 9_000_000, Vec::new(), Audio::All);
        assert_eq!(all.wanted[0].range, 0..600_000);
    }

    #[test]
    fn floats_are_rounded_and_held_at_the_rails() {
        let stream = StreamSpec { sample_rate_hz: 1000, channels: 3 };
        let mut clips = Clips::around(stream, 2, Vec::new(), Audio::All);
        clips.push(Pcm::F32(&[9.0, 1.0, 1.0, f32::NAN, 0.0, -0.3]));
        assert_eq!(clips.wanted[0].samples, [32_767, -3276], "the mean of three channels");
    }
}
