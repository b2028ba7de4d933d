/** /runtime and /runtime_modify. Envoy: `Server::RuntimeHandler`. */
import { type AdminEndpoint, page, prettyJson, text } from "./endpoint.ts";

export const runtime: AdminEndpoint = page("/runtime", "print runtime values", ({ server }) => {
  const entries: Record<string, unknown> = {};
  for (const { key, layerValues, finalValue } of server.runtime?.describe() ?? []) {
    const value = { final_value: finalValue, layer_values: layerValues };
    // A key may be named "__proto__".
    Object.defineProperty(entries, key, { value, enumerable: true });
  }
  return prettyJson({ layers: server.runtime?.layerNames ?? [], entries });
});

const USAGE = `usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN
       or send the parameters as form values
use an empty value to remove a previously added override`;

export const runtimeModify: AdminEndpoint = {
  path: "/runtime_modify",
  help:
    "Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. " +
    "Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. " +
    "E.g. ?key1=value1&key2=value2...",
  mutates: true,
  parameters: [],
  handle: ({ query }, { server }) => {
    if (query.size === 0) return text(USAGE, 400);
    if (server.runtime === null) return text("Runtime modification is not available yet\n", 503);
    if (server.runtime.modify(query)) return text("OK\n");
    return text("No admin layer specified\n", 503);
  },
};
