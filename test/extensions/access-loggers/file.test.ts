// File loggers on a whole proxy: the default format, every way of writing a format, refusals.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../../kit/memory-client.ts";
import { fileLog, HttpProxy, LOG_PATH, type Message, PROXY_PORT } from "../http-proxy.ts";

const TYPE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

function log(fields: Message): Message {
  return { name: "log", typed_config: { "@type": TYPE, path: LOG_PATH, ...fields } };
}

async function logged(...logs: readonly Message[]): Promise<string> {
  const proxy = await HttpProxy.start({ manager: { access_log: logs } });
  await proxy.exchange("GET /path?q", [
    "user-agent: test/1",
    "x-request-id: 11111111-1111-4111-9111-111111111111",
  ]);
  const text = proxy.server.files.logs.get(LOG_PATH) ?? "";
  await proxy.close();
  return text;
}

const DEFAULT_LINE =
  /^\[2024-01-01T00:00:0\d\.\d{3}Z\] "GET \/path\?q HTTP\/1\.1" 200 - 0 \d+ \d+ \d+ "-" "test\/1" "[0-9a-f-]{36}" "test" "127\.0\.0\.1:10001"\n$/;

test("writes Envoy's default format when none is given", async () => {
  assert.match(await logged(log({})), DEFAULT_LINE);
  assert.match(await logged(log({ format: "" })), DEFAULT_LINE);
});

const FORMATS: readonly (readonly [string, Message, string])[] = [
  ["format", { format: "%PROTOCOL%\n" }, "HTTP/1.1\n"],
  ["json_format", { json_format: { b: "%RESPONSE_CODE%", a: 1 } }, '{"a":1,"b":200}\n'],
  ["typed_json_format", { typed_json_format: { b: "%RESPONSE_CODE%" } }, '{"b":200}\n'],
  ["text_format", { log_format: { text_format: "%PROTOCOL%|%REQ(none)%" } }, "HTTP/1.1|-"],
  [
    "text_format_source",
    {
      log_format: {
        text_format_source: { inline_string: "%REQ(none)%|" },
        omit_empty_values: true,
      },
    },
    "|",
  ],
  [
    "inline_bytes",
    {
      log_format: {
        text_format_source: { inline_bytes: Buffer.from("%PROTOCOL%").toString("base64") },
      },
    },
    "HTTP/1.1",
  ],
  [
    "nested JSON",
    { log_format: { json_format: { o: { none: "%REQ(none)%" }, l: ["%PROTOCOL%"] } } },
    '{"l":["HTTP/1.1"],"o":{"none":null}}\n',
  ],
];

for (const [name, fields, text] of FORMATS) {
  test(`takes ${name}`, async () => assert.equal(await logged(log(fields)), text));
}

test("several logs of one path share the file", async () => {
  assert.equal(await logged(log({ format: "one\n" }), log({ format: "two\n" })), "one\ntwo\n");
});

const PROBLEMS: readonly (readonly [Message, RegExp])[] = [
  [log({ log_format: {} }), /log_format/],
  [log({ format: "%FOO%" }), /access_log\[0\]\.typed_config\.format: Unknown command %FOO%$/],
  [
    log({ log_format: { json_format: { a: ["%FOO%"] } } }),
    /json_format\.a\.0: Unknown command %FOO%$/,
  ],
  [
    log({ log_format: { text_format_source: { filename: "/none" } } }),
    /text_format_source\.filename: File \/none cannot be read: ENOENT$/,
  ],
  [
    log({ log_format: { text_format_source: { environment_variable: "NONE" } } }),
    /environment_variable: Environment variable NONE is not set$/,
  ],
  [
    {
      name: "log",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
      },
    },
    /typed_config: Access logger envoy\.extensions\.access_loggers\.wasm\.v3\.WasmAccessLog is not supported$/,
  ],
  [
    log({
      log_format: {
        text_format: "x",
        formatters: [
          {
            name: "cel",
            typed_config: { "@type": "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel" },
          },
        ],
      },
    }),
    /formatters\[0\]: Formatter envoy\.extensions\.formatter\.cel\.v3\.Cel is not supported$/,
  ],
];

for (const [message, problem] of PROBLEMS) {
  test(`refuses: ${problem.source.replaceAll("\\", "")}`, async () => {
    const found = await HttpProxy.problems({ manager: { access_log: [message] } });
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, problem);
  });
}

test("keeps a listener's own log of connections", async () => {
  const proxy = await HttpProxy.start({
    listener: {
      access_log: [
        fileLog("%PROTOCOL% %BYTES_RECEIVED% %DOWNSTREAM_LOCAL_PORT% %ACCESS_LOG_TYPE%\n"),
      ],
    },
  });
  await proxy.exchange("GET /");
  await proxy.server.time.advance(1000);
  assert.match(proxy.log.join(), /^HTTP\/1\.1 \d+ 10000 NotSet$/);
  await proxy.close();
});

test("a request that lasts is logged at its start and from time to time", async () => {
  const options = { access_log_flush_interval: "2s", flush_access_log_on_new_request: true };
  const proxy = await HttpProxy.start({
    manager: {
      access_log: [fileLog("%ACCESS_LOG_TYPE% %RESPONSE_CODE% %DURATION%\n")],
      access_log_options: options,
    },
    answer: "",
  });
  const client = new MemoryClient(proxy.server.network, { ip: "127.0.0.1", port: PROXY_PORT });
  client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
  await proxy.server.time.advance(5000);
  client.socket.destroy();
  await proxy.server.time.advance(1);
  const types = proxy.log.map((line) => line.split(" ")[0]);
  assert.deepEqual(types, [
    "DownstreamStart",
    "DownstreamPeriodic",
    "DownstreamPeriodic",
    "DownstreamEnd",
  ]);
  await proxy.close();
});
