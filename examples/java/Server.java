// A speech server in Java with a probe in each worker.
//
//     java --enable-native-access=ALL-UNNAMED Server.java LIBOTOSCOPE.so

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public final class Server {
    static final int RATE_HZ = 24000;

    /** Stands in for an engine: a second of a trembling tone in chunks of 20 ms; in odd utterances one chunk begins with a hole. */
    static List<short[]> speak(int utterance) {
        List<short[]> chunks = new ArrayList<>();
        double phase = 0;
        for (int c = 0; c < 50; c++) {
            short[] chunk = new short[RATE_HZ / 50];
            for (int i = 0; i < chunk.length; i++) {
                double t = (double) (c * chunk.length + i) / RATE_HZ;
                chunk[i] = utterance % 2 == 1 && c == 25 && i < 200 ? 0 : (short) (8192 * Math.sin(phase));
                phase += 2 * Math.PI * (440 + 30 * Math.sin(2 * Math.PI * 5 * t)) / RATE_HZ;
            }
            chunks.add(chunk);
        }
        return chunks;
    }

    static String serve(Otoscope.Probe probe, int utterance) {
        long now = 0;
        List<String> heard = new ArrayList<>();
        probe.push(new short[0], now); // the request
        for (short[] chunk : speak(utterance)) {
            now += 20_000_000;
            probe.push(chunk, now);
            hear(probe, heard);
        }
        probe.finish();
        hear(probe, heard);
        if (!probe.json().contains("\"schema\":\"otoscope.report/1\"")) throw new IllegalStateException("no report");
        String line = String.format("utterance %d: %.1f LUFS, %d findings %s", utterance, probe.value("loudness.integrated_lufs").orElseThrow(),
            heard.size(), String.join("; ", heard));
        probe.reset();
        return line;
    }

    static void hear(Otoscope.Probe probe, List<String> heard) {
        for (Otoscope.Finding f : probe.poll()) {
            if (!f.open() && f.severity() >= 2) heard.add(String.format("%.3f s: %s", (double) f.startSample() / RATE_HZ, f.words()));
        }
    }

    public static void main(String[] args) throws Exception {
        Otoscope otoscope = new Otoscope(Path.of(args[0]).toAbsolutePath());
        try (Otoscope.Config config = otoscope.new Config(RATE_HZ)) {
            config.set("continuity.cushion_ms", 200);
            try {
                config.set("no.such_key", 1);
                throw new IllegalStateException("a wrong key was taken");
            } catch (Otoscope.OtoscopeException e) {
                System.err.println("as it should be: " + e.getMessage());
            }
            config.freeze();
            List<Future<List<String>>> workers = new ArrayList<>();
            try (ExecutorService pool = Executors.newFixedThreadPool(4)) {
                for (int w = 0; w < 4; w++) {
                    int first = 2 * w;
                    Callable<List<String>> work = () -> {
                        try (Otoscope.Probe probe = otoscope.new Probe(config)) {
                            return List.of(serve(probe, first), serve(probe, first + 1));
                        }
                    };
                    workers.add(pool.submit(work));
                }
            }
            for (Future<List<String>> worker : workers) worker.get().forEach(System.out::println);
        }
    }
}
