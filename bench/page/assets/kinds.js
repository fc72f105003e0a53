// The other kinds of figures: of summaries, pairs, arrivals, single runs and budgets.

const SEARCH = "tuning";  // the phase whose configurations were tried

// Rows of the summary of one problem whose configurations were tried, of optimizers shown.
function tried(problem) {
  const found = ready.get("table-summary"), { problem: names, optimizer, phase } = found.named;
  const rows = places(found, i => names[i] === problem.name && state.on.has(optimizer[i]));
  const searched = phase ? rows.filter(i => phase[i] === SEARCH) : rows;
  return [found.named, searched.length ? searched : rows];
}

// The column of final values that is asked for, or the problem's own.
function finalOf(named, rows, end) {
  const has = name => named[`final_${name}${end}`] && rows.some(i => !Number.isNaN(named[`final_${name}${end}`][i]));
  return columnOf(has) ?? "train_loss";
}

function bestOf(named, rows, column, keyOf) {
  const lower = metricOf(column).lower, median = named[`final_${column}_median`], found = new Map();
  for (const i of rows) {
    const key = keyOf(i), cost = j => (Number.isNaN(median[j]) ? Infinity : lower ? median[j] : -median[j]);
    if (!found.has(key) || cost(i) < cost(found.get(key))) found.set(key, i);
  }
  return found;
}

// On which seeds the configurations ran that were searched: others than those that verdicts are of.
const swept = () => (index.swept ? ` ${index.swept}` : "");
const note = column => (column === `${state.part}_${state.metric}` ? "" : ` There is no ${state.part} ${state.metric} here.`);

function spanned(rates) {
  const logs = rates.filter(r => r > 0).map(Math.log10), [least, most] = [Math.min(...logs), Math.max(...logs)];
  return logs.length ? [least - 0.05 * (most - least) - 0.05, most + 0.05 * (most - least) + 0.05] : undefined;
}

KINDS.sensitivity = {
  needs: () => ["table-summary"],
  draw(problem) {
    const [named, rows] = tried(problem);
    if (!rows.length) return { nothing: "All optimizers are switched off." };
    const column = finalOf(named, rows, "_median"), [median, low, high] = ["median", "low", "high"].map(end => named[`final_${column}_${end}`]);
    const axis = scale(column, rows.map(i => median[i]), 0, rows.flatMap(i => [low[i], high[i]])), rate = named.learning_rate, traces = [], table = [];
    for (const { optimizer } of shownOf(problem)) {
      const own = rows.filter(i => named.optimizer[i] === optimizer), tint = colour(optimizer), { symbol, dash } = look(optimizer);
      const best = bestOf(named, own, column, i => rate[i]), line = [...best.keys()].sort((a, b) => a - b).map(key => best.get(key));
      const place = v => drawable(v, axis) ?? (Number.isNaN(v) ? null : (v > 0) === metricOf(column).lower ? axis.top : axis.floor);
      const side = (i, end) => (Number.isFinite(end[i]) && Number.isFinite(median[i]) ? Math.abs(end[i] - median[i]) : 0);
      const words = i => [median[i], low[i], high[i], own.filter(j => rate[j] === rate[i]).length, named.diverged[i], named.seeds[i]];
      traces.push({ type: "scatter", mode: "markers", x: own.map(i => rate[i]), y: own.map(i => place(median[i])), showlegend: false, hoverinfo: "skip",
        marker: { color: tint, size: 5, opacity: 0.3, symbol }, legendgroup: optimizer });
      traces.push({ type: "scatter", mode: "lines+markers", name: NAME, meta: [plain(optimizer)], optimizer, legendgroup: optimizer,
        x: line.map(i => rate[i]), y: line.map(i => place(median[i])), customdata: line.map(words), line: { color: tint, width: 2, dash },
        marker: { color: tint, size: 9, symbol: line.map(i => (Number.isFinite(median[i]) ? symbol : "x")) },
        error_y: { type: "data", symmetric: false, array: line.map(i => side(i, high)), arrayminus: line.map(i => side(i, low)), color: tint, thickness: 1, width: 2 },
        hovertemplate: "%{meta[0]}, rate %{x:.3~g}<br>median %{customdata[0]:.4~g} (%{customdata[1]:.3~g} to %{customdata[2]:.3~g})<br>best of %{customdata[3]}; %{customdata[4]} of %{customdata[5]} diverged<extra></extra>" });
      for (const i of own) table.push([optimizer, named.configuration[i], rate[i], median[i], low[i], high[i], named.seeds[i], named.diverged[i]]);
    }
    return {
      traces, x: { title: "learning rate", log: true, range: spanned(rows.map(i => rate[i])) }, y: { title: label(problem, column), log: axis.log, range: axis.range },
      caption: `Lines: the best configuration at each rate, with the 95% interval of its median where there is one; small marks: all configurations. Crosses at the edge: medians that are infinite, half of the runs having diverged.${swept()} ${axis.cut}${note(column)}`,
      table: { columns: ["optimizer", "configuration", "learning_rate", "median", "low", "high", "seeds", "diverged"], rows: table },
    };
  },
};

KINDS.heatmap = {
  needs: () => ["table-summary"],
  choices(problem) {
    const key = `map.heatmap-${problem.number}`, [named, rows] = tried(problem);
    const several = (name, of) => named[name] && new Set(of.map(i => named[name][i]).filter(v => v !== "" && !Number.isNaN(v))).size > 1;
    const maps = shownOf(problem).flatMap(({ optimizer }) => {
      const own = rows.filter(i => named.optimizer[i] === optimizer);
      if (!several("learning_rate", own)) return [];
      return index.hyperparameters.filter(name => name !== "learning_rate" && several(name, own)).map(name => [`${optimizer}\n${name}`, `${optimizer}: rate x ${name}`]);
    });
    const asked = state.own.get(key), value = maps.some(([name]) => name === asked) ? asked : maps[0]?.[0];
    return { key, label: "map", options: maps, value };
  },
  draw(problem) {
    const { value } = this.choices(problem);
    if (!value) return { nothing: "No optimizer shown has several values of both the learning rate and another hyperparameter." };
    const [optimizer, against] = value.split("\n"), [named, all] = tried(problem), rows = all.filter(i => named.optimizer[i] === optimizer);
    const column = finalOf(named, rows, "_median"), median = named[`final_${column}_median`], lower = metricOf(column).lower;
    const best = bestOf(named, rows, column, i => `${named.learning_rate[i]}\n${named[against][i]}`);
    const order = name => [...new Set(rows.map(i => named[name][i]))].filter(v => v !== "" && !Number.isNaN(v)).sort((a, b) => (typeof a === "number" ? a - b : a < b ? -1 : 1));
    const [across, up] = [order("learning_rate"), order(against)], cells = up.map(b => across.map(a => best.get(`${a}\n${b}`)));
    const values = cells.flat().filter(i => i !== undefined).map(i => median[i]).filter(Number.isFinite), log = logged(column, values) && values.some(v => v > 0);
    const least = Math.min(...values.filter(v => v > 0)), z = v => (!Number.isFinite(v) ? null : log ? Math.log10(Math.max(v, least)) : v);
    const ends = values.length ? [z(Math.min(...values)), z(Math.max(...values))] : [0, 1], ticks = [0, 0.25, 0.5, 0.75, 1].map(q => ends[0] + q * (ends[1] - ends[0]));
    return {
      traces: [{ type: "heatmap", x: across.map(String), y: up.map(String), z: cells.map(row => row.map(i => (i === undefined ? null : z(median[i])))),
        text: cells.map(row => row.map(i => (i === undefined ? "" : short(median[i])))), texttemplate: across.length * up.length <= 150 ? "%{text}" : "", xgap: 2, ygap: 2,
        customdata: cells.map(row => row.map(i => (i === undefined ? "" : `${named.diverged[i]} of ${named.seeds[i]} diverged`))),
        colorscale: "Viridis", reversescale: lower, colorbar: { thickness: 12, outlinewidth: 0, tickvals: ticks, ticktext: ticks.map(t => short(log ? 10 ** t : t)), tickfont: { color: css("--ink") } },
        hovertemplate: `rate %{x}, ${plain(against)} %{y}<br>median %{text}<br>%{customdata}<extra></extra>` }],
      x: { title: "learning rate", categories: across }, y: { title: plain(against), categories: up }, band: Math.min(90 + 48 * up.length, 460),
      caption: `${optimizer}: ${partWords(column)} ${state.metric}, the best median over everything else; brighter is better. Cells without a colour: the median is infinite, or was not tried.${swept()}${note(column)}`,
      table: { columns: ["learning_rate", against, "median", "diverged", "seeds"], rows: [...best.values()].map(i => [named.learning_rate[i], named[against][i], median[i], named.diverged[i], named.seeds[i]]) },
    };
  },
};

KINDS.target = {
  needs: problem => ["table-stairs", "clock", `points-${problem.number}`],
  draw(problem) {
    const [column, value] = Object.entries(problem.targets)[0] ?? [];
    if (!column) return { nothing: "No target is set for this problem." };
    const found = ready.get("table-stairs"), { named } = found, traces = [], table = [], lacks = [];
    for (const { optimizer } of shownOf(problem)) {
      const rows = places(found, i => named.problem[i] === problem.name && named.optimizer[i] === optimizer && named.metric[i] === column);
      const at = worth(problem, ready.get(`points-${problem.number}`), optimizer);
      if (!rows.length) continue;
      if (!at || state.x === "evaluations") { lacks.push(optimizer); continue; }
      const x = rows.map(i => at({ epochs: [named.epoch[i]] }, 0, 0)), tint = colour(optimizer), own = look(optimizer), meta = [plain(optimizer)];
      traces.push({ type: "scatter", mode: "lines", showlegend: false, legendgroup: optimizer, hoverinfo: "skip", fill: "toself", fillcolor: `${tint}22`, line: { width: 0, shape: "hv" },
        x: stepped(x, rows.map(i => named.high[i]))[0].concat(stepped(x, rows.map(i => named.low[i]))[0].toReversed()),
        y: stepped(x, rows.map(i => named.high[i]))[1].concat(stepped(x, rows.map(i => named.low[i]))[1].toReversed()) });
      traces.push({ type: "scatter", mode: "lines", name: NAME, meta, optimizer, legendgroup: optimizer, x, y: rows.map(i => named.share[i]), customdata: rows.map(i => [named.low[i], named.high[i]]),
        line: { color: tint, width: 2, dash: own.dash, shape: "hv" }, hovertemplate: "%{meta[0]}<br>%{y:.0%} within %{x:,.6~g} (%{customdata[0]:.0%} to %{customdata[1]:.0%})<extra></extra>" });
      rows.forEach((i, k) => table.push([optimizer, x[k], named.share[i], named.low[i], named.high[i]]));
    }
    if (!traces.length) return { nothing: lacks.length ? `Times are in epochs, updates or seconds, where these are known; not in ${state.x}.` : "Nobody is shown of whom times are known." };
    return {
      traces, x: { title: across(problem), log: state.xs === "log" }, y: { title: "share of runs that arrived", range: [-0.02, 1.03], percent: true },
      caption: `How many of its runs have reached a ${partWords(column)} ${nameOf(column)} of ${short(value)} by then; bands are 95% intervals.${lacks.length ? ` Not known in ${state.x}: ${lacks.join(", ")}.` : ""}`,
      table: { columns: ["optimizer", across(problem), "share", "low", "high"], rows: table },
    };
  },
};

// The corners of stairs: a polygon is not drawn in steps by itself.
function stepped(x, y) {
  const out = [[], []];
  x.forEach((v, i) => { if (i) { out[0].push(v); out[1].push(y[i - 1]); } out[0].push(v); out[1].push(y[i]); });
  return out;
}

KINDS.pairs = {
  needs: () => ["table-pairs"],
  draw(problem) {
    const found = ready.get("table-pairs"), { named } = found, name = label => under(problem.joined, label) ?? label;
    const rows = places(found, i => named.problem[i] === problem.name && state.on.has(name(named.a[i])) && state.on.has(name(named.b[i])));
    if (!rows.length) return { nothing: "There is no pair among the optimizers shown; those without randomness have none." };
    const shown = rows.slice(0, 60), ratio = shown.every(i => named.scale[i] !== "difference"), value = v => (ratio ? Math.exp(v) : v);
    const words = shown.map(i => `${named.a[i]} : ${named.b[i]}`), y = shown.map((_, k) => k);
    const middles = shown.map(i => named.estimate[i]).filter(Number.isFinite), ends = shown.flatMap(i => [named.low[i], named.high[i]]).filter(v => Number.isFinite(v) && Math.abs(v) < (ratio ? 30 : Infinity));
    const margin = Math.max(...shown.map(i => named.margin[i])), all = [...middles, ...ends, 0, margin, -margin].map(v => (ratio ? Math.max(-30, Math.min(30, v)) : v));
    const [least, most] = [Math.min(...all), Math.max(...all)], air = (most - least) * 0.05, clip = v => Math.max(least - air, Math.min(most + air, v));
    const tint = i => (named.better[i] ? colour(name(named.better[i])) : css("--soft"));
    const bars = shown.map((i, k) => ({ type: "scatter", mode: "lines", showlegend: false, hoverinfo: "skip", x: [value(clip(named.low[i])), value(clip(named.high[i]))], y: [k, k], line: { color: tint(i), width: 3 } }));
    const dots = { type: "scatter", mode: "markers", showlegend: false, x: shown.map(i => value(clip(named.estimate[i]))), y, marker: { size: 10, color: shown.map(tint), symbol: shown.map(i => (named.better[i] ? "circle" : "circle-open")), line: { width: 2 } },
      customdata: shown.map((i, k) => [plain(words[k]), value(named.estimate[i]), value(named.low[i]), value(named.high[i]), named.answer[i], named.a_better[i], named.b_better[i], named.ties[i]]),
      hovertemplate: "%{customdata[0]}<br>%{customdata[1]:.4~g} (%{customdata[2]:.3~g} to %{customdata[3]:.3~g}): %{customdata[4]}<br>seeds won %{customdata[5]} : %{customdata[6]}, ties %{customdata[7]}<extra></extra>" };
    const edge = ratio ? [Math.exp(-margin), Math.exp(margin)] : [-margin, margin];
    const range = [least - 1.5 * air, most + 1.5 * air].map(v => (ratio ? v / Math.LN10 : v));
    return {
      traces: [...bars, dots], band: 110 + 30 * shown.length,
      shapes: [{ type: "rect", yref: "paper", y0: 0, y1: 1, x0: edge[0], x1: edge[1], fillcolor: css("--soft"), opacity: 0.15, line: { width: 0 }, layer: "below" },
        { type: "line", yref: "paper", y0: 0, y1: 1, x0: ratio ? 1 : 0, x1: ratio ? 1 : 0, line: { color: css("--soft"), width: 1 } }],
      x: { title: plain(`${problem.words}: ${ratio ? "first divided by second" : "first minus second"}, on the same seeds`), log: ratio, range },
      y: { ticks: y, words, range: [shown.length - 0.4, -0.6] },
      caption: `Medians of ${ratio ? "ratios" : "differences"} with intervals that hold for all pairs of the experiment together; filled, in the colour of the better one, where it is told. Grey: the margin within which both count as the same.${rows.length > shown.length ? ` The first ${shown.length} of ${rows.length} pairs; the table has all.` : ""}`,
      table: { columns: ["first", "second", ratio ? "ratio" : "difference", "low", "high", "answer", "better", "first_better", "second_better", "ties"],
        rows: rows.map(i => [named.a[i], named.b[i], value(named.estimate[i]), value(named.low[i]), value(named.high[i]), named.answer[i], named.better[i], named.a_better[i], named.b_better[i], named.ties[i]]) },
    };
  },
};

KINDS.spread = {
  needs: () => ["table-trials"],
  draw(problem) {
    const found = ready.get("table-trials"), { named } = found, shown = shownOf(problem);
    const judged = i => !named.phase || named.phase[i] !== SEARCH || !problem.evaluated;
    const rows = shown.map(b => places(found, i => named.problem[i] === problem.name && named.optimizer[i] === b.optimizer && named.configuration[i] === b.configuration && judged(i)));
    const some = rows.flat();
    if (!some.length) return { nothing: "There are no runs of the optimizers shown." };
    const column = finalOf(named, some, ""), values = named[`final_${column}`];
    // Divergence is told by the loss; where another metric judges, a diverged run has its worst value.
    const told = nameOf(column) === "loss" || problem.judged === `final_${column}`, lost = i => told && named.status[i] === "diverged";
    const cost = i => (named.status[i] === "crashed" ? NaN : lost(i) ? worstOf(column) : values[i]);
    const axis = scale(column, some.map(cost)), traces = [], table = [];
    shown.forEach(({ optimizer }, k) => {
      const own = rows[k].filter(i => !Number.isNaN(cost(i))), tint = colour(optimizer), sorted = Float64Array.from(own, cost).sort(), middle = quantile(sorted, 0.5);
      const place = v => (Number.isFinite(v) ? drawable(v, axis) : v > 0 ? axis.top : axis.floor);
      traces.push({ type: "scatter", mode: "markers", name: NAME, meta: [plain(optimizer)], optimizer, x: own.map((_, n) => k + ((n * 0.618 + 0.5) % 1 - 0.5) * 0.5), y: own.map(i => place(cost(i))),
        customdata: own.map(i => [named.seed[i], values[i], named.status[i]]), marker: { color: tint, size: 7, opacity: 0.7, symbol: own.map(i => (lost(i) ? "x" : look(optimizer).symbol)) },
        hovertemplate: "%{meta[0]}<br>seed %{customdata[0]}: %{customdata[1]:.4~g} (%{customdata[2]})<extra></extra>", showlegend: false });
      if (own.length > 1 && Number.isFinite(middle)) traces.push({ type: "scatter", mode: "lines", showlegend: false, x: [k - 0.32, k + 0.32], y: [place(middle), place(middle)], line: { color: css("--ink"), width: 2 }, hoverinfo: "skip" });
      for (const i of own) table.push([optimizer, named.configuration[i], named.seed[i], values[i], named.status[i]]);
    });
    return {
      traces, x: { ticks: shown.map((_, k) => k), words: shown.map(b => b.optimizer), range: [-0.6, shown.length - 0.4] }, y: { title: label(problem, column), log: axis.log, range: axis.range },
      caption: `Final values of the best configurations, a mark a seed; bars are medians, crosses diverged runs. ${axis.cut}${note(column)}`,
      table: { columns: ["optimizer", "configuration", "seed", "value", "status"], rows: table },
    };
  },
};

KINDS.budget = {
  needs: () => ["table-budget"],
  draw(problem) {
    const found = ready.get("table-budget"), { named } = found, lines = shownOf(problem).map(({ optimizer }) => [optimizer, places(found, i => named.problem[i] === problem.name && named.optimizer[i] === optimizer)]).filter(([, rows]) => rows.length);
    if (!lines.length) return { nothing: "Nothing is known of budgets here." };
    const some = lines.flatMap(([, rows]) => rows), axis = scale(problem.column, some.map(i => named.median_best[i]), 0, some.flatMap(i => [named.median_best_low[i], named.median_best_high[i]])), traces = [];
    for (const [optimizer, rows] of lines) {
      traces.push(...band({ optimizer, best: true, name: optimizer, count: "all", crowded: lines.length > 3, x: rows.map(i => named.k[i]), middle: rows.map(i => named.median_best[i]), low: rows.map(i => named.median_best_low[i]), high: rows.map(i => named.median_best_high[i]), shaded: rows.every(i => !Number.isNaN(named.median_best_low[i])) }, axis));
      traces.at(-1).hovertemplate = "%{meta[0]}<br>after %{x} configurations: %{customdata[0]:.4~g}<br>95% interval %{customdata[1]:.3~g} to %{customdata[2]:.3~g}<extra></extra>";
    }
    return {
      traces, x: { title: "configurations tried", log: some.some(i => named.k[i] > 20) }, y: { title: plain(`median ${problem.words} of the best`), log: axis.log, range: axis.range },
      caption: `What one would have after so many random configurations of each search; bands are 95% intervals.${swept()} ${axis.cut}`,
      table: { columns: ["optimizer", "configurations", "median", "low", "high"], rows: some.map(i => [named.optimizer[i], named.k[i], named.median_best[i], named.median_best_low[i], named.median_best_high[i]]) },
    };
  },
};
