//! The chunk list of a recorded stream: where each chunk starts and, if known, when it arrived; and its replay.

use crate::error::{wrong_type, wrong_value};
use crate::probe::Listener;
use otoscope::{Push, PushError};
use otoscope_decode::Chunk;
use pyo3::prelude::*;

/// The start of one chunk.
pub(crate) struct Row {
    start_sample: u64,
    arrival_ns: Option<i64>,
}

/// Reads start samples, or pairs of start sample and arrival time in nanoseconds.
pub(crate) fn read(list: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let Some(list) = list else { return Ok(rows) };
    for item in list.try_iter().map_err(|_| wrong())? {
        let (start, arrival_ns) = entry(&item?)?;
        let last = rows.last().map_or(0, |row| row.start_sample);
        let start_sample = u64::try_from(start).ok().filter(|&start| start >= last);
        match start_sample {
            Some(start_sample) if !rows.is_empty() || start == 0 => rows.push(Row { start_sample, arrival_ns }),
            _ => {
                let i = rows.len();
                let rule = if i == 0 { "the first chunk starts at sample 0" } else { "the starts must be sorted" };
                return Err(wrong_value(&format!("chunks[{i}]"), format!("it starts at sample {start}"), rule));
            }
        }
    }
    Ok(rows)
}

fn entry(item: &Bound<'_, PyAny>) -> PyResult<(i64, Option<i64>)> {
    if let Ok(start) = item.extract::<i64>() {
        return Ok((start, None));
    }
    // A tuple, a list, or a row of an array.
    if item.len().map_err(|_| wrong())? != 2 {
        return Err(wrong());
    }
    let start = item.get_item(0)?.extract().map_err(|_| wrong())?;
    let t_ns = item.get_item(1)?.extract().map_err(|_| wrong())?;
    Ok((start, t_ns))
}

fn wrong() -> PyErr {
    let mend = "pass a list of start samples, or of pairs (start_sample, arrival_ns), all of them integers";
    wrong_type("chunks", "it is no chunk list", mend)
}

/// Pushes samples as the recorded stream delivered them.
pub(crate) struct Replay {
    rows: Vec<Row>,
    /// The next row.
    next: usize,
    push: Push,
}

impl Replay {
    /// Of an empty list everything is one chunk without times.
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        Self { rows, next: 0, push: Push::CHUNK }
    }

    /// Pushes the next samples, cut at the list's edges.
    pub(crate) fn feed(&mut self, listener: &mut Listener, pcm: Chunk<'_>) -> Result<(), PushError> {
        let channels = listener.channels();
        let mut at = 0;
        while at < pcm.len() {
            let position = listener.samples();
            while let Some(row) = self.rows.get(self.next).filter(|row| row.start_sample == position) {
                self.next += 1;
                let nothing_came = self.rows.get(self.next).is_some_and(|after| after.start_sample == position);
                let push = Push { t_ns: row.arrival_ns, same_chunk: false };
                if nothing_came {
                    listener.push(Chunk::I16(&[]), push, |_| ())?;
                } else {
                    self.push = push;
                }
            }
            let left = pcm.len() - at;
            let until = self.rows.get(self.next).and_then(|row| usize::try_from(row.start_sample - position).ok());
            let room = until.and_then(|samples| samples.checked_mul(channels)).unwrap_or(left);
            let end = at + room.min(left);
            listener.push(part(pcm, at, end), self.push, |_| ())?;
            self.push = self.push.same_chunk();
            at = end;
        }
        Ok(())
    }

    /// Notices a list that is of another recording. A last chunk without samples is fine: many servers mark the end with one.
    pub(crate) fn check_end(&self, samples: u64) -> PyResult<()> {
        match self.rows.iter().position(|row| row.start_sample > samples) {
            None => Ok(()),
            Some(i) => Err(wrong_value(
                &format!("chunks[{i}]"),
                format!("it starts at sample {}, but there are only {samples} samples", self.rows[i].start_sample),
                "pass the list of this recording",
            )),
        }
    }
}

/// The values `from..to` of some audio.
pub(crate) fn part(pcm: Chunk<'_>, from: usize, to: usize) -> Chunk<'_> {
    match pcm {
        Chunk::I16(values) => Chunk::I16(&values[from..to]),
        Chunk::F32(values) => Chunk::F32(&values[from..to]),
    }
}
