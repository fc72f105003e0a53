// Drives a real browser through a page, and prints what it saw as JSON; the tests judge.
//   node browser.mjs BROWSER EXECUTABLE PROFILE PAGE NAMES
// BROWSER is chrome or firefox, PROFILE an empty folder, NAMES a JSON list of optimizers. Waits for
// events, never for time; a step that takes too long is named, and no process outlives this one.

import { createRequire } from "node:module";

const [, , browser, executablePath, userDataDir, page, names] = process.argv;
const DEADLINE = 120_000;  // of a step, in milliseconds
const require = createRequire(`${process.env.BENCH_NODE_MODULES}/`);
const puppeteer = require("puppeteer-core").default ?? require("puppeteer-core");
const [bold, coded] = JSON.parse(names);
const chrome = browser === "chrome";
// Whatever goes to a network ends at a port where nobody listens.
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--proxy-server=127.0.0.1:9"];
const proxy = { "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9, "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9 };
const options = {
  browser, executablePath, userDataDir, headless: true, timeout: DEADLINE, protocolTimeout: 2 * DEADLINE, defaultViewport: chrome ? { width: 1100, height: 900 } : null,
  args: chrome ? quiet : ["--width=1100", "--height=900"], extraPrefsFirefox: proxy,
};
const seen = { errors: [], requests: [] };
let opened = null, tab = null;

async function step(words, act) {
  let timer = null;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`not done after ${DEADLINE / 1000} s`)), DEADLINE); });
  try { return await Promise.race([act(), late]); }
  catch (error) { throw new Error(`${browser}, ${words}: ${error.message}`, { cause: error }); }
  finally { clearTimeout(timer); }
}

// The browser leads a group of its own, which ends with this process.
function end() {
  try { process.kill(-opened.process().pid, "SIGKILL"); } catch { /* it has ended */ }
  process.exit();
}
process.on("SIGTERM", end);

const ready = tab => tab.evaluate(() => new Promise(done => {
  if (document.documentElement.dataset.state === "ready") done();
  else document.addEventListener("unpacked", done, { once: true });
}));

async function visit(hash = "") {
  const tab = await opened.newPage();
  tab.on("pageerror", error => seen.errors.push(String(error.message)));
  tab.on("console", message => { if (["error", "warn"].includes(message.type())) seen.errors.push(message.text()); });
  tab.on("request", request => seen.requests.push(request.url().split("#")[0].slice(0, 200)));
  tab.on("dialog", dialog => { seen.errors.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  await tab.goto(`file://${page}${hash}`);
  await ready(tab);
  return tab;
}

// What is drawn of a figure: lines with something in them, names in the legend, titles of axes.
const drawn = (tab, place) => tab.evaluate(place => new Promise(done => {
  const figure = document.getElementById(place);
  const look = () => done({
    lines: [...figure.querySelectorAll(".scatterlayer .js-line")].filter(l => l.getAttribute("d")).length,
    points: figure.querySelectorAll(".scatterlayer .point").length,
    labels: figure.querySelectorAll(".heatmap-label text").length,
    cells: figure.querySelectorAll(".heatmaplayer image").length,
    legend: [...figure.querySelectorAll(".legendtext")].map(e => e.textContent),
    titles: [...figure.querySelectorAll(".xtitle, .ytitle")].map(e => e.textContent),
    ticks: [...figure.querySelectorAll(".ytick text, .xtick text")].map(e => e.textContent),
    caption: figure.querySelector("figcaption").textContent,
    range: figure.querySelector(".plot").layout ? [...figure.querySelector(".plot").layout.xaxis.range ?? []] : [],
  });
  figure.scrollIntoView({ behavior: "instant" });
  if (figure.dataset.state === "drawn") look();
  else figure.addEventListener("drawn", look, { once: true });
}), place);

const choose = (tab, key, value) => tab.select(`select[data-key="${key}"]`, value);
const hash = tab => tab.evaluate(() => decodeURIComponent(location.hash.replaceAll("+", " ")));

// What a download would save: caught where the page hands it to the browser.
const saved = (tab, press) => tab.evaluate(press => new Promise(done => {
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function () {
    HTMLAnchorElement.prototype.click = click;
    const name = this.download;
    caught.text().then(text => done({ name, text }));
  };
  let caught = null;
  const make = URL.createObjectURL;
  URL.createObjectURL = blob => { caught = blob; URL.createObjectURL = make; return make.call(URL, blob); };
  const [within, words] = press;
  [...document.querySelectorAll(`${within} button`)].find(b => b.textContent.startsWith(words)).click();
}), press);

const steps = {
  "the first figure": async () => {
    tab = await visit();
    seen.title = await tab.title();
    seen.first = await tab.evaluate(() => performance.getEntriesByName("first figure")[0].startTime);
    await drawn(tab, "curves-0");
    seen.medians = await saved(tab, ["#curves-0", "CSV"]);
  },

  "every kind of figure": async () => {
    seen.kinds = {};
    for (const kind of ["curves", "sensitivity", "heatmap", "target", "pairs", "spread", "budget"]) seen.kinds[kind] = await drawn(tab, `${kind}-0`);
  },

  // Of a point: its value, and its name as text.
  "the hover": async () => {
    await drawn(tab, "curves-0");
    const spot = await tab.evaluate(() => { const r = document.querySelector("#plot-curves-0 .points .point").getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; });
    await tab.evaluate(() => document.getElementById("plot-curves-0").on("plotly_hover", () => requestAnimationFrame(() => { window.told = document.querySelector(".hoverlayer").textContent; })));
    for (let frame = 0; frame < 500 && !seen.hover; frame++) {
      await tab.mouse.move(spot[0] + (frame % 3), spot[1] + 1);
      seen.hover = await tab.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(window.told ?? "")))));
    }
  },

  // By the keyboard, once for the whole page.
  "an optimizer off and on": async () => {
    await tab.focus(`button[data-key="on ${bold.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"]`);
    await tab.keyboard.press("Enter");
    seen.off = { curves: await drawn(tab, "curves-0"), spread: await drawn(tab, "spread-1"), hash: await hash(tab),
      focused: await tab.evaluate(() => document.activeElement.dataset.key), pressed: await tab.evaluate(() => document.activeElement.ariaPressed ?? document.activeElement.getAttribute("aria-pressed")) };
    await tab.keyboard.press("Enter");
    seen.on = await drawn(tab, "curves-0");
  },

  "axes, parts and lines": async () => {
    seen.axes = {};
    for (const [key, value] of [["x", "updates"], ["x", "evaluations"], ["x", "seconds"], ["y", "linear"], ["part", "test"], ["metric", "accuracy"], ["lines", "seeds"], ["configs", "all"]]) {
      await choose(tab, key, value);
      seen.axes[value] = await drawn(tab, "curves-0");
    }
    seen.chosen = await hash(tab);
  },

  // By the keyboard; it is in the address, and there again for whoever gets it.
  "a zoom": async () => {
    const before = (await drawn(tab, "curves-0")).range;
    await tab.focus("#plot-curves-0");
    await tab.keyboard.press("+");
    const address = await tab.evaluate(() => location.hash);
    seen.zoom = { before, after: (await drawn(tab, "curves-0")).range, hash: await hash(tab) };
    const twin = await visit(address);
    seen.twin = await drawn(twin, "curves-0");
    seen.twin.lines = await twin.$eval('select[data-key="lines"]', s => s.value);
    await twin.close();
    // Which tab a browser shows then is its own affair, and in one that is not shown nothing is drawn.
    await tab.bringToFront();
    await tab.focus("#plot-curves-0");
    await tab.keyboard.press("0");
    seen.reset = await drawn(tab, "curves-0");
  },

  "tables, filtered and sorted": async () => {
    seen.tables = await tab.evaluate(() => new Promise(done => {
      const details = document.getElementById("table-trials");
      details.open = true;
      const rows = () => [...details.querySelectorAll("tbody tr")].map(tr => [...tr.children].map(td => td.title || td.textContent));
      const heads = () => [...details.querySelectorAll("thead th")];
      const watcher = new MutationObserver(() => {
        if (!rows().length) return;
        watcher.disconnect();
        const found = { columns: heads().map(th => th.textContent), all: rows().length };
        const input = [...details.querySelectorAll("input")].find(i => i.ariaLabel === "Filter of seed" || i.getAttribute("aria-label") === "Filter of seed");
        input.value = "< 2";
        input.dispatchEvent(new Event("input"));
        found.filtered = rows();
        const head = heads().find(th => th.textContent === "final_train_loss");
        head.querySelector("button").click();
        found.sorted = rows();
        found.sort = head.getAttribute("aria-sort");
        done(found);
      });
      watcher.observe(details, { childList: true, subtree: true });
    }));
    seen.tables.hash = await hash(tab);
    seen.tables.saved = await saved(tab, ["#table-trials", "CSV"]);
  },

  "a link with keys that nobody knows": async () => {
    const odd = await visit("#toString=1&x=updates&constructor=2");
    seen.odd = await odd.$eval('select[data-key="x"]', s => s.value);
    await odd.close();
    await tab.bringToFront();
  },

  "a browser that lacks something": async () => {
    const old = await opened.newPage();
    await old.evaluateOnNewDocument(() => { delete window.DecompressionStream; });
    await old.goto(`file://${page}`);
    seen.lacking = await old.evaluate(() => [document.body.classList.contains("bare"), document.querySelector("#curves-0 .plot").textContent]);
    await old.close();
    await tab.bringToFront();
  },

  "what can be saved": async () => {
    seen.points = await saved(tab, ["#curves-0", "All points"]);
    seen.behind = await saved(tab, ["#curves-0", "CSV"]);
    seen.picture = await saved(tab, ["#curves-0", "SVG"]);
  },
};

let own = null;
const onlyChrome = {
  // Contrast in both themes, structure.
  "nobody is left out": async () => {
    own = await visit();
    await own.setViewport({ width: 1100, height: 900 });
    await own.addScriptTag({ path: require.resolve("axe-core/axe.min.js") });
    await own.evaluate(() => { for (const details of document.querySelectorAll("#controls details, #verdicts details, #spread-2 details, #table-audit")) details.open = true; });
    const found = rules => own.evaluate(async rules => {
      const result = await axe.run(document, { runOnly: rules });
      return result.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))]);
    }, rules);
    const paper = () => own.evaluate(() => getComputedStyle(document.body).backgroundColor);
    seen.axe = { light: await found(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]) };
    seen.light = await paper();
    await own.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    seen.axe.dark = await found({ type: "rule", values: ["color-contrast"] });
    seen.dark = await paper();
  },

  "a narrow screen": async () => {
    await own.setViewport({ width: 400, height: 900 });
    await own.reload();
    await ready(own);
    await drawn(own, "pairs-0");
    seen.narrow = await own.evaluate(() => document.scrollingElement.scrollWidth);
  },

  // Every figure, whatever was scrolled to, in black on white.
  "paper": async () => {
    const printed = own.evaluate(() => new Promise(done => addEventListener("beforeprint", () => done({
      drawn: document.querySelectorAll('figure.drawn[data-state="drawn"]').length,
      inks: [...new Set([...document.querySelectorAll("figure.drawn .plot")].map(area => area.layout?.font.color).filter(Boolean))],
    }), { once: true })));
    const pdf = await own.pdf({ format: "A4", timeout: DEADLINE });
    seen.paper = { ...await printed, figures: await own.evaluate(() => document.querySelectorAll("figure.drawn").length), bytes: pdf.length, head: Buffer.from(pdf.slice(0, 5)).toString() };
  },
};

try {
  opened = await step("the start", () => puppeteer.launch(options));
  for (const [words, act] of Object.entries({ ...steps, ...(chrome ? onlyChrome : {}) })) await step(words, act);
  seen.requests = [...new Set(seen.requests)].filter(url => url !== `file://${page}` && !/^(data|blob):/.test(url));
  await step("the end", () => opened.close());
  await new Promise(done => process.stdout.write(JSON.stringify(seen), done));
} catch (error) {
  console.error(error, seen.errors);
  process.exitCode = 1;
}
end();
