// Header matchers and query parameter matchers: the truth table of envoy-semantics 10.3 and more.
import { anyHost, bootstrap, hcmWithHosts, listener, type Message } from "../bootstrap.ts";
import { type DifferentialCase, type DifferentialGroup, exchange, get } from "../case.ts";

type Truth = readonly [absent: boolean, x: boolean, y: boolean];

const exact = { string_match: { exact: "x" } };
const empty = { treat_missing_header_as_empty: true };

/** 10.3, in its order. */
const TRUTH: readonly (readonly [name: string, matcher: Message, truth: Truth])[] = [
  ["exact x", exact, [false, true, false]],
  ["exact x, invert", { ...exact, invert_match: true }, [false, false, true]],
  ["exact x, treat_missing", { ...exact, ...empty }, [false, true, false]],
  [
    "exact x, invert, treat_missing",
    { ...exact, invert_match: true, ...empty },
    [true, false, true],
  ],
  ["present true", { present_match: true }, [false, true, true]],
  ["present true, invert", { present_match: true, invert_match: true }, [true, false, false]],
  ["present false", { present_match: false }, [true, false, false]],
  ["present false, invert", { present_match: false, invert_match: true }, [false, true, true]],
  ["present true, treat_missing", { present_match: true, ...empty }, [true, true, true]],
  ["present false, treat_missing", { present_match: false, ...empty }, [false, false, false]],
  [
    "present true, invert, treat_missing",
    { present_match: true, invert_match: true, ...empty },
    [false, false, false],
  ],
];

/** Other kinds: matcher, and request header lines with whether they match. */
const KINDS: readonly (readonly [string, Message, readonly (readonly [string[], boolean])[]])[] = [
  [
    "no specifier",
    {},
    [
      [[], false],
      [["h: "], true],
    ],
  ],
  [
    "prefix",
    { string_match: { prefix: "ab" } },
    [
      [["h: abc"], true],
      [["h: cab"], false],
    ],
  ],
  [
    "suffix",
    { string_match: { suffix: "bc" } },
    [
      [["h: abc"], true],
      [["h: bca"], false],
    ],
  ],
  [
    "contains",
    { string_match: { contains: "b" } },
    [
      [["h: abc"], true],
      [["h: ac"], false],
    ],
  ],
  ["ignore_case", { string_match: { exact: "AbC", ignore_case: true } }, [[["h: aBc"], true]]],
  ["case", { string_match: { exact: "AbC" } }, [[["h: aBc"], false]]],
  [
    "regex",
    { string_match: { safe_regex: { regex: "a[0-9]+" } } },
    [
      [["h: a12"], true],
      [["h: a12b"], false],
      [["h: xa1"], false],
    ],
  ],
  [
    "range",
    { range_match: { start: "-2", end: "10" } },
    [
      [["h: -2"], true],
      [["h: 9"], true],
      [["h: 10"], false],
      [["h: 1x"], false],
      // Envoy parses a leading plus sign; the reference says only "base-10 int".
      [["h: +5"], true],
      [["h: "], false],
    ],
  ],
  [
    "joined",
    { string_match: { exact: "a,b" } },
    [
      [["h: a", "h: b"], true],
      [["h: a,b"], true],
      [["h: a, b"], false],
      [["h: b", "h: a"], false],
    ],
  ],
  ["pseudo", { name: ":method", string_match: { exact: "GET" } }, [[[], true]]],
  ["authority", { name: ":authority", string_match: { prefix: "a.ex" } }, [[[], true]]],
  ["host", { name: "host", string_match: { exact: "a.example" } }, [[[], true]]],
  ["scheme", { name: ":scheme", string_match: { exact: "http" } }, [[[], true]]],
  ["path", { name: ":path", string_match: { suffix: "?q=1" } }, [[["(query)"], true]]],
  [
    "legacy exact",
    { exact_match: "x" },
    [
      [["h: x"], true],
      [["h: y"], false],
    ],
  ],
  [
    "legacy regex",
    { safe_regex_match: { regex: "x+" } },
    [
      [["h: xx"], true],
      [["h: y"], false],
    ],
  ],
  ["upper-case name", { name: "H", string_match: { exact: "x" } }, [[["h: x"], true]]],
];

const QUERIES: readonly (readonly [string, Message, readonly (readonly [string, boolean])[]])[] = [
  [
    "exact",
    { name: "k", string_match: { exact: "v" } },
    [
      ["?k=v", true],
      ["?k=w", false],
      ["?k=w&k=v", false],
      ["?a=b&k=v&c", true],
      ["", false],
      ["?K=v", false],
    ],
  ],
  [
    "present",
    { name: "k", present_match: true },
    [
      ["?k", true],
      ["?k=", true],
      ["?kk=1", false],
    ],
  ],
  [
    "absent",
    { name: "k", present_match: false },
    [
      ["?k=1", false],
      ["?x=1", true],
      ["", true],
    ],
  ],
  [
    "decoded",
    { name: "k", string_match: { exact: "a b" } },
    [
      ["?k=a%20b", false],
      ["?k=a+b", false],
    ],
  ],
  ["encoded", { name: "k", string_match: { exact: "a%20b" } }, [["?k=a%20b", true]]],
  [
    "regex",
    { name: "k", string_match: { safe_regex: { regex: "[0-9]+" } } },
    [
      ["?k=12", true],
      ["?k=12x", false],
    ],
  ],
];

const answer = (path: string, match: Message): Message => ({
  match: { path, ...match },
  direct_response: { status: 200, body: { inline_string: "match" } },
});

const headerRoutes = [...TRUTH.map(([, m]) => m), ...KINDS.map(([, m]) => m)].map((matcher, i) =>
  answer(`/h${i}`, { headers: [{ name: "h", ...matcher }] }),
);
const queryRoutes = QUERIES.map(([, matcher], i) =>
  answer(`/q${i}`, { query_parameters: [matcher] }),
);

const OTHERWISE = {
  match: { prefix: "/" },
  direct_response: { status: 200, body: { inline_string: "no match" } },
};

const fact = (matches: boolean): { facts: Record<string, string> } => ({
  facts: { "client.0.response.0.body": matches ? "match" : "no match" },
});

function truthCases(): DifferentialCase[] {
  return TRUTH.flatMap(([name, , truth], i) =>
    (["absent", "x", "y"] as const).map((value, column) => {
      const lines = value === "absent" ? [] : [`h: ${value}`];
      const title = `header matcher "${name}" with header ${value}`;
      return exchange(title, "match", get(`/h${i}`, ...lines), fact(truth[column] as boolean));
    }),
  );
}

function kindCases(): DifferentialCase[] {
  return KINDS.flatMap(([name, , examples], k) =>
    examples.map(([lines, matches]) => {
      const query = lines[0] === "(query)" ? "?q=1" : "";
      const path = `/h${TRUTH.length + k}${query}`;
      const headers = query === "" ? lines : [];
      const title = `header matcher "${name}" with ${JSON.stringify(lines)}`;
      return exchange(title, "match", get(path, ...headers), fact(matches));
    }),
  );
}

function queryCases(): DifferentialCase[] {
  return QUERIES.flatMap(([name, , examples], i) =>
    examples.map(([query, matches]) =>
      exchange(
        `query matcher "${name}" with "${query}"`,
        "match",
        get(`/q${i}${query}`),
        fact(matches),
      ),
    ),
  );
}

const both = answer("/both", {
  headers: [
    { name: "a", present_match: true },
    { name: "b", string_match: { exact: "1" } },
  ],
});

export const headerMatch: DifferentialGroup = {
  name: "header-match",
  bootstrap: bootstrap([
    listener("match", [
      hcmWithHosts([anyHost([...headerRoutes, ...queryRoutes, both, OTHERWISE])]),
    ]),
  ]),
  cases: [
    ...truthCases(),
    ...kindCases(),
    ...queryCases(),
    exchange(
      "all header matchers of a route must match",
      "match",
      get("/both", "a: 1", "b: 1"),
      fact(true),
    ),
    exchange("one header matcher is not enough", "match", get("/both", "a: 1"), fact(false)),
  ],
};
