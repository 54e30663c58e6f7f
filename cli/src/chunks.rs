//! The chunk list of a recorded stream: `start_sample,arrival_ns`, one chunk a line.
//!
//! A line with the same start as the next one is a moment at which nothing came; the first such line marks the request.
//! An empty second column means that the time is not known.

use std::fmt::Write;
use std::path::Path;

use otoscope::ChunkStart;

use crate::problem::Problem;

/// Reads a list.
pub fn read(path: &Path) -> Result<Vec<ChunkStart>, Problem> {
    let text = std::fs::read_to_string(path).map_err(|e| Problem::reading(path, &e))?;
    parse(&text).map_err(|(line, what, advice)| Problem::new(format!("{}:{line}", path.display()), what, advice))
}

/// Line, what, what to do.
type Wrong = (usize, String, &'static str);

const FORM: &str = "write start_sample,arrival_ns in whole numbers, one chunk a line";

fn parse(text: &str) -> Result<Vec<ChunkStart>, Wrong> {
    let (mut start_column, mut time_column) = (0, 1);
    let mut rows: Vec<ChunkStart> = Vec::new();
    let mut seen_header = false;
    // Spreadsheets put a mark before the first character.
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        let is_header = cells.iter().any(|cell| cell.starts_with(|c: char| c.is_alphabetic()));
        if rows.is_empty() && !seen_header && is_header {
            seen_header = true;
            let column = |name: &str| cells.iter().position(|cell| *cell == name);
            start_column = column("start_sample")
                .ok_or_else(|| (i + 1, "the header has no column start_sample".to_owned(), FORM))?;
            time_column = column("arrival_ns").unwrap_or(usize::MAX);
            continue;
        }
        let cell = |column: usize| cells.get(column).copied().unwrap_or("");
        let not = |what: &str, cell: &str| (i + 1, format!("`{cell}` is no {what}"), FORM);
        let start_sample = cell(start_column).parse().map_err(|_| not("start_sample", cell(start_column)))?;
        let arrival_ns = match cell(time_column) {
            "" => None,
            time => Some(time.parse().map_err(|_| not("arrival_ns", time))?),
        };
        match rows.last() {
            None if start_sample != 0 => {
                return Err((i + 1, format!("the first chunk starts at sample {start_sample}"), "let it start at 0"));
            }
            Some(before) if before.start_sample > start_sample => {
                return Err((i + 1, format!("sample {start_sample} comes after a later one"), "sort the list"));
            }
            _ => rows.push(ChunkStart { start_sample, arrival_ns }),
        }
    }
    if rows.is_empty() { Err((1, "the list is empty".to_owned(), FORM)) } else { Ok(rows) }
}

/// Writes a list.
pub fn to_csv(rows: impl IntoIterator<Item = ChunkStart>) -> String {
    let mut text = "start_sample,arrival_ns\n".to_owned();
    for row in rows {
        let time = row.arrival_ns.map(|t| t.to_string()).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{time}", row.start_sample);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start_sample: u64, arrival_ns: impl Into<Option<i64>>) -> ChunkStart {
        ChunkStart { start_sample, arrival_ns: arrival_ns.into() }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let rows = [row(0, 0), row(0, 200), row(4800, None), row(9600, -5)];
        assert_eq!(parse(&to_csv(rows)).as_deref(), Ok(&rows[..]));
    }

    #[test]
    fn headers_are_optional_and_columns_are_found_by_name() {
        assert_eq!(parse("0,5\n100, 7\n"), Ok(vec![row(0, 5), row(100, 7)]));
        assert_eq!(
            parse("\u{feff}arrival_ns,x,start_sample\r\n5,a,0\r\n\r\n7,b,9\r\n"),
            Ok(vec![row(0, 5), row(9, 7)])
        );
        assert_eq!(parse("start_sample\n0\n3"), Ok(vec![row(0, None), row(3, None)]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| parse(text).map_err(|(line, what, _)| (line, what)).expect_err("wrong");
        assert_eq!(wrong("0,0\n5,x"), (2, "`x` is no arrival_ns".to_owned()));
        assert_eq!(wrong("0,0\n-5,1"), (2, "`-5` is no start_sample".to_owned()));
        assert_eq!(wrong("7,0").1, "the first chunk starts at sample 7");
        assert_eq!(wrong("0,0\n9,1\n8,2").0, 3);
        assert_eq!(wrong("a,b\n0,0").0, 1);
        assert_eq!(wrong("start_sample,arrival_ns\n").1, "the list is empty");
    }
}
