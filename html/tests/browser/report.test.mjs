// Reports as people use them: opened from a file in a real browser, without a network, with mouse and keys: `make test-html-browser`.
// With SCREENSHOTS=FOLDER there is a picture of how each test ended.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const { OTOSCOPE, SPEECH, SCREENSHOTS } = process.env;
const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const CLIPS = ["en_flite_kal", "en_piper_joe_1", "ja_kokoro_alpha", "it_human"];
const FAULTS = ["click_free", "gap", "clip", "wrap"];
const NASTY = "<img src=x onerror=alert(1)>\"'&.wav";

let folder, browser, page, problems, report, findings;

const otoscope = (...args) => {
  try {
    return execFileSync(OTOSCOPE, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
  } catch (error) {
    // 2 means that a file could not be read: one of them cannot.
    if (error.status === 2 && args.includes("--html")) return error.stdout;
    throw new Error(`otoscope ${args.join(" ")}: ${error.stderr}`);
  }
};

/** A WAV file of the samples `from` to `to` of another. */
const cut = (wav, from, to) => {
  const data = wav.indexOf("data") + 8, samples = wav.subarray(data + 2 * from, data + 2 * to), head = Buffer.from(wav.subarray(0, data));
  head.writeUInt32LE(head.length - 8 + samples.length, 4);
  head.writeUInt32LE(samples.length, data - 4);
  return Buffer.concat([head, samples]);
};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "otoscope-html-"));
  const takes = join(folder, "takes"), many = join(folder, "many"), damaged = [];
  for (const [i, clip] of CLIPS.entries()) {
    mkdirSync(join(takes, clip), { recursive: true });
    writeFileSync(join(takes, clip, "clean.flac"), readFileSync(join(SPEECH, `${clip}.flac`)));
    for (const fault of FAULTS) {
      const out = join(takes, clip, `${fault}.wav`);
      otoscope("inject", fault, join(SPEECH, `${clip}.flac`), out, "--seed", String(i + 1), "--truth", join(folder, "truth.json"));
      damaged.push(readFileSync(out));
    }
  }
  writeFileSync(join(takes, NASTY), damaged[1]);
  writeFileSync(join(takes, "broken.wav"), "not audio");
  const html = (name) => join(folder, `${name}.html`);
  otoscope("probe", takes, "--quiet", "--norm", "spotify,acx", "--label", "</script><b>=\"'><img src=x onerror=alert(2)>", "--html", html("takes"));
  const gap = join(takes, CLIPS[1], "gap.wav");
  report = JSON.parse(otoscope("probe", gap, "--metrics", "+mos", "--json"));
  findings = report.findings;
  otoscope("probe", gap, "--metrics", "+mos", "--quiet", "--html", html("file"));
  otoscope("compare", join(takes, CLIPS[1], "clean.flac"), gap, "--quiet", "--html", html("pair"));
  const list = FAULTS.map((fault) => `${join(takes, CLIPS[1], "clean.flac")},${join(takes, CLIPS[1], `${fault}.wav`)},${fault}`);
  writeFileSync(join(folder, "pairs.csv"), ["ref,deg,system", ...list].join("\n"));
  otoscope("compare", "--pairs", join(folder, "pairs.csv"), "--quiet", "--metrics", "pesq_nb,stoi", "--html", html("pairs"));
  for (let i = 0; i < 1000; i++) {
    const wav = damaged[i % damaged.length], samples = (wav.length - 44) / 2, from = Math.floor((samples - 30_000) * ((i * 0.618) % 1));
    const voice = join(many, `voice${i % 10}`);
    mkdirSync(voice, { recursive: true });
    writeFileSync(join(voice, `${String(i).padStart(4, "0")}.wav`), cut(wav, from, from + 30_000));
  }
  otoscope("probe", many, "--quiet", "--html", html("many"));
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args });
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  await context.setOffline(true);
  page = await context.newPage();
  problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => (problems.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => /^(file|blob|data):/.test(request.url()) || problems.push(`request: ${request.url()}`));
});

afterEach(async (t) => {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${t.name.replaceAll(/\W+/g, "_")}.png`) });
  const seen = problems;
  await page.context().close();
  assert.deepEqual(seen, []);
});

const open = async (name, hash = "") => {
  await page.goto(pathToFileURL(join(folder, `${name}.html`)).href + hash);
  await page.waitForSelector("html[data-ready]");
};
const lines = () => page.locator(".files tbody tr");
const names = () => page.locator(".files td.file a").allTextContents();
const focused = () => page.evaluate(() => document.activeElement.textContent);

/** The least contrast between a text and what is behind it, over everything that is to be read. */
const contrast = () => page.evaluate(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4).reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 128) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility() || element.matches("script, option, :disabled")) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, element.outerHTML.slice(0, 120)];
  }
  return worst;
});

test("all files, worst first, in light and dark, readable in both", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const name of ["takes", "file", "pair", "pairs"]) {
      await open(name);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      const [ratio, where] = await contrast();
      // WCAG 2.1, 1.4.3: 4.5 to 1.
      assert.ok(ratio >= 4.5, `${name}, ${colorScheme}: ${ratio.toFixed(2)} at ${where}`);
    }
  }
  await open("takes");
  const marks = await page.locator(".files td.file > .sev").evaluateAll((all) => all.map((e) => Number(e.className.match(/sev(\d)/)[1])));
  assert.equal(marks.length, CLIPS.length * (FAULTS.length + 1) + 2);
  assert.deepEqual(marks, [...marks].sort((a, b) => b - a));
  assert.equal((await names())[0], "broken.wav", "what could not be read is first");
  await page.click("#theme");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light", "system, then light");
});

test("columns sort both ways, and say so", async () => {
  await open("takes");
  const column = () => page.locator(".files tbody tr td:last-child").allTextContents();
  const seconds = (texts) => texts.filter((t) => t.endsWith(" s")).map(parseFloat);
  for (const [way, sign] of [["descending", -1], ["ascending", 1]]) {
    await page.click(".files [data-sort=duration]");
    assert.equal(await page.locator(".files th:last-child").getAttribute("aria-sort"), way);
    const got = seconds(await column());
    assert.ok(got.length > 10 && new Set(got).size > 1);
    assert.deepEqual(got, [...got].sort((a, b) => sign * (a - b)));
  }
  await page.click(".files [data-sort=file]");
  const got = await names();
  assert.deepEqual(got, [...got].sort((a, b) => a.localeCompare(b, "en", { numeric: true })));
  assert.equal(await focused(), "File", "the focus stays where it was");
});

test("text, kind, severity, folder and norm filter; Esc shows all again", async () => {
  await open("takes");
  const all = await lines().count();
  await page.keyboard.press("/");
  await page.keyboard.type("piper gap");
  assert.deepEqual(await names(), ["en_piper_joe_1/gap.wav"]);
  await page.keyboard.press("Escape");
  assert.equal(await lines().count(), all);
  await page.click("[data-kind='wrap.wrap']");
  assert.ok((await names()).length > 0 && (await lines().count()) < all);
  for (const text of await page.locator(".files td.what").allTextContents()) assert.match(text, /wrap\.wrap/);
  await page.keyboard.press("Escape");
  await page.selectOption("select[aria-label='Folders: all']", "it_human");
  assert.equal(await lines().count(), FAULTS.length + 1);
  for (const name of await names()) assert.match(name, /^it_human\//);
  await page.keyboard.press("Escape");
  await page.click("[data-level='4']");
  assert.deepEqual(await names(), ["broken.wav"]);
  await page.keyboard.press("Escape");
  await page.selectOption("select[aria-label='Norms: all']", "spotify 2");
  assert.ok((await lines().count()) > 0);
  await page.keyboard.press("/");
  await page.keyboard.type("there is no such thing");
  assert.match(await page.textContent("main"), /Nothing matches/);
});

test("everything goes by keys", async () => {
  await open("takes");
  const order = await names();
  await page.keyboard.press("j");
  assert.equal(await focused(), order[0]);
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("k");
  assert.equal(await focused(), order[1]);
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, "none", "the focus is seen");
  await page.keyboard.press("Enter");
  await page.waitForSelector("article h1");
  assert.equal(await page.textContent("article h1"), order[1]);
  await page.keyboard.press("n");
  await page.waitForFunction((name) => document.querySelector("article h1")?.textContent === name, order[2]);
  await page.keyboard.press("Escape");
  await page.waitForSelector(".files");
  assert.equal(await focused(), order[2], "back at the line one came from");
  await page.keyboard.press("?");
  assert.ok(await page.locator("#help").isVisible());
  await page.keyboard.press("Escape");
  assert.ok(!(await page.locator("#help").isVisible()));
  // No line that could not be read opens.
  await page.locator(".files td.file a").first().focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("article").count(), 0);
});

test("a file shows its pictures, findings and values", async () => {
  await open("file");
  assert.ok(findings.length > 0);
  const rows = page.locator("section[aria-labelledby=findings] tbody tr");
  assert.equal(await rows.count(), findings.length);
  for (const [i, f] of findings.entries()) assert.ok((await rows.nth(i).textContent()).includes(f.message), f.message);
  await page.waitForFunction(() => [...document.querySelectorAll(".track canvas")].every((canvas) => canvas.width > 300));
  const colours = await page.locator(".track canvas").evaluateAll((all) => all.map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  }));
  assert.equal(colours.length, 4, "waveform, spectrogram, loudness, time");
  assert.ok(colours.every((n) => n > 3) && colours[1] > 50, `something is drawn: ${colours}`);
  const flag = page.locator(".flag").first();
  assert.equal(await page.locator(".flag").count(), findings.length);
  await flag.hover();
  assert.ok((await page.textContent("#tip")).length > 10 && (await page.locator("#tip").isVisible()));
  await page.mouse.move(5, 5);
  assert.ok(!(await page.locator("#tip").isVisible()));
  await flag.focus();
  assert.ok(await page.locator("#tip").isVisible(), "and for those without a mouse");
  const shown = await page.locator("section[aria-labelledby=values] tbody tr").evaluateAll((all) => Object.fromEntries(all.map((tr) => [tr.cells[0].title, [...tr.cells].map((td) => td.textContent)])));
  let numbers = 0;
  for (const [metric, fields] of Object.entries(report.metrics)) {
    for (const [field, value] of Object.entries(fields)) {
      if (typeof value !== "number") continue;
      const text = shown[`${metric}.${field}`][1].replace("\u2212", "-"), decimals = text.split(".")[1]?.length ?? 0;
      assert.ok(Math.abs(Number(text) - value) <= 0.501 * 10 ** -decimals, `${metric}.${field}: ${text} for ${value}`);
      numbers++;
    }
  }
  assert.ok(numbers > 50);
  for (const [key, why] of Object.entries(report.undefined)) assert.ok(shown[key][3].includes(why), `${key}: ${why}`);
  assert.equal(shown["loudness.integrated_lufs"][2], "LUFS");
  const { capped_mos: capped, predicted_mos: predicted, limits: [limit] } = report.quality;
  assert.ok(capped < predicted && limit.lowers_mos > 0, JSON.stringify(report.quality));
  const told = await page.textContent("p.quality"), { metric, kind } = limit.worst;
  assert.ok(told.startsWith(`Quality ${capped.toFixed(2)} of 5`), told);
  assert.ok(told.includes(`${predicted.toFixed(2)} is predicted, but ${limit.cause} caps it at ${limit.cap_mos.toFixed(2)} (${metric}.${kind} at `), told);
});

const playing = () => page.evaluate(() => document.querySelector("audio").currentTime);

test("a finding is heard, and a click into the waveform plays from there", async () => {
  await open("file");
  await page.locator("section[aria-labelledby=findings] button.play").first().click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.1, null, { timeout: 10_000 });
  const first = await playing();
  await page.waitForFunction((t) => document.querySelector("audio").currentTime > t + 0.1, first, { timeout: 10_000 });
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector("audio").paused);
  const [finding] = findings, duration = report.stream.duration_s;
  const wave = page.locator(".track canvas").first(), { width } = await wave.boundingBox();
  // 56 pixels before the time axis, 12 after it.
  await wave.click({ position: { x: 56 + ((finding.start_s - 0.2) / duration) * (width - 68), y: 60 } });
  await page.waitForFunction(() => !document.querySelector("audio").paused, null, { timeout: 10_000 });
  assert.ok(!(await page.locator(".stage .head").isHidden()), "the place is marked");
  const flag = async () => (await page.locator(".flag[aria-current=true]").boundingBox()).width;
  await page.locator("section[aria-labelledby=findings] tbody tr", { hasText: "dropout.hole" }).click();
  const far = await flag();
  await page.keyboard.press("z");
  await page.waitForFunction((far) => document.querySelector(".flag[aria-current=true]").getBoundingClientRect().width > 10 * far, far);
  await page.keyboard.press("0");
  await page.waitForFunction((far) => document.querySelector(".flag[aria-current=true]").getBoundingClientRect().width === far, far);
});

test("a name is a name, whatever is in it", async () => {
  await open("takes");
  assert.ok((await names()).includes(NASTY));
  assert.equal(await page.locator("img, main script, main b b").count(), 0);
  await page.locator(".files td.file a", { hasText: "<img" }).click();
  await page.waitForSelector("article h1");
  assert.equal(await page.textContent("article h1"), NASTY);
  assert.match(await page.textContent("article .meta"), /<\/script><b> = "'><img src=x onerror=alert\(2\)>/);
  assert.equal(await page.locator("img, main script").count(), 0);
});

test("a pair shows where it differs, and both sides are heard", async () => {
  await open("pair");
  const text = await page.textContent("main");
  for (const part of ["pesq_nb", "disturbance", "utterances", "Definition", "Provenance"]) assert.ok(text.includes(part), part);
  const buttons = page.locator("section[aria-labelledby=places] button.play");
  assert.ok((await buttons.count()) >= 2);
  await buttons.first().click();
  await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.1, null, { timeout: 10_000 });
  assert.equal(await page.locator("[data-side=reference]").getAttribute("aria-pressed"), "true");
  await page.keyboard.press("r");
  assert.equal(await page.locator("[data-side=degraded]").getAttribute("aria-pressed"), "true");
  await open("pairs");
  assert.equal(await lines().count(), FAULTS.length);
  assert.equal(await page.locator(".means tbody tr").count(), FAULTS.length, "a mean for each system");
});

test("a telephone shows all of it, without scrolling sideways", async () => {
  await page.setViewportSize({ width: 400, height: 860 });
  for (const name of ["takes", "file", "pair", "pairs"]) {
    await open(name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 400, `${name}: ${wide} pixels`);
  }
});

test("a thousand files", async (t) => {
  const begun = performance.now();
  await open("many");
  const ready = performance.now() - begun;
  assert.ok((await lines().count()) < 1000, "what is not in sight is not made");
  const timed = async (act) => {
    const start = performance.now();
    await act();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))));
    return (performance.now() - start).toFixed(0);
  };
  const sort = await timed(() => page.click(".files [data-sort=duration]"));
  const filter = await timed(() => page.fill(".tools input", "voice3"));
  assert.match(await page.textContent(".tools [role=status]"), /^100 of 1,000 shown$/);
  await page.fill(".tools input", "");
  for (let i = 0; i < 40 && (await lines().count()) < 1000; i++) {
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForTimeout(50);
  }
  assert.equal(await lines().count(), 1000);
  const opened = await timed(async () => {
    await page.locator(".files td.file a").last().click();
    await page.waitForSelector("article h1");
  });
  assert.match(await page.textContent("article header"), /ending\.cut/);
  assert.ok(await page.locator("button.main").isEnabled(), "a finding at the very end can be heard");
  const mb = readFileSync(join(folder, "many.html")).length / 1e6;
  t.diagnostic(`1,000 files, ${mb.toFixed(1)} MB: ready after ${ready.toFixed(0)} ms, sort ${sort} ms, filter ${filter} ms, open ${opened} ms`);
});
