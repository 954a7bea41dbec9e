// Runs one query in DuckDB and prints its rows, tabs between the columns.
//
//   node query.cjs SQL
const { DuckDBInstance } = require("@duckdb/node-api");

(async () => {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  for (const row of (await connection.runAndReadAll(process.argv[2])).getRows()) {
    console.log(row.map(String).join("\t"));
  }
})();
