//! The two outputs: stdout for what was asked for, stderr for everything else. Neither panics when it is closed.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use otoscope::Severity;

use crate::problem::{Problem, Stop};

/// Bold, for names.
pub const BOLD: Style = Style::new().bold();
/// Dimmed, for what matters less.
pub const DIM: Style = Style::new().dimmed();
/// Green, for all is well.
pub const GOOD: Style = AnsiColor::Green.on_default();

/// The colour of a severity.
pub const fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}

/// A text in a style. Whether the codes reach the screen is decided where they are written.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to stdout. Colours are taken out unless it is a terminal and `NO_COLOR` is not set.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::Pipe,
        _ => Problem::new("stdout", format!("cannot write: {error}"), "check where the output goes").into(),
    })
}

/// Writes one line to stderr. If nobody can read it, nobody can be told.
pub fn note(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Tells a problem on stderr.
pub fn complain(problem: &Problem) {
    note(&format!("otoscope: {problem}"));
}

/// A progress bar on stderr that gets out of the way of other lines; nothing at all without a terminal.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for `files` files.
    pub fn new(files: usize, quiet: bool) -> Self {
        if quiet || files < 2 || !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {eta} left") {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// One more file is done.
    pub fn step(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }

    /// Does something that prints while the bar is away.
    pub fn aside<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(f),
            None => f(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
