// Many files: what is wrong, how often, and where. Worst first.

/** What can be shown in a column: { key, at, unit, doc, better }. */
const columnsOf = ({ kind, catalogue }) => {
  if (kind === "compare") {
    return catalogue.wanted.map((wanted, at) => {
      const score = catalogue.scores.find((s) => s.name === wanted.score), [field] = score.fields;
      const doc = `${score.summary}. ${wanted.definition}. ${field.doc}`;
      return { key: wanted.key, group: "", name: wanted.key, at, unit: field.unit, doc, up: score.higher_is_better };
    });
  }
  let at = 0;
  return catalogue.metrics.flatMap((metric) =>
    metric.fields.map((f) => ({
      key: `${metric.name}.${f.name}`, group: metric.name, name: spoken(f.name, f.unit), at: at++, unit: f.unit, doc: f.doc, up: false,
    })));
};

/** Shown first, where there is such a field: how loud and how close to the rail. */
const FIRST_COLUMNS = ["loudness.integrated_lufs", "true_peak.max_dbtp"];
const BLOCK = 150;

/** Makes the lines ready: what they are searched by, and how bad they are (4: could not be read). */
const prepare = (rows, compare, columns) => {
  const folders = rows.map((row) => row.name.split("/").slice(0, -1));
  let common = 0;
  while (rows.length > 1 && folders[0][common] !== undefined && folders.every((f) => f[common] === folders[0][common])) common++;
  rows.forEach((row, i) => {
    row.index = i;
    row.short = row.name.split("/").slice(common).join("/");
    row.folder = folders[i][common] ?? "";
    if (compare && row.states) {
      const bad = columns.filter((c) => row.states[c.at][0] !== "ok"), reasons = new Map();
      // One reason often takes every score: it is told once.
      for (const c of bad) reasons.set(row.states[c.at][0], [...(reasons.get(row.states[c.at][0]) ?? []), c.key]);
      row.kinds = [...reasons].map(([reason, keys]) => [reason, keys.length, 2, keys.join(", ")]);
      row.worst = bad.length ? 2 : row.states.some(([, warnings]) => warnings) ? 1 : 0;
      row.tally = [0, bad.length, 0];
    }
    row.level = row.problem === undefined ? row.worst : 4;
    row.kinds ??= [];
    row.text = [row.name, row.reference, row.problem, ...Object.entries(row.labels).map(([k, v]) => `${k}=${v}`),
      ...row.kinds.map(([kind]) => kind), SEVERITY[row.level] ?? "unreadable",
      ...Object.entries(row.norms ?? {}).map(([norm, worst]) => `${norm}:${["pass", "unknown", "fail"][worst]}`)]
      .join("\n").toLowerCase();
  });
};

const badness = (a, b) => {
  if (a.level !== b.level) return a.level - b.level;
  for (const severity of [2, 1, 0]) {
    const more = (a.tally?.[severity] ?? 0) - (b.tally?.[severity] ?? 0);
    if (more) return more;
  }
  return 0;
};

class Overview {
  constructor() {
    this.compare = index.kind === "compare";
    this.columns = columnsOf(index);
    this.rows = index.rows;
    prepare(this.rows, this.compare, this.columns);
    const known = (key) => this.columns.find((c) => c.key === key && this.rows.some((row) => typeof row.values?.[c.at] === "number"));
    this.shown = this.compare ? [...this.columns] : FIRST_COLUMNS.map(known).filter(Boolean);
    this.filter = { text: "", level: null, kind: null, norm: "", labels: {}, folder: "" };
    this.sort = { key: "", down: true };
    this.element = h("div", {}, this.heading(), this.toolbar(), (this.means = h("div", {})), (this.table = h("div", { class: "scroll" })));
    this.update();
  }

  things(n) {
    return plural(n, this.compare ? "pair" : "file");
  }

  heading() {
    const count = (level) => this.rows.filter((row) => row.level === level).length;
    const [clean, info, warning, error, unread] = [0, 1, 2, 3, 4].map(count);
    const all = this.rows.length;
    const have = (n, what) => `${n === all ? (n === 1 ? "The" : "All") : n.toLocaleString("en")}${n === all ? ` ${this.things(n).replace(/^1 /, "")}` : ` of ${this.things(all)}`} ${n === 1 ? "has" : "have"} ${what}`;
    let title, rest;
    if (this.compare) {
      title = `${this.things(all)} compared`;
      rest = [warning && `${warning} without some score`, info && `${info} with warnings`];
    } else {
      title = error ? have(error, "errors") : warning ? have(warning, "warnings") : info ? have(info, "remarks")
        : unread < all ? `No findings in ${this.things(all - unread)}` : "No file could be read";
      rest = [error && warning && `${warning} with warnings only`, (error || warning) && info && `${info} with remarks only`,
        clean && (error || warning || info) && `${clean} without findings`];
    }
    const seconds = this.rows.reduce((sum, row) => sum + (row.duration ?? 0), 0);
    rest = [...rest, unread && `${unread} could not be read`, `${length(seconds)} of audio`].filter(Boolean);
    const totals = new Map();
    for (const row of this.rows) {
      for (const [kind, n, level] of row.kinds) {
        const total = totals.get(kind) ?? { n: 0, files: 0, level: 0 };
        totals.set(kind, { n: total.n + n, files: total.files + 1, level: Math.max(total.level, level) });
      }
    }
    const sorted = [...totals].sort(([, a], [, b]) => b.level - a.level || b.files - a.files);
    this.chips = sorted.map(([kind, { n, files, level }]) => h("button", {
      type: "button", class: `chip w${level}`, "aria-pressed": "false", "data-kind": kind,
      title: `${plural(n, this.compare ? "score" : "time")} in ${this.things(files)}: show only these`,
      onclick: () => this.set({ kind: this.filter.kind === kind ? null : kind }),
    }, h("span", {}, kind), h("b", {}, files.toLocaleString("en"))));
    const left = index.clips_left_out ? h("p", { class: "soft small" }, `To bound the size of this page, ${plural(index.clips_left_out, "stretch", "stretches")} of audio had to be left out.`) : null;
    return h("header", {}, h("h1", {}, title), h("p", { class: "soft" }, rest.join(" \u00b7 ")), left,
      this.chips.length ? h("div", { class: "chips", role: "group", "aria-label": `Kinds, and in how many ${this.compare ? "pairs" : "files"}` }, this.chips) : null);
  }

  toolbar() {
    this.search = h("input", {
      type: "search", placeholder: "Filter\u2026 ( / )", title: "Words of a name, label or finding, or a severity", "aria-label": "Filter by name, label or finding", autocomplete: "off", spellcheck: "false",
      oninput: () => this.set({ text: this.search.value.toLowerCase() }),
    });
    const names = this.compare ? { 4: "Unreadable", 2: "Incomplete", 1: "Warnings", 0: "Scored" }
      : { 4: "Unreadable", 3: "Errors", 2: "Warnings", 1: "Remarks", 0: "Clean" };
    const count = (level) => this.rows.filter((row) => row.level === level).length;
    this.levels = [[null, `All ${this.rows.length.toLocaleString("en")}`], ...[4, 3, 2, 1, 0].filter((l) => names[l] && count(l)).map((l) => [l, `${names[l]} ${count(l).toLocaleString("en")}`])]
      .map(([level, text]) => h("button", { type: "button", "aria-pressed": "false", "data-level": String(level), onclick: () => this.set({ level }) }, text));
    const pick = (name, options, change) => h("select", { "aria-label": name, onchange: (e) => change(e.target.value) },
      h("option", { value: "" }, name), options.map(([value, text]) => h("option", { value }, text)));
    const labels = new Map();
    for (const row of this.rows) {
      for (const [key, value] of Object.entries(row.labels)) labels.set(key, (labels.get(key) ?? new Map()).set(value, (labels.get(key)?.get(value) ?? 0) + 1));
    }
    const selects = [...labels].filter(([, values]) => values.size > 1 && values.size <= 200).map(([key, values]) =>
      pick(`${key}: all`, [...values].sort(([a], [b]) => a.localeCompare(b)).map(([value, n]) => [value, `${key}: ${value} (${n})`]), (value) => this.set({ labels: { ...this.filter.labels, [key]: value } })));
    const folders = new Map();
    for (const { folder } of this.rows) folders.set(folder, (folders.get(folder) ?? 0) + 1);
    folders.delete("");
    if (folders.size > 1 && folders.size <= 200) {
      const sorted = [...folders].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
      selects.push(pick("Folders: all", sorted.map(([folder, n]) => [folder, `${folder}/ (${n})`]), (folder) => this.set({ folder })));
    }
    const norms = [...new Set(this.rows.flatMap((row) => Object.keys(row.norms ?? {})))];
    if (norms.length) {
      const options = norms.flatMap((norm) => ["pass", "not measured", "fail"].map((word, worst) => [norm, word, worst])).filter(([norm, , worst]) => this.rows.some((row) => row.norms?.[norm] === worst));
      selects.push(pick("Norms: all", options.map(([norm, word, worst]) => [`${norm} ${worst}`, `${norm}: ${word} (${this.rows.filter((row) => row.norms?.[norm] === worst).length})`]), (norm) => this.set({ norm })));
    }
    if (!this.compare) {
      const measured = this.columns.filter((c) => this.rows.some((row) => typeof row.values?.[c.at] === "number"));
      const groups = Object.entries(Object.groupBy ? Object.groupBy(measured, (c) => c.group) : measured.reduce((all, c) => ({ ...all, [c.group]: [...(all[c.group] ?? []), c] }), {}));
      const add = h("select", {
        class: "columns", "aria-label": "Add or remove a column",
        onchange: () => {
          const column = this.columns.find((c) => c.key === add.value);
          this.shown = this.shown.includes(column) ? this.shown.filter((c) => c !== column) : [...this.shown, column];
          add.value = "";
          this.update();
        },
      }, h("option", { value: "" }, "Columns\u2026"), groups.map(([group, columns]) => h("optgroup", { label: group }, columns.map((c) => h("option", { value: c.key, title: c.doc }, `${c.name} ${symbol(c.unit)}`)))));
      selects.push(add);
    }
    this.found = h("span", { class: "soft small", role: "status" });
    return h("div", { class: "tools" }, this.search, h("div", { class: "group", role: "group", "aria-label": "Severity" }, this.levels), selects, this.found);
  }

  set(change) {
    Object.assign(this.filter, change);
    this.update();
  }

  visible() {
    const { text, level, kind, norm, labels, folder } = this.filter, words = text.split(/\s+/).filter(Boolean);
    const [wanted, worst] = norm.split(" ");
    return this.rows.filter((row) => words.every((word) => row.text.includes(word))
      && (level === null || row.level === level)
      && (!folder || row.folder === folder)
      && (kind === null || row.kinds.some(([k]) => k === kind))
      && (!norm || row.norms?.[wanted] === Number(worst))
      && Object.entries(labels).every(([key, value]) => !value || row.labels[key] === value));
  }

  order(rows) {
    const { key, down } = this.sort, column = this.columns.find((c) => c.key === key);
    const value = { file: (row) => row.short, duration: (row) => row.duration ?? null }[key]
      ?? (column ? (row) => row.values?.[column.at] ?? null : null);
    // Of files by what was found, of pairs by the first score, where those without it are the worst.
    const [first] = this.columns, score = (row) => row.values?.[first.at] ?? (first.up ? -Infinity : Infinity);
    const lower = (a, b) => (a < b ? 1 : a > b ? -1 : 0) * (first.up ? 1 : -1);
    const worse = this.compare ? (a, b) => (a.level === 4) - (b.level === 4) || lower(score(a), score(b)) || badness(a, b) : badness;
    const sorted = [...rows];
    sorted.sort((a, b) => {
      if (!value) return worse(a, b) * (down ? -1 : 1) || a.index - b.index;
      const [x, y] = [value(a), value(b)];
      // What has no value comes last, whichever way.
      if (x === null || y === null) return (x === null) - (y === null) || a.index - b.index;
      return (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y) * (down ? -1 : 1) || a.index - b.index;
    });
    return sorted;
  }

  header(key, text, unit, title, first) {
    const on = this.sort.key === key;
    return h("th", { scope: "col", class: first === undefined ? null : "n", title, "aria-sort": on ? (this.sort.down ? "descending" : "ascending") : "none" },
      h("button", {
        type: "button", "data-sort": key,
        onclick: () => {
          this.sort = { key, down: on ? !this.sort.down : first ?? false };
          this.update();
          this.table.querySelector(`[data-sort="${CSS.escape(key)}"]`).focus();
        },
      }, text, unit ? h("span", {}, ` ${unit}`) : null));
  }

  update() {
    for (const b of this.levels) b.setAttribute("aria-pressed", String(b.dataset.level === String(this.filter.level)));
    for (const b of this.chips) b.setAttribute("aria-pressed", String(b.dataset.kind === this.filter.kind));
    this.list = this.order(this.visible());
    this.found.textContent = this.list.length === this.rows.length ? "" : `${this.list.length.toLocaleString("en")} of ${this.rows.length.toLocaleString("en")} shown`;
    if (this.compare) this.means.replaceChildren(this.averages());
    const norms = this.rows.some((row) => row.norms && Object.keys(row.norms).length);
    const labelled = !this.compare;
    const head = h("tr", {}, this.header("file", this.compare ? "Pair" : "File"), h("th", { scope: "col" }, labelled ? "Where" : "Where it differs most"),
      this.header("", this.compare ? "Remarks" : "What was found", "", "Worst first", undefined), norms ? h("th", { scope: "col" }, "Norms") : null,
      this.shown.map((c) => this.header(c.key, c.group ? [h("span", { class: "group-name" }, c.group), ` ${c.name}`] : c.name, symbol(c.unit), `${c.key}: ${c.doc}`, !c.up)),
      this.header("duration", "Length", "", "", true));
    const body = h("tbody", {});
    const table = h("table", { class: "files" }, h("caption", { class: "hidden-text" }, `${this.things(this.list.length)}; a line opens with Enter`), h("thead", {}, head), body);
    this.strips?.disconnect();
    this.strips = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) drawStrip(target, this.rows[target.dataset.row]);
    }, { rootMargin: "300px" });
    this.made = 0;
    const end = h("div", {});
    this.more = () => {
      const block = this.list.slice(this.made, this.made + BLOCK);
      const lines = block.map((row) => this.line(row, norms));
      body.append(...lines);
      for (const canvas of lines.flatMap((line) => [...line.querySelectorAll("canvas")])) this.strips.observe(canvas);
      this.made += block.length;
      return block.length > 0;
    };
    this.more();
    this.tail?.disconnect();
    this.tail = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting && this.more()) {
        this.tail.unobserve(end);
        this.tail.observe(end);
      }
    }, { rootMargin: "1200px" });
    this.tail.observe(end);
    this.table.replaceChildren(this.list.length ? table : h("p", { class: "note" }, "Nothing matches. ", h("button", { type: "button", onclick: () => this.clear() }, "Show all")), end);
  }

  clear() {
    this.search.value = "";
    for (const select of this.element.querySelectorAll(".tools select")) select.value = "";
    this.filter = { text: "", level: null, kind: null, norm: "", labels: {}, folder: "" };
    this.update();
  }

  line(row, norms) {
    const href = `#/${row.index}`, labels = Object.entries(row.labels).map(([k, v]) => `${k}=${v}`).join("  ");
    const under = [this.compare && row.reference ? `of ${row.reference.split("/").at(-1)}` : "", labels].filter(Boolean).join("  \u00b7  ");
    const opens = row.problem === undefined;
    const link = h("a", opens ? { href, title: row.name } : { tabindex: 0, title: row.name }, row.short);
    const kinds = [...row.kinds].sort((a, b) => b[2] - a[2] || b[1] - a[1]);
    const tags = kinds.slice(0, 4).map(([kind, n, level, keys]) => h("span", { class: `tag w${level}`, title: keys }, keys ? `${kind}: ${n > 1 ? plural(n, "score") : keys}` : n > 1 ? `${kind} \u00d7${n}` : kind));
    if (kinds.length > 4) tags.push(h("span", { class: "soft small" }, `+${kinds.length - 4}`));
    const what = row.problem !== undefined ? h("span", { class: "t3 small" }, row.problem)
      : tags.length ? tags : h("span", { class: "t0 small" }, this.compare ? (row.worst ? "with warnings" : "") : "no findings");
    const shape = row.strip && opens ? h("canvas", { "data-row": row.index, role: "img", "aria-label": `Waveform with ${plural(row.marks.length, "mark")}` }) : null;
    const verdicts = Object.entries(row.norms ?? {}).map(([norm, worst]) => h("span", { class: `tag w${[0, 2, 3][worst]}`, title: `${norm}: ${["pass", "not measured", "fail"][worst]}` }, `${norm} ${["\u2713", "?", "\u2717"][worst]}`));
    const cells = this.shown.map((c) => {
      const x = row.values?.[c.at];
      const text = typeof x === "number" ? number(x, c.unit) : this.compare && row.states ? h("span", { class: "soft", title: row.states[c.at][0], "aria-label": row.states[c.at][0] }, "\u2013") : "";
      return h("td", { class: typeof x === "number" ? "n" : "n none", "data-name": c.group ? `${c.group} ${c.name}` : c.name }, text);
    });
    const file = h("td", { class: "file" }, severityMark(Math.min(row.level, 3), link), under ? h("div", { class: "labels", title: under }, under) : null);
    if (!opens) return h("tr", {}, file, h("td", { colspan: this.shown.length + 3 + Boolean(norms), class: "what" }, what));
    return h("tr", { onclick: (e) => !e.target.closest("a,button") && !getSelection().toString() && (location.hash = href) },
      file, h("td", { class: "strip" }, shape), h("td", { class: "what" }, what), norms ? h("td", {}, verdicts) : null, cells,
      h("td", { class: "n", "data-name": "length" }, row.duration === undefined ? "" : length(row.duration)));
  }

  /** The mean of each score over what is shown, by system if the list named any. */
  averages() {
    const key = this.rows.some((row) => row.labels.system) ? "system" : null;
    const groups = new Map();
    for (const row of this.list) {
      const name = (key && row.labels[key]) ?? "all";
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
    if (this.list.length < 2) return "";
    const cell = (rows, c) => {
      const values = rows.map((row) => row.values?.[c.at]).filter((x) => typeof x === "number");
      if (!values.length) return h("td", { class: "n soft" }, "\u2013");
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const span = `${number(Math.min(...values), c.unit)} to ${number(Math.max(...values), c.unit)}, ${values.length} of ${rows.length} scored`;
      return h("td", { class: "n", title: span }, number(mean, c.unit), values.length < rows.length ? h("span", { class: "soft small" }, ` (${values.length})`) : null);
    };
    return h("div", { class: "scroll" }, h("table", { class: "means" },
      h("caption", { class: "hidden-text" }, "Means"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, key ?? "Mean of"), h("th", { class: "n", scope: "col" }, "pairs"), this.shown.map((c) => h("th", { class: "n", scope: "col", title: c.doc }, c.name, h("span", {}, ` ${symbol(c.unit)}`))))),
      h("tbody", {}, [...groups].map(([name, rows]) => h("tr", {}, h("td", {}, h("b", {}, name)), h("td", { class: "n" }, rows.length), this.shown.map((c) => cell(rows, c)))))));
  }

  /** Moves the focus from line to line. */
  move(by) {
    const links = () => [...this.table.querySelectorAll("td.file a")];
    const at = links().indexOf(document.activeElement), to = at < 0 ? 0 : at + by;
    if (to >= this.made && !this.more()) return;
    const link = links()[Math.max(to, 0)];
    link?.focus({ preventScroll: true });
    link?.closest("tr").scrollIntoView({ block: "nearest" });
  }

  redraw() {
    for (const canvas of this.table.querySelectorAll("canvas")) if (canvas.getBoundingClientRect().top < innerHeight + 300) drawStrip(canvas, this.rows[canvas.dataset.row]);
    // The others are drawn anew when they come into sight.
    for (const canvas of this.table.querySelectorAll("canvas")) {
      this.strips.unobserve(canvas);
      this.strips.observe(canvas);
    }
  }
}
