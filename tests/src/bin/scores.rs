//! How near the P.862 scores are to those of the oracles, over all pairs of `fixtures/golden/pesq/golden.csv`: `make scores`.

use otoscope_tests::scores::{COLUMNS, ILL, Scored, quantiles, score_all};
use std::error::Error;

const INTRO: &str = "\
<!-- Made by `make scores`. Edit tests/src/bin/scores.rs, not this. -->

# How near the PESQ-compatible scores are to the reference

`pesq_nb` and `pesq_wb` implement ITU-T Rec. P.862 with P.862.1 and P.862.2. They are not affiliated with or certified by ITU or OPTICOM.
P.862 Amendment 2 gives the standard's C code precedence over its text, so conformance is measured against programs that carry it: PyPI
`pesq` 0.0.4 (edition of 2005) and `pesqc2` 0.0.4 (Corrigendum 2), which are run and never read.

Pairs: 12 items of 8 voices times 32 conditions (noise, clipping, loss, delays fixed and varying, filters, reverberation, coding,
edits, more than 16 s), made by `fixtures/src/pairs.rs`; oracle scores in `fixtures/golden/pesq/golden.csv`, made by `make.py` beside it. The
oracle normalises the level, so a gain on one signal must not change its score and changes its rounding only: every pair is scored at
five gains, an error is the distance in MOS-LQO to the nearest of the five, and pairs over which the five spread by more than 0.001 are
listed apart, by that rule only.

";

fn main() -> Result<(), Box<dyn Error>> {
    let all = score_all(1)?;
    print!("{INTRO}");
    println!("| score | pairs | median | 95 % | 99 % | largest | pair of it | spread there |");
    println!("|---|---|---|---|---|---|---|---|");
    for (column, scored) in COLUMNS.iter().zip(&all) {
        let known: Vec<&Scored> = scored.iter().filter(|s| s.spread <= ILL).collect();
        let [median, p95, p99, largest] = quantiles(&known);
        let Some(worst) = known.last() else { continue };
        println!(
            "| {} | {} | {median:.1e} | {p95:.1e} | {p99:.1e} | {largest:.1e} | {} | {:.0e} |",
            column.name,
            known.len(),
            worst.pair,
            worst.spread
        );
    }
    println!("\nPairs over which the oracle's own score spreads by more than {ILL} when one signal gets a gain:\n");
    println!("| score | pair | ours | oracle | error | spread |\n|---|---|---|---|---|---|");
    for (column, scored) in COLUMNS.iter().zip(&all) {
        for s in scored.iter().filter(|s| s.spread > ILL) {
            let ours = s.score.map_or_else(str::to_owned, |v| format!("{v:.6}"));
            println!("| {} | {} | {ours} | {:.6} | {:.1e} | {:.4} |", column.name, s.pair, s.oracle, s.error, s.spread);
        }
    }
    Ok(())
}
