// Drawing: when a figure is scrolled to, again when something is switched, all of it for print.

const plots = new Map();  // by place, as curves-0
let printing = false;

class Plot {
  constructor(figure) {
    Object.assign(this, { figure, kind: KINDS[figure.dataset.kind], problem: index.problems[figure.dataset.problem], place: figure.id });
    this.area = figure.querySelector(".plot");
    this.area.replaceChildren();
    this.seen = this.drawn = false;
    this.title = figure.querySelector("h3").textContent;
    this.area.tabIndex = 0;
    this.area.setAttribute("role", "group");
    this.area.setAttribute("aria-label", `${this.title}: plus and minus zoom, arrows move, 0 shows all; the numbers are in the table below`);
    this.area.addEventListener("keydown", event => this.key(event));
    this.behind();
  }

  get needs() { return this.kind.needs(this.problem); }

  async show() {
    this.seen = true;
    await Promise.all([library(), ...this.needs.map(blob)]);
    this.draw();
  }

  draw() {
    if (this.kind.choices) this.choose(this.kind.choices(this.problem));
    const found = this.kind.draw(this.problem);
    this.found = found;
    this.figure.querySelector("figcaption").textContent = found.nothing ?? found.caption;
    this.figure.classList.toggle("empty", Boolean(found.nothing));
    this.opened();
    this.drawn = true;
    if (found.nothing) { Plotly.purge(this.area); this.area.replaceChildren(); this.area.removeAttribute("style"); this.ready(); return; }
    const { traces, layout } = framed(found, printing ? 660 : this.area.clientWidth || 640);
    const zoom = state.own.get(`zoom.${this.place}`)?.split(",").map(Number);
    if (zoom?.length === 4 && zoom.every(Number.isFinite)) {
      for (const [axis, range] of [[layout.xaxis, zoom.slice(0, 2)], [layout.yaxis, zoom.slice(2)]]) {
        Object.assign(axis, { range, autorange: false }, axis.type === "log" ? { dtick: spaced(range) } : {});
      }
    }
    const first = !this.area.data;
    Plotly.react(this.area, traces, layout, { displayModeBar: false, responsive: !printing, doubleClick: false, showTips: false });
    if (first) this.listen();
    this.ready();
  }

  ready() { this.figure.dataset.state = "drawn"; this.figure.dispatchEvent(new CustomEvent("drawn", { bubbles: true })); }

  listen() {
    this.area.on("plotly_relayout", change => {
      if (Object.keys(change).some(key => key.includes("range"))) this.keep();
    });
    this.area.on("plotly_doubleclick", () => { this.reset(); return false; });
    this.area.on("plotly_legenddoubleclick", () => false);
    this.area.on("plotly_legendclick", event => {
      const name = event.data[event.curveNumber].optimizer;
      if (name) toggle(name);
      return false;
    });
  }

  keep() {
    const found = this.area.layout, numbers = [...(found.xaxis.range ?? []), ...(found.yaxis.range ?? [])];
    if (numbers.length === 4) state.own.set(`zoom.${this.place}`, numbers.map(v => Number(v).toPrecision(6)).join(","));
    remember();
    const ticks = {};
    for (const name of ["xaxis", "yaxis"]) {
      const dtick = found[name].type === "log" ? spaced(found[name].range) ?? null : found[name].dtick;
      if ((found[name].dtick ?? null) !== (dtick ?? null)) ticks[`${name}.dtick`] = dtick;
    }
    if (Object.keys(ticks).length) Plotly.relayout(this.area, ticks);
  }

  reset() { state.own.delete(`zoom.${this.place}`); remember(); this.draw(); }

  zoom(factor, right = 0, up = 0) {
    const { xaxis, yaxis } = this.area.layout ?? {};
    if (!xaxis?.range || !yaxis?.range) return;
    const scaled = ([a, b], move) => [(a + b) / 2 - ((b - a) / 2) * factor + (b - a) * move, (a + b) / 2 + ((b - a) / 2) * factor + (b - a) * move];
    Plotly.relayout(this.area, { "xaxis.range": scaled(xaxis.range, right), "yaxis.range": scaled(yaxis.range, up) });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { "+": [0.7], "=": [0.7], "-": [1 / 0.7], ArrowLeft: [1, -0.15], ArrowRight: [1, 0.15], ArrowUp: [1, 0, 0.15], ArrowDown: [1, 0, -0.15] };
    if (event.key === "0" || event.key === "Home") this.reset();
    else if (keys[event.key]) this.zoom(...keys[event.key]);
    else return;
    event.preventDefault();
  }

  choose({ key, label, options, value }) {
    const place = this.figure.querySelector(".choices");
    place.replaceChildren();
    if (options.length > 1) place.append(chooser(label, options, value, chosen => { state.own.set(key, chosen); remember(); this.draw(); }));
  }

  // The table behind the figure, made when it is opened, and what may be saved of it.
  behind() {
    const box = this.figure.querySelector(".behind");
    this.details = make("details", { ontoggle: () => this.opened() }, make("summary", {}, "Numbers", make("span", { class: "hidden" }, ` behind: ${this.title}`)));
    const button = (words, act) => make("button", { type: "button", onclick: act }, words, make("span", { class: "hidden" }, `: ${this.title}`));
    const buttons = make("div", { class: "buttons" }, button("All in view", () => this.reset()), button("Zoom in", () => this.zoom(0.7)), button("Zoom out", () => this.zoom(1 / 0.7)),
      button("CSV", () => this.csv()), button("SVG", () => this.picture()));
    if (this.figure.dataset.kind === "curves") buttons.append(button("All points, CSV", () => pointsCsv(this.problem)));
    box.append(buttons, this.details);
  }

  opened() {
    this.details.querySelector(".scroll")?.remove();
    if (this.details.open && this.found?.table) this.details.append(plainTable(this.found.table, this.title));
  }

  csv() {
    const { columns, rows } = this.found?.table ?? {};
    if (columns) download(`${fileName(this.title)}.csv`, "text/csv", ...(this.figure.dataset.kind === "curves" ? [rounded()] : []), csvLine(columns), ...rows.map(csvLine));
  }

  async picture() {
    if (!this.area.data) return;
    const url = await Plotly.toImage(this.area, { format: "svg", width: this.area.clientWidth, height: this.area.clientHeight });
    download(`${fileName(this.title)}.svg`, "image/svg+xml", decodeURIComponent(url.slice(url.indexOf(",") + 1)));
  }
}

// A text over several lines where it is wider than so many letters.
function lines(text, letters) {
  const found = [""];
  for (const word of text.split(" ")) {
    if (found.at(-1) && found.at(-1).length + word.length >= letters) found.push(word);
    else found.push(`${found.pop()} ${word}`.trim());
  }
  return found;
}

const broken = (text, letters) => lines(text, letters).join("<br>");

// Names along an axis, on a narrow page in lines of few letters.
function ticked(words, narrow) {
  const short = line => (line.length > 19 ? `${line.slice(0, 9)}…${line.slice(-9)}` : line);
  return words?.map(name => (narrow ? lines(name, 16).slice(0, 2).map(short) : [name]).map(plain).join("<br>"));
}

// Values in few digits, by all of theirs: what is alike in few digits stays apart.
const aliases = values => Object.fromEntries(values.map(value => [String(value), plain(short(value))]));

// Rows of a legend of these names, about.
function legendRows(names, width) {
  let rows = 1, used = 0;
  for (const name of names) {
    const own = 50 + name.length * 6.5;
    if (used && used + own > width) { rows += 1; used = 0; }
    rows += Math.floor(own / width);
    used += own;
  }
  return rows;
}

// Ticks of a logarithmic axis: decades, or 1, 2, 5 of each, or what plotly finds.
function spaced([a, b]) {
  const decades = Math.abs(b - a);
  return decades > 2.5 ? Math.ceil(decades / 7) : decades > 0.9 ? "D2" : undefined;
}

const fileName = words => words.replace(/[^\p{L}\p{N}+-]+/gu, "_").replace(/^_+|_+$/g, "") || "figure";

// plotly's traces and axes in the page's colours.
function framed(found, width) {
  const ink = css("--ink"), soft = css("--soft"), line = css("--line"), narrow = width < 520;
  const left = Math.max(60, ...(found.y.words ?? []).map(words => 30 + Math.min(words.length, narrow ? 19 : 99) * 6.6));
  const axis = ({ title, log, range, percent, categories, ticks, words }, across) => ({
    title: { text: broken(title ?? "", (across ? width - left : 300) / 7), standoff: 8, font: { size: 13 } }, type: categories ? "category" : log ? "log" : "linear", range, autorange: !range,
    tickvals: ticks, ticktext: ticked(words, narrow), labelalias: categories && aliases(categories), tickformat: percent ? ".0%" : log && range && Math.abs(range[1] - range[0]) < 2.5 ? "~g" : undefined, exponentformat: across ? "none" : "power", separatethousands: true, dtick: log && range ? spaced(range) : undefined, nticks: narrow ? 5 : undefined,
    gridcolor: line, linecolor: soft, zeroline: false, automargin: true, tickfont: { size: 12 }, tickangle: across && words?.length > 5 ? -35 : undefined,
  });
  const names = found.traces.filter(t => t.showlegend !== false && t.name).map(t => t.meta[0]), legend = names.length > 1;
  for (const trace of narrow ? found.traces : []) if (trace.meta) trace.meta = [broken(trace.meta[0], (width - 60) / 7)];
  const height = found.band ?? (narrow || printing ? 300 : 360) + (legend ? legendRows(names, width - 70) * 21 : 0);
  return {
    traces: found.traces,
    layout: {
      height, width: printing ? 660 : undefined, autosize: !printing, margin: { l: 56, r: 12, t: 12, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", color: ink, size: 13 }, xaxis: axis(found.x, true), yaxis: axis(found.y), shapes: found.shapes ?? [], showlegend: legend,
      legend: { orientation: "h", y: -0.16, yanchor: "top", x: 0, font: { size: 12 } }, hovermode: "closest", hoverdistance: 30, dragmode: "zoom",
      hoverlabel: { bgcolor: css("--paper"), bordercolor: soft, font: { color: ink } },
    },
  };
}

let loading = null;
function library() {
  loading ??= inflated("plotly").then(raw => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(raw);
    document.head.append(script);
    script.remove();
  });
  return loading;
}

function watch() {
  const watcher = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const plot = plots.get(entry.target.id);
      if (entry.isIntersecting && !plot.seen) plot.show();
      else if (entry.isIntersecting && plot.stale) { plot.stale = false; plot.draw(); }
      plot.near = entry.isIntersecting;
    }
  }, { rootMargin: "400px" });
  for (const plot of plots.values()) watcher.observe(plot.figure);
}

// Draw again what is near; the rest when it comes near.
function redraw(fresh = false) {
  for (const plot of plots.values()) {
    if (fresh) state.own.delete(`zoom.${plot.place}`);
    if (!plot.drawn) continue;
    if (plot.near !== false || printing) plot.draw();
    else { plot.stale = true; plot.figure.dataset.state = "stale"; }
  }
}

// Print is synchronous: everything has to be unpacked before. Figures then are as wide as paper.
function print(on) {
  printing = on;
  document.documentElement.classList.toggle("printing", on);
  for (const plot of plots.values()) {
    if (on && window.Plotly && plot.needs.every(name => ready.has(name))) plot.draw();
    else if (!on && plot.drawn) plot.draw();
  }
}
