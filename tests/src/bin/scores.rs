//! How near the P.862 scores are to those of the oracles, over all pairs of `fixtures/golden/pesq/golden.csv`: `make scores`.

use otoscope_tests::scores::{COLUMNS, ILL, Scored, quantiles, score_all};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let all = score_all(1)?;
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
