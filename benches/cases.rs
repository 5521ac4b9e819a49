//! Time of every case: `cargo bench -p gatehouse-benches`.

#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use gatehouse_benches::cases;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn all(criterion: &mut Criterion) {
    for case in cases() {
        // Prepared only where the case is not filtered out.
        criterion.bench_function(&case.name, |bencher| {
            bencher.iter((case.prepare)());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50);
    targets = all
}
criterion_main!(benches);
