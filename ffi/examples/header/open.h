/* Structs as they must be before they are handed over. */
#define OTO_STREAM_SPEC_INIT { (uint32_t)sizeof(oto_stream_spec), 0u, 1u, 0u }
#define OTO_PACKET_INIT { (uint32_t)sizeof(oto_packet), 0u, OTO_PACKET_RECEIVED, 0u, 0u, OTO_NO_TIME }
#define OTO_COMPARE_OPTIONS_INIT { (uint32_t)sizeof(oto_compare_options), OTO_ALIGN_NONE, 0u, 0u, 0.0 }
#define OTO_METRIC_INFO_INIT { (uint32_t)sizeof(oto_metric_info), 0u, 0u, 0u, NULL, NULL }
#define OTO_FIELD_INFO_INIT { (uint32_t)sizeof(oto_field_info), 0u, 0u, 0u, NULL, NULL, NULL }
#define OTO_KIND_INFO_INIT { (uint32_t)sizeof(oto_kind_info), 0u, 0u, 0u, NULL, NULL, NULL }
#define OTO_PARAM_INFO_INIT { (uint32_t)sizeof(oto_param_info), 0u, 0u, 0u, 0.0, 0.0, 0.0, NULL, NULL, NULL, NULL }
#define OTO_SCORE_INFO_INIT { (uint32_t)sizeof(oto_score_info), 0u, 0u, 0u, NULL, NULL, NULL, NULL }
#define OTO_WATERMARKS_INIT { (uint32_t)sizeof(oto_watermarks), 0u, 0u, 0u, 0u, 0u }
#define OTO_VERDICT_INIT \
  { (uint32_t)sizeof(oto_verdict), 0u, 0u, 0u, 0.0, 0.0, 0.0, 0.0, 0.0, NULL, NULL, NULL, NULL }

#ifdef __cplusplus
extern "C" {
#endif
