//! The Python module `otoscope._otoscope`: conversion between Python and the core, and nothing else.
//!
//! Users import the package `otoscope`; its exceptions, its `Finding` and its HTML are Python (`py_src/otoscope`).
#![deny(unsafe_code)]

mod batch;
#[allow(unsafe_code, reason = "reads the memory of Python buffers")]
mod buffer;
mod catalogue;
mod chunks;
mod compare;
mod config;
mod error;
mod findings;
mod mos;
mod page;
mod probe;
mod report;
mod table;
mod verdicts;
mod work;

/// The compiled part of `otoscope`. Import `otoscope` instead.
#[pyo3::pymodule]
mod _otoscope {
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name Python gives it")]
    const __version__: &str = otoscope::VERSION;
    #[pymodule_export]
    use crate::batch::{_compare_rows, _probe_rows, _score};
    #[pymodule_export]
    use crate::catalogue::{metrics, norms, scores};
    #[pymodule_export]
    use crate::compare::{Comparison, Reference, compare};
    #[pymodule_export]
    use crate::mos::mos;
    #[pymodule_export]
    use crate::probe::{Probe, probe};
    #[pymodule_export]
    use crate::report::Report;
    #[pymodule_export]
    use crate::table::Results;
}
