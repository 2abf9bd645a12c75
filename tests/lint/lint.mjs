// What two linters of the field say about a document: `node lint.mjs openapi|asyncapi PLACE`, as JSON on a line each.
import { readFile } from "node:fs/promises";

const [kind, place] = process.argv.slice(2);
const source = await readFile(place, "utf8");
const found = kind === "openapi" ? await openapi() : await asyncapi();
for (const problem of found) console.log(JSON.stringify(problem));

async function openapi() {
  const { createConfig, lintFromString } = await import("@redocly/openapi-core");
  const config = await createConfig({ extends: ["recommended-strict"] });
  const problems = await lintFromString({ source, absoluteRef: place, config });
  return problems.map(({ ruleId, severity, message, location }) => ({
    rule: ruleId, severity, message, at: location[0]?.pointer,
  }));
}

async function asyncapi() {
  const { Parser } = await import("@asyncapi/parser");
  const { diagnostics } = await new Parser().parse(source);
  return diagnostics.map(({ code, severity, message, path }) => ({ rule: code, severity, message, at: path.join("/") }));
}
