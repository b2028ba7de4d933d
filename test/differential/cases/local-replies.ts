// Local replies and local_reply_config: mappers, formats, gRPC (envoy-semantics 2.12).
import { reply } from "../../kit/scripted-upstream.ts";
import { anyHost, bootstrap, hcmWithHosts, listener, type Message, routeTo } from "../bootstrap.ts";
import {
  answers,
  type DifferentialCase,
  type DifferentialGroup,
  exchange,
  get,
  head,
  request,
  responseToHead,
  send,
} from "../case.ts";

const statusFilter = (op: string, value: number): Message => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: "none" } } },
});

const added = (key: string, value: string): Message => ({ header: { key, value } });

const LOCAL_REPLY: Message = {
  mappers: [
    {
      filter: { header_filter: { header: { name: "x-map", string_match: { exact: "code" } } } },
      status_code: 418,
      body: { inline_string: "mapped body" },
      headers_to_add: [added("x-mapped", "%RESPONSE_CODE%"), added("x-mapped", "two")],
    },
    {
      filter: { header_filter: { header: { name: "x-map", string_match: { exact: "format" } } } },
      body_format_override: {
        json_format: { was: "%RESPONSE_CODE%", body: "%LOCAL_REPLY_BODY%", path: "%REQ(:path)%" },
      },
    },
    {
      filter: { header_filter: { header: { name: "x-map", string_match: { exact: "type" } } } },
      body_format_override: {
        text_format_source: { inline_string: "<p>%LOCAL_REPLY_BODY%</p>" },
        content_type: "text/html; charset=UTF-8",
      },
    },
    { filter: statusFilter("EQ", 404), body: { inline_string: "nothing here" } },
  ],
  body_format: {
    text_format_source: { inline_string: "%LOCAL_REPLY_BODY% %RESPONSE_CODE% %RESPONSE_FLAGS%\n" },
  },
};

const localReplyCases: readonly DifferentialCase[] = [
  exchange("maps status, body and headers", "replies", get("/empty", "x-map: code")),
  exchange("formats a local reply as JSON", "replies", get("/empty", "x-map: format")),
  exchange("formats a local reply with its own type", "replies", get("/empty", "x-map: type")),
  exchange("formats a local reply with the default format", "replies", get("/empty")),
  exchange("maps by status code", "replies", get("/x", "host: elsewhere")),
  exchange("does not map upstream answers", "replies", get("/"), answers(reply(404, "theirs"))),
  exchange("maps direct responses", "replies", get("/direct")),
  exchange(
    "maps gRPC local replies",
    "replies",
    get("/empty", "content-type: application/grpc", "x-map: code"),
  ),
  exchange("maps codec errors", "replies", "GET / HTTP/1.1\r\n\r\n"),
  {
    name: "maps a local reply to HEAD",
    on: "replies",
    steps: [send(request("HEAD", "/empty", ["x-map: code"], null)), responseToHead],
  },
  exchange("maps an oversized head", "replies", get("/", `x: ${"y".repeat(62_000)}`)),
  exchange(
    "maps a bad request line",
    "replies",
    head("GET / HTTP/1.1", "host: a", "bad header: x"),
  ),
];

const direct = {
  match: { prefix: "/direct" },
  direct_response: { status: 404, body: { inline_string: "d" } },
};

const host: Message = {
  ...anyHost([direct, routeTo({ prefix: "/empty" }, "empty"), routeTo({ prefix: "/" })]),
  domains: ["a.example", "a"],
};

export const localReplies: DifferentialGroup = {
  name: "local-replies",
  bootstrap: bootstrap([
    listener("replies", [hcmWithHosts([host], { local_reply_config: LOCAL_REPLY })]),
  ]),
  cases: localReplyCases,
};
