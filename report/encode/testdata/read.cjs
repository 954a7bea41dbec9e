// Reads Parquet files with DuckDB and polars, and Arrow files with polars, and
// prints for each reader and file one line of JSON with the number of rows and
// for each column how many cells are not NULL and one sum:
//
//   integer, timestamp   sum of value mod 1000003
//   string               sum of the lengths in bytes
//   boolean              number of true
//   list                 sum of the elements' pid mod 1000003
//   histogram            sum of (least_ns + 2 below_ns + 3 count) mod 1000003
//
//   node read.cjs FILE...
const { DuckDBInstance } = require("@duckdb/node-api");
const polars = require("nodejs-polars");
const fs = require("node:fs");

const modulus = 1000003;
const whole = polars.lit(modulus).cast(polars.Int64); // a bare number would be a float

async function duckdb(file) {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjects();
  const from = `FROM read_parquet([${file.split(",").map((f) => `'${f}'`)}], union_by_name = true)`;
  const sum = (c, type) => {
    if (type === "BIGINT" || type === "INTEGER") return `sum(${c} % ${modulus})`;
    if (type === "TIMESTAMP WITH TIME ZONE") return `sum(epoch_us(${c}) % ${modulus})`;
    if (type === "VARCHAR") return `sum(strlen(${c}))`;
    if (type === "BOOLEAN") return `count(*) FILTER (${c})`;
    if (type === "STRUCT(pid BIGINT, start_ns BIGINT, \"name\" VARCHAR)[]") return `sum(list_sum(list_transform(${c}, x -> x.pid % ${modulus})))`;
    if (type === 'STRUCT(least_ns BIGINT, below_ns BIGINT, count BIGINT)[]' || type === 'STRUCT(least_ns BIGINT, below_ns BIGINT, "count" BIGINT)[]')
      return `sum(list_sum(list_transform(${c}, x -> (x.least_ns + 2 * x.below_ns + 3 * x.count) % ${modulus})))`;
    throw new Error(`${file}: column ${c} has type ${type}`);
  };
  const columns = {};
  for (const { column_name: name, column_type: type } of await query(`DESCRIBE SELECT * ${from}`)) {
    const [row] = await query(`SELECT count("${name}")::VARCHAR AS n, coalesce(${sum(`"${name}"`, type)}, 0)::VARCHAR AS s ${from}`);
    columns[name] = [Number(row.n), Number(row.s)];
  }
  const [{ n }] = await query(`SELECT count(*)::VARCHAR AS n ${from}`);
  return { reader: "duckdb", file, rows: Number(n), columns };
}

function withPolars(file) {
  const one = (f) => (f.endsWith(".arrow") ? polars.readIPC(fs.readFileSync(f)) : polars.readParquet(f));
  const frames = file.split(",").map(one);
  const frame = frames.length > 1 ? polars.concat(frames, { how: "diagonal" }) : frames[0];
  const columns = {};
  for (const name of frame.columns) {
    const series = frame.getColumn(name);
    columns[name] = [frame.height - series.nullCount(), polarsSum(file, frame, name, String(series.dtype).replace(/^DataType./, ""))];
  }
  return { reader: "polars", file, rows: frame.height, columns };
}

function polarsSum(file, frame, name, type) {
  const c = polars.col(name);
  const sum = (e) => Number(frame.select(e.sum().alias("s")).toRecords()[0].s ?? 0);
  if (/^Int(64|32)/.test(type)) return sum(c.cast(polars.Int64).modulo(whole));
  if (/^Datetime/.test(type)) return sum(c.cast(polars.Int64).modulo(whole));
  const cells = frame.getColumn(name).toArray().filter((v) => v !== null);
  if (/^(String|Utf8)/.test(type)) return cells.reduce((n, s) => n + Buffer.byteLength(s), 0);
  if (/^Bool/.test(type)) return cells.filter(Boolean).length;
  const bucket = (b) => Number((BigInt(b.least_ns) + 2n * BigInt(b.below_ns) + 3n * BigInt(b.count)) % BigInt(modulus));
  if (/^List/.test(type) && /least_ns|below_ns/.test(type)) return cells.reduce((n, list) => n + [...list].reduce((m, b) => m + bucket(b), 0), 0);
  if (/^List/.test(type)) return cells.reduce((n, list) => n + [...list].reduce((m, p) => m + Number(BigInt(p.pid) % BigInt(modulus)), 0), 0);
  throw new Error(`${file}: column ${name} has type ${type}`);
}

(async () => {
  for (const file of process.argv.slice(2)) {
    if (file.endsWith(".parquet")) console.log(JSON.stringify(await duckdb(file)));
    console.log(JSON.stringify(withPolars(file)));
  }
})();
