// Elements and texts. Texts only ever become text nodes.

/** An element: h("td", { class: "n" }, "text", child...). */
const h = (tag, props, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

const SEVERITY = ["clean", "info", "warning", "error"];
const rank = (name) => SEVERITY.indexOf(name);
const plural = (n, thing, many) => `${n.toLocaleString("en")} ${n === 1 ? thing : many ?? thing + "s"}`;

/** A position: 0:01.230. */
const clock = (seconds, decimals = 3) => {
  const unit = 10 ** decimals, all = Math.round(Math.max(seconds, 0) * unit);
  const s = (all / unit) % 60, m = Math.floor(all / unit / 60), hours = Math.floor(m / 60);
  const rest = s.toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
  return hours ? `${hours}:${String(m % 60).padStart(2, "0")}:${rest}` : `${m}:${rest}`;
};

/** A length: 4.32 s, 3:20, 1:02:10. */
const length = (seconds) => (seconds < 60 ? `${seconds.toFixed(2)} s` : clock(seconds, 0));

/** A number with as many decimals as its unit deserves. */
const number = (x, unit) => {
  const { decimals = 3 } = index.catalogue.units[unit] ?? {};
  const whole = decimals === 3 && unit !== "s" && Number.isInteger(x);
  const text = x.toFixed(whole ? 0 : decimals);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace("-", "\u2212");
};
const symbol = (unit) => index.catalogue.units[unit]?.symbol ?? "";
const withUnit = (x, unit) => `${number(x, unit)} ${symbol(unit)}`.trim();

/** `momentary_max_lufs` for people: the unit is told beside it. */
const spoken = (field, unit) => {
  const ending = { full_scale: "_fs", count: "", rating: "", choice: "" }[unit] ?? "_" + unit;
  const bare = ending && field.endsWith(ending) && field.length > ending.length ? field.slice(0, -ending.length) : field;
  return bare.replaceAll("_", " ");
};

const severityMark = (level, text = SEVERITY[level]) => h("span", { class: `sev sev${level} t${level}` }, text);

/** A text near the pointer or a focused element. */
const tip = {
  show(text, x, y) {
    const box = document.getElementById("tip");
    box.textContent = text;
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    box.style.top = `${y + 20 + height > innerHeight ? y - height - 12 : y + 18}px`;
  },
  hide() {
    document.getElementById("tip").hidden = true;
  },
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
