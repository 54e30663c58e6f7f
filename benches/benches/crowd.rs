//! 10,000 streams in turn (cold state) beside one stream (hot): all metrics, 24 kHz, timed 10 ms pushes of 16 bits.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use otoscope_benches::{Crowd, Pcm, Set, Signal};
use std::time::Duration;

fn crowd(c: &mut Criterion) {
    let pcm = Pcm::new(Signal::Speech, 24_000, 6.0).expect("the clips are committed");
    let mut group = c.benchmark_group("crowd");
    group.sample_size(20).warm_up_time(Duration::from_secs(2)).measurement_time(Duration::from_secs(5));
    for streams in [1, 100, 1_000, 10_000] {
        // The same number of pushes an iteration, whatever the crowd.
        let rounds = 10_000 / streams;
        let mut crowd = Crowd::new(Set::All, 24_000, streams).expect("24 kHz");
        group.throughput(Throughput::Elements(10_000 * 240));
        group.bench_function(format!("all/speech/24000hz/10ms/i16/timed/{streams} streams"), |b| {
            b.iter(|| (0..rounds).map(|_| crowd.round(&pcm)).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group!(benches, crowd);
criterion_main!(benches);
