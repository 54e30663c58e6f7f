//! Values over time: fields of the report, read again and again while the stream goes on.

use otoscope::Report;
use otoscope::spec::Value;
use serde_json::{Value as Json, json};

/// Fields whose value follows the signal, so that their course tells more than their last value. A field that a library does not
/// have, or that is switched off, is left out.
pub const FOLLOWED: &[&str] = &["loudness.momentary_lufs", "loudness.short_term_lufs"];

/// Looks ten times a second, and half as often whenever there are twice as many points as are drawn.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    rate_hz: u64,
    most: usize,
    /// Tenths of a second between two looks.
    every: u64,
    looks: u64,
    courses: Vec<Vec<Option<f64>>>,
}

impl Series {
    pub(crate) fn new(most: usize, rate_hz: u32) -> Self {
        let courses = vec![Vec::new(); FOLLOWED.len()];
        Self { rate_hz: rate_hz.into(), most: most.max(1), every: 1, looks: 0, courses }
    }

    /// The sample at which the next look is due.
    pub(crate) fn next(&self) -> u64 {
        (self.looks + 1) * self.every * self.rate_hz / 10
    }

    pub(crate) fn look(&mut self, report: &Report) {
        self.looks += 1;
        for (course, key) in self.courses.iter_mut().zip(FOLLOWED) {
            course.push(report.value(key).and_then(Value::number));
        }
        if self.looks as usize >= 2 * self.most {
            self.every *= 2;
            self.looks /= 2;
            for course in &mut self.courses {
                *course = course.iter().skip(1).step_by(2).copied().collect();
            }
        }
    }

    /// The courses in which something was measured; the first point is one step after the start.
    pub(crate) fn to_json(&self) -> Json {
        let some = self.courses.iter().zip(FOLLOWED).filter(|(course, _)| course.iter().any(Option::is_some));
        // A hundredth is finer than any picture.
        let hundredths = |x: &Option<f64>| x.map_or(Json::Null, |x| json!((x * 100.0).round() / 100.0));
        some.map(|(course, key)| {
            let values: Vec<Json> = course.iter().map(hundredths).collect();
            json!({ "key": key, "step_s": self.every as f64 / 10.0, "values": values })
        })
        .collect()
    }
}
