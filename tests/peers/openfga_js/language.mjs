// What OpenFGA's own transformer and validator say of a list of {text} and {model}: reads and prints one JSON document.
import { transformer, validator } from "@openfga/syntax-transformer";
import { readFileSync } from "node:fs";

const tried = (work) => {
  try {
    return { value: work() };
  } catch (error) {
    const errors = error.errors ?? [error];
    return { errors: errors.map(({ line, message }) => ({ line: line?.start ?? null, message })) };
  }
};

const asked = JSON.parse(readFileSync(0, "utf-8"));
const answers = asked.map(({ text, model }) =>
  text === undefined
    ? tried(() => transformer.transformJSONToDSL(model))
    : { ...tried(() => transformer.transformDSLToJSONObject(text)), faults: tried(() => validator.validateDSL(text)).errors ?? [] },
);
console.log(JSON.stringify(answers));
