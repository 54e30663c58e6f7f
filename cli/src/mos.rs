//! `otoscope mos`: what models say of whole files, by the rules of their packages.

use std::fmt::Write;
use std::fs::File;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use comfy_table::Cell;
use otoscope::mos::{ClipScore, Model, Scorer};
use otoscope::stats::Mean;
use otoscope_decode::{Limits, Mono, MonoSamples};
use serde_json::{Value, json};

use crate::files;
use crate::problem::{Problem, Stop};
use crate::table::{bold, dim, plural, render, right, table};
use crate::term::{self, DIM, Progress, paint};
use crate::work;

const MORE: &str = "\
Values are those of whole windows (`window` mode), as the models' own packages give them; those of the metric `mos` beside a stream differ by some
hundredths. Compare means of many files, of one model.

Examples:
  otoscope mos takes/
  otoscope mos takes/ --model dnsmos_p835 --out scores.csv
  otoscope mos a.wav --model accurate,dnsmos_p808 --json";

/// Score files with reference-free models: predicted Distill-MOS, DNSMOS P.808 and P.835
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub struct Args {
    /// Files or folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Models, comma-separated: accurate, light, dnsmos_p808, dnsmos_p835
    #[arg(short, long, value_name = "LIST", value_delimiter = ',', default_value = "accurate")]
    model: Vec<String>,
    /// Score with DNSMOS Pro too, whose weights are in this file of yours (a model_best.pt of its authors)
    #[arg(long, value_name = "FILE")]
    dnsmos_pro: Option<PathBuf>,
    /// JSON on stdout: an array of objects, with every window
    #[arg(long, conflicts_with = "out")]
    json: bool,
    /// A CSV file, a line a file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Files read at the same time; as many as the machine has processors unless said otherwise
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// No progress bar and no remarks; problems are still told
    #[arg(short, long)]
    quiet: bool,
}

/// What all models say of a file: a score or the reason why not, each.
struct Scored {
    seconds: f64,
    sample_rate_hz: u32,
    scores: Vec<Result<ClipScore, &'static str>>,
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let mut scorers = args.model.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = &args.dnsmos_pro {
        let file = std::fs::read(path).map_err(|e| Problem::reading(path, &e))?;
        let advice = "give a model_best.pt of github.com/fcumlin/DNSMOSPro";
        let scorer = Scorer::from_dnsmos_pro(&file, None);
        scorers.push(scorer.map_err(|e| Problem::new(path.display().to_string(), e.to_string(), advice))?);
    }
    let found = files::find(&args.paths, false);
    found.problems.iter().for_each(term::complain);
    let mut failed = !found.problems.is_empty();
    let progress = Progress::new(found.files.len(), args.quiet);
    let mut all: Vec<(String, Scored)> = Vec::new();
    work::in_order(
        &found.files,
        work::threads(args.jobs),
        |path, (): &mut ()| score(path, &scorers),
        &progress,
        |path, scored| {
            match scored {
                Ok(scored) => all.push((path.display().to_string(), scored)),
                Err(problem) => {
                    failed = true;
                    progress.aside(|| term::complain(&problem));
                }
            }
            Ok(())
        },
    )?;
    drop(progress);
    if args.json {
        let lines: Vec<String> = all.iter().map(|(name, scored)| to_json(&scorers, name, scored).to_string()).collect();
        term::print(&format!("[{}]\n", lines.join(",\n")))?;
    } else if let Some(out) = &args.out {
        write(out, &scorers, &all)?;
        if !args.quiet {
            term::note(&format!("{}: {}", out.display(), plural(all.len(), "file")));
        }
    } else if !all.is_empty() {
        term::print(&page(&scorers, &all))?;
    }
    Ok(if failed { 2 } else { 0 })
}

fn named(name: &str) -> Result<Scorer, Problem> {
    let Some(model) = Model::named(name.trim()) else {
        let known: Vec<&str> = Model::ALL.iter().map(|m| m.name()).collect();
        return Err(Problem::new("--model", format!("no model `{name}`"), format!("use {}", known.join(", "))));
    };
    Scorer::new(model, None).map_err(|e| Problem::new(model.name(), e.to_string(), "report this bug"))
}

fn score(path: &Path, scorers: &[Scorer]) -> Result<Scored, Problem> {
    let name = path.display().to_string();
    let mono = Mono::read(path, None, &Limits::default()).map_err(|e| Problem::decoding(&name, &e))?;
    let samples = match mono.samples {
        MonoSamples::I16(x) => x.into_iter().map(|v| f32::from(v) / 32_768.0).collect(),
        MonoSamples::F32(x) => x,
    };
    let rate = mono.sample_rate_hz;
    let one = |scorer: &Scorer| scorer.clip_at(&samples, rate).map_err(|why| why.name());
    let scores = scorers.iter().map(one).collect();
    Ok(Scored { seconds: samples.len() as f64 / f64::from(rate), sample_rate_hz: rate, scores })
}

/// `accurate`, or `dnsmos_p835.ovrl` where there are several.
fn columns(scorers: &[Scorer]) -> impl Iterator<Item = String> + '_ {
    scorers.iter().flat_map(|model| {
        let many = model.outputs().len() > 1;
        model
            .outputs()
            .iter()
            .map(move |o| if many { format!("{}.{o}", model.name()) } else { model.name().to_owned() })
    })
}

/// The published value of each column, or why there is none.
fn values<'s>(scorers: &'s [Scorer], scored: &'s Scored) -> impl Iterator<Item = Result<f64, &'static str>> + 's {
    scorers.iter().zip(&scored.scores).flat_map(|(model, score)| {
        (0..model.outputs().len()).map(move |i| match score {
            Ok(score) => Ok(score.fitted[i]),
            Err(why) => Err(*why),
        })
    })
}

fn page(scorers: &[Scorer], all: &[(String, Scored)]) -> String {
    let names: Vec<String> = columns(scorers).collect();
    let header: Vec<&str> = ["file", "seconds"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut rows = table(&header);
    let mut by_column: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for (name, scored) in all {
        let mut row = vec![Cell::new(name), right(format!("{:.2}", scored.seconds))];
        for (value, column) in values(scorers, scored).zip(&mut by_column) {
            row.push(value.map_or_else(right, |x| {
                column.push(x);
                right(format!("{x:.3}"))
            }));
        }
        rows.add_row(row);
    }
    if all.len() > 1 {
        let mut row = vec![bold(&format!("mean of {}", all.len())), right("")];
        row.extend(by_column.iter().map(|values| match Mean::of(values, 0.95) {
            Some(Mean { mean, interval: Some((_, high)), .. }) => right(format!("{mean:.3} ± {:.3}", high - mean)),
            Some(mean) => right(format!("{:.3}", mean.mean)),
            None => dim("-"),
        }));
        rows.add_row(row);
    }
    let mut text = render(&rows);
    for model in scorers {
        let _ = writeln!(text, "{}", paint(DIM, &format!(" {}: {}, windows", model.name(), model.predicts())));
    }
    if all.iter().any(|(_, scored)| scored.sample_rate_hz < 16_000) {
        text.push_str(&paint(DIM, " Some files have a rate below 16 kHz: the networks score the missing band too."));
        text.push('\n');
    }
    text
}

fn to_json(scorers: &[Scorer], name: &str, scored: &Scored) -> Value {
    let outputs = |model: &Scorer, values: &mut dyn Iterator<Item = f64>| -> Value {
        model.outputs().iter().map(|o| (*o).to_owned()).zip(values.map(Value::from)).collect()
    };
    let scores: serde_json::Map<String, Value> = scorers
        .iter()
        .zip(&scored.scores)
        .map(|(model, score)| {
            let told = match score {
                Ok(score) => {
                    let windows = score.windows.iter().map(|w| {
                        json!({
                            "start_s": w.start_s,
                            "fitted": outputs(model, &mut w.fitted.iter().copied()),
                            "raw": outputs(model, &mut w.raw.iter().map(|v| f64::from(*v))),
                            "in_mean": !w.is_left_out,
                        })
                    });
                    json!({
                        "predicts": model.predicts(), "mode": "window", "revision": model.revision(),
                        "fitted": outputs(model, &mut score.fitted.iter().copied()),
                        "raw": outputs(model, &mut score.raw.iter().copied()),
                        "windows": windows.collect::<Vec<_>>(),
                    })
                }
                Err(why) => json!({ "predicts": model.predicts(), "mode": "window", "reason": why }),
            };
            (model.name().to_owned(), told)
        })
        .collect();
    json!({ "file": name, "duration_s": scored.seconds, "sample_rate_hz": scored.sample_rate_hz, "scores": scores })
}

fn write(out: &Path, scorers: &[Scorer], all: &[(String, Scored)]) -> Result<(), Problem> {
    let file = File::create(out).map_err(|e| Problem::writing(out, &e))?;
    let mut csv = csv::Writer::from_writer(file);
    let trouble = |e| Problem::writing_csv(out, e);
    let header: Vec<String> = ["file", "duration_s", "sample_rate_hz"]
        .map(str::to_owned)
        .into_iter()
        .chain(columns(scorers))
        .chain(["reason".to_owned()])
        .collect();
    csv.write_record(&header).map_err(trouble)?;
    for (name, scored) in all {
        let mut row = vec![name.clone(), scored.seconds.to_string(), scored.sample_rate_hz.to_string()];
        row.extend(values(scorers, scored).map(|v| v.map_or_else(|_| String::new(), |x| x.to_string())));
        row.push(scored.scores.iter().find_map(|s| s.as_ref().err()).map_or_else(String::new, |why| (*why).to_owned()));
        csv.write_record(&row).map_err(trouble)?;
    }
    csv.flush().map_err(|e| Problem::writing(out, &e))
}
