// What the reader has chosen: in the page's address, so that a link shows what its sender saw.

const USUAL = { x: "epochs", xs: "linear", y: "auto", lines: "medians", configs: "best" };
const MANY = 12;  // optimizers in one figure at first
const state = { ...USUAL, part: "train", metric: "loss", on: new Set(), own: new Map(), at: "" };
let index = null, usual = null;

function begin(found) {
  index = found;
  const [part, ...rest] = index.first.split("_");
  usual = { ...USUAL, part, metric: rest.join("_"), on: leading() };
  restore();
}

// Who is switched on at first: the leading ones of every problem, as many as figures have room for.
function leading() {
  for (let count = MANY; ; count--) {
    const on = new Set(index.problems.flatMap(p => p.best.slice(0, count).map(b => b.optimizer)));
    const most = Math.max(0, ...index.problems.map(p => p.best.filter(b => on.has(b.optimizer)).length));
    if (most <= MANY || count === 1) return on;
  }
}

// Keys of single figures and tables have a dot in them: zoom.curves-0, sort.trials.
function restore() {
  const hash = location.hash.slice(1);
  Object.assign(state, usual, { on: new Set(usual.on), own: new Map(), at: "" });
  if (!hash.includes("=")) { state.at = hash; return; }
  const asked = new URLSearchParams(hash), known = new Set(index.optimizers.map(o => o.name));
  if (asked.has("on")) state.on = new Set(asked.getAll("on").filter(name => known.has(name)));
  for (const [key, value] of asked) {
    if (key.includes(".")) state.own.set(key, value);
    else if (key === "at") state.at = value;
    else if (under(OPTIONS, key)?.().some(([name]) => name === value)) state[key] = value;
  }
}

const OPTIONS = {
  part: () => index.parts,
  metric: () => Object.keys(index.metrics).map(name => [name, name === "r2" ? "R²" : name]),
  x: () => [["epochs", "epochs"], ["updates", "updates"], ["evaluations", "evaluations"], ["seconds", "seconds"]],
  xs: () => [["linear", "linear"], ["log", "logarithmic"]],
  y: () => [["auto", "by metric"], ["log", "logarithmic"], ["linear", "linear"]],
  lines: () => [["medians", "medians"], ["seeds", "every seed"]],
  configs: () => [["best", "the best"], ["all", "all"]],
};

function remember() {
  const told = new URLSearchParams();
  for (const key of Object.keys(OPTIONS)) if (state[key] !== usual[key]) told.set(key, state[key]);
  const same = state.on.size === usual.on.size && [...state.on].every(name => usual.on.has(name));
  if (!same) for (const name of state.on.size ? state.on : [""]) told.append("on", name);
  for (const [key, value] of state.own) if (value) told.set(key, value);
  if (state.at && (told.size || state.at.includes("="))) told.set("at", state.at);
  const hash = told.size ? `#${told}` : state.at ? `#${state.at}` : location.pathname + location.search;
  history.replaceState(null, "", hash);
}

// Elements: text is set as text, never as markup.
function make(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}

function chooser(label, options, value, change) {
  const select = make("select", { onchange: () => change(select.value) },
    ...options.map(([name, words]) => make("option", { value: name, selected: name === value }, words)));
  select.value = value;
  return make("label", {}, make("span", {}, label), select);
}

function say(words) { document.getElementById("status").textContent = words; }

function download(name, kind, ...parts) {
  const url = URL.createObjectURL(new Blob(parts, { type: kind }));
  make("a", { href: url, download: name }).click();
  say(`${name} is downloaded`);
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function csvCell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value);
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const csvLine = cells => `${cells.map(csvCell).join(",")}\n`;

function short(value) {
  if (typeof value !== "number") return value;
  if (Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0*e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}
