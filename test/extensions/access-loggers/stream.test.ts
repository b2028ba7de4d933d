// Loggers of the process's own output.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpProxy, type Message } from "../http-proxy.ts";

function log(type: string, fields: Message = {}): Message {
  const url = `type.googleapis.com/envoy.extensions.access_loggers.stream.v3.${type}`;
  return { name: "log", typed_config: { "@type": url, ...fields } };
}

test("stdout and stderr have a format each", async () => {
  const format = { log_format: { text_format_source: { inline_string: "%RESPONSE_CODE%\n" } } };
  const logs = [log("StdoutAccessLog"), log("StderrAccessLog", format)];
  const proxy = await HttpProxy.start({ manager: { access_log: logs } });
  await proxy.exchange("GET /");
  const written = proxy.server.files.logs;
  assert.match(written.get("/dev/stdout") ?? "", /^\[2024-01-01T[^"]*"GET \/ HTTP\/1\.1" 200 - /);
  assert.equal(written.get("/dev/stderr"), "200\n");
  await proxy.close();
});
