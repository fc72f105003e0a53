// The page comes to life: controls, figures, tables; what is not needed at once comes later.

function toggle(name) {
  if (state.on.has(name)) state.on.delete(name); else state.on.add(name);
  changed();
}

function changed(fresh = false) {
  remember();
  controls();
  redraw(fresh);
  remember();
}

const LABELS = { metric: "Metric", part: "Data", x: "Over", xs: "Axis across", y: "Axis up", lines: "Lines", configs: "Configurations" };

const partOf = part => Object.fromEntries(index.parts)[part];

function controls() {
  const box = document.getElementById("controls"), focused = document.activeElement?.dataset?.key;
  const chips = index.optimizers.map(({ name }) => make("button", { type: "button", class: "chip", "aria-pressed": String(state.on.has(name)), "data-key": `on ${name}`, style: `--own:var(--slot-${look(name).slot})`, onclick: () => toggle(name) }, make("span", { class: "swatch", "aria-hidden": "true" }), name));
  const all = index.optimizers.map(o => o.name), sets = [["All", all], ["None", []]];
  const buttons = sets.map(([words, names]) => make("button", { type: "button", "data-key": words, onclick: () => { state.on = new Set(names); changed(); } }, words, make("span", { class: "hidden" }, " optimizers")));
  const choices = Object.entries(LABELS).map(([key, words]) => {
    const made = chooser(words, OPTIONS[key](), state[key], value => { state[key] = value; changed(["x", "xs", "y", "metric", "part"].includes(key)); });
    made.querySelector("select").dataset.key = key;
    return made;
  });
  const open = box.querySelector("details")?.open ?? (matchMedia("(min-width: 60rem) and (min-height: 48rem)").matches && all.length <= 10);
  const told = `${state.on.size} of ${all.length} optimizers, ${partOf(state.part)} ${state.metric} over ${state.x}`;
  const own = make("details", { open }, make("summary", {}, "What is shown", make("span", { class: "under" }, `: ${told}`)), make("div", { class: "chips", role: "group", "aria-label": "Optimizers" }, ...chips, ...buttons), make("div", { class: "selects" }, ...choices));
  box.replaceChildren(own);
  box.hidden = false;
  const pad = () => { document.documentElement.style.scrollPaddingTop = `${box.offsetHeight + 8}px`; };
  own.addEventListener("toggle", pad);
  pad();
  if (focused) box.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function go() {
  const place = state.at && document.getElementById(state.at);
  if (place) place.scrollIntoView();
}

// The part of the page that is read is part of the address, too.
function follow() {
  document.querySelector("nav").addEventListener("click", event => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    state.at = link.getAttribute("href").slice(1);
    remember();
    go();
    const title = document.getElementById(state.at).querySelector("h2");
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  });
  window.addEventListener("hashchange", () => { restore(); controls(); refill(); redraw(); go(); });
}

let listed = [];
function refill() {
  listed = index.tables.map(table => new Table(table));
  document.getElementById("all-tables").replaceChildren(...listed.map(t => t.details));
}

async function start() {
  begin(await blob("index"));
  document.body.classList.remove("bare");
  index.problems.forEach((problem, number) => { problem.number = number; });
  controls();
  const figures = [...document.querySelectorAll("figure.drawn")];
  for (const figure of figures) plots.set(figure.id, new Plot(figure));
  const first = plots.values().next().value;
  if (first) await first.show();
  performance.mark("first figure");
  watch();
  refill();
  follow();
  go();
  const spec = document.getElementById("spec");
  document.getElementById("spec-choices").append(make("button", { type: "button", onclick: () => download("spec.toml", "text/plain", spec.textContent) }, "Save spec.toml"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  const names = [...document.querySelectorAll('script[id^="data-"]')].map(s => s.id.slice(5)).filter(name => name !== "plotly");
  for (const name of names) await blob(name);
  document.documentElement.dataset.state = "ready";
  document.dispatchEvent(new Event("unpacked"));
}

start();
