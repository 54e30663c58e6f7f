// What otoscope.hpp promises, checked; run by examples/c/check.sh.

#include "otoscope.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            std::exit(1); \
        } \
    } while (0)

template <class F>
oto_status thrown(F &&f) {
    try {
        f();
    } catch (const otoscope::Error &e) {
        CHECK(e.what()[0] != '\0');
        return e.status();
    }
    return OTO_OK;
}

int main() {
    static_assert(!std::is_copy_constructible<otoscope::Probe>::value, "one owner");
    static_assert(std::is_nothrow_move_constructible<otoscope::Probe>::value, "may be moved");

    CHECK(thrown([] { otoscope::Config(100).freeze(); }) == OTO_ERR_OUT_OF_RANGE);
    otoscope::Config config(16000, 2);
    CHECK(thrown([&] { config.set("no.such_key", 1.0); }) == OTO_ERR_UNKNOWN_KEY);
    CHECK(thrown([&] { otoscope::Probe early(config); }) == OTO_ERR_STATE);
    config.set("clipping.min_run_samples", 4).enable("repetition", false).freeze();
    CHECK(thrown([&] { config.enable("click", false); }) == OTO_ERR_STATE);

    // A second of stereo, with a hole of digital silence nobody could miss.
    std::vector<float> pcm(2 * 16000);
    for (std::size_t i = 0; i < pcm.size() / 2; i++) pcm[2 * i] = pcm[2 * i + 1] = 0.25f * static_cast<float>(std::sin(0.2 * static_cast<double>(i)));
    otoscope::Probe first(config);
    first.tick(0);
    first.push(pcm, 1000);
    otoscope::Probe probe = std::move(first);
    const std::array<std::int16_t, 3> odd{};
    CHECK(probe.try_push(odd) == OTO_ERR_ARGUMENT);
    CHECK(thrown([&] { probe.push(odd); }) == OTO_ERR_ARGUMENT);
    otoscope::Report report(config);
    probe.snapshot(report);
    probe.finish(report);
    CHECK(probe.try_push(std::array<std::int16_t, 2>{}) == OTO_ERR_STATE);
    const auto rms = report.value("level.rms_dbfs"), same = report.value(OTO_FIELD_LEVEL_RMS_DBFS);
    CHECK(rms && same && *rms == *same && std::abs(*rms + 15.05) < 0.1);
    CHECK(!report.value("repetition.loops"));
    CHECK(thrown([&] { report.value("level.no_such_field"); }) == OTO_ERR_UNKNOWN_KEY);
    CHECK(report.json().find("\"schema\":\"otoscope.report/1\"") != std::string::npos && report.json().back() == '}');
    std::size_t told = 0;
    CHECK(probe.poll([&](const oto_finding &f) { told += otoscope::message(f, 16000).empty() ? 0 : 1; }) == told);
    probe.reset();
    probe.finish(report);
    CHECK(!report.value("level.rms_dbfs"));

    std::vector<std::int16_t> reference(3 * 16000), degraded;
    for (std::size_t i = 0; i < reference.size(); i++) reference[i] = static_cast<std::int16_t>(8000.0 * std::sin(0.05 * static_cast<double>(i)) * std::sin(0.0004 * static_cast<double>(i)));
    degraded = reference;
    for (std::size_t i = 0; i < degraded.size(); i++) degraded[i] = static_cast<std::int16_t>(degraded[i] + (i % 2 ? 100 : -100));
    const otoscope::Reference prepared(reference, 16000, "snr,si_sdr");
    const otoscope::Comparison scores = prepared.compare(degraded, 16000);
    CHECK(scores.value("snr") && *scores.value("snr") > 20.0 && scores.status("snr") == "ok");
    CHECK(!prepared.compare(reference, 16000).value("snr") && prepared.compare(reference, 16000).status("snr") == "identical");
    CHECK(scores.json().find("otoscope.comparison/1") != std::string::npos);
    std::puts("otoscope.hpp keeps its promises");
    return 0;
}
