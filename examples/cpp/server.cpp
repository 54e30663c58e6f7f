// A speech server with a probe in each worker: two workers, one config, three utterances each. Prints findings to stderr, and a line for each
// utterance to stdout.
//
//     server

#include "otoscope.hpp"

#include <cmath>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr std::uint32_t rate_hz = 24000;
constexpr std::size_t chunk_samples = rate_hz / 50;

// Stands in for an engine: a second of a tone in chunks of 20 ms. The second utterance of each worker has a step at a join.
std::vector<std::vector<std::int16_t>> speak(int utterance) {
    std::vector<std::vector<std::int16_t>> chunks(50, std::vector<std::int16_t>(chunk_samples));
    for (std::size_t c = 0; c < chunks.size(); c++) {
        for (std::size_t i = 0; i < chunk_samples; i++) {
            const double t = static_cast<double>(c * chunk_samples + i) / rate_hz;
            const double step = utterance == 1 && c >= 25 ? 0.2 : 0.0;
            chunks[c][i] = static_cast<std::int16_t>(32767.0 * (0.25 * std::sin(2764.6 * t) + step));
        }
    }
    return chunks;
}

std::mutex printing;

void work(const otoscope::Config &config, int worker) {
    otoscope::Probe probe(config);   // once: the last call that allocates
    otoscope::Report report(config);
    std::int64_t now_ns = 0;
    for (int utterance = 0; utterance < 3; utterance++) {
        int found = 0;
        probe.tick(now_ns); // the request
        for (const auto &chunk : speak(utterance)) {
            now_ns += 20 * INT64_C(1000000);
            probe.push(chunk, now_ns);
            probe.poll([&](const oto_finding &f) {
                if (f.state == OTO_STATE_OPEN || f.severity < OTO_SEVERITY_WARNING) return;
                found++;
                const std::lock_guard<std::mutex> lock(printing);
                std::fprintf(stderr, "worker %d, utterance %d, %.3f s: %s\n", worker, utterance, static_cast<double>(f.start_sample) / rate_hz,
                             otoscope::message(f, rate_hz).c_str());
            });
        }
        probe.finish(report);
        const auto lufs = report.value("loudness.integrated_lufs");
        {
            const std::lock_guard<std::mutex> lock(printing);
            std::printf("worker %d utterance %d: %.1f LUFS, %d finding%s\n", worker, utterance, lufs.value_or(-99.0), found, found == 1 ? "" : "s");
        }
        probe.reset();
    }
}

} // namespace

int main() try {
    otoscope::check_abi();
    otoscope::Config config(rate_hz);
    config.set("continuity.cushion_ms", 200.0).freeze();
    std::thread other(work, std::cref(config), 1);
    work(config, 0);
    other.join();

    // A wrong key is told with what to do about it.
    try {
        otoscope::Config(rate_hz).set("clipping.min_run", 3.0);
    } catch (const otoscope::Error &e) {
        std::fprintf(stderr, "as it should be: %s\n", e.what());
    }
    return 0;
} catch (const std::exception &e) {
    std::fprintf(stderr, "server: %s\n", e.what());
    return 2;
}
