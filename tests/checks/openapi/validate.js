// Reads an OpenAPI document on standard input and validates it against the official 3.1 schema, whose base dialect
// validates every schema object inside as JSON Schema 2020-12 too. Then what no schema can say: every reference has
// a target, operation ids are unique, and each operation states request, response and problem schemas.
import { readFileSync } from "node:fs";
import { validate } from "@hyperjump/json-schema/openapi-3-1";

const complaints = [];
const document = JSON.parse(readFileSync(0, "utf8"));

const official = await validate("https://spec.openapis.org/oas/3.1/schema-base", document, "DETAILED");
if (!official.valid) {
  const leaves = (unit) => (unit.errors?.length ? unit.errors.flatMap(leaves) : [unit]);
  for (const leaf of leaves(official).slice(0, 20)) {
    complaints.push(`${leaf.instanceLocation}: breaks ${leaf.absoluteKeywordLocation}`);
  }
}

const resolve = (pointer) =>
  pointer
    .slice(2)
    .split("/")
    .reduce((node, step) => node?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], document);

const walk = (node, place) => {
  if (node === null || typeof node !== "object") return;
  if (typeof node.$ref === "string" && (!node.$ref.startsWith("#/") || resolve(node.$ref) === undefined)) {
    complaints.push(`${place}: ${node.$ref} leads nowhere`);
  }
  for (const [name, child] of Object.entries(node)) walk(child, `${place}/${name}`);
};
walk(document, "#");

const deref = (node) => (node?.$ref ? resolve(node.$ref) : node);
const methods = ["get", "put", "post", "delete", "patch", "head", "options"];
const ids = new Set();
let operations = 0;
for (const [path, item] of Object.entries(document.paths ?? {})) {
  for (const method of methods.filter((name) => item[name])) {
    const operation = item[method];
    const name = `${method.toUpperCase()} ${path}`;
    operations += 1;
    if (!operation.operationId || ids.has(operation.operationId)) complaints.push(`${name}: no operationId of its own`);
    ids.add(operation.operationId);
    const bodiless = !["post", "patch", "put"].includes(method) || operation.responses?.["204"];
    if (!bodiless && operation.requestBody === undefined) complaints.push(`${name}: no request schema`);
    if (operation.requestBody && !deref(operation.requestBody).content?.["application/json"]?.schema) {
      complaints.push(`${name}: the request has no JSON schema`);
    }
    const answers = Object.entries(operation.responses ?? {});
    if (!answers.some(([status]) => /^2/.test(status))) complaints.push(`${name}: no success`);
    if (!answers.some(([status]) => /^[45]|default/.test(status))) complaints.push(`${name}: no problem`);
    for (const [status, answer] of answers) {
      const content = deref(answer)?.content;
      if (/^[45]|default/.test(status) && !content?.["application/problem+json"]?.schema) {
        complaints.push(`${name}: ${status} has no problem schema`);
      }
      if (/^2/.test(status) && status !== "204" && !Object.values(content ?? {}).some((media) => media.schema)) {
        complaints.push(`${name}: ${status} has no schema`);
      }
    }
    const named = new Set([...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]));
    const stated = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
      .map(deref)
      .filter((parameter) => parameter?.in === "path");
    for (const parameter of stated) if (!named.delete(parameter.name)) complaints.push(`${name}: ${parameter.name} is not in the path`);
    for (const left of named) complaints.push(`${name}: path parameter ${left} is not described`);
  }
}
if (operations === 0) complaints.push("the document has no operation");

for (const complaint of complaints) console.log(complaint);
console.log(`${operations} operations, ${complaints.length} complaints`);
process.exit(complaints.length ? 1 : 0);
