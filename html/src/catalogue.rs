//! What the page needs to know of metrics, scores, norms and units: taken from their specs, so that a new one needs nothing here.

use otoscope::compare::{Plan, SCORES};
use otoscope::spec::{Domain, FieldSpec, ParamValue, Unit};
use otoscope::verdict::NORMS;
use otoscope::{Config, SPECS};
use serde_json::{Map, Value, json};

/// As many decimals as a unit deserves; as the command line shows them.
const fn decimals(unit: Unit) -> u8 {
    match unit {
        Unit::Db | Unit::Dbfs | Unit::Dbtp | Unit::Lufs | Unit::Lu => 2,
        Unit::Ms | Unit::Hz => 1,
        Unit::Ratio => 4,
        Unit::FullScale => 5,
        _ => 3,
    }
}

/// Collects the units as they are met.
struct Units(Map<String, Value>);

impl Units {
    fn name(&mut self, unit: Unit) -> &'static str {
        self.0.entry(unit.name()).or_insert_with(|| json!({ "symbol": unit.symbol(), "decimals": decimals(unit) }));
        unit.name()
    }

    fn fields(&mut self, fields: &[FieldSpec]) -> Vec<Value> {
        fields.iter().map(|f| json!({ "name": f.name, "unit": self.name(f.unit), "doc": f.doc })).collect()
    }
}

/// For reports of single signals.
pub(crate) fn of_metrics(config: &Config) -> Value {
    let mut units = Units(Map::new());
    let mut metrics = Vec::new();
    for spec in SPECS.iter() {
        let fields = units.fields(spec.fields);
        let kinds = spec.kinds.iter().map(|k| json!({ "name": k.name, "unit": units.name(k.unit) }));
        let kinds: Vec<Value> = kinds.collect();
        metrics.push(json!({
            "name": spec.name, "summary": spec.summary, "definition": spec.definition, "revision": spec.revision,
            "enabled": config.is_enabled(spec.name), "fields": fields, "kinds": kinds,
        }));
    }
    let norms = NORMS.iter().map(|norm| {
        let requirements = norm.requirements.iter().map(|r| {
            units.name(r.unit);
            json!({ "name": r.name, "bounds": r.bounds(), "note": r.note })
        });
        let requirements: Vec<Value> = requirements.collect();
        json!({
            "name": norm.name, "title": norm.title, "edition": norm.edition, "source": norm.source, "note": norm.note,
            "requirements": requirements,
        })
    });
    let norms: Vec<Value> = norms.collect();
    json!({ "metrics": metrics, "norms": norms, "units": units.0, "changed": changed(config) })
}

/// Parameters that are not as they are by default.
fn changed(config: &Config) -> Vec<String> {
    let all = SPECS.iter().flat_map(|spec| spec.params.iter().map(move |param| (spec, param)));
    all.filter_map(|(spec, param)| {
        let key = format!("{}.{}", spec.name, param.name);
        let value = config.get(&key).ok()?;
        let usual = match param.domain {
            Domain::Number { default, .. } => ParamValue::Number(default),
            Domain::Choice(words) => ParamValue::Choice(words.first().copied().unwrap_or_default()),
        };
        (value != usual).then(|| format!("{key} = {value} {}", param.unit.symbol()).trim_end().to_owned())
    })
    .collect()
}

/// For comparisons.
pub(crate) fn of_scores(plan: &Plan) -> Value {
    let mut units = Units(Map::new());
    let mut scores = Vec::new();
    for spec in SCORES.iter() {
        let tables = spec.tables.iter().map(|t| {
            let columns = units.fields(t.columns);
            json!({ "name": t.name, "doc": t.doc, "on_request": t.on_request, "columns": columns })
        });
        let tables: Vec<Value> = tables.collect();
        scores.push(json!({
            "name": spec.name, "summary": spec.summary, "higher_is_better": spec.higher_is_better,
            "in_step": spec.in_step, "fields": units.fields(spec.fields), "tables": tables,
        }));
    }
    let wanted = plan.scores().map(|(key, spec, preset)| {
        json!({ "key": key, "score": spec.name, "preset": preset.name, "definition": preset.definition, "doc": preset.doc })
    });
    let wanted: Vec<Value> = wanted.collect();
    json!({ "scores": scores, "wanted": wanted, "units": units.0, "align": plan.align().name() })
}
