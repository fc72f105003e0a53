// Tables: sorted, filtered, saved as CSV; rows are made as they are asked for.

const PAGE = 100;  // rows at once

function cells(row) {
  return row.map(value => (typeof value === "number" ? make("td", { class: "number", title: String(value) }, short(value)) : make("td", {}, String(value))));
}

// The table behind a figure.
function plainTable({ columns, rows }, title) {
  const shown = rows.slice(0, 500);
  const caption = rows.length > shown.length ? `${title}: the first ${shown.length} of ${rows.length.toLocaleString("en")} rows; CSV has all` : title;
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...columns.map(name => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...shown.map(row => make("tr", {}, ...cells(row))))));
}

// What a filter asks: a comparison, or a text that is contained.
function asks(words, number) {
  const [, sign, rest] = /^\s*(<=|>=|!=|=|<|>)?\s*(.*?)\s*$/.exec(words);
  if (!sign) return value => short(value).toLowerCase().includes(rest.toLowerCase()) || String(value).toLowerCase().includes(rest.toLowerCase());
  if (number && !rest) return () => true;  // there is more to come
  const asked = number ? ({ inf: Infinity, "∞": Infinity, "-inf": -Infinity }[rest] ?? Number(rest)) : rest;
  return { "<": v => v < asked, "<=": v => v <= asked, ">": v => v > asked, ">=": v => v >= asked, "=": v => v === asked, "!=": v => v !== asked }[sign];
}

class Table {
  constructor({ name, rows, of }) {
    this.name = name;
    this.shown = PAGE;
    const count = rows === of ? rows.toLocaleString("en") : `${rows.toLocaleString("en")} of ${of.toLocaleString("en")}`;
    this.details = make("details", { id: `table-${name}`, ontoggle: () => this.toggled() },
      make("summary", {}, make("h3", {}, name), make("span", { class: "under" }, ` ${count} ${rows === 1 ? "row" : "rows"}`)));
    this.details.open = state.own.get(`table.${name}`) === "open";
  }

  async toggled() {
    state.own.set(`table.${this.name}`, this.details.open ? "open" : "");
    remember();
    if (!this.details.open || this.body) return;
    this.found = await blob(`table-${this.name}`);
    const clock = (await blob("clock")).tables[this.name];
    this.columns = [...this.found.columns, ...(clock?.columns ?? [])];
    this.build();
    this.fill();
  }

  build() {
    const heads = this.columns.map(({ name, number }) => make("th", { scope: "col", class: number ? "number" : false }, make("button", { type: "button", onclick: () => this.sort(name) }, name)));
    const filters = this.columns.map(({ name }) => {
      const input = make("input", { type: "search", "aria-label": `Filter of ${name}`, oninput: () => { state.own.set(`filter.${this.name}.${name}`, input.value); remember(); this.shown = PAGE; this.fill(); } });
      input.value = state.own.get(`filter.${this.name}.${name}`) ?? "";
      return make("td", {}, input);
    });
    this.heads = heads;
    this.body = make("tbody");
    this.told = make("p", { class: "under" });
    this.more = make("button", { type: "button", onclick: () => { this.shown += 5 * PAGE; this.fill(); } }, "More rows");
    const csv = make("button", { type: "button", onclick: () => this.csv() }, "CSV", make("span", { class: "hidden" }, ` of ${this.name}`));
    const whole = make("table", {}, make("caption", { class: "hidden" }, this.name), make("thead", {}, make("tr", {}, ...heads), make("tr", { class: "filters" }, ...filters)), this.body);
    this.details.append(make("div", { class: "buttons" }, this.told, csv), make("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": `Table ${this.name}` }, whole), this.more);
  }

  // The places of the rows that pass the filters, in order.
  order() {
    const tests = this.columns.flatMap(({ name, number, values }) => {
      const words = state.own.get(`filter.${this.name}.${name}`);
      if (!words?.trim()) return [];
      const passes = asks(words, number);
      return [i => passes(values[i])];
    });
    const rows = places(this.found, i => tests.every(passes => passes(i)));
    const [, down, by] = /^(-?)(.*)$/.exec(state.own.get(`sort.${this.name}`) ?? ""), column = this.columns.find(c => c.name === by);
    if (column) {
      const { values, number } = column, way = down ? -1 : 1, words = new Intl.Collator("en", { numeric: true });
      const known = i => (number ? !Number.isNaN(values[i]) : values[i] !== "");
      rows.sort((a, b) => known(b) - known(a) || way * (number ? (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0) : words.compare(values[a], values[b])) || a - b);
    }
    this.columns.forEach(({ name }, i) => this.heads[i].setAttribute("aria-sort", name === by ? (down ? "descending" : "ascending") : "none"));
    return rows;
  }

  fill() {
    const rows = this.order(), some = rows.slice(0, this.shown);
    this.body.replaceChildren(...some.map(i => make("tr", {}, ...cells(this.columns.map(c => c.values[i])))));
    this.told.textContent = `${rows.length.toLocaleString("en")} of ${this.found.rows.toLocaleString("en")} rows${some.length < rows.length ? `, the first ${some.length}` : ""}`;
    this.more.hidden = some.length === rows.length;
  }

  sort(name) {
    const key = `sort.${this.name}`, now = state.own.get(key);
    state.own.set(key, now === name ? `-${name}` : now === `-${name}` ? "" : name);
    remember();
    this.fill();
  }

  csv() {
    const lines = this.order().map(i => csvLine(this.columns.map(c => c.values[i])));
    download(`${this.name}.csv`, "text/csv", csvLine(this.columns.map(c => c.name)), ...lines);
  }
}

const rounded = () => `# rounded: losses and the like to within ${(index.rounding * 100).toPrecision(2)}%; curves.csv has every digit\n`;

// Every point of every trial of a problem that is in the page.
async function pointsCsv(problem) {
  const found = await blob(`points-${problem.number}`), names = [...new Set(found.sheets.flatMap(s => Object.keys(s.metrics)))];
  const parts = [rounded(), csvLine(["trial", "problem", "optimizer", "configuration", "seed", "epoch", ...(found.sheets.every(s => s.evaluations) ? ["gradient_evaluations"] : []), ...names])];
  for (const sheet of found.sheets) {
    const columns = names.map(name => [sheet.of(name), sheet.metrics[name]?.mode === "log" && sheet.metrics[name].base === 0]), records = sheet.epochs.length;
    sheet.trial.forEach((trial, row) => {
      const lead = [trial, problem.name, sheet.optimizer[row], sheet.configuration[row], sheet.seed[row]].map(csvCell).join(",");
      let text = "";
      for (let r = 0; r < records; r++) {
        const counted = found.sheets.every(s => s.evaluations) ? [sheet.evaluations.patterns[sheet.evaluations.of[row]][r]] : [];
        text += `${lead},${[sheet.epochs[r], ...counted, ...columns.map(([c, short]) => (!c ? NaN : short ? Number(c[row * records + r].toPrecision(5)) : c[row * records + r]))].map(csvCell).join(",")}\n`;
      }
      parts.push(text);
    });
  }
  download(`curves_${fileName(problem.name)}_rounded.csv`, "text/csv", ...parts);
}
