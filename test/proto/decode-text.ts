// Short ways to decode YAML in tests.
import assert from "node:assert/strict";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { loadTextMessages, type TextMessages } from "../../src/proto/text-messages.ts";

export const messages: TextMessages = await loadTextMessages();
await messages.prepare();

/** The plain message of a text that has no problem. */
export function decode(typeName: string, text: string): unknown {
  const options = { unknownFields: "error", skipRules: true } as const;
  const decoded = messages.decodeText(typeName, { file: "test.yaml", text }, options);
  assert.deepEqual(decoded.diagnostics, []);
  return decoded.message;
}

/** The diagnostics of a text, rules included. */
export function problems(typeName: string, text: string): readonly Diagnostic[] {
  const input = { file: "test.yaml", text };
  return messages.decodeText(typeName, input, { unknownFields: "error" }).diagnostics;
}

/** `line:column path: message (remedy)` of the only diagnostic. */
export function problem(typeName: string, text: string): string {
  const found = problems(typeName, text);
  assert.equal(found.length, 1, `expected one diagnostic, got ${JSON.stringify(found)}`);
  const [{ source, path, message, remedy }] = found as [Diagnostic];
  return `${source?.line}:${source?.column} ${path}: ${message} (${remedy})`;
}
