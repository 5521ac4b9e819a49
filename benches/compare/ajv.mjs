// Parses and validates the same bodies as the validation cases, with Ajv: node ajv.mjs FOLDER, where FOLDER holds
// orders.json and body-1KB, body-10KB, body-100KB. Prints µs a body, one line each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(process.env.AJV_FOLDER + "/");
const Ajv = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

const folder = process.argv[2];
const definition = JSON.parse(readFileSync(`${folder}/orders.json`, "utf8"));
const ajv = new Ajv({ strict: false });
addFormats(ajv);
ajv.addSchema(definition, "definition");
const validate = ajv.getSchema("definition#/components/schemas/Order");
for (const name of ["1KB", "10KB", "100KB"]) {
  const body = readFileSync(`${folder}/body-${name}`);
  const judge = () => { if (!validate(JSON.parse(body.toString()))) throw new Error(JSON.stringify(validate.errors)); };
  // Until the compiler has seen enough; Ajv compares each item of a list that must be unique with all others, which takes its time.
  const warm = process.hrtime.bigint();
  for (let i = 0; i < 2000 && process.hrtime.bigint() - warm < 2_000_000_000n; i++) judge();
  const rounds = [];
  for (let round = 0; round < 7; round++) {
    const started = process.hrtime.bigint();
    let count = 0;
    do { judge(); count += 1; } while (process.hrtime.bigint() - started < 60_000_000n);
    rounds.push(Number(process.hrtime.bigint() - started) / 1000 / count);
  }
  rounds.sort((a, b) => a - b);
  console.log(`${name} ${rounds[3].toFixed(2)}`);
}
