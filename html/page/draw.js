// Pictures over time. All tracks of a stage share one view: what is above each other happens at the same time.

const GUTTER = 56, MARGIN = 12;

/** The stretch of time that is shown, and how it lies on the screen. */
class View {
  constructor(duration) {
    this.duration = Math.max(duration, 1e-3);
    this.show(0, this.duration);
  }
  get span() {
    return this.to - this.from;
  }
  get whole() {
    return this.span >= this.duration * 0.999;
  }
  show(from, to) {
    const span = Math.min(Math.max(to - from, 0.002), this.duration);
    this.from = Math.min(Math.max(from, 0), this.duration - span);
    this.to = this.from + span;
    this.changed?.();
  }
  zoom(factor, at = (this.from + this.to) / 2) {
    const part = (at - this.from) / this.span, span = this.span * factor;
    this.show(at - part * span, at + (1 - part) * span);
  }
  x(t, width) {
    return GUTTER + ((t - this.from) / this.span) * (width - GUTTER - MARGIN);
  }
  t(x, width) {
    return this.from + ((x - GUTTER) / (width - GUTTER - MARGIN)) * this.span;
  }
}

/** Round steps for an axis with at most `most` of them. */
const step = (span, most) => {
  const raw = span / Math.max(most, 1), size = 10 ** Math.floor(Math.log10(raw));
  return size * [1, 2, 5, 10].find((k) => k * size >= raw * 0.999);
};

const label = (ctx, text, y, height) => {
  ctx.fillStyle = colour("soft");
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText(text, GUTTER - 7, Math.min(Math.max(y, 8), height - 8));
};

const rule = (ctx, y, width, strong) => {
  ctx.strokeStyle = colour("line");
  ctx.setLineDash(strong ? [] : [2, 4]);
  ctx.beginPath();
  ctx.moveTo(GUTTER, Math.round(y) + 0.5);
  ctx.lineTo(width - MARGIN, Math.round(y) + 0.5);
  ctx.stroke();
  ctx.setLineDash([]);
};

/** Seconds along the foot of a stage. */
const timeTrack = () => ({
  height: 26,
  draw(ctx, view, width) {
    const every = step(view.span, Math.max(3, (width - GUTTER) / 90));
    const decimals = Math.max(0, Math.min(4, -Math.floor(Math.log10(every) + 1e-9)));
    ctx.fillStyle = colour("soft");
    ctx.textBaseline = "middle";
    for (let t = Math.ceil(view.from / every - 1e-9) * every; t <= view.to + every * 1e-6; t += every) {
      const x = view.x(t, width), text = view.duration < 60 ? `${t.toFixed(decimals)}` : clock(t, decimals);
      ctx.textAlign = x > width - 40 ? "right" : "center";
      ctx.fillText(text, Math.min(x, width - MARGIN), 14);
      ctx.fillRect(Math.round(x), 0, 1, 5);
    }
    ctx.textAlign = "right";
    ctx.fillText(view.duration < 60 ? "s" : "min:s", GUTTER - 22, 14);
  },
});

/** The largest amplitude of an envelope between two of its columns, as a round number at or above it. */
const amplitude = (wave, first = 0, last = Infinity) => {
  let peak = 0;
  for (let i = 2 * Math.max(first, 0); i < Math.min(2 * last, wave.columns.length); i++) peak = Math.max(peak, Math.abs(wave.columns[i]));
  return [0.02, 0.05, 0.1, 0.2, 0.5, 1].find((top) => peak / 127 <= top) ?? 1;
};

/** What a waveform's scale must reach in a view, for signals that share it: [[wave, rate]...]. */
const sharedAmplitude = (waves) => (view) =>
  Math.max(...waves.map(([wave, rate]) => amplitude(wave, Math.floor((view.from * rate) / wave.step), Math.ceil((view.to * rate) / wave.step))));

/** A waveform: columns of lowest and highest, and the samples themselves where there is audio and the view is close enough. */
const waveTrack = (name, wave, rate, amplitudes, height, clips) => ({
  height,
  name,
  draw(ctx, view, width) {
    const top = amplitudes(view);
    const middle = height / 2, scale = (height / 2 - 6) / top, seconds = wave.step / rate;
    for (const level of [top, -top]) rule(ctx, middle - level * scale, width);
    rule(ctx, middle, width, true);
    label(ctx, String(top), middle - top * scale, height);
    label(ctx, "0", middle, height);
    label(ctx, "\u2212" + top, middle + top * scale, height);
    ctx.fillStyle = ctx.strokeStyle = colour("wave");
    const count = wave.columns.length / 2;
    for (let x = GUTTER; x < width - MARGIN; x++) {
      let i = Math.floor(view.t(x, width) / seconds), low = 127, high = -127;
      const end = Math.max(i + 1, Math.floor(view.t(x + 1, width) / seconds));
      for (i = Math.max(i, 0); i < Math.min(end, count); i++) {
        low = Math.min(low, wave.columns[2 * i]);
        high = Math.max(high, wave.columns[2 * i + 1]);
      }
      if (high < low) continue;
      const up = middle - (high / 127) * scale, down = middle - (low / 127) * scale;
      ctx.fillRect(x, up - 0.5, 1, Math.max(down - up, 0) + 1);
    }
    this.fine = false;
    for (const clip of clips?.() ?? []) {
      const perPixel = (view.span / (width - GUTTER - MARGIN)) * clip.rate;
      if (perPixel < wave.step) this.fine = drawSamples(ctx, view, width, middle, scale, clip, perPixel) || this.fine;
    }
  },
});

const drawSamples = (ctx, view, width, middle, scale, { samples, channels, rate, start, len }, perPixel) => {
  const first = Math.max(0, Math.floor(view.from * rate) - start - 1);
  const last = Math.min(len - 1, Math.ceil(view.to * rate) - start + 1);
  if (last <= first) return false;
  const left = Math.max(GUTTER, view.x((start + first) / rate, width));
  const right = Math.min(width - MARGIN, view.x((start + last) / rate, width));
  ctx.clearRect(left, 0, right - left, middle * 2);
  const y = (n, c) => middle - (samples[n * channels + c] / 32768) * scale;
  ctx.save();
  ctx.beginPath();
  ctx.rect(GUTTER, 0, width - GUTTER - MARGIN, middle * 2);
  ctx.clip();
  for (const level of [1, 0, -1]) rule(ctx, middle + level * (middle - 6), width, !level);
  ctx.fillStyle = ctx.strokeStyle = colour("wave");
  ctx.lineWidth = 1.25;
  for (let c = 0; c < channels; c++) {
    ctx.globalAlpha = c ? 0.5 : 1;
    ctx.beginPath();
    for (let n = first; n <= last; n++) ctx.lineTo(view.x((start + n) / rate, width), y(n, c));
    ctx.stroke();
    if (perPixel < 0.2) {
      for (let n = first; n <= last; n++) ctx.fillRect(view.x((start + n) / rate, width) - 1.5, y(n, c) - 1.5, 3, 3);
    }
  }
  ctx.restore();
  return true;
};

/** From quiet to loud, on light and on dark paper. */
const HEAT = {
  light: [[255, 255, 255], [206, 221, 238], [117, 160, 207], [58, 84, 150], [45, 26, 80], [12, 6, 26]],
  dark: [[18, 21, 26], [38, 30, 80], [110, 40, 120], [200, 70, 95], [248, 160, 80], [255, 245, 200]],
};

const spectrumTrack = (name, spectrum, rate, height) => {
  const { rows, step: samples, floor_db: floor, step_db: stepDb, levels } = spectrum, columns = levels.length / rows;
  let loudest = 0;
  for (const level of levels) loudest = Math.max(loudest, level);
  const top = Math.ceil((floor + loudest * stepDb) / 5) * 5, bottom = Math.max(floor, top - 80);
  let picture, made;
  const paint = () => {
    const theme = document.documentElement.dataset.theme;
    if (picture && made === theme) return picture;
    made = theme;
    picture = new OffscreenCanvas(Math.max(columns, 1), rows);
    const ctx = picture.getContext("2d"), image = ctx.createImageData(picture.width, rows), heat = HEAT[theme];
    const colours = Array.from({ length: 256 }, (_, level) => {
      const part = Math.min(Math.max((floor + level * stepDb - bottom) / (top - bottom), 0), 1) * (heat.length - 1);
      const i = Math.min(Math.floor(part), heat.length - 2);
      return heat[i].map((a, k) => a + (heat[i + 1][k] - a) * (part - i));
    });
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = 4 * ((rows - 1 - row) * columns + column);
        image.data.set(colours[levels[row * columns + column]], at);
        image.data[at + 3] = 255;
      }
    }
    ctx.putImageData(image, 0, 0);
    return picture;
  };
  const mel = (hz) => Math.log10(1 + hz / 700);
  return {
    height,
    name: `${name ? name + ": spectrogram" : "Spectrogram"}, ${bottom} to ${top} dBFS`.replaceAll("-", "\u2212"),
    draw(ctx, view, width) {
      const from = view.x(0, width), to = view.x((columns * samples) / rate, width);
      ctx.save();
      ctx.beginPath();
      ctx.rect(GUTTER, 0, width - GUTTER - MARGIN, height);
      ctx.clip();
      if (columns) ctx.drawImage(paint(), from, 0, to - from, height);
      ctx.restore();
      let free = height + 20;
      for (const hz of [100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000]) {
        const y = height * (1 - mel(hz) / mel(rate / 2));
        if (hz > rate / 2 || free - y < 17 || y < 6) continue;
        label(ctx, hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`, y, height);
        ctx.fillRect(GUTTER - 4, Math.round(y), 4, 1);
        free = y;
      }
    },
  };
};

/** Courses of one unit: [{ name, points: [[t, value or null]...], step }]. */
const curveTrack = (unit, courses, { floor, zero, height = 110 } = {}) => {
  const all = courses.flatMap((c) => c.points.map(([, y]) => y)).filter((y) => y !== null);
  let high = Math.max(...all), low = zero ? 0 : Math.min(...all);
  if (floor !== undefined) low = Math.max(low, high - floor);
  const every = step(Math.max(high - low, 1e-6), 4);
  high = Math.ceil(high / every + 0.05) * every;
  low = Math.floor(low / every) * every;
  return {
    height,
    legend: courses.map((c) => c.name),
    unit: symbol(unit),
    draw(ctx, view, width) {
      const y = (value) => 6 + (1 - (Math.max(value, low) - low) / (high - low)) * (height - 12);
      for (let k = Math.round(low / every); k * every <= high + every / 2; k++) {
        rule(ctx, y(k * every), width);
        label(ctx, String(+(k * every).toPrecision(6)).replace("-", "\u2212"), y(k * every), height);
      }
      ctx.save();
      ctx.beginPath();
      ctx.rect(GUTTER, 0, width - GUTTER - MARGIN, height);
      ctx.clip();
      courses.forEach(({ points }, i) => {
        ctx.strokeStyle = colour(`series-${(i % 4) + 1}`);
        ctx.lineWidth = 1.75;
        ctx.lineJoin = "round";
        ctx.beginPath();
        let pen = false;
        for (const [t, value] of points) {
          if (value !== null) ctx[pen ? "lineTo" : "moveTo"](view.x(t, width), y(value));
          pen = value !== null;
        }
        ctx.stroke();
      });
      ctx.restore();
    },
  };
};

/** Stretches of time with a text each: [{ from, to, text }]. */
const laneTrack = (name, stretches) => ({
  height: 44,
  name,
  stretches,
  draw(ctx, view, width) {
    for (const { from, to, text } of stretches) {
      const left = Math.max(view.x(from, width), GUTTER), right = Math.min(view.x(to, width), width - MARGIN);
      if (right < left) continue;
      ctx.fillStyle = colour("wave-soft");
      ctx.fillRect(left, 22, Math.max(right - left - 1, 2), 18);
      if (ctx.measureText(text).width + 8 > right - left) continue;
      ctx.fillStyle = colour("ink");
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillText(text, left + 5, 31.5);
    }
  },
});

/** Pictures on the page, to be drawn anew when the theme or the width changes. */
const pictures = new Set();

/**
 * Tracks under each other, a rail of marks above them.
 * `marks`: [{ from, to, level, text }]; `onpick(i)` when one is chosen, `onseek(t)` when a place is.
 */
const stage = (view, tracks, marks, { onpick, onseek, bands = [] }) => {
  // More flags than this would only hide each other; the bands below show all.
  const flagged = marks.map((mark, i) => [mark, i]).sort(([a], [b]) => b.level - a.level).slice(0, 400);
  const flags = flagged.map(([mark, i]) => {
    const show = (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      tip.show(mark.text, box.left, box.top);
    };
    const flag = h("button", {
      type: "button", class: `flag s${mark.level}`, tabindex: -1, "aria-label": mark.text,
      onclick: () => onpick(i), onmouseenter: show, onfocus: show, onmouseleave: tip.hide, onblur: tip.hide,
    });
    return { flag, mark, i };
  });
  // One stop for the tab key; arrows go on from there.
  const inTime = [...flags].sort((a, b) => a.mark.from - b.mark.from);
  if (inTime.length) inTime[0].flag.tabIndex = 0;
  const rail = h("div", { class: "rail", role: "toolbar", "aria-label": "Findings in order of time" }, inTime.map((f) => f.flag));
  rail.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key], at = inTime.findIndex((f) => f.flag === document.activeElement);
    if (!move || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    inTime[Math.min(Math.max(at + move, 0), inTime.length - 1)].flag.focus();
  });
  const head = h("div", { class: "head", hidden: true });
  let playhead = null, chosen = -1;
  const parts = tracks.map((track) => {
    const canvas = h("canvas", { "aria-hidden": "true", style: `height:${track.height}px` });
    const legend = track.legend?.map((name, i) => h("i", { style: `color:var(--series-${(i % 4) + 1})` }, "\u25ac ", name)) ?? [];
    const name = [track.name ?? "", ...legend, track.unit ? h("i", {}, track.unit) : null];
    const title = track.name || track.legend ? h("div", { class: "name" }, name) : null;
    canvas.addEventListener("click", (event) => onseek(view.t(event.offsetX, canvas.clientWidth)));
    canvas.addEventListener("mousemove", (event) => {
      const width = canvas.clientWidth, t = view.t(event.offsetX, width);
      if (t < view.from || t > view.to) return tip.hide();
      const near = (6 / width) * view.span;
      const here = [...(track.stretches ?? []), ...marks].filter((m) => t >= m.from - near && t <= m.to + near);
      here.sort((a, b) => (b.level ?? 0) - (a.level ?? 0));
      const more = here.length > 3 ? [`and ${here.length - 3} more`] : [];
      const texts = here.slice(0, 3).map((m) => m.long ?? m.text);
      tip.show([clock(t), ...texts, ...more].join(" \u00b7 "), event.clientX, event.clientY);
    });
    canvas.addEventListener("mouseleave", tip.hide);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      view.zoom(event.deltaY + event.deltaX > 0 ? 1.25 : 0.8, view.t(event.offsetX, canvas.clientWidth));
    }, { passive: false });
    return { track, canvas, element: h("div", { class: "track" }, canvas, title) };
  });
  const element = h("div", { class: "stage" }, marks.length ? rail : null, parts.map((p) => p.element), head);
  const place = () => {
    const width = element.clientWidth;
    if (!width) return;
    for (const { flag, mark } of flags) {
      const left = view.x(mark.from, width), right = view.x(mark.to, width);
      flag.hidden = right < GUTTER - 1 || left > width - MARGIN + 1;
      const begin = Math.max(left, GUTTER), wide = Math.max(Math.min(right, width - MARGIN) - begin, 9);
      flag.style.left = `${Math.min(right - left < 9 ? begin - 4.5 : begin, width - wide - 2)}px`;
      flag.style.width = `${wide}px`;
    }
    const x = playhead === null ? -1 : view.x(playhead, width);
    head.hidden = x < GUTTER - 1 || x > width - MARGIN + 1;
    head.style.left = `${x}px`;
  };
  const draw = () => {
    const width = element.clientWidth;
    if (!width) return;
    for (const { track, canvas } of parts) {
      const ratio = devicePixelRatio || 1;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(track.height * ratio);
      const ctx = canvas.getContext("2d");
      ctx.scale(ratio, ratio);
      ctx.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
      ctx.lineWidth = 1;
      track.draw(ctx, view, width);
      if (track.height < 30) continue;
      // Seen from near, a mark must not hide the sample it is about.
      ctx.globalCompositeOperation = track.fine ? "destination-over" : "source-over";
      const band = (mark, strong) => {
        const left = Math.max(view.x(mark.from, width), GUTTER), right = Math.min(view.x(mark.to, width), width - MARGIN);
        if (right < left - 1) return;
        ctx.fillStyle = colour(`${SEVERITY[mark.level]}-fill`);
        ctx.globalAlpha = strong ? 0.32 : 0.15;
        const beside = right - left < 6 ? 3 : 0;
        if (track.fine) return ctx.fillRect(left - beside, 0, right - left + 2 * beside, track.height);
        ctx.fillRect(left, 0, Math.max(right - left, 1), track.height);
        ctx.globalAlpha = strong ? 1 : 0.55;
        ctx.fillRect(left, 0, strong ? 2 : 1, track.height);
        ctx.globalAlpha = 1;
      };
      bands.forEach((mark) => band(mark, false));
      marks.forEach((mark, i) => band(mark, i === chosen));
      ctx.globalAlpha = 1;
    }
    place();
  };
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
  view.changed = redraw;
  pictures.add(redraw);
  new ResizeObserver(redraw).observe(element);
  return {
    element,
    redraw,
    choose(i) {
      chosen = i;
      for (const f of flags) f.flag.toggleAttribute("aria-current", false);
      flags.find((f) => f.i === i)?.flag.setAttribute("aria-current", "true");
      redraw();
    },
    playhead(t) {
      playhead = t;
      place();
    },
  };
};

/** One line's waveform with its marks. */
const drawStrip = (canvas, row) => {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const n = row.strip.length, body = height - 6;
  ctx.fillStyle = colour("wave");
  for (let i = 0; i < n; i++) {
    // Compressed, so that a quiet voice is still seen.
    const part = ((row.strip.charCodeAt(i) - 48) / 63) ** 0.7, tall = Math.max(part * body, 1);
    ctx.fillRect((i / n) * width, (body - tall) / 2, Math.max(width / n - 0.4, 0.6), tall);
  }
  for (const [from, to, level] of [...row.marks].sort((a, b) => a[2] - b[2])) {
    const wide = Math.max((to - from) * width, 3), left = Math.min(Math.max(from * width - 1, 0), width - wide);
    ctx.fillStyle = colour(`${SEVERITY[level]}-fill`);
    ctx.globalAlpha = 0.22;
    ctx.fillRect(left, 0, wide, body);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, height - 4, wide, 4);
  }
};
