//! From options and a file to a config, and from configs to plans.
//!
//! What is said later wins: the file, then `--metrics`, then `--set`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use otoscope::{Config, ConfigError, Enabled, Plan, Setting, StreamSpec};

use crate::problem::Problem;

/// The options that say what is measured.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct MetricArgs {
    /// Measure these metrics and no others (comma-separated; `otoscope metrics` lists them); +mos adds one that is off by default
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Set a parameter, for example clipping.min_run_samples=4 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read parameters from a TOML file: a table for each metric, `enabled = false` to leave one out
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl MetricArgs {
    /// The config that the options describe; the stream in it is only a place holder.
    pub fn build(&self) -> Result<Config, Problem> {
        let mut config = Config::new(StreamSpec::mono(48_000));
        if let Some(path) = &self.config {
            let text = std::fs::read_to_string(path).map_err(|e| Problem::reading(path, &e))?;
            read_toml(&mut config, &text, path)?;
        }
        if !self.metrics.is_empty() {
            let names = self.metrics.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
            config.only(names).map_err(|e| wrong("--metrics", &e, ""))?;
        }
        for pair in &self.set {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Problem::new("--set", format!("`{pair}` has no `=`"), "write --set metric.parameter=value")
            })?;
            let key = key.trim();
            config.set(key, value.trim()).map_err(|e| wrong("--set", &e, key))?;
        }
        // Parameters that contradict each other are an error of the call, not of the first file.
        config.clone().freeze().map_err(|e| wrong("parameters", &e, ""))?;
        Ok(config)
    }
}

/// Labels for the reports.
pub fn labels(pairs: &[String]) -> Result<Vec<(String, String)>, Problem> {
    let split = |pair: &String| match pair.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(Problem::new("--label", format!("`{pair}` is not KEY=VALUE"), "write for example --label voice=anna")),
    };
    let mut labels: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs.iter().map(split).collect::<Result<Vec<_>, _>>()? {
        // A key twice would be twice in the JSON object: the last one counts.
        labels.retain(|(k, _)| *k != key);
        labels.push((key, value));
    }
    Ok(labels)
}

/// A refused setting, with what helps. `key` is what was being set, or empty.
pub fn wrong(place: &str, error: &ConfigError, key: &str) -> Problem {
    let metric = key.split('.').next().filter(|m| otoscope::SPECS.iter().any(|s| s.name == *m));
    let page = metric.map_or_else(|| "`otoscope metrics`".to_owned(), |metric| format!("`otoscope metrics {metric}`"));
    match error {
        ConfigError::UnknownKey { key, nearest } => {
            let what = format!("no metric or parameter `{key}`");
            Problem::new(place, what, format!("did you mean `{nearest}`? {page} lists what there is"))
        }
        error => Problem::new(place, error.to_string(), format!("see {page}")),
    }
}

fn read_toml(config: &mut Config, text: &str, path: &Path) -> Result<(), Problem> {
    let place = path.display().to_string();
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Problem::new(format!("{place}:{line}"), format!("not TOML: {}", e.message()), "correct that line")
    })?;
    for (metric, settings) in &table {
        let toml::Value::Table(settings) = settings else {
            let what = format!("`{metric}` is not in the table of a metric");
            return Err(Problem::new(place, what, "write a table for each metric, such as [clipping]"));
        };
        // An empty table of a metric that does not exist is an error as well.
        config
            .enable(metric, if config.is_enabled(metric) { Enabled::On } else { Enabled::Off })
            .map_err(|e| wrong(&place, &e, ""))?;
        for (name, value) in settings {
            let key = format!("{metric}.{name}");
            let setting = match value {
                toml::Value::Boolean(on) if name == "enabled" => {
                    let on = if *on { Enabled::On } else { Enabled::Off };
                    config.enable(metric, on).map_err(|e| wrong(&place, &e, &key))?;
                    continue;
                }
                toml::Value::Integer(n) => Setting::Number(*n as f64),
                toml::Value::Float(x) => Setting::Number(*x),
                toml::Value::String(word) => Setting::Text(word),
                other => {
                    let what = format!("{key}: no parameter takes a value of type {}", other.type_str());
                    return Err(Problem::new(place, what, format!("see `otoscope metrics {metric}`")));
                }
            };
            config.set(&key, setting).map_err(|e| wrong(&place, &e, &key))?;
        }
    }
    Ok(())
}

/// One plan for each kind of stream, made when the first such stream comes.
pub struct Plans {
    template: Config,
    made: Mutex<HashMap<StreamSpec, Plan>>,
}

impl Plans {
    /// Plans of this config.
    pub fn new(template: Config) -> Self {
        Self { template, made: Mutex::default() }
    }

    /// The config, whatever the stream.
    pub fn template(&self) -> &Config {
        &self.template
    }

    /// The plan for a stream.
    pub fn get(&self, stream: StreamSpec) -> Result<Plan, ConfigError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = made.get(&stream) {
            return Ok(plan.clone());
        }
        let plan = self.template.for_stream(stream).freeze()?;
        made.insert(stream, plan.clone());
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Problem> {
        let mut config = Config::new(StreamSpec::mono(48_000));
        read_toml(&mut config, text, Path::new("o.toml")).map(|()| config)
    }

    #[test]
    fn a_file_sets_numbers_words_and_switches() {
        let config =
            read("[clipping]\nmin_run_samples = 5\n[loudness]\nmono_as = 'dual_mono'\n[join]\nenabled = false")
                .expect("a good file");
        assert_eq!(config.metrics.clipping.min_run_samples, 5.0);
        assert_eq!(config.metrics.loudness.mono_as, "dual_mono");
        assert!(!config.is_enabled("join") && config.is_enabled("silence"));
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        let text = |toml: &str| read(toml).expect_err("wrong").to_string();
        assert!(text("[cliping]").contains("did you mean `clipping`"));
        assert!(text("[clipping]\nmin_run = 3").contains("min_run_samples"));
        assert!(text("[clipping]\nmin_run_samples = 1").contains("1 is outside 3 to 1000"));
        assert!(text("[clipping]\nmin_run_samples = [1]").contains("array"));
        assert!(text("\n\nx = = 3").starts_with("o.toml:3: not TOML"));
        assert!(text("sigmas = 3").contains("[clipping]"));
    }

    #[test]
    fn the_last_label_of_a_name_counts() {
        let pairs = ["a=1", "b=x=y", "a=2"].map(String::from);
        let want = vec![("b".to_owned(), "x=y".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(labels(&pairs), Ok(want));
        assert!(labels(&["voice".to_owned()]).is_err());
    }
}
