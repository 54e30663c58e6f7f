//! Which finding answers which fault.

use std::ops::Range;

/// A point is hit when a finding starts this near, in seconds.
pub const NEAR_S: f64 = 0.020;
/// An interval is hit when intersection over union reaches this.
pub const LEAST_OVERLAP: f64 = 0.5;

/// What a fault is to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An instant: the start of a finding counts.
    Point,
    /// A stretch: intersection over union counts.
    Interval,
}

impl Shape {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Interval => "interval",
        }
    }
}

/// Where a fault lies. What is audible of it may be less than what was changed (clipping begins with the first loud period)
/// or more (silence put into a pause lengthens it): every stretch from `inner` to `outer` describes it rightly.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// What must be found.
    pub inner: Range<u64>,
    /// What may be found; holds `inner`.
    pub outer: Range<u64>,
}

impl Place {
    /// A place known to the sample.
    #[must_use]
    pub fn exact(range: Range<u64>) -> Self {
        Self { inner: range.clone(), outer: range }
    }

    /// How well a finding answers a fault here, from 0 to 1; `None` if it does not.
    #[must_use]
    pub fn answered_by(&self, shape: Shape, found: &Range<u64>, rate_hz: u32) -> Option<f64> {
        let right =
            found.start.clamp(self.outer.start, self.inner.start)..found.end.clamp(self.inner.end, self.outer.end);
        match shape {
            Shape::Point => {
                let away = found.start.abs_diff(right.start) as f64 / f64::from(rate_hz);
                (away <= NEAR_S).then_some(1.0 - away)
            }
            Shape::Interval => Some(overlap(&right, found)).filter(|o| *o >= LEAST_OVERLAP),
        }
    }
}

/// Intersection over union; an instant is taken as one sample.
#[must_use]
pub fn overlap(a: &Range<u64>, b: &Range<u64>) -> f64 {
    let end = |r: &Range<u64>| r.end.max(r.start + 1);
    let both = end(a).min(end(b)).saturating_sub(a.start.max(b.start));
    let all = (end(a) - a.start) + (end(b) - b.start) - both;
    both as f64 / all as f64
}

/// Pairs each thing asked for with at most one offer, the best pairs first: `(asked, offered)` by index.
#[must_use]
pub fn pair_best(asked: usize, offered: usize, score: impl Fn(usize, usize) -> Option<f64>) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(f64, usize, usize)> = (0..asked)
        .flat_map(|a| (0..offered).map(move |o| (a, o)))
        .filter_map(|(a, o)| score(a, o).map(|s| (s, a, o)))
        .collect();
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (_, a, o) in pairs {
        if out.iter().all(|&(x, y)| x != a && y != o) {
            out.push((a, o));
        }
    }
    out
}

/// A finding as the matcher sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// `metric.kind`.
    pub name: String,
    /// Its samples.
    pub range: Range<u64>,
    /// Its value.
    pub value: f64,
}

/// What came of the faults of one take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For each fault the mark that answered it.
    pub answers: Vec<Option<usize>>,
    /// Marks that answer no fault and that the clean take does not have.
    pub alarms: Vec<usize>,
}

/// Judges marks against faults: the best pairs first, one mark for one fault. Of the rest those are forgiven that the clean take
/// has too, of the same name and within 20 ms, one for one; the others are false alarms.
pub fn judge(
    faults: &[Place],
    shape: Shape,
    marks: &[Mark],
    answers: impl Fn(&Place, &Mark) -> bool,
    clean: &[Mark],
    rate_hz: u32,
) -> Verdict {
    let pairs = pair_best(faults.len(), marks.len(), |f, m| {
        answers(&faults[f], &marks[m]).then(|| faults[f].answered_by(shape, &marks[m].range, rate_hz)).flatten()
    });
    let mut verdict = Verdict { answers: vec![None; faults.len()], alarms: Vec::new() };
    for &(f, m) in &pairs {
        verdict.answers[f] = Some(m);
    }
    let rest: Vec<usize> = (0..marks.len()).filter(|m| pairs.iter().all(|p| p.1 != *m)).collect();
    let near = (NEAR_S * f64::from(rate_hz)) as u64;
    let forgiven = pair_best(clean.len(), rest.len(), |c, r| {
        let (c, m) = (&clean[c], &marks[rest[r]]);
        let away = c.range.start.abs_diff(m.range.start);
        (c.name == m.name && away <= near).then(|| -(away as f64))
    });
    verdict.alarms = (0..rest.len()).filter(|r| forgiven.iter().all(|p| p.1 != *r)).map(|r| rest[r]).collect();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1000; // 20 ms are 20 samples

    fn mark(name: &str, range: Range<u64>) -> Mark {
        Mark { name: name.into(), range, value: 0.0 }
    }

    fn judged(faults: &[Place], shape: Shape, marks: &[Mark], clean: &[Mark]) -> (Vec<Option<usize>>, Vec<usize>) {
        let v = judge(faults, shape, marks, |_, m| m.name.starts_with('a'), clean, RATE);
        (v.answers, v.alarms)
    }

    #[test]
    fn overlap_by_hand() {
        assert_eq!(overlap(&(100..200), &(100..200)), 1.0);
        assert_eq!(overlap(&(100..200), &(150..250)), 50.0 / 150.0);
        assert_eq!(overlap(&(100..200), &(125..175)), 0.5);
        assert_eq!(overlap(&(100..200), &(200..300)), 0.0);
        assert_eq!(overlap(&(100..100), &(100..100)), 1.0);
    }

    #[test]
    fn a_point_is_hit_within_20_ms_of_the_start() {
        let fault = [Place::exact(100..100)];
        assert_eq!(judged(&fault, Shape::Point, &[mark("a", 120..900)], &[]), (vec![Some(0)], vec![]));
        assert_eq!(judged(&fault, Shape::Point, &[mark("a", 121..122)], &[]), (vec![None], vec![0]));
        assert_eq!(judged(&fault, Shape::Point, &[mark("b", 100..101)], &[]), (vec![None], vec![0]), "another kind");
    }

    #[test]
    fn an_interval_is_hit_when_half_of_the_union_is_common() {
        let fault = [Place::exact(100..200)];
        assert_eq!(judged(&fault, Shape::Interval, &[mark("a", 150..200)], &[]), (vec![Some(0)], vec![]));
        assert_eq!(judged(&fault, Shape::Interval, &[mark("a", 151..200)], &[]), (vec![None], vec![0]));
        assert_eq!(judged(&fault, Shape::Interval, &[mark("a", 100..301)], &[]), (vec![None], vec![0]));
    }

    #[test]
    fn any_stretch_between_the_inner_and_the_outer_is_right() {
        let pause = Place { inner: 100..130, outer: 60..200 };
        for found in [100..130, 60..200, 80..150] {
            assert_eq!(pause.answered_by(Shape::Interval, &found, RATE), Some(1.0), "{found:?}");
        }
        assert_eq!(pause.answered_by(Shape::Interval, &(0..200), RATE), Some(0.7));
        assert_eq!(pause.answered_by(Shape::Interval, &(116..130), RATE), None, "less than half of what must be found");
        assert_eq!(pause.answered_by(Shape::Point, &(81..82), RATE), Some(1.0));
        assert_eq!(pause.answered_by(Shape::Point, &(39..40), RATE), None);
    }

    #[test]
    fn one_finding_answers_one_fault_and_the_rest_are_alarms() {
        let faults = [Place::exact(100..100), Place::exact(110..110)];
        assert_eq!(
            judged(&faults, Shape::Point, &[mark("a", 108..109)], &[]),
            (vec![None, Some(0)], vec![]),
            "the nearer"
        );
        let twice = [mark("a", 100..101), mark("a", 103..104), mark("a", 110..111)];
        assert_eq!(judged(&faults, Shape::Point, &twice, &[]), (vec![Some(0), Some(2)], vec![1]));
    }

    #[test]
    fn what_the_clean_take_has_too_is_forgiven_once() {
        let fault = [Place::exact(100..100)];
        let marks = [mark("a", 100..101), mark("a", 500..501), mark("a", 505..506), mark("b", 700..701)];
        let clean = [mark("a", 502..503), mark("a", 700..701)];
        let (answers, alarms) = judged(&fault, Shape::Point, &marks, &clean);
        assert_eq!((answers, alarms), (vec![Some(0)], vec![2, 3]), "one for one, and by name");
        // An answer is no alarm, and needs no forgiveness, even where the clean take sounds alike.
        assert_eq!(judged(&fault, Shape::Point, &[mark("a", 100..101)], &[mark("a", 100..101)]).0, [Some(0)]);
    }
}
