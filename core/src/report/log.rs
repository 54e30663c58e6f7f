//! The findings of a stream, put together: an open finding and its close become one.

use crate::finding::{Finding, Severity, State};

/// Collects polled findings. An `Open` is replaced by its `Closed`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindingLog {
    findings: Vec<Finding>,
}

impl FindingLog {
    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self { findings: Vec::new() }
    }

    /// Adds a finding as it was polled.
    pub fn add(&mut self, finding: Finding) {
        if finding.state == State::Closed {
            let open = self.findings.iter_mut().rev().find(|f| f.event_id == finding.event_id);
            if let Some(open) = open {
                *open = finding;
                return;
            }
        }
        self.findings.push(finding);
    }

    /// Takes everything that waits in a probe.
    pub fn drain(&mut self, probe: &mut crate::Probe) {
        while let Some(finding) = probe.poll_finding() {
            self.add(finding);
        }
    }

    /// The findings, in order of their start.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|f| (f.start_sample, f.event_id));
        self.findings
    }

    /// The findings, in the order they were raised.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst severity.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}
