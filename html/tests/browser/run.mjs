// The report in a real browser: `make test-html-browser`.
//
//     node run.mjs OTOSCOPE WORK [--screenshots]
//
// Makes reports of the committed speech with known faults, opens them from file:// with the network cut off, and does what people do: sorts,
// filters, opens a file, presses keys, listens to a finding. Prints what failed and `N passed, N failed`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [otoscope, folder, ...options] = process.argv.slice(2);
const work = resolve(folder);
const speech = resolve(process.env.SPEECH ?? join(dirname(fileURLToPath(import.meta.url)), "../../../fixtures/speech"));
const run = (...args) => execFileSync(resolve(otoscope), args, { stdio: ["ignore", "pipe", "inherit"] });

// Takes: clean ones, four with faults, one with a name that would be a script if it were not escaped, one that is no audio.
rmSync(work, { recursive: true, force: true });
const takes = join(work, "takes");
mkdirSync(takes, { recursive: true });
const clips = readdirSync(speech).filter((name) => name.endsWith(".flac"));
for (const clip of clips) copyFileSync(join(speech, clip), join(takes, clip));
const HOSTILE = `<img src=x onerror="window.hacked=1">'&amp;.flac`;
copyFileSync(join(speech, clips[0]), join(takes, HOSTILE));
for (const [fault, clip] of [["gap", "ru_human"], ["click_free", "it_human"], ["clip", "en_flite_slt"], ["silence", "ja_kokoro_alpha"]]) {
  run("inject", fault, join(speech, `${clip}.flac`), join(takes, `bad_${fault}.wav`), "--truth", join(work, "truth.json"));
}
const LABEL = `</script><script>window.hacked=2</script>`;
run("probe", takes, "--html", join(work, "probe.html"), "--norm", "spotify", "--label", `voice=${LABEL}`, "--quiet");
const noisy = join(takes, "bad_gap.wav");
run("compare", join(speech, "ru_human.flac"), noisy, "--html", join(work, "pair.html"), "--quiet");
const many = join(work, "many");
mkdirSync(many);
for (let i = 0; i < 1000; i++) symlinkSync(join(takes, i % 50 ? clips[i % clips.length] : "bad_gap.wav"), join(many, `take_${String(i).padStart(4, "0")}.${i % 50 ? "flac" : "wav"}`));
run("probe", many, "--html", join(work, "many.html"), "--quiet");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** Opens a report; whatever it says on the console, and whatever it asks the network for, is a failure. */
const open = async (name, settings = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true, ...settings });
  const page = await context.newPage(), complaints = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("request", (r) => /^(file|data|blob):/.test(r.url()) || complaints.push(`asked for ${r.url()}`));
  const start = Date.now();
  await page.goto(pathToFileURL(join(work, name)).href);
  await page.waitForSelector("html[data-ready=true]");
  return { page, complaints, ms: Date.now() - start, close: () => context.close() };
};
const names = (page) => page.locator("table.files td.file a").allTextContents();
const shot = (page, name) => (options.includes("--screenshots") ? page.screenshot({ path: join(work, `${name}.png`) }) : null);

const tests = {
  async "the worst comes first, and says what is wrong"() {
    const { page, complaints, close } = await open("probe.html");
    const first = await page.locator("table.files tbody tr").first().textContent();
    assert.match(first, /bad_/);
    assert.match(await page.locator("h1").textContent(), /files have errors/);
    assert.equal((await names(page)).length, clips.length + 5);
    assert.deepEqual(complaints, []);
    await shot(page, "overview");
    await close();
  },
  async "names and labels are text"() {
    const { page, complaints, close } = await open("probe.html");
    assert.ok((await names(page)).includes(HOSTILE));
    assert.ok((await page.locator(".labels").first().textContent()).includes(LABEL));
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator("img").count(), 0);
    assert.deepEqual(complaints, []);
    await close();
  },
  async "columns sort both ways"() {
    const { page, close } = await open("probe.html");
    const values = async () => (await page.locator("table.files tbody tr td.n:last-child").allTextContents()).map(parseFloat);
    const button = page.locator('button[data-sort="duration"]');
    await button.click();
    const down = await values();
    assert.deepEqual(down, [...down].sort((a, b) => b - a));
    assert.equal(await page.locator('th:has(button[data-sort="duration"])').getAttribute("aria-sort"), "descending");
    await button.click();
    assert.deepEqual(await values(), [...down].reverse().sort((a, b) => a - b));
    await close();
  },
  async "text, kinds and severities filter"() {
    const { page, close } = await open("probe.html");
    await page.keyboard.press("/");
    await page.keyboard.type("flite");
    assert.ok((await names(page)).every((name) => name.includes("flite")));
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    assert.equal((await names(page)).length, clips.length + 5);
    await page.locator('.chip[data-kind="click.click"]').click();
    assert.deepEqual(await names(page), ["bad_click_free.wav"]);
    await page.locator('.chip[data-kind="click.click"]').click();
    await page.locator('[data-level="0"]').click();
    assert.ok((await names(page)).every((name) => !name.startsWith("bad_gap")));
    await close();
  },
  async "keys open a file, go through its findings, and come back"() {
    const { page, complaints, close } = await open("probe.html");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForSelector("article");
    const title = await page.locator("h1").textContent();
    assert.match(title, /bad_/);
    assert.ok((await page.locator('tr[aria-selected="true"]').count()) === 1);
    await page.keyboard.press("z");
    await page.keyboard.press("n");
    await page.waitForFunction((was) => document.querySelector("h1").textContent !== was, title);
    await page.keyboard.press("?");
    assert.ok(await page.locator("dialog[open]").isVisible());
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.waitForSelector("table.files");
    assert.deepEqual(complaints, []);
    await close();
  },
  async "a finding can be heard"() {
    const { page, complaints, close } = await open("probe.html");
    await page.locator("td.file a", { hasText: "bad_click_free.wav" }).click();
    await page.locator("button.play").first().click();
    await page.waitForFunction(() => document.querySelector("audio").currentTime > 0.1, null, { timeout: 10_000 });
    const { src, seconds } = await page.evaluate(() => {
      const { src, duration } = document.querySelector("audio");
      return { src, seconds: duration };
    });
    assert.ok(src.startsWith("blob:") && seconds > 0.5 && seconds < 20, `${src} ${seconds}`);
    assert.deepEqual(complaints, []);
    await shot(page, "detail");
    await close();
  },
  async "every value has a definition, and pictures are drawn"() {
    const { page, close } = await open("probe.html");
    await page.locator("td.file a", { hasText: "bad_gap.wav" }).click();
    await page.waitForSelector("article");
    assert.ok((await page.locator(".metric").count()) >= 15);
    assert.ok((await page.locator(".definition").count()) >= 15);
    const blank = await page.evaluate(() => [...document.querySelectorAll("article canvas")].filter((c) => {
      const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
      return new Set(new Uint32Array(data.buffer)).size < 3;
    }).length);
    assert.equal(blank, 0, "canvases without a picture");
    await close();
  },
  async "a pair shows scores, both signals and the disturbance"() {
    const { page, complaints, close } = await open("pair.html");
    await page.waitForSelector("article");
    const text = await page.locator("article").textContent();
    for (const word of ["pesq_wb", "stoi", "reference", "degraded"]) assert.ok(text.includes(word), word);
    await page.keyboard.press("r");
    assert.equal(await page.locator('[data-side="reference"]').getAttribute("aria-pressed"), "true");
    assert.deepEqual(complaints, []);
    await shot(page, "pair");
    await close();
  },
  async "both colour schemes have contrast"() {
    for (const colorScheme of ["light", "dark"]) {
      const { page, complaints, close } = await open("probe.html", { colorScheme });
      // Relative luminance and contrast of WCAG 2.2, of every text in the list against the page.
      const least = await page.evaluate(() => {
        const light = (rgb) => {
          const [r, g, b] = rgb.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (e) => {
          const own = getComputedStyle(e).backgroundColor;
          return own !== "rgba(0, 0, 0, 0)" && !/, 0(\.\d+)?\)$/.test(own) ? own : e.parentElement ? behind(e.parentElement) : "rgb(255, 255, 255)";
        };
        const texts = [...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.checkVisibility() && !e.matches("option, .hidden-text"));
        const all = texts.map((e) => {
          const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
          return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 120)];
        });
        return all.sort(([a], [b]) => a - b)[0];
      });
      assert.ok(least[0] >= 4.5, `${colorScheme}: ${least}`);
      assert.deepEqual(complaints, []);
      await shot(page, colorScheme);
      await close();
    }
  },
  async "a narrow window does not scroll sideways"() {
    const { page, close } = await open("probe.html", { viewport: { width: 400, height: 800 } });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 400);
    await shot(page, "narrow");
    await close();
  },
  async "a thousand files"() {
    const { page, complaints, ms, close } = await open("many.html");
    console.log(`  1,000 files: ${(statSync(join(work, "many.html")).size / 1e6).toFixed(1)} MB, ready after ${ms} ms`);
    assert.match(await page.locator("h1").textContent(), /1,000/);
    const start = Date.now();
    await page.locator('button[data-sort="duration"]').click();
    await page.locator('button[data-sort="file"]').click();
    assert.equal((await names(page))[0], "take_0000.wav");
    await page.keyboard.press("/");
    await page.keyboard.type("take_0999");
    assert.deepEqual(await names(page), ["take_0999.flac"]);
    console.log(`  sorted twice and filtered in ${Date.now() - start} ms`);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await page.waitForSelector("article");
    assert.deepEqual(complaints, []);
    await close();
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
}
await browser.close();
console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
