/* Sizes and offsets as the library has them; compiled as C11 and C++ by examples/c/check.sh. */

#include "otoscope.h"

#ifdef __cplusplus
#define CHECK(what) static_assert(what, #what)
#else
#define CHECK(what) _Static_assert(what, #what)
#endif
#define AT(type, member, offset) CHECK(offsetof(type, member) == (offset))

CHECK(sizeof(oto_stream_spec) == 16);
AT(oto_stream_spec, struct_size, 0);
AT(oto_stream_spec, sample_rate_hz, 4);
AT(oto_stream_spec, channels, 8);
AT(oto_stream_spec, reserved, 12);

CHECK(sizeof(oto_packet) == 24);
AT(oto_packet, struct_size, 0);
AT(oto_packet, sequence, 4);
AT(oto_packet, fate, 6);
AT(oto_packet, rtp_timestamp, 8);
AT(oto_packet, clock_rate_hz, 12);
AT(oto_packet, arrival_ns, 16);

CHECK(sizeof(oto_compare_options) == 24);
AT(oto_compare_options, struct_size, 0);
AT(oto_compare_options, align, 4);
AT(oto_compare_options, flags, 8);
AT(oto_compare_options, reserved, 12);
AT(oto_compare_options, max_delay_s, 16);

CHECK(sizeof(oto_finding) == 80);
AT(oto_finding, seq, 0);
AT(oto_finding, start_sample, 8);
AT(oto_finding, end_sample, 16);
AT(oto_finding, t_ns, 24);
AT(oto_finding, value, 32);
AT(oto_finding, threshold, 40);
AT(oto_finding, metric_id, 48);
AT(oto_finding, kind, 52);
AT(oto_finding, chunk, 56);
AT(oto_finding, severity, 60);
AT(oto_finding, state, 64);
AT(oto_finding, event_id, 68);
AT(oto_finding, flags, 72);
AT(oto_finding, channel_mask, 76);

CHECK(sizeof(oto_metric_info) == 16 + 2 * sizeof(void *));
AT(oto_metric_info, name, 16);
CHECK(sizeof(oto_field_info) == 16 + 3 * sizeof(void *));
AT(oto_field_info, name, 16);
CHECK(sizeof(oto_verdict) == 56 + 4 * sizeof(void *));
AT(oto_verdict, value, 16);
AT(oto_verdict, norm, 56);

CHECK(OTO_VERSION == OTO_VERSION_MAJOR * 65536u + OTO_VERSION_MINOR * 256u + OTO_VERSION_PATCH);
