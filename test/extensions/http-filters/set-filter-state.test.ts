// set_filter_state on a whole proxy: values, empty ones, read-only ones, unknown factories.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileLog, HttpProxy, httpFilter, type Message } from "../http-proxy.ts";

function value(key: string, format: string, fields: Message = {}): Message {
  return {
    object_key: key,
    factory_key: "envoy.string",
    format_string: { text_format_source: { inline_string: format } },
    ...fields,
  };
}

function filter(...values: readonly Message[]): Message {
  return httpFilter("set_filter_state", "set_filter_state.v3.Config", {
    on_request_headers: values,
  });
}

async function logged(filters: readonly Message[], format: string): Promise<string | undefined> {
  const proxy = await HttpProxy.start({
    filters,
    manager: { access_log: [fileLog(`${format}\n`)] },
  });
  await proxy.exchange("GET /path", ["x-a: A"]);
  const [line] = proxy.log;
  await proxy.close();
  return line;
}

test("keeps formatted text under a key", async () => {
  const line = await logged(
    [filter(value("k", "%REQ(x-a)% on %REQ(:path)%"))],
    "%FILTER_STATE(k:PLAIN)%",
  );
  assert.equal(line, "A on /path");
});

test("a missing value is a dash, or left out when empty ones are skipped", async () => {
  const empty = {
    format_string: {
      text_format_source: { inline_string: "%REQ(none)%" },
      omit_empty_values: true,
    },
  };
  const filters = [
    filter(value("k", "%REQ(none)%"), value("e", "", { ...empty, skip_if_empty: true })),
  ];
  assert.equal(await logged(filters, "%FILTER_STATE(k:PLAIN)%|%FILTER_STATE(e:PLAIN)%"), "-|-");
});

test("a read-only value stays", async () => {
  const filters = [filter(value("k", "one", { read_only: true }), value("k", "two"))];
  assert.equal(await logged(filters, "%FILTER_STATE(k:PLAIN)%"), "one");
});

test("an unknown factory is refused by name", async () => {
  const problems = await HttpProxy.problems({
    filters: [filter(value("k", "v", { factory_key: "envoy.strin" }))],
  });
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0]!, /factory_key: There is no object factory envoy\.strin$/);
});
