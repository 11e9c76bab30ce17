// Says what @ag-ui/client's verifyEvents thinks of streams; run in the folder with node_modules.
//
// A stream of events as JSON on each line of stdin; for each, a line of JSON: null, or the error.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.cwd()}/`);
const { verifyEvents } = require("@ag-ui/client");
const { from } = require("rxjs");

for await (const line of createInterface({ input: process.stdin })) {
  let verdict = null;
  from(JSON.parse(line)).pipe(verifyEvents()).subscribe({ error: (error) => (verdict = error.message) });
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}
