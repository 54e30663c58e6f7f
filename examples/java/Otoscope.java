// The C interface in Java 22 and newer, by the Foreign Function and Memory API: what a server needs of it. No native code of its own.

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** The library, opened once. */
final class Otoscope {
    private final SymbolLookup library;

    Otoscope(Path file) {
        library = SymbolLookup.libraryLookup(file, Arena.global());
    }

    static final class OtoscopeException extends RuntimeException {
        private static final long serialVersionUID = 1;
        final int status;

        OtoscopeException(int status, String what) {
            super(what);
            this.status = status;
        }
    }

    /** One thing that is wrong. */
    record Finding(long startSample, long endSample, int severity, boolean open, int eventId, double value, String words) {}

    private static final MemoryLayout SIZE_T = JAVA_LONG;
    /** oto_finding: 80 bytes for ever. */
    private static final long FINDING_BYTES = 80;

    private MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
        MemorySegment symbol = library.find(name).orElseThrow(() -> new IllegalStateException(name + " is not in the library"));
        FunctionDescriptor type = result == null ? FunctionDescriptor.ofVoid(arguments) : FunctionDescriptor.of(result, arguments);
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    private MethodHandle status(String name, MemoryLayout... arguments) {
        return function(name, JAVA_INT, arguments);
    }

    private interface Call {
        Object run() throws Throwable;
    }

    private static Object run(Call call) {
        try {
            return call.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private final class Functions {
        final MethodHandle specInit = status("oto_stream_spec_init", ADDRESS, SIZE_T);
        final MethodHandle configNew = status("oto_config_new", ADDRESS, ADDRESS);
        final MethodHandle configSet = status("oto_config_set_f64", ADDRESS, ADDRESS, JAVA_DOUBLE);
        final MethodHandle configFreeze = status("oto_config_freeze", ADDRESS);
        final MethodHandle configError = status("oto_config_error", ADDRESS, ADDRESS, SIZE_T, ADDRESS);
        final MethodHandle configFree = function("oto_config_free", null, ADDRESS);
        final MethodHandle probeNew = status("oto_probe_new", ADDRESS, ADDRESS);
        final MethodHandle push = status("oto_probe_push_i16", ADDRESS, ADDRESS, SIZE_T, JAVA_LONG, JAVA_INT);
        final MethodHandle poll = status("oto_probe_poll_findings", ADDRESS, ADDRESS, SIZE_T, ADDRESS);
        final MethodHandle finish = status("oto_probe_finish", ADDRESS, ADDRESS);
        final MethodHandle reset = status("oto_probe_reset", ADDRESS);
        final MethodHandle probeFree = function("oto_probe_free", null, ADDRESS);
        final MethodHandle reportNew = status("oto_report_new", ADDRESS, ADDRESS);
        final MethodHandle value = status("oto_report_value_by_key", ADDRESS, ADDRESS, ADDRESS);
        final MethodHandle json = status("oto_report_json", ADDRESS, ADDRESS, SIZE_T, ADDRESS);
        final MethodHandle reportFree = function("oto_report_free", null, ADDRESS);
        final MethodHandle message = status("oto_finding_message", ADDRESS, JAVA_INT, ADDRESS, SIZE_T, ADDRESS);
        final MethodHandle statusText = function("oto_status_str", ADDRESS, JAVA_INT);
    }

    private Functions functions;

    private synchronized Functions f() {
        if (functions == null) functions = new Functions();
        return functions;
    }

    private int check(Object status) {
        int s = (int) status;
        if (s < 0) throw new OtoscopeException(s, text((MemorySegment) run(() -> f().statusText.invoke(s))));
        return s;
    }

    private static String text(MemorySegment pointer) {
        return pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** What to measure on streams of one kind. Once frozen it is shared by all threads, and must outlive its probes. */
    final class Config implements AutoCloseable {
        private final MemorySegment handle;
        private final int rate;

        Config(int sampleRateHz) {
            rate = sampleRateHz;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment spec = arena.allocate(16, 4), out = arena.allocate(ADDRESS);
                check(run(() -> f().specInit.invoke(spec, 16L)));
                spec.set(JAVA_INT, 4, sampleRateHz);
                check(run(() -> f().configNew.invoke(spec, out)));
                handle = out.get(ADDRESS, 0);
            }
        }

        private Config said(Object status, Arena arena) {
            int s = (int) status;
            if (s >= 0) return this;
            MemorySegment why = arena.allocate(512), needed = arena.allocate(JAVA_LONG);
            run(() -> f().configError.invoke(handle, why, 512L, needed));
            throw new OtoscopeException(s, why.getString(0));
        }

        Config set(String key, double value) {
            try (Arena arena = Arena.ofConfined()) {
                return said(run(() -> f().configSet.invoke(handle, arena.allocateFrom(key), value)), arena);
            }
        }

        Config freeze() {
            try (Arena arena = Arena.ofConfined()) {
                return said(run(() -> f().configFreeze.invoke(handle)), arena);
            }
        }

        @Override
        public void close() {
            run(() -> f().configFree.invoke(handle));
        }
    }

    /** Listens to one stream, on one thread at a time. */
    final class Probe implements AutoCloseable {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment probe, report, found = arena.allocate(8 * FINDING_BYTES, 8), count = arena.allocate(JAVA_LONG);
        private final int rate;
        /** Samples on their way to the library: grows to the longest chunk. */
        private MemorySegment samples = arena.allocate(2 * 4800, 2);

        Probe(Config config) {
            rate = config.rate;
            MemorySegment out = arena.allocate(ADDRESS);
            check(run(() -> f().probeNew.invoke(config.handle, out)));
            probe = out.get(ADDRESS, 0);
            check(run(() -> f().reportNew.invoke(config.handle, out)));
            report = out.get(ADDRESS, 0);
        }

        /** One chunk, with its time in nanoseconds; an empty one says that time passes. */
        void push(short[] chunk, long tNs) {
            if (samples.byteSize() < 2L * chunk.length) samples = arena.allocate(2L * chunk.length, 2);
            MemorySegment.copy(chunk, 0, samples, ValueLayout.JAVA_SHORT, 0, chunk.length);
            check(run(() -> f().push.invoke(probe, samples, (long) chunk.length, tNs, 0)));
        }

        List<Finding> poll() {
            List<Finding> all = new ArrayList<>();
            long n;
            do {
                check(run(() -> f().poll.invoke(probe, found, 8L, count)));
                n = count.get(JAVA_LONG, 0);
                for (long i = 0; i < n; i++) all.add(read(found.asSlice(i * FINDING_BYTES, FINDING_BYTES)));
            } while (n == 8);
            return all;
        }

        private Finding read(MemorySegment finding) {
            try (Arena words = Arena.ofConfined()) {
                MemorySegment text = words.allocate(512), needed = words.allocate(JAVA_LONG);
                run(() -> f().message.invoke(finding, rate, text, 512L, needed));
                return new Finding(finding.get(JAVA_LONG, 8), finding.get(JAVA_LONG, 16), finding.get(JAVA_INT, 60), finding.get(JAVA_INT, 64) == 1,
                    finding.get(JAVA_INT, 68), finding.get(JAVA_DOUBLE, 32), text.getString(0));
            }
        }

        /** Ends the stream; value and json then have the final values. */
        void finish() {
            check(run(() -> f().finish.invoke(probe, report)));
        }

        void reset() {
            check(run(() -> f().reset.invoke(probe)));
        }

        /** A value of the report by its key; empty if there is none. */
        OptionalDouble value(String key) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment out = arena.allocate(JAVA_DOUBLE);
                int status = check(run(() -> f().value.invoke(report, arena.allocateFrom(key), out)));
                return status == 0 ? OptionalDouble.of(out.get(JAVA_DOUBLE, 0)) : OptionalDouble.empty();
            }
        }

        String json() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment needed = arena.allocate(JAVA_LONG);
                run(() -> f().json.invoke(report, MemorySegment.NULL, 0L, needed));
                long size = needed.get(JAVA_LONG, 0);
                MemorySegment text = arena.allocate(size);
                check(run(() -> f().json.invoke(report, text, size, needed)));
                return text.getString(0);
            }
        }

        @Override
        public void close() {
            run(() -> f().probeFree.invoke(probe));
            run(() -> f().reportFree.invoke(report));
            arena.close();
        }
    }
}
