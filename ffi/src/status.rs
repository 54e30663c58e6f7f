//! Status

/// What a function answers: 0 is success, positive means that there is no value, negative is an error.
/// Numbers are never reused.
pub type oto_status = i32;

/// Done.
pub const OTO_OK: oto_status = 0;
/// Computed, but there is no such number: silence has no level. The output is not written.
pub const OTO_UNDEFINED: oto_status = 1;
/// Not computed: the metric is off, or it lacked what it needs. The output is not written.
pub const OTO_NOT_COMPUTED: oto_status = 2;
/// A pointer that must not be NULL is NULL.
pub const OTO_ERR_NULL: oto_status = -1;
/// A pointer is misaligned, a count overflows, or a struct_size is not that of any version.
pub const OTO_ERR_ARGUMENT: oto_status = -2;
/// A newer caller set something that this library does not know: a flag, or a member at the end of a struct.
pub const OTO_ERR_UNSUPPORTED: oto_status = -3;
/// No metric, parameter or field of this name or id.
pub const OTO_ERR_UNKNOWN_KEY: oto_status = -4;
/// A number or word outside what is allowed.
pub const OTO_ERR_OUT_OF_RANGE: oto_status = -5;
/// Not now: a push after finish, a setting after freeze, a probe from a config that is not frozen, an empty report.
pub const OTO_ERR_STATE: oto_status = -6;
/// The buffer is too small; `needed` says how much is needed.
pub const OTO_ERR_BUFFER_TOO_SMALL: oto_status = -7;
/// There is no memory for a probe or for the samples of a reference. (Where a few bytes are lacking the process ends.)
pub const OTO_ERR_MEMORY: oto_status = -8;
/// A bug of this library was caught. A probe it happened in is poisoned.
pub const OTO_ERR_PANIC: oto_status = -9;
/// The probe met OTO_ERR_PANIC before: only oto_probe_free is allowed, or oto_probe_init in memory of yours.
pub const OTO_ERR_POISONED: oto_status = -10;
/// The exporter's ring is full: the report is counted as dropped.
pub const OTO_ERR_FULL: oto_status = -11;
/// The operating system refused something: oto_exporter_error says what.
pub const OTO_ERR_IO: oto_status = -12;
/// It took longer than was allowed. The last number given out so far.
pub const OTO_ERR_TIMEOUT: oto_status = -13;
