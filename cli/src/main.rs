//! The otoscope command line: finds what is wrong with synthesised speech, where and how bad.
//!
//! Exit codes: 0; 1 = findings or verdicts at or above `--fail-on`; 2 = bad usage or a file that could not be read. What was asked for
//! goes to stdout, everything else to stderr.
#![forbid(unsafe_code)]

mod chunks;
mod compare;
mod config;
mod export;
mod files;
mod groups;
mod html;
mod inject;
mod listen;
mod metrics;
mod mos;
mod norms;
mod probe;
mod problem;
mod table;
mod term;
mod text;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::Stop;

/// Finds what is wrong with synthesised speech: where and how bad
#[derive(Debug, Parser)]
#[command(name = "otoscope", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Probe(Box<probe::Args>),
    Compare(Box<compare::Args>),
    Mos(mos::Args),
    Listen(Box<listen::Args>),
    Export(export::Args),
    Metrics(metrics::Args),
    Norms(norms::Args),
    Inject(inject::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Probe(args) => probe::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Mos(args) => mos::run(&args),
        Command::Listen(args) => listen::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Norms(args) => norms::run(&args),
        Command::Inject(args) => inject::run(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Stop::Told(problem)) => {
            term::complain(&problem);
            ExitCode::from(2)
        }
        Err(Stop::Pipe) => ExitCode::SUCCESS,
    }
}
