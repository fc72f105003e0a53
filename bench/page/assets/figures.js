// Curves and what is drawn of them: a function a kind gives traces, axes, a caption and a table.

// Plotly reads texts as markup: names are turned into what it shows as they are.
const RUNS = 5000;  // lines in one figure
const NAME = "%{meta[0]}";  // a name is data of its trace, never a template itself
const plain = words => String(words).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const look = name => index.optimizers.find(o => o.name === name);
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = name => css(`--slot-${look(name).slot}`);
const shownOf = problem => problem.best.filter(b => state.on.has(b.optimizer));
const nameOf = column => column.slice(column.indexOf("_") + 1);
const metricOf = column => index.metrics[nameOf(column)];
const worstOf = column => metricOf(column).worst ?? (metricOf(column).lower ? Infinity : -Infinity);
const partWords = column => Object.fromEntries(index.parts)[column.slice(0, column.indexOf("_"))];

// The asked metric on the asked part, or what comes next to it of the columns that are there.
function columnOf(there) {
  const asked = [[state.part, state.metric], ["train", state.metric], [state.part, "loss"], ["train", "loss"]];
  return asked.map(pair => pair.join("_")).find(name => there(name));
}

function label(problem, column) {
  const metric = metricOf(column), loss = nameOf(column) === "loss" && problem.loss;
  return plain(`${partWords(column)} ${loss ? `loss (${loss})` : metric.label}`);
}

const logged = (column, values) => state.y === "log" || (state.y === "auto" && metricOf(column).lower && values.every(v => !(v < 0)));

// An axis for values: its kind and range, where zeros and infinities are drawn, what is cut off.
// The ends of bands are within it as far as they are near.
function scale(column, values, start, near = []) {
  const metric = metricOf(column), finite = values.filter(Number.isFinite), log = logged(column, finite);
  const positive = log ? finite.filter(v => v > 0) : finite;
  if (!positive.length) return { log, range: log ? [-1, 1] : [0, 1], floor: 0.1, top: 1, cut: "" };
  let low = Infinity, high = -Infinity;
  for (const v of positive) { low = Math.min(low, v); high = Math.max(high, v); }
  const [least, most] = [low, high], reach = log ? null : (high - low) / 2;
  for (const v of near) {
    if (!Number.isFinite(v) || (log && v <= 0)) continue;
    if (v < low && v >= (log ? least / 4 : least - reach)) low = v;
    if (v > high && v <= (log ? most * 4 : most + reach)) high = v;
  }
  if (metric.lower && start > 0) high = Math.min(high, Math.max(10 * start, low * 10));
  if (log) low = Math.max(low, high * 1e-14);
  else if (!metric.lower && metric.end !== null) low = Math.max(low, Math.min(metric.end, high));
  const cut = low > least || high < most ? `The axis leaves out values ${[low > least && `below ${short(low)}`, high < most && `above ${short(high)}`].filter(Boolean).join(" and ")}; zoom out to see them. ` : "";
  const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const air = Math.max((b - a) * 0.04, log ? 0.05 : Math.abs(b) * 0.02, 1e-9);
  const zeros = log && finite.some(v => v <= 0);
  const floor = log ? 10 ** (a - air) : a - air;
  const note = zeros ? "Zeros are drawn at the lower edge. " : "";
  return { log, range: [a - (zeros ? 2 * air : air), b + air], floor, top: log ? 10 ** b : b, cut: cut + note };
}

// What records of a problem are worth on the horizontal axis, for one optimizer; null: not known.
function worth(problem, points, optimizer) {
  const seconds = under(under(ready.get("clock").epoch, problem.name), optimizer);
  if (state.x === "updates") return points.updates && ((sheet, row, r) => sheet.epochs[r] * points.updates);
  if (state.x === "seconds") return seconds && ((sheet, row, r) => sheet.epochs[r] * seconds * unit(problem)[1]);
  if (state.x === "evaluations") return points.sheets.every(s => s.evaluations) && points.sheets.length && ((sheet, row, r) => sheet.evaluations.patterns[sheet.evaluations.of[row]][r]);
  return (sheet, row, r) => sheet.epochs[r];
}

// A unit in which the longest training of a problem is a number one can read.
function unit(problem) {
  const longest = problem.epochs * Math.max(...Object.values(under(ready.get("clock").epoch, problem.name) ?? { none: 1 }));
  return [["seconds", 1], ["milliseconds", 1e3], ["microseconds", 1e6]].find(([, times]) => longest * times >= 1) ?? ["microseconds", 1e6];
}

const across = problem => (state.x === "seconds" ? unit(problem)[0] : state.x === "evaluations" ? "evaluations of gradients" : state.x);

// Runs by configuration of the optimizers that are switched on, the best first: of these the runs
// that judge them, which are others than those they were chosen by if there are any.
function groups(problem, points) {
  const found = new Map(), tuning = new Set(index.tuning);
  points.sheets.forEach(sheet => sheet.optimizer.forEach((optimizer, row) => {
    const configuration = sheet.configuration[row], best = problem.best.some(b => b.optimizer === optimizer && b.configuration === configuration);
    if (!state.on.has(optimizer) || (state.configs === "best" && !best)) return;
    if (best && problem.evaluated && tuning.has(sheet.seed[row])) return;
    const key = `${configuration} ${optimizer}`;
    if (!found.has(key)) found.set(key, { optimizer, configuration, best, epochs: sheet.epochs, runs: [] });
    found.get(key).runs.push({ sheet, row });
  }));
  const order = problem.best.map(b => b.optimizer);
  return [...found.values()].sort((a, b) => b.best - a.best || order.indexOf(a.optimizer) - order.indexOf(b.optimizer));
}

const valueOf = ({ sheet, row }, column, r) => sheet.of(column)?.[row * sheet.epochs.length + r] ?? NaN;

function quartiles(group, column, worst) {
  const out = [[], [], []];
  for (let r = 0; r < group.epochs.length; r++) {
    const sorted = Float64Array.from(group.runs, run => { const v = valueOf(run, column, r); return Number.isNaN(v) ? worst : v; }).sort();
    [0.25, 0.5, 0.75].forEach((q, i) => out[i].push(quantile(sorted, q)));
  }
  return out;
}

function named(problem, group) {
  const best = problem.best.find(b => b.optimizer === group.optimizer && b.configuration === group.configuration);
  return best ? `${group.optimizer}${best.settings ? ` (${best.settings})` : ""}` : `${group.optimizer}, configuration ${group.configuration}`;
}

const KINDS = {};

KINDS.curves = {
  needs: problem => [`points-${problem.number}`, "clock"],
  draw(problem) {
    const points = ready.get(`points-${problem.number}`);
    const has = name => points.sheets.some(s => s.metrics[name]) || points.bands.some(b => b.metric === name);
    const column = columnOf(has);
    if (!column) return { nothing: "There are no curves: every run crashed." };
    const worst = worstOf(column);
    const lines = points.sheets.length ? ofTrials(problem, points, column, worst) : ofBands(problem, points, column);
    if (!lines.length) return { nothing: state.on.size ? `Nothing is known in ${state.x} here.` : "All optimizers are switched off." };
    const seeds = state.lines === "seeds" && points.sheets.length;
    const middles = lines.flatMap(l => seeds ? Array.from(l.flat) : l.middle);
    const start = Math.max(...lines.map(l => (seeds ? l.flat[0] : l.middle[0])).filter(Number.isFinite), 0);
    const axis = scale(column, middles, start, seeds ? [] : lines.flatMap(l => (l.shaded ? [...l.low, ...l.high] : [])));
    const traces = seeds ? lines.flatMap(l => everySeed(l, axis)) : lines.flatMap(l => band(l, axis));
    const count = lines.reduce((sum, l) => sum + l.count, 0);
    const few = lines.reduce((sum, l) => sum + (l.drawn ?? 0), 0), whole = few === count ? "" : `, the first seeds of ${count.toLocaleString("en")}`;
    const told = seeds ? `${few.toLocaleString("en")} runs${whole}, a line each; crosses where one stops being finite.`
      : `Medians over seeds${lines.some(l => l.shaded) ? ", bands from the first to the third quartile" : ""}.`;
    const hidden = shownOf(problem).filter(b => !lines.some(l => l.optimizer === b.optimizer)).map(b => b.optimizer);
    const lacks = hidden.length ? ` Not known in ${state.x}: ${hidden.join(", ")}.` : "";
    const asked = `${state.part}_${state.metric}`, other = column === asked ? "" : ` There is no ${asked.replace("_", " ")} here.`;
    const target = problem.targets[column];
    return {
      traces,
      shapes: target === undefined ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: target, y1: target, line: { color: css("--soft"), width: 1, dash: "dot" } }],
      x: { title: across(problem), log: state.xs === "log" },
      y: { title: label(problem, column), log: axis.log, range: axis.range },
      caption: `${told} ${axis.cut}${target === undefined ? "" : `Dotted: the target, ${short(target)}. `}${lacks}${other}`,
      table: seeds ? seedTable(problem, lines) : { columns: ["optimizer", "configuration", across(problem), "first quartile", "median", "third quartile"],
        rows: lines.flatMap(l => l.x.map((x, r) => [l.optimizer, l.configuration, x, l.low[r], l.middle[r], l.high[r]])) },
    };
  },
};

function ofTrials(problem, points, column, worst) {
  const found = groups(problem, points), crowded = found.length > 24;
  const part = Math.min(1, RUNS / found.reduce((sum, group) => sum + group.runs.length, 0));
  return found.flatMap(group => {
    const at = worth(problem, points, group.optimizer), seeds = group.runs.length;
    if (!at || group.runs.every(run => Number.isNaN(valueOf(run, column, 0)))) return [];
    const line = { ...group, name: named(problem, group), count: seeds, thin: !group.best };
    if (state.lines === "seeds") {
      const some = group.runs.slice(0, Math.ceil(seeds * part));
      return [{ ...line, drawn: some.length, ...flat(some, line.epochs, column, at) }];
    }
    const [low, middle, high] = quartiles(line, column, worst), [{ sheet, row }] = group.runs;
    const x = group.epochs.map((_, r) => at(sheet, row, r));
    return [{ ...line, x, low, middle, high, shaded: seeds > 1 && group.best && !crowded, crowded: found.length > 5 }];
  });
}

function ofBands(problem, points, column) {
  return points.bands.filter(b => b.metric === column && state.on.has(b.optimizer)).flatMap(b => {
    const at = worth(problem, { ...points, sheets: [] }, b.optimizer), n = b.epochs.length;
    if (!at) return [];
    const best = problem.best.find(one => one.optimizer === b.optimizer), line = { optimizer: b.optimizer, configuration: best.configuration, best: true };
    const [low, middle, high] = [0, 1, 2].map(i => Array.from(b.values.subarray(i * n, (i + 1) * n)));
    return [{ ...line, name: named(problem, line), count: b.seeds, x: b.epochs.map((_, r) => at(b, 0, r)), low, middle, high, shaded: b.seeds > 1 }];
  });
}

// All runs of a configuration in one line with gaps: thousands of lines are a dozen of traces.
function flat(runs, epochs, column, at) {
  const x = [], y = [], seed = [];
  for (const run of runs) {
    const { sheet, row } = run;
    for (let r = 0; r < epochs.length; r++) {
      x.push(at(sheet, row, r)); y.push(valueOf(run, column, r)); seed.push(sheet.seed[row]);
    }
    x.push(null); y.push(null); seed.push(null);
  }
  return { x, flat: y, seed };
}

function seedTable(problem, lines) {
  return { columns: ["optimizer", "configuration", "seed", across(problem), "value"],
    rows: lines.flatMap(l => l.x.flatMap((x, i) => x === null ? [] : [[l.optimizer, l.configuration, l.seed[i], x, l.flat[i]]])) };
}

const drawable = (value, axis) => !Number.isFinite(value) ? null : axis.log && value <= 0 ? axis.floor : value;

function everySeed(line, axis) {
  const own = look(line.optimizer), tint = colour(line.optimizer);
  const y = line.flat.map(v => v === null ? null : drawable(v, axis)), ends = [];
  y.forEach((v, i) => { if (v !== null && y[i + 1] === null && line.x[i + 1] !== null && i + 1 < y.length) ends.push(i); });
  const meta = [plain(line.name)];
  const lines = { type: "scatter", mode: "lines", name: NAME, meta, x: line.x, y, customdata: line.flat.map((v, i) => [line.seed[i], v]), legendgroup: line.optimizer,
    optimizer: line.optimizer, showlegend: line.best, line: { color: tint, width: line.best ? 1 : 0.6, dash: own.dash }, opacity: line.best ? 0.65 : 0.35,
    hovertemplate: "%{meta[0]}<br>seed %{customdata[0]}, at %{x:,.6~g}: %{customdata[1]:.4~g}<extra></extra>" };
  if (!ends.length) return [lines];
  return [lines, { type: "scatter", mode: "markers", showlegend: false, legendgroup: line.optimizer, x: ends.map(i => line.x[i]), y: ends.map(i => y[i]),
    customdata: ends.map(i => line.seed[i]), meta, marker: { symbol: "x-thin", size: 8, line: { color: tint, width: 1.5 } },
    hovertemplate: "%{meta[0]}<br>seed %{customdata} is not finite after %{x:,.6~g}<extra></extra>" }];
}

function band(line, axis) {
  const own = look(line.optimizer), tint = colour(line.optimizer), meta = [plain(line.name)];
  const y = line.middle.map(v => drawable(v, axis));
  const clipped = v => v === Infinity ? axis.top * (axis.log ? 1e3 : 10) : v === -Infinity ? axis.floor : drawable(v, axis);
  const traces = [];
  if (line.shaded) {
    traces.push({ type: "scatter", mode: "lines", x: [...line.x, ...line.x.toReversed()], y: [...line.high.map(clipped), ...line.low.map(clipped).reverse()],
      fill: "toself", fillcolor: `${tint}${line.crowded ? "1c" : "2e"}`, line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: line.optimizer });
  }
  traces.push({ type: "scatter", mode: line.thin || line.x.length > 60 ? "lines" : "lines+markers", name: NAME, meta, x: line.x, y, showlegend: line.best,
    customdata: line.x.map((_, r) => [line.middle[r], line.low[r], line.high[r]]), legendgroup: line.optimizer, optimizer: line.optimizer,
    line: { color: tint, width: line.thin ? 0.8 : 2, dash: own.dash }, marker: { symbol: own.symbol, size: 5, color: tint }, opacity: line.thin ? 0.45 : 1,
    hovertemplate: `%{meta[0]}<br>at %{x:,.6~g}: median %{customdata[0]:.4~g}<br>quartiles %{customdata[1]:.4~g} to %{customdata[2]:.4~g}, seeds ${line.count}<extra></extra>` });
  return traces;
}
