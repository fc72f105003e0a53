// Packed results -> arrays; the other way is bench/page/packing.py.

const blobs = new Map(), ready = new Map();

async function inflated(name) {
  const coded = document.getElementById(`data-${name}`).textContent;
  const { readable, writable } = new DecompressionStream("deflate"), writer = writable.getWriter();
  // In one piece: as a stream of a Blob it takes seconds in Chromium.
  writer.write(decoded(coded));
  writer.close();
  return new Response(readable).arrayBuffer();
}

function decoded(coded) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(coded);
  const raw = atob(coded), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// A blob by its name: its header, and what finds its buffers. `ready` has those that are there.
function blob(name) {
  if (!blobs.has(name)) {
    blobs.set(name, inflated(name).then(raw => {
      const length = new DataView(raw).getUint32(0, true), start = 4 + length;
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(raw, 4, length)));
      const bytes = ([offset, size]) => new Uint8Array(raw, start + offset, size);
      const found = read(name, head, bytes);
      ready.set(name, found);
      return found;
    }));
  }
  return blobs.get(name);
}

function read(name, head, bytes) {
  if (name.startsWith("table-")) return table(head, bytes);
  if (name.startsWith("points-")) return points(head, bytes);
  if (name === "clock") {
    const entries = Object.entries(head.tables).map(([n, t]) => [n, table(t, bytes)]);
    return { epoch: head.epoch, tables: Object.fromEntries(entries) };
  }
  return head;
}

// Numbers whose bytes lie in planes: all first bytes, then all second ones.
function unplaned(bytes, width) {
  const count = bytes.length / width, out = new Uint8Array(bytes.length);
  for (let b = 0; b < width; b++) {
    for (let i = 0; i < count; i++) out[i * width + b] = bytes[b * count + i];
  }
  const kind = { 2: Uint16Array, 4: Float32Array, 8: Float64Array }[width];
  return new kind(out.buffer);
}

function small([offset, length, width], bytes) {
  const kind = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[width];
  return new kind(bytes([offset, length]).slice().buffer);
}

function table(head, bytes) {
  const columns = head.columns.map(column => {
    if (column.kind === "text") {
      const codes = small(column.codes, bytes);
      return { name: column.name, number: false, values: Array.from(codes, c => column.texts[c]) };
    }
    const kept = unplaned(bytes(column.values), column.bytes);
    const codes = column.codes && small(column.codes, bytes);
    const values = codes ? Float64Array.from(codes, c => kept[c]) : Float64Array.from(kept);
    return { name: column.name, number: true, values };
  });
  const named = Object.fromEntries(columns.map(column => [column.name, column.values]));
  return { rows: head.rows, columns, named };
}

// The places of a table's rows for which `keep` holds of their place.
function places(found, keep) {
  return Array.from({ length: found.rows }, (_, i) => i).filter(keep);
}

function points(head, bytes) {
  const float = ref => new Float64Array(bytes(ref).slice().buffer);
  const sheets = head.sheets.map(sheet => {
    const own = { epochs: sheet.epochs, metrics: sheet.metrics, curves: new Map() };
    for (const name of ["trial", "optimizer", "configuration", "seed"]) own[name] = float(sheet[name]);
    own.optimizer = Array.from(own.optimizer, i => sheet.optimizers[i]);
    if (sheet.evaluations) {
      own.evaluations = { patterns: sheet.evaluations.patterns, of: float(sheet.evaluations.of) };
    }
    own.of = name => {
      if (!own.curves.has(name) && sheet.metrics[name]) {
        own.curves.set(name, curves(sheet.metrics[name], sheet.epochs.length, bytes));
      }
      return own.curves.get(name);
    };
    return own;
  });
  const bands = head.bands.map(band => ({ ...band, values: curves(band.values, band.epochs.length, bytes) }));
  return { sheets, bands, updates: head.updates };
}

// Curves one after the other, from differences of their codes.
function curves(how, records, bytes) {
  const folded = unplaned(bytes(how.data), 2), out = new Float64Array(folded.length);
  const exact = how.mode === "exact" && new Float64Array(bytes(how.values).slice().buffer);
  for (let i = 0, code = 0; i < folded.length; i++) {
    if (i % records === 0) code = 0;
    const f = folded[i];
    code = (code + (f & 1 ? -(f + 1) / 2 : f / 2)) & 0xffff;
    out[i] = exact ? exact[code] : unlogged(code, how);
  }
  return out;
}

function unlogged(code, how) {
  if (code < 4) return [NaN, Infinity, -Infinity, how.base][code];
  const place = code - 4, below = place < how.room;
  const steps = below ? how.room - 1 - place : place - how.room;
  const distance = Math.exp(how.least + steps * how.step) * (below ? -1 : 1);
  return how.base + how.way * distance;
}

// The quantile of sorted values as bench.stats has it: an infinite neighbour wins, of two the nearer.
function quantile(sorted, q) {
  const place = q * (sorted.length - 1), below = Math.floor(place), part = place - below;
  const a = sorted[below], b = sorted[Math.min(below + 1, sorted.length - 1)];
  if (part === 0 || a === b) return a;
  const mixed = a * (1 - part) + b * part;
  return Number.isNaN(mixed) ? (part < 0.5 ? a : part > 0.5 ? b : 0) : mixed;
}

// What stands under a name that may be anything, "constructor" among others.
const under = (found, name) => (found && Object.hasOwn(found, name) ? found[name] : undefined);
