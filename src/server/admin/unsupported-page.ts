/**
 * /unsupported: what the configuration in force asks for and does not get, by name. Ours; Envoy has
 * no such page.
 */
import { type AdminEndpoint, prettyJson, text } from "./endpoint.ts";

export const unsupported: AdminEndpoint = {
  path: "/unsupported",
  help: "print what the configuration asks for that is not supported",
  mutates: false,
  parameters: [
    { name: "format", help: "File format to use", kind: "choice", choices: ["text", "json"] },
  ],
  handle: ({ query }, { server }) => {
    const all = server.unsupported.all();
    if (query.get("format") === "json") return prettyJson({ unsupported: all });
    if (all.length === 0) return text("Everything in the configuration is supported.\n");
    const lines = all.map(({ kind, resource, path, message }) => {
      const subject = resource === "" ? kind : `${kind} "${resource}"`;
      return `${subject}: ${path}: ${message}\n`;
    });
    return text(lines.join(""));
  },
};
