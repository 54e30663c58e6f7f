//! What the tests of the command line share: running it, and files to run it on.
#![allow(dead_code, reason = "every test file uses another part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What one run gave.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }

    /// Exactly one line on stderr, of the documented form.
    pub fn error_line(&self) -> &str {
        let line = self.err.trim_end_matches('\n');
        assert!(line.starts_with("otoscope: ") && line.contains("; ") && !line.contains('\n'), "{:?}", self.err);
        line
    }
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otoscope"));
    command.args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

pub fn otoscope(args: &[&str]) -> Ran {
    Ran::new(command(args).output().expect("it runs"))
}

/// Runs with bytes on stdin.
pub fn otoscope_with(args: &[&str], stdin: &[u8]) -> Ran {
    let mut child =
        command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(stdin).expect("it listens");
    Ran::new(child.wait_with_output().expect("it ends"))
}

/// A folder that is gone after the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        if let Some(parent) = Path::new(&path).parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// A WAV file of interleaved samples.
    pub fn wav(&self, name: &str, rate: u32, channels: u16, samples: &[i16]) -> String {
        let path = self.write(name, []);
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&path, spec).expect("a file");
        samples.iter().for_each(|&s| wav.write_sample(s).expect("room"));
        wav.finalize().expect("room");
        path
    }
}

/// A sine of 440 Hz at -12 dBFS: nothing is wrong with it.
pub fn sine(rate: u32, seconds: f64) -> Vec<i16> {
    let n = (f64::from(rate) * seconds) as usize;
    (0..n).map(|i| (8192.0 * (i as f64 * 440.0 / f64::from(rate) * std::f64::consts::TAU).sin()) as i16).collect()
}

/// A sine with a stretch at the positive rail: an error.
pub fn clipped(rate: u32) -> Vec<i16> {
    let mut samples = sine(rate, 1.0);
    let middle = samples.len() / 2;
    samples[middle..middle + 40].fill(i16::MAX);
    samples
}

/// A committed speech clip.
pub fn speech(name: &str) -> String {
    let path: PathBuf = otoscope_fixtures::speech::folder().join(format!("{name}.flac"));
    path.display().to_string()
}
