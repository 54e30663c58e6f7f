//! Speech at 24 kHz: all metrics, the pair the peer has too, each metric alone, none, and the peer.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otoscope_benches::{Ear, Pcm, core_cases, single_cases};
use std::time::Duration;

fn probe(c: &mut Criterion) {
    let mut group = c.benchmark_group("probe");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for case in core_cases().into_iter().chain(single_cases()) {
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

criterion_group!(benches, probe);
criterion_main!(benches);
