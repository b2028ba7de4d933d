// local_reply_config on a whole proxy: mappers in order, formats, gRPC, what logs and headers see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileLog, HttpProxy, type Message, valuesOf } from "../../http-proxy.ts";

const when = (exact: string): Message => ({
  header_filter: { header: { name: "x-map", string_match: { exact } } },
});

const CONFIG = {
  mappers: [
    {
      filter: when("all"),
      status_code: 418,
      body: { inline_string: "mapped" },
      headers_to_add: [
        { header: { key: "x-a", value: "%RESPONSE_CODE%|%LOCAL_REPLY_BODY%|%RESP(:status)%" } },
        {
          header: { key: "content-type", value: "text/x" },
          append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
        },
      ],
      body_format_override: {
        json_format: {
          b: "%LOCAL_REPLY_BODY%",
          c: "%RESPONSE_CODE%",
          d: "%RESPONSE_CODE_DETAILS%",
        },
      },
    },
    { filter: when("body"), body: { inline_bytes: Buffer.from("bytes").toString("base64") } },
    { filter: when("empty"), body: { inline_string: "" } },
    {
      filter: when("type"),
      body_format_override: { text_format: "T %LOCAL_REPLY_BODY%", content_type: "text/html; x" },
    },
    {
      filter: {
        and_filter: {
          filters: [
            {
              status_code_filter: {
                comparison: { op: "EQ", value: { default_value: 404, runtime_key: "k" } },
              },
            },
            { response_flag_filter: { flags: ["NR"] } },
            when("flag"),
          ],
        },
      },
      status_code: 599,
    },
  ],
  body_format: {
    text_format_source: { inline_string: "<%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:%REQ(:path)%>" },
  },
};

const START = {
  manager: {
    local_reply_config: CONFIG,
    access_log: [fileLog("%RESPONSE_CODE%|%LOCAL_REPLY_BODY%|%BYTES_SENT%\n")],
  },
  routes: [
    {
      match: { prefix: "/direct" },
      direct_response: { status: 200, body: { inline_string: "hello" } },
    },
  ],
  route: { match: { prefix: "/up" } },
};

/** Header x-map, path, then status, content type and body of the answer. */
const CASES: readonly (readonly [string, string, number, string, string])[] = [
  ["none", "/none", 404, "text/plain", "<:404:/none>"],
  ["none", "/direct", 200, "text/plain", "<hello:200:/direct>"],
  ["all", "/none", 418, "text/x", '{"b":"mapped","c":418,"d":"route_not_found"}\n'],
  ["body", "/none", 404, "text/plain", "<bytes:404:/none>"],
  ["empty", "/direct", 200, "text/plain", "<:200:/direct>"],
  ["type", "/direct", 200, "text/html; x", "T hello"],
  ["flag", "/none", 599, "text/plain", "<:599:/none>"],
  ["flag", "/direct", 200, "text/plain", "<hello:200:/direct>"],
];

for (const [map, path, status, type, body] of CASES) {
  test(`x-map ${map} for ${path} gives ${status} ${JSON.stringify(body)}`, async () => {
    const proxy = await HttpProxy.start(START);
    const answer = await proxy.exchange(`GET ${path}`, [`x-map: ${map}`]);
    assert.deepEqual([answer.status, answer.contentType, answer.body], [status, type, body]);
    assert.deepEqual(proxy.log, [`${status}||${body.length}`]);
    await proxy.close();
  });
}

test("headers of a mapper see the status from before", async () => {
  const proxy = await HttpProxy.start(START);
  const answer = await proxy.exchange("GET /none", ["x-map: all"]);
  assert.deepEqual(valuesOf(answer, "x-a"), ["404||404"]);
  await proxy.close();
});

test("gRPC gets the mapped body as its message, and the status that the mapped one stands for", async () => {
  const proxy = await HttpProxy.start(START);
  const answer = await proxy.exchange("POST /none", [
    "x-map: all",
    "content-type: application/grpc",
  ]);
  assert.equal(answer.status, 200);
  assert.deepEqual(valuesOf(answer, "grpc-status"), ["2"]);
  assert.deepEqual(valuesOf(answer, "grpc-message"), [
    '{"b":"mapped","c":418,"d":"route_not_found"}',
  ]);
  await proxy.close();
});

test("answers of the upstream stay as they are", async () => {
  const proxy = await HttpProxy.start({
    ...START,
    answer: "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nup",
  });
  const answer = await proxy.exchange("GET /up", ["x-map: all"]);
  assert.deepEqual([answer.status, answer.body], [404, "up"]);
  await proxy.close();
});

test("a mapper needs a filter that is known", async () => {
  const mappers = [{ filter: { traceable_filter: {} }, status_code: 500 }];
  const found = await HttpProxy.problems({ manager: { local_reply_config: { mappers } } });
  assert.equal(found.length, 1, found.join("\n"));
  assert.match(found[0]!, /mappers\[0\]\.filter\.traceable_filter: /);
});
