//! Signals that leave no way out: noise, silence, NaN, a square, flat places everywhere, a step at every edge.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otoscope_benches::{Ear, Pcm, worst_cases};
use std::time::Duration;

fn worst(c: &mut Criterion) {
    let mut group = c.benchmark_group("worst");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for case in worst_cases() {
        let pcm = Pcm::new(case.signal, case.rate_hz, 60.0).expect("the clips are committed");
        let mut ear = Ear::new(case).expect("a rate everybody takes");
        group.throughput(Throughput::Elements(pcm.len() as u64));
        group.bench_function(case.to_string(), |b| {
            b.iter(|| {
                ear.reset();
                ear.listen(&pcm);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, worst);
criterion_main!(benches);
