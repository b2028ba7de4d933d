// header_mutation on a whole proxy: what the upstream and the client get.
import assert from "node:assert/strict";
import { test } from "node:test";
import { any, HttpProxy, httpFilter, type Message, valuesOf } from "../http-proxy.ts";

const NAME = "envoy.filters.http.header_mutation";

function append(key: string, value: string, action?: string): Message {
  return {
    append: { header: { key, value }, ...(action === undefined ? {} : { append_action: action }) },
  };
}

function filter(mutations: Message, more: Message = {}): Message {
  return httpFilter("header_mutation", "header_mutation.v3.HeaderMutation", { mutations, ...more });
}

function perRoute(mutations: Message): Message {
  const type = "http.header_mutation.v3.HeaderMutationPerRoute";
  return { typed_per_filter_config: { [NAME]: any(type, { mutations }) } };
}

test("changes request headers one after the other", async () => {
  const proxy = await HttpProxy.start({
    filters: [
      filter({
        request_mutations: [
          append("x-a", "%REQ(x-b)%1"),
          append("x-b", "%REQ(x-a)%2", "OVERWRITE_IF_EXISTS_OR_ADD"),
          append("x-c", "absent only", "ADD_IF_ABSENT"),
          append("x-d", "present only", "OVERWRITE_IF_EXISTS"),
          { remove: "x-gone" },
          { remove_on_match: { key_matcher: { prefix: "x-pre-" } } },
        ],
      }),
    ],
  });
  await proxy.exchange("GET /", [
    "x-a: A",
    "x-b: B",
    "x-c: C",
    "x-gone: 1",
    "x-pre-1: 1",
    "x-pre-2: 2",
  ]);
  const own = proxy.seen().filter((line) => /^x-[a-d]|^x-(gone|pre)/.test(line));
  assert.deepEqual(own, ["x-a: A", "x-c: C", "x-a: B1", "x-b: A2"]);
  await proxy.close();
});

test("changes answers, local ones too, and knows their status", async () => {
  const proxy = await HttpProxy.start({
    filters: [filter({ response_mutations: [append("x-r", "%RESPONSE_CODE%")] })],
    routes: [{ match: { prefix: "/local" }, direct_response: { status: 404 } }],
  });
  assert.deepEqual(valuesOf(await proxy.exchange("GET /"), "x-r"), ["200"]);
  assert.deepEqual(valuesOf(await proxy.exchange("GET /local"), "x-r"), ["404"]);
  await proxy.close();
});

test("writes a changed query anew: decoded, sorted, with equals signs", async () => {
  const record = (key: string, value: string, action: string): Message => ({
    append: { record: { key, value }, action },
  });
  const proxy = await HttpProxy.start({
    filters: [
      filter({
        query_parameter_mutations: [
          record("d", "x&%REQ(x-q)%", "APPEND_IF_EXISTS_OR_ADD"),
          record("a", "2", "OVERWRITE_IF_EXISTS"),
          record("z", "2", "OVERWRITE_IF_EXISTS"),
          record("n", "1", "ADD_IF_ABSENT"),
          record("b", "9", "APPEND_IF_EXISTS_OR_ADD"),
          record("o", "o", "OVERWRITE_IF_EXISTS_OR_ADD"),
          { remove: "r" },
        ],
      }),
    ],
  });
  await proxy.exchange("GET /p?b=2&a=1%20x&c&b=1&r=1&%41=q+1", ["x-q: Q="]);
  assert.equal(proxy.seen()[0], "GET /p?A=q+1&a=2&b=2&b=1&b=9&c=&d=x&Q=&n=1&o=o HTTP/1.1");
  await proxy.close();
});

const LEVELS = {
  route: perRoute({ request_mutations: [append("x-level", "route")] }),
  host: perRoute({ request_mutations: [append("x-level", "host")] }),
};

async function levelsOf(more: Message): Promise<string[]> {
  const proxy = await HttpProxy.start({
    filters: [filter({ request_mutations: [append("x-level", "filter")] }, more)],
    ...LEVELS,
  });
  await proxy.exchange("GET /");
  const lines = proxy.seen().filter((line) => line.startsWith("x-level"));
  await proxy.close();
  return lines.map((line) => line.slice("x-level: ".length));
}

test("goes through route levels from the most specific on", async () => {
  assert.deepEqual(await levelsOf({}), ["filter", "route", "host"]);
});

test("lets the most specific level have the last word when told so", async () => {
  const order = await levelsOf({ most_specific_header_mutations_wins: true });
  assert.deepEqual(order, ["filter", "host", "route"]);
});

const PROBLEMS: readonly (readonly [Message, string])[] = [
  [
    { request_mutations: [{ remove: ":path" }] },
    "request_mutations[0].remove: Without :path a message cannot be forwarded",
  ],
  [
    { request_mutations: [append(":path", "/x")] },
    "request_mutations[0].append.header.key: Header :path may not be modified",
  ],
  [{ query_parameter_mutations: [{}] }, "query_parameter_mutations[0]: The mutation is empty"],
  [
    { query_parameter_mutations: [{ append: { record: { key: "a", value: 3 } } }] },
    "query_parameter_mutations[0].append.record.value: Only texts may be values of parameters",
  ],
];

for (const [mutations, problem] of PROBLEMS) {
  test(`refuses: ${problem}`, async () => {
    const found = await HttpProxy.problems({ filters: [filter(mutations)] });
    assert.equal(found.length, 1, found.join("\n"));
    assert.equal(found[0]?.endsWith(problem), true, found[0] ?? "");
  });
}
