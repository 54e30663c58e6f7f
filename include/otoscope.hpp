/*
 * Otoscope for C++17: the C interface with owners, spans and exceptions. Header only; link libotoscope.
 *
 *     otoscope::Config config(24000);
 *     config.set("clipping.min_run_samples", 3).freeze();
 *     otoscope::Probe probe(config);
 *     while (engine.next(chunk)) {
 *         probe.push(chunk, now_ns());                          // a std::vector, std::array, std::span... of int16_t or float
 *         probe.poll([](const oto_finding &f) { log(otoscope::message(f, 24000)); });
 *     }
 *     otoscope::Report report(config);
 *     probe.finish(report);
 *     if (auto lufs = report.value("loudness.integrated_lufs")) use(*lufs);
 *     probe.reset();
 *
 * Objects own what they hold and can be moved, not copied. What fails throws otoscope::Error; push, poll, snapshot, finish and reset throw
 * only if they are called wrongly (after finish, or with half a frame), never because of what the audio is, and none of them allocates
 * unless it throws. For a thread that must not unwind, try_push gives the status instead. Threads: as in otoscope.h.
 *
 * The definitions of functions, fields and errors are in otoscope.h; handle() of each class leads there.
 */

#ifndef OTOSCOPE_HPP
#define OTOSCOPE_HPP

#include "otoscope.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace otoscope {

/** What the library answered, in words, with its number. */
class Error : public std::runtime_error {
public:
    explicit Error(oto_status status, const std::string &what = {})
        : std::runtime_error(what.empty() ? std::string(oto_status_str(status)) : oto_status_str(status) + (": " + what)), status_(status) {}

    oto_status status() const noexcept { return status_; }

private:
    oto_status status_;
};

namespace detail {

inline void check(oto_status status) {
    if (status < 0) throw Error(status);
}

/** A text of whatever length. `ask` is a C function that fills a buffer or says how much it needs. */
template <class Ask>
std::string text(Ask ask) {
    std::string out;
    std::size_t needed = 0;
    oto_status status = ask(nullptr, 0, &needed);
    while (status == OTO_ERR_BUFFER_TOO_SMALL) {
        out.resize(needed);
        status = ask(&out[0], out.size(), &needed);
    }
    check(status);
    out.resize(needed == 0 ? 0 : needed - 1); /* without the zero at the end */
    return out;
}

template <class Samples>
using element = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const Samples &>()))>>;

template <class Handle, void (*Free)(Handle *)>
struct Deleter {
    void operator()(Handle *handle) const noexcept { Free(handle); }
};

template <class Handle, void (*Free)(Handle *)>
using Owner = std::unique_ptr<Handle, Deleter<Handle, Free>>;

} // namespace detail

/** The library and the header it was compiled with must be of one kind: throws if not. Worth a call at the start. */
inline void check_abi() {
    if (oto_abi_version() != OTO_ABI_VERSION) throw std::runtime_error("compiled for another libotoscope");
}

/** What to measure on streams of one kind. Once frozen it is shared by any number of probes and threads, and outlives them. */
class Config {
public:
    explicit Config(std::uint32_t sample_rate_hz, std::uint32_t channels = 1) : channels_(channels) {
        oto_stream_spec spec = OTO_STREAM_SPEC_INIT;
        spec.sample_rate_hz = sample_rate_hz;
        spec.channels = channels;
        oto_config *config = nullptr;
        detail::check(oto_config_new(&spec, &config));
        config_.reset(config);
    }

    Config &set(const char *key, double value) { return said(oto_config_set_f64(handle(), key, value)); }
    Config &set(const char *key, const char *word) { return said(oto_config_set_str(handle(), key, word)); }
    Config &set(const std::string &key, double value) { return set(key.c_str(), value); }
    Config &set(const std::string &key, const std::string &word) { return set(key.c_str(), word.c_str()); }
    Config &enable(const char *metric, bool on = true) { return said(oto_config_enable(handle(), metric, on ? 1 : 0)); }
    /** Checks everything and makes the tables. After this only probes and reports are made of it. */
    Config &freeze() { return said(oto_config_freeze(handle())); }

    std::uint32_t channels() const noexcept { return channels_; }
    oto_config *handle() const noexcept { return config_.get(); }

private:
    Config &said(oto_status status) {
        if (status >= 0) return *this;
        throw Error(status, detail::text([&](char *buf, std::size_t cap, std::size_t *needed) {
            return oto_config_error(handle(), buf, cap, needed);
        }));
    }

    detail::Owner<oto_config, oto_config_free> config_;
    std::uint32_t channels_;
};

/** The values of one stream, so far or final. Made before it is needed. */
class Report {
public:
    explicit Report(const Config &config) {
        oto_report *report = nullptr;
        detail::check(oto_report_new(config.handle(), &report));
        report_.reset(report);
    }

    /** A value by its id (OTO_FIELD_*); empty if it is undefined or was not computed. */
    std::optional<double> value(std::uint32_t field_id) const {
        return asked([&](double *out) { return oto_report_value(handle(), field_id, out); });
    }
    /** A value by its key, such as "loudness.integrated_lufs". */
    std::optional<double> value(const char *key) const {
        return asked([&](double *out) { return oto_report_value_by_key(handle(), key, out); });
    }
    std::optional<double> value(const std::string &key) const { return value(key.c_str()); }

    std::string json() const {
        return detail::text([&](char *buf, std::size_t cap, std::size_t *needed) { return oto_report_json(handle(), buf, cap, needed); });
    }

    oto_report *handle() const noexcept { return report_.get(); }

private:
    /* `ask` writes a value, unless there is none. */
    template <class Ask>
    static std::optional<double> asked(Ask ask) {
        double out = 0.0;
        const oto_status status = ask(&out);
        detail::check(status);
        if (status != OTO_OK) return std::nullopt;
        return out;
    }

    detail::Owner<oto_report, oto_report_free> report_;
};

/** Listens to one stream, on one thread at a time. */
class Probe {
public:
    explicit Probe(const Config &config) : channels_(config.channels()) {
        oto_probe *probe = nullptr;
        detail::check(oto_probe_new(config.handle(), &probe));
        probe_.reset(probe);
    }

    /** One chunk: any contiguous container of int16_t or float, interleaved. */
    template <class Samples, class = detail::element<Samples>>
    void push(const Samples &samples, std::int64_t t_ns = OTO_NO_TIME, std::uint32_t flags = 0) {
        detail::check(try_push(samples, t_ns, flags));
    }
    /** The same; the status instead of an exception. */
    template <class Samples, class = detail::element<Samples>>
    oto_status try_push(const Samples &samples, std::int64_t t_ns = OTO_NO_TIME, std::uint32_t flags = 0) noexcept {
        return try_push(std::data(samples), std::size(samples), t_ns, flags);
    }
    oto_status try_push(const std::int16_t *samples, std::size_t count, std::int64_t t_ns, std::uint32_t flags) noexcept {
        if (count % channels_ != 0) return OTO_ERR_ARGUMENT;
        return oto_probe_push_i16(handle(), samples, count / channels_, t_ns, flags);
    }
    oto_status try_push(const float *samples, std::size_t count, std::int64_t t_ns, std::uint32_t flags) noexcept {
        if (count % channels_ != 0) return OTO_ERR_ARGUMENT;
        return oto_probe_push_f32(handle(), samples, count / channels_, t_ns, flags);
    }
    /** Time passes, and nothing came: the request, or a stall so far. */
    void tick(std::int64_t t_ns) { detail::check(oto_probe_push_i16(handle(), nullptr, 0, t_ns, 0)); }

    void expect_text(std::uint32_t chars, std::uint32_t script = OTO_SCRIPT_LATIN) {
        detail::check(oto_probe_expect_text(handle(), chars, script));
    }
    void packet(const oto_packet &packet) { detail::check(oto_probe_packet(handle(), &packet)); }

    /** Hands over each finding that waits; how many there were. */
    template <class Take>
    std::size_t poll(Take &&take) {
        oto_finding found[8];
        std::size_t count = 0, all = 0;
        do {
            detail::check(oto_probe_poll_findings(handle(), found, 8, &count));
            for (std::size_t i = 0; i < count; i++) take(static_cast<const oto_finding &>(found[i]));
            all += count;
        } while (count == 8);
        return all;
    }

    void snapshot(Report &report) const { detail::check(oto_probe_snapshot(handle(), report.handle())); }
    void finish(Report &report) { detail::check(oto_probe_finish(handle(), report.handle())); }
    void reset() { detail::check(oto_probe_reset(handle())); }

    oto_probe *handle() const noexcept { return probe_.get(); }

private:
    detail::Owner<oto_probe, oto_probe_free> probe_;
    std::uint32_t channels_;
};

/** A finding in words. */
inline std::string message(const oto_finding &finding, std::uint32_t sample_rate_hz) {
    return detail::text([&](char *buf, std::size_t cap, std::size_t *needed) {
        return oto_finding_message(&finding, sample_rate_hz, buf, cap, needed);
    });
}

/** The scores of one pair. */
class Comparison {
public:
    explicit Comparison(oto_comparison *comparison) noexcept : comparison_(comparison) {}

    /** A score's value by its key, such as "pesq_wb"; empty if there is none: status says why. */
    std::optional<double> value(const char *key) const {
        double out = 0.0;
        const oto_status status = oto_comparison_value(handle(), key, &out);
        detail::check(status);
        if (status != OTO_OK) return std::nullopt;
        return out;
    }
    /** "ok", "identical" or the reason. */
    std::string status(const char *key) const {
        return detail::text([&](char *buf, std::size_t cap, std::size_t *needed) { return oto_comparison_status(handle(), key, buf, cap, needed); });
    }
    std::string json() const {
        return detail::text([&](char *buf, std::size_t cap, std::size_t *needed) { return oto_comparison_json(handle(), buf, cap, needed); });
    }

    oto_comparison *handle() const noexcept { return comparison_.get(); }

private:
    detail::Owner<oto_comparison, oto_comparison_free> comparison_;
};

/** A signal as it should be: prepared once, compared with any number of others, from any number of threads at a time. */
class Reference {
public:
    /** `scores` as for oto_reference_new_f32, such as "pesq_wb,stoi". */
    template <class Samples, class = detail::element<Samples>>
    Reference(const Samples &samples, std::uint32_t sample_rate_hz, const char *scores, const oto_compare_options *options = nullptr) {
        oto_reference *reference = nullptr;
        detail::check(made(std::data(samples), std::size(samples), sample_rate_hz, scores, options, &reference));
        reference_.reset(reference);
    }

    template <class Samples, class = detail::element<Samples>>
    Comparison compare(const Samples &degraded, std::uint32_t sample_rate_hz) const {
        oto_comparison *comparison = nullptr;
        detail::check(compared(std::data(degraded), std::size(degraded), sample_rate_hz, &comparison));
        return Comparison(comparison);
    }

    oto_reference *handle() const noexcept { return reference_.get(); }

private:
    static oto_status made(const std::int16_t *pcm, std::size_t count, std::uint32_t rate, const char *scores, const oto_compare_options *options, oto_reference **out) {
        return oto_reference_new_i16(pcm, count, rate, scores, options, out);
    }
    static oto_status made(const float *pcm, std::size_t count, std::uint32_t rate, const char *scores, const oto_compare_options *options, oto_reference **out) {
        return oto_reference_new_f32(pcm, count, rate, scores, options, out);
    }
    oto_status compared(const std::int16_t *pcm, std::size_t count, std::uint32_t rate, oto_comparison **out) const {
        return oto_compare_i16(handle(), pcm, count, rate, out);
    }
    oto_status compared(const float *pcm, std::size_t count, std::uint32_t rate, oto_comparison **out) const {
        return oto_compare_f32(handle(), pcm, count, rate, out);
    }

    detail::Owner<oto_reference, oto_reference_free> reference_;
};

} // namespace otoscope

#endif
