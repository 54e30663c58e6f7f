//! How often each fault is found, and how often clean speech raises a finding. `make truth` runs it; CONTRIBUTING.md says how to add a
//! row.

use otoscope_tests::docs::root;
use otoscope_tests::truth::answers::known;
use otoscope_tests::truth::corpus::{self, Half, matches};
use otoscope_tests::truth::hear::{Settings, Task, hear};
use otoscope_tests::truth::page::Page;
use otoscope_tests::truth::peer;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "truth [OPTIONS] [FOLDER] [METRIC.PARAMETER=VALUE]...

FOLDER holds one folder of WAV files per voice and voices.csv, as `make speech` makes it; without it, the committed clips.

  --only DETECTOR   only faults answered by a detector whose name begins so
  --fault NAME      only this fault
  --half HALF       only the voices of one half: tuning or judging
  --voices PATTERN  only voices whose name matches; * stands for anything
  --limit N         at most N files of each voice
  --takes N         faults are put into N files of each voice (default 12)
  --page            write docs/truth.md
  --export DIR      write damaged takes for other detectors, and nothing else";

#[derive(Default)]
struct Options {
    folder: Option<PathBuf>,
    only: Option<String>,
    fault: Option<String>,
    half: Option<Half>,
    voices: Option<String>,
    limit: Option<usize>,
    takes: Option<usize>,
    page: bool,
    export: Option<PathBuf>,
    settings: Settings,
}

fn options(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is not a number"));
        match arg.as_str() {
            "--only" => options.only = Some(value()?),
            "--fault" => options.fault = Some(value()?),
            "--voices" => options.voices = Some(value()?),
            "--limit" => options.limit = Some(number(value()?)?),
            "--takes" => options.takes = Some(number(value()?)?),
            "--export" => options.export = Some(value()?.into()),
            "--page" => options.page = true,
            "--half" => {
                let name = value()?;
                let half = Half::ALL.into_iter().find(|h| h.name() == name);
                options.half = Some(half.ok_or(format!("a half is tuning or judging, not {name}"))?);
            }
            _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
            _ => match arg.split_once('=') {
                Some((key, value)) => options.settings.push((key.to_owned(), value.to_owned())),
                None => options.folder = Some(arg.into()),
            },
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match options(args.into_iter()).and_then(|o| run(&o)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut voices = options.folder.as_ref().map_or_else(corpus::committed, |f| corpus::folder(f));
    voices.retain(|v| options.voices.as_ref().is_none_or(|p| matches(p, &v.name)));
    voices.retain(|v| options.half.is_none_or(|h| v.half == h));
    if let Some(limit) = options.limit {
        voices.iter_mut().for_each(|v| v.files.truncate(limit));
    }
    if voices.is_empty() {
        return Err("no such voice".to_owned());
    }
    let (mut rows, notes) = known();
    notes.iter().for_each(|note| eprintln!("left out: {note}"));
    rows.retain(|k| options.fault.as_ref().is_none_or(|f| k.row.fault == f));
    rows.retain(|k| options.only.as_ref().is_none_or(|o| k.kinds.iter().any(|kind| kind.starts_with(o.as_str()))));
    rows.retain(|k| k.row.on_page || !options.page);
    let takes_per_voice = options.takes.unwrap_or(12);
    let task = Task { voices: &voices, rows: &rows, settings: &options.settings, takes_per_voice };
    if let Some(folder) = &options.export {
        let count = peer::export(&task, folder).map_err(|e| e.to_string())?;
        eprintln!("{count} takes in {}", folder.display());
        return Ok(());
    }
    let heard = hear(&task);
    let source = match &options.folder {
        Some(_) => format!(
            "Speech of `make speech` (Debian and PyPI packages); faults in {takes_per_voice} files of each voice, clean speech in all."
        ),
        None => {
            "Only the committed clips, two minutes: a glimpse. For figures that mean something run `make speech` first."
                .to_owned()
        }
    };
    let settings: Vec<String> = options.settings.iter().map(|(k, v)| format!("`{k}={v}`")).collect();
    let settings = if settings.is_empty() { String::new() } else { format!(" Settings: {}.", settings.join(" ")) };
    let peers = peer::read(&root().join("docs/truth_peer.csv"));
    let page =
        Page { voices: &voices, rows: &rows, heard: &heard, peers: &peers, settings: &settings, source: &source };
    let text = page.render();
    if options.page {
        let path = root().join("docs/truth.md");
        std::fs::write(&path, &text).map_err(|e| format!("{}: {e}", path.display()))?;
        eprintln!("{}", path.display());
    } else {
        print!("{text}");
    }
    Ok(())
}
