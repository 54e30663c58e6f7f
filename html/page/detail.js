// One file, or one pair: what is wrong, where, how bad; and everything that is known.

/** Played before and after what was found. */
const BEFORE = 0.5, AFTER = 0.5;

const traceOf = (entry, side) => {
  const trace = entry.rest.traces[side], bytes = entry.bytes(trace.wave.at);
  return {
    ...trace,
    wave: { step: trace.wave.step, columns: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
    spectrum: { ...trace.spectrum, levels: entry.bytes(trace.spectrum.at) },
  };
};

const row = (...cells) => h("tr", {}, cells);
const cellText = (text, cls) => h("td", { class: cls }, text);
const heading = (...names) => h("thead", {}, h("tr", {}, names.map((n) => h("th", { scope: "col", class: n[1] }, n[0]))));

const span = (from, to) => (to - from < 0.0005 ? clock(from) : `${clock(from)} \u2013 ${clock(to)}`);
const lasting = (from, to) => (to - from < 0.0005 ? "" : to - from < 1 ? `${((to - from) * 1000).toFixed(to - from < 0.01 ? 1 : 0)} ms` : `${(to - from).toFixed(2)} s`);

/** What the pages of files and pairs have in common: the stage, the player, the places. */
class Detail {
  constructor(line, entry, sides) {
    this.line = line;
    this.entry = entry;
    this.player = new Player(line.index, line.clips ?? [], sides);
    this.chosen = -1;
  }

  /** `places`: [{ from, to, level, text }], in order of time. */
  build(view, tracks, places, options) {
    this.view = view;
    this.places = places;
    this.stage = stage(view, tracks, places, {
      ...options,
      onpick: (i) => this.choose(i, true),
      onseek: (t) => this.seek(t),
    });
    this.player.moved = (t) => this.stage.playhead(t);
    this.player.loaded = () => this.stage.redraw();
    this.player.changed = () => this.state();
    this.button = h("button", { type: "button", class: "main", onclick: () => this.toggle() }, "\u25b6 Play");
    this.said = h("output", {});
    this.zoomed = h("button", { type: "button", title: "z", onclick: () => this.closeUp() }, "Zoom to finding");
    const zoom = (text, title, act) => h("button", { type: "button", title, "aria-label": title, onclick: act }, text);
    this.bar = h("div", { class: "player" }, this.button, this.zoomed,
      h("div", { class: "group", role: "group", "aria-label": "Zoom" }, zoom("+", "Closer (+)", () => view.zoom(0.5)), zoom("\u2212", "Farther (-)", () => view.zoom(2)), zoom("All", "All of it (0)", () => view.show(0, view.duration))),
      ...(this.extra ?? []), this.said, this.player.audio);
    this.state();
  }

  get place() {
    return this.places[this.chosen];
  }

  choose(i, scroll) {
    this.chosen = i;
    this.stage.choose(i);
    if (!this.player.playing) this.stage.playhead(null);
    this.seekTo = null;
    const { from, to } = this.place;
    if (!this.view.whole && (from < this.view.from || from > this.view.to)) this.view.show(from - this.view.span / 2, from + this.view.span / 2);
    for (const line of this.lines ?? []) line.setAttribute("aria-selected", String(Number(line.dataset.place) === i));
    if (scroll) this.lines?.find((l) => Number(l.dataset.place) === i)?.scrollIntoView({ block: "nearest" });
    // So that the waveform can show the samples themselves.
    for (const clip of this.player.clips) if (from >= clip.from - 0.01 && from <= clip.from + clip.seconds) this.player.load(clip);
    this.state();
  }

  /** To the next place, or the one before. */
  move(by) {
    if (!this.places.length) return;
    this.choose(Math.min(Math.max(this.chosen + by, 0), this.places.length - 1), true);
  }

  seek(t) {
    const at = Math.min(Math.max(t, 0), this.view.duration);
    const hit = this.places.map((p, i) => [p, i]).filter(([p]) => at >= p.from - 0.004 * this.view.span && at <= p.to + 0.004 * this.view.span).sort(([a], [b]) => b.level - a.level || (a.to - a.from) - (b.to - b.from))[0];
    if (hit) this.choose(hit[1], false);
    this.seekTo = at;
    this.stage.playhead(at);
    if (this.player.at(at)) this.player.play(at);
    else this.player.stop();
    this.state();
  }

  toggle() {
    if (this.player.playing) return this.player.stop();
    if (this.seekTo !== null && this.seekTo !== undefined) return this.player.play(this.seekTo);
    return this.listen();
  }

  listen(i = this.chosen) {
    if (i < 0) return this.player.play(0);
    const { from, to } = this.places[i];
    const start = Math.max(from - BEFORE, 0), clip = this.player.at(Math.max(from - 0.001, 0)) ?? this.player.at(from);
    return clip ? this.player.play(Math.max(start, clip.from), Math.min(to, from + 3) + AFTER) : Promise.resolve(false);
  }

  closeUp() {
    if (!this.place) return;
    const { from, to } = this.place, around = Math.max((to - from) * 0.75, 0.015);
    if (this.view.span < 4 * around + (to - from)) this.view.show(0, this.view.duration);
    else this.view.show(from - around, to + around);
  }

  state() {
    const at = this.seekTo ?? this.place?.from ?? 0, can = Boolean(this.player.at(Math.max(at, 0)));
    this.button.textContent = this.player.playing ? "\u25a0 Stop" : "\u25b6 Play";
    this.button.disabled = !this.player.playing && !can;
    this.zoomed.disabled = !this.place;
    const none = this.player.clips.length ? "no audio is kept here" : "this page carries no audio";
    this.said.textContent = this.place && (this.seekTo === null || this.seekTo === undefined)
      ? `${this.chosen + 1} of ${this.places.length}: ${this.place.text}${can ? "" : ` (${none})`}` : `${clock(at)}${can ? "" : ` (${none})`}`;
  }

  close() {
    this.player.close();
  }
}

class FileDetail extends Detail {
  constructor(line, entry) {
    super(line, entry, [""]);
    const { report, rest } = entry, { sample_rate_hz: rate, channels, duration_s: duration } = report.stream;
    const trace = traceOf(entry, ""), view = new View(duration);
    const findings = report.findings;
    const places = findings.map((f) => ({
      from: f.start_s, to: f.end_s, level: rank(f.severity), text: this.sentence(f), long: `${f.metric}.${f.kind}: ${this.sentence(f)}`,
    }));
    for (const p of places) p.text = p.long;
    const units = new Map();
    for (const { key, step_s: every, values } of trace.series) {
      const [metric, field] = key.split("."), spec = index.catalogue.metrics.find((m) => m.name === metric).fields.find((f) => f.name === field);
      const course = { name: `${metric} ${spoken(field, spec.unit)}`, points: values.map((y, i) => [(i + 1) * every, y]) };
      units.set(spec.unit, [...(units.get(spec.unit) ?? []), course]);
    }
    const tracks = [
      waveTrack(channels > 1 ? `Waveform, all ${channels} channels, 1 is full scale` : "Waveform, 1 is full scale", trace.wave, rate, sharedAmplitude([[trace.wave, rate]]), 150, () => this.player.clips.filter((c) => c.samples)),
      spectrumTrack("", trace.spectrum, rate, 170),
      ...[...units].map(([unit, courses]) => curveTrack(unit, courses, { floor: 50 })),
      timeTrack(),
    ];
    this.build(view, tracks, places, {});
    this.element = h("article", {}, this.head(report, rest), this.stage.element, this.bar, this.findings(findings, rest), this.verdicts(report), this.values(report), this.provenance(report, rest));
    const worst = Math.max(...places.map((p) => p.level));
    if (places.length) this.choose(places.findIndex((p) => p.level === worst), false);
  }

  sentence(f) {
    const channels = [...Array(32).keys()].filter((bit) => (f.channel_mask >> bit) & 1).map((bit) => bit + 1);
    return channels.length && this.entry.report.stream.channels > 1 ? `${f.message} (channel ${channels.join(", ")})` : f.message;
  }

  head(report, rest) {
    const { sample_rate_hz: rate, channels, duration_s: duration } = report.stream, { findings } = report;
    const count = (level) => findings.filter((f) => rank(f.severity) === level).length;
    const tally = [[3, "error"], [2, "warning"], [1, "remark"]].filter(([level]) => count(level)).map(([level, word]) => severityMark(level, plural(count(level), word)));
    const top = Math.max(0, ...findings.map((f) => rank(f.severity))), worst = findings.find((f) => rank(f.severity) === top);
    const failed = (report.verdicts ?? []).filter((v) => v.verdict === "fail");
    const norms = [...new Set((report.verdicts ?? []).map((v) => v.norm))];
    const norm = !norms.length ? null : failed.length ? h("span", { class: "sev sev3 t3" }, `fails ${[...new Set(failed.map((v) => v.norm))].join(", ")}`) : null;
    const labels = Object.entries(report.labels ?? {}).map(([k, v]) => h("span", {}, `${k} = ${v}`));
    return h("header", {},
      h("h1", {}, this.line.short || report.source?.name || "Stream"),
      h("div", { class: "meta" }, h("span", {}, rest.format), h("span", {}, `${rate.toLocaleString("en")} Hz`), h("span", {}, { 1: "mono", 2: "stereo" }[channels] ?? `${channels} channels`), h("span", {}, length(duration)), labels),
      h("p", { class: "lead" }, tally.length ? tally.flatMap((t, i) => (i ? ["\u2002\u00b7\u2002", t] : [t])) : severityMark(0, "no findings"), norm ? ["\u2002\u00b7\u2002", norm] : []),
      this.quality(rest.quality),
      worst ? h("p", {}, h("b", {}, `${worst.metric}.${worst.kind}`), ` at ${clock(worst.start_s)}: ${this.sentence(worst)}`) : null,
      rest.warnings.map((w) => h("p", { class: "note" }, `The decoder said: ${w}`)));
  }

  /** The predicted score under the caps of what was found, and what set it. */
  quality(q) {
    if (!q) return null;
    if (q.capped === null) return h("p", { class: "soft" }, `No predicted quality: ${q.reason}`);
    const mos = (x) => x.toFixed(2), between = q.low === null ? "" : ` (${mos(q.low)} to ${mos(q.high)})`;
    const limits = q.limits.map((l) => `${l.cause} caps it at ${mos(l.cap)}${l.place ? ` (${l.place[0]} at ${clock(l.place[1])})` : ""}`);
    const why = limits.length ? `: ${mos(q.predicted)} is predicted, but ${limits.join(", ")}` : ", as predicted: no finding caps it";
    return h("p", { class: "quality" }, "Quality ", h("b", {}, mos(q.capped)), ` of 5${between}${why}`);
  }

  findings(findings, rest) {
    if (!findings.length) return null;
    this.lines = findings.map((f, i) => {
      const place = this.places[i], unit = symbol(f.unit), playable = this.player.at(Math.max(f.start_s - 0.001, 0));
      const value = f.value === null ? "" : h("span", {}, number(f.value, f.unit), h("span", { class: "soft" }, ` / ${number(f.threshold, f.unit)} ${unit}`));
      return h("tr", { "data-place": i, "aria-selected": "false", class: "can", onclick: (e) => !e.target.closest("button") && this.choose(i, false) },
        h("td", {}, severityMark(place.level)), h("td", { class: "small" }, span(f.start_s, f.end_s)), h("td", { class: "small soft" }, lasting(f.start_s, f.end_s)),
        h("td", {}, h("b", {}, `${f.metric}.${f.kind}`)), h("td", {}, this.sentence(f)), h("td", { class: "n small" }, value),
        h("td", { class: "n" }, playable ? h("button", { type: "button", class: "play", "aria-label": `Play ${f.metric}.${f.kind} at ${clock(f.start_s)}`, onclick: () => {
          this.choose(i, false);
          this.listen(i);
        } }, "\u25b6") : null));
    });
    const dropped = this.entry.report.findings_dropped;
    return h("section", { "aria-labelledby": "findings" }, h("h2", { id: "findings" }, plural(findings.length, "finding")),
      h("div", { class: "scroll" }, h("table", { class: "list wide" }, heading(["Severity"], ["Position, min:s"], ["Lasts"], ["Kind"], ["What"], ["Value / threshold", "n"], [""]), h("tbody", {}, this.lines))),
      rest.left_out ? h("p", { class: "soft small" }, `${rest.left_out} more, less severe ones, are counted but not listed here.`) : null,
      dropped ? h("p", { class: "soft small" }, `${dropped} more came too fast to be kept.`) : null);
  }

  verdicts(report) {
    if (!report.verdicts?.length) return null;
    const words = { pass: [0, "pass"], fail: [3, "FAIL"] };
    let last = "";
    const lines = report.verdicts.map((v) => {
      const norm = index.catalogue.norms.find((n) => n.name === v.norm), wanted = norm?.requirements.find((r) => r.name === v.requirement);
      const first = last !== v.norm;
      last = v.norm;
      const [level, word] = words[v.verdict] ?? [2, "not measured"];
      const min = v.min ?? null, max = v.max ?? null;
      const bounds = min !== null && max !== null ? `${number(min, v.unit)} to ${number(max, v.unit)}` : min !== null ? `at least ${number(min, v.unit)}` : max !== null ? `at most ${number(max, v.unit)}` : "";
      const off = v.off ? `${v.off > 0 ? "+" : ""}${number(v.off, v.unit)}` : "";
      return row(h("td", { title: norm ? `${norm.edition}. ${norm.note}` : null }, first ? h("b", {}, norm?.title ?? v.norm) : ""), cellText(spoken(v.requirement, v.unit)), ...[["measured", v.value === undefined ? "\u2013" : number(v.value, v.unit)], ["wanted", `${bounds} ${symbol(v.unit)}`], ["off by", off]].map(([name, text]) => h("td", { class: "n", "data-name": text.trim() ? name : null }, text)),
        h("td", {}, severityMark(level, word), h("div", { class: "soft small" }, v.reason ?? wanted?.note ?? "")));
    });
    const mono = report.verdicts.find((v) => v.mono_as)?.mono_as;
    return h("section", { "aria-labelledby": "norms" }, h("h2", { id: "norms" }, "Norms"),
      h("div", { class: "scroll" }, h("table", { class: "list stack" }, heading(["Norm"], ["Requirement"], ["Measured", "n"], ["Wanted", "n"], ["Off by", "n"], ["Verdict"]), h("tbody", {}, lines))),
      mono ? h("p", { class: "soft small" }, mono === "mono" ? "The one channel counts once; from two loudspeakers it is 3.01 LU louder (loudness.mono_as = dual_mono)." : "The one channel counts as two (loudness.mono_as = dual_mono).") : null);
  }

  values(report) {
    const silent = [];
    const metrics = index.catalogue.metrics.map((metric) => {
      const key = (f) => `${metric.name}.${f.name}`;
      const missing = metric.fields.map((f) => report.not_computed[key(f)]);
      if (metric.fields.length && missing.every((why) => why !== undefined)) {
        silent.push([metric.name, missing[0]]);
        return null;
      }
      const lines = metric.fields.map((f) => {
        const x = report.metrics[metric.name]?.[f.name], why = report.undefined[key(f)] ?? report.not_computed[key(f)];
        return row(h("td", { title: key(f) }, spoken(f.name, f.unit)), ...(typeof x === "number" ? [cellText(number(x, f.unit), "n"), cellText(symbol(f.unit), "soft")] : [h("td", { class: "n soft" }, "\u2013"), cellText("", "")]),
          h("td", { class: "doc small soft" }, typeof x === "number" ? f.doc : h("span", {}, h("span", { class: "t2" }, why ?? "no value"), ` \u00b7 ${f.doc}`)));
      });
      return h("div", { class: "metric" }, h("header", {}, h("h3", {}, metric.name), h("span", {}, metric.summary), h("span", { class: "definition" }, `${metric.definition} \u00b7 revision ${metric.revision}`)),
        lines.length ? h("table", { class: "values" }, h("colgroup", {}, h("col", { class: "k" }), h("col", { class: "v" }), h("col", { class: "u" }), h("col", { class: "d" })),
          h("thead", { class: "hidden-text" }, row(...["Field", "Value", "Unit", "Definition"].map((n) => h("th", { scope: "col" }, n)))), h("tbody", {}, lines)) : null);
    });
    const reasons = [...new Set(silent.map(([, why]) => why))].map((why) => `${silent.filter(([, w]) => w === why).map(([name]) => name).join(", ")} (${why})`);
    return h("section", { "aria-labelledby": "values" }, h("h2", { id: "values" }, "All values"), metrics, reasons.length ? h("p", { class: "soft small", style: "margin-top:18px" }, `Not computed: ${reasons.join("; ")}.`) : null);
  }

  provenance(report, rest) {
    const { provenance, stream } = report, fact = (name, text) => (text ? [h("dt", {}, name), h("dd", {}, text)] : []);
    return h("section", { "aria-labelledby": "provenance" }, h("h2", { id: "provenance" }, "Provenance"), h("dl", { class: "facts" },
      fact("Source", report.source?.name), fact("Format", rest.format), fact("Samples per channel", stream.samples.toLocaleString("en")), fact("Report", report.report_id), fact("Started", report.started_at), fact("Ended", report.ended_at),
      fact("Otoscope", `${provenance.version}, ${provenance.simd}`), fact("Parameters changed", index.catalogue.changed.join(", ") || "none")));
  }
}

class PairDetail extends Detail {
  constructor(line, entry) {
    super(line, entry, ["reference", "degraded"]);
    const { comparison, rest } = entry, sides = ["reference", "degraded"];
    const traces = sides.map((side) => traceOf(entry, side)), rates = sides.map((side) => comparison[side].sample_rate_hz);
    const view = new View(Math.max(...sides.map((side) => comparison[side].duration_s)));
    const top = sharedAmplitude(traces.map((t, i) => [t.wave, rates[i]]));
    // The tables of a score: with a start and an end they are stretches, with a start alone they are curves.
    const lanes = [], curves = [], bands = [], seen = new Set();
    for (const { key, score } of rest.scores) {
      for (const table of index.catalogue.scores.find((s) => s.name === score).tables) {
        const rows = comparison.scores[key]?.[table.name], [first, second, ...others] = table.columns;
        // Scores of one engine share their tables: each is drawn once.
        if (!rows?.length || seen.has(JSON.stringify(rows))) continue;
        seen.add(JSON.stringify(rows));
        if (first.name === "start_s" && second?.name === "end_s") {
          const told = (r) => others.map((c) => `${spoken(c.name, c.unit)} ${withUnit(r[c.name], c.unit)}`).join(", ");
          const short = (r) => (others.length ? withUnit(r[others[0].name], others[0].unit) : "");
          const stretches = rows.map((r) => ({ from: r.start_s, to: r.end_s, text: short(r), long: `${table.name.replaceAll("_", " ")}: ${told(r)}` }));
          const what = others.length ? `, ${spoken(others[0].name, others[0].unit)}` : "";
          lanes.push(laneTrack(`${key}: ${table.name.replaceAll("_", " ")}${what}`, stretches));
          if (table.name.startsWith("bad")) bands.push(...stretches.map((s) => ({ ...s, level: 3 })));
        } else if (first.name === "start_s") {
          const courses = table.columns.slice(1).map((c) => ({ name: `${key} ${spoken(c.name, c.unit)}`, points: rows.map((r) => [r.start_s, r[c.name]]) }));
          curves.push(curveTrack(table.columns[1].unit, courses, { zero: true, height: 120 }));
          this.worst ??= (from) => {
            const value = Math.max(...rows.filter((r) => Math.abs(r.start_s - from) < 0.2).map((r) => r[second.name]));
            return { value, text: `${spoken(second.name, second.unit)} ${withUnit(value, second.unit)}` };
          };
        }
      }
    }
    const places = rest.places.map(([from, to]) => {
      const how = this.worst?.(from);
      return { from, to, level: 2, size: how?.value ?? 0, how: how?.text ?? "", text: `${how ? how.text + " at " : ""}${clock(from)}` };
    });
    const clips = (side) => () => this.player.clips.filter((c) => c.samples && c.side === side);
    const tracks = [
      ...sides.map((side, i) => waveTrack(`${side}, 1 is full scale`, traces[i].wave, rates[i], top, 104, clips(side))),
      ...curves, ...lanes,
      ...sides.map((side, i) => spectrumTrack(side, traces[i].spectrum, rates[i], 120)),
      timeTrack(),
    ];
    this.side = h("div", { class: "group", role: "group", "aria-label": "Which signal is played (r)" },
      sides.map((side) => h("button", { type: "button", "data-side": side, "aria-pressed": String(side === "degraded"), onclick: () => this.switch(side) }, side)));
    this.extra = [this.side];
    this.build(view, tracks, places, { bands });
    this.zoomed.textContent = "Zoom to place";
    this.element = h("article", {}, this.head(comparison, rest), this.stage.element, this.bar, this.table(places), this.scores(comparison, rest), this.tables(comparison, rest), this.facts(comparison, rest));
    if (places.length) this.choose(places.reduce((best, p, i) => (p.size > places[best].size ? i : best), 0), false);
  }

  switch(side) {
    const was = this.player.playing ? this.player.position : null;
    this.player.stop();
    this.player.side = side;
    for (const b of this.side.children) b.setAttribute("aria-pressed", String(b.dataset.side === side));
    if (was !== null) this.player.play(was, this.player.until);
    this.state();
  }

  head(comparison, rest) {
    const { alignment } = comparison, delay = alignment.delay_s;
    const step = delay === undefined ? null : `aligned: the degraded signal is ${Math.abs(delay * 1000).toFixed(2)} ms ${delay < 0 ? "early" : "late"} (correlation ${alignment.correlation_ratio?.toFixed(3)})`;
    const side = (name, i) => h("div", { class: "meta", style: "margin:0" }, h("b", { style: "min-width:82px" }, name), h("span", {}, comparison[name].name ?? ""), h("span", {}, rest.formats[i]), h("span", {}, `${comparison[name].sample_rate_hz.toLocaleString("en")} Hz`), h("span", {}, length(comparison[name].duration_s)));
    const leads = rest.scores.slice(0, 4).map(({ key, score }) => {
      const [field] = index.catalogue.scores.find((s) => s.name === score).fields, x = this.line.values[rest.scores.findIndex((s) => s.key === key)];
      return h("span", { style: "margin-right:22px" }, h("span", { class: "soft" }, `${key} `), h("b", {}, typeof x === "number" ? withUnit(x, field.unit) : comparison.status[key] ?? "\u2013"));
    });
    return h("header", {}, h("h1", {}, this.line.short), h("p", { class: "lead" }, leads), side("reference", 0), side("degraded", 1), step ? h("p", { class: "soft" }, step) : null);
  }

  table(places) {
    if (!places.length) return null;
    this.lines = places.map((p, i) => {
      const listen = (side) => this.player.at(Math.max(p.from - 0.001, 0), side) && h("button", { type: "button", class: "play", onclick: () => {
        this.choose(i, false);
        this.switch(side);
        this.listen(i);
      } }, `\u25b6 ${side}`);
      return h("tr", { "data-place": i, "aria-selected": "false", class: "can", onclick: (e) => !e.target.closest("button") && this.choose(i, false) },
        cellText(clock(p.from)), cellText(p.how), h("td", { class: "n" }, listen("reference"), " ", listen("degraded")));
    });
    return h("section", { "aria-labelledby": "places" }, h("h2", { id: "places" }, "Where they differ most"), h("table", { class: "list" }, heading(["Position, min:s"], ["How much"], ["Listen", "n"]), h("tbody", {}, this.lines)));
  }

  scores(comparison, rest) {
    const lines = rest.scores.flatMap(({ key, score }) => {
      const spec = index.catalogue.scores.find((s) => s.name === score), wanted = index.catalogue.wanted.find((w) => w.key === key), got = comparison.scores[key];
      const about = h("td", { class: "small soft" }, h("div", {}, spec.summary), h("div", {}, `${wanted.definition}${wanted.doc ? ` \u00b7 ${wanted.doc}` : ""}`),
        got ? [`${got.preset}, revision ${got.revision}, ${got.rate_policy === "native" ? "nothing resampled" : got.rate_policy}`, ...Object.entries(got.warnings ?? {}).map(([name, text]) => h("div", { class: "t2" }, `${name}: ${text}`))] : null);
      if (!got) return [row(h("td", {}, h("b", {}, key)), cellText(comparison.status[key]), h("td", { class: "n soft" }, "\u2013"), cellText(""), h("td", { class: "small" }, h("div", { class: "t2" }, comparison.messages[key]), about))];
      return spec.fields.map((f, i) => row(h("td", {}, i ? "" : h("b", {}, key)), h("td", { title: f.doc }, spoken(f.name, f.unit)), cellText(typeof got[f.name] === "number" ? number(got[f.name], f.unit) : "\u2013", "n"), cellText(symbol(f.unit), "soft"), i ? h("td", { class: "small soft" }, f.doc) : about));
    });
    return h("section", { "aria-labelledby": "scores" }, h("h2", { id: "scores" }, "Scores"), h("div", { class: "scroll" }, h("table", { class: "list stack" }, heading(["Score"], ["Field"], ["Value", "n"], [""], ["Definition"]), h("tbody", {}, lines))));
  }

  /** Stretches in numbers; curves are only drawn. */
  tables(comparison, rest) {
    return rest.scores.flatMap(({ key, score }) => index.catalogue.scores.find((s) => s.name === score).tables.filter((t) => !t.on_request && comparison.scores[key]?.[t.name]?.length).map((t) => {
      const rows = comparison.scores[key][t.name];
      return h("details", {}, h("summary", {}, `${key}: ${rows.length} ${t.name.replaceAll("_", " ")}`), h("p", { class: "soft small" }, t.doc), h("div", { class: "scroll" }, h("table", { class: "list" },
        heading(...t.columns.map((c) => [`${spoken(c.name, c.unit)} ${symbol(c.unit)}`.trim(), "n"])), h("tbody", {}, rows.map((r) => row(...t.columns.map((c) => cellText(number(r[c.name], c.unit), "n"))))))));
    }));
  }

  facts(comparison, rest) {
    const { provenance } = comparison, fact = (name, text) => [h("dt", {}, name), h("dd", {}, text)];
    return h("section", { "aria-labelledby": "provenance" }, h("h2", { id: "provenance" }, "Provenance"), h("dl", { class: "facts" },
      fact("Otoscope", `${provenance.version}, ${provenance.simd}`), fact("Alignment asked for", index.catalogue.align), Object.entries(comparison.labels ?? {}).flatMap(([k, v]) => fact(k, v)),
      fact("Samples", `${comparison.reference.samples.toLocaleString("en")} and ${comparison.degraded.samples.toLocaleString("en")}`)));
  }
}
