// The page: which part is shown, and the keys.

let index, overview, detail;

const KEYS = [
  ["j k", "\u2193 \u2191: next and previous line, or finding"],
  ["Enter", "open the line"],
  ["/", "to the filter"],
  ["Space", "play, stop"],
  ["z", "zoom to the finding, and back"],
  ["+ - 0", "closer, farther, all of it"],
  ["r", "reference or degraded (pairs)"],
  ["n p", "next and previous file"],
  ["Esc", "back to the list; clear the filter"],
  ["?", "these keys"],
];

const help = () => {
  const dialog = document.getElementById("help");
  dialog.replaceChildren(h("h3", { id: "help-title" }, "Keys"),
    h("dl", { class: "keys" }, KEYS.flatMap(([keys, what]) => [h("dt", {}, keys.split(" ").flatMap((k, i) => (i ? [" ", h("kbd", {}, k)] : [h("kbd", {}, k)]))), h("dd", {}, what)])),
    h("p", { class: "soft small" }, "Ctrl or Shift with the wheel zooms at the pointer. A click into a picture plays from there, where the page has the audio."),
    h("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  dialog.showModal();
};

const theme = {
  names: ["system", "light", "dark"],
  name: "system",
  system: matchMedia("(prefers-color-scheme: dark)"),
  apply() {
    document.documentElement.dataset.theme = this.name === "system" ? (this.system.matches ? "dark" : "light") : this.name;
    document.getElementById("theme").textContent = `Theme: ${this.name}`;
    for (const redraw of pictures) redraw();
    if (overview?.element.isConnected) overview.redraw();
  },
};

const leave = () => {
  detail?.close();
  detail = null;
  pictures.clear();
  tip.hide();
};

let scrolled = 0, last = null;

const route = async () => {
  const main = document.getElementById("main"), crumb = document.getElementById("crumb");
  const [, wanted] = location.hash.match(/^#\/(\d+)$/) ?? [];
  const line = index.rows[wanted ?? (index.rows.length === 1 ? 0 : -1)];
  if (!line || line.problem !== undefined) {
    leave();
    crumb.textContent = "";
    document.title = "Otoscope report";
    main.replaceChildren(overview.element);
    overview.redraw();
    scrollTo(0, scrolled);
    if (last !== null) overview.table.querySelector(`a[href="#/${last}"]`)?.focus({ preventScroll: true });
    return;
  }
  if (overview.element.isConnected) scrolled = scrollY;
  last = line.index;
  const entry = await openEntry(line.index);
  leave();
  detail = index.kind === "compare" ? new PairDetail(line, entry) : new FileDetail(line, entry);
  const at = overview.list.indexOf(line), many = index.rows.length > 1;
  const beside = (by, text) => overview.list[at + by]?.problem === undefined && overview.list[at + by] && at >= 0 ? h("a", { href: `#/${overview.list[at + by].index}` }, text) : null;
  crumb.replaceChildren(...(many ? [h("a", { href: "#/" }, `\u2190 All ${index.kind === "compare" ? "pairs" : "files"}`), `\u2002${at >= 0 ? `${at + 1} of ${overview.list.length}` : ""}\u2002`, beside(-1, "previous") ?? "", "\u2002", beside(1, "next") ?? ""] : []));
  document.title = `${line.short} \u2013 Otoscope`;
  main.replaceChildren(detail.element);
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
};

const beside = (by) => {
  const line = overview.list[overview.list.findIndex((row) => row.index === detail.line.index) + by];
  if (line && line.problem === undefined) location.hash = `#/${line.index}`;
};

const onkey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("help").open) return;
  const { target, key } = event, typing = target.matches("input, select, textarea");
  if (key === "Escape") {
    if (detail && index.rows.length > 1) location.hash = "#/";
    else if (!detail && typing) target.blur();
    if (!detail) overview.clear();
    return;
  }
  if (typing && !(target.type === "search" && (key === "ArrowDown" || key === "Enter"))) return;
  const down = key === "j" || key === "ArrowDown", up = key === "k" || key === "ArrowUp";
  const act = key === "?" ? help
    : !detail ? (key === "/" ? () => overview.search.focus() : down || (typing && key === "Enter") ? () => overview.move(typing ? 0 : 1) : up ? () => overview.move(-1) : null)
    : {
      j: () => detail.move(1), k: () => detail.move(-1), n: () => beside(1), p: () => beside(-1), z: () => detail.closeUp(), "+": () => detail.view.zoom(0.5), "=": () => detail.view.zoom(0.5),
      "-": () => detail.view.zoom(2), 0: () => detail.view.show(0, detail.view.duration), r: () => detail.switch?.(detail.player.side === "reference" ? "degraded" : "reference"),
      " ": target.matches("button, a, summary") ? null : () => detail.toggle(),
      ArrowDown: detail.places.length && target.closest(".list, .rail") ? () => detail.move(1) : null, ArrowUp: detail.places.length && target.closest(".list, .rail") ? () => detail.move(-1) : null,
    }[key];
  if (!act) return;
  event.preventDefault();
  act();
};

const start = async () => {
  theme.apply();
  theme.system.addEventListener("change", () => theme.apply());
  document.getElementById("theme").addEventListener("click", () => {
    theme.name = theme.names[(theme.names.indexOf(theme.name) + 1) % 3];
    theme.apply();
  });
  document.getElementById("keys").addEventListener("click", help);
  index = parse(await unpack("index"));
  overview = new Overview();
  addEventListener("hashchange", route);
  addEventListener("keydown", onkey);
  await route();
  document.documentElement.dataset.ready = "true";
};

start();
