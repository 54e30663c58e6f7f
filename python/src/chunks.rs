//! The chunk list of a recorded stream: where each chunk starts and, if known, when it arrived.

use crate::error::{wrong_type, wrong_value};
use otoscope::{ChunkStart, Replay};
use pyo3::prelude::*;

/// Reads start samples, or pairs of start sample and arrival time in nanoseconds.
pub(crate) fn read(list: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<ChunkStart>> {
    let mut rows: Vec<ChunkStart> = Vec::new();
    let Some(list) = list else { return Ok(rows) };
    for item in list.try_iter().map_err(|_| wrong())? {
        let (start, arrival_ns) = entry(&item?)?;
        let last = rows.last().map_or(0, |row| row.start_sample);
        let start_sample = u64::try_from(start).ok().filter(|&start| start >= last);
        match start_sample {
            Some(start_sample) if !rows.is_empty() || start == 0 => rows.push(ChunkStart { start_sample, arrival_ns }),
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

/// Notices a list that is of another recording.
pub(crate) fn check_end(starts: &[ChunkStart], replay: &Replay<'_>, samples: u64) -> PyResult<()> {
    match replay.beyond(samples) {
        None => Ok(()),
        Some(i) => Err(wrong_value(
            &format!("chunks[{i}]"),
            format!("it starts at sample {}, but there are only {samples} samples", starts[i].start_sample),
            "pass the list of this recording",
        )),
    }
}
