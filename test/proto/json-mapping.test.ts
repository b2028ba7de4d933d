// The table of protobuf's JSON mapping, read from YAML and JSON and written as JSON.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, messages, problem } from "./decode-text.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const HEADER_MUTATION = "envoy.config.core.v3.HeaderValueOption";
const HISTOGRAM = "io.prometheus.client.Histogram";
const METADATA = "envoy.config.core.v3.Metadata";
const PERCENT = "envoy.type.v3.Percent";
const INT64_RANGE = "envoy.type.v3.Int64Range";

describe("field names", () => {
  it("may be written in snake case and in camel case", () => {
    assert.deepEqual(decode(CLUSTER, "alt_stat_name: a"), { altStatName: "a" });
    assert.deepEqual(decode(CLUSTER, "altStatName: a"), { altStatName: "a" });
  });

  it("are refused when both styles are used for one field", () => {
    assert.equal(
      problem(CLUSTER, "name: c\naltStatName: a\nalt_stat_name: b"),
      '3:1 alt_stat_name: Already set as "altStatName" (remove "altStatName" or "alt_stat_name")',
    );
  });
});

describe("zero values", () => {
  it("are left out where a field has no presence", () => {
    assert.deepEqual(decode(CLUSTER, 'alt_stat_name: ""\nlb_policy: ROUND_ROBIN'), {});
  });

  it("are kept in wrappers and oneofs", () => {
    assert.deepEqual(decode(CLUSTER, "per_connection_buffer_limit_bytes: 0\ntype: STATIC"), {
      perConnectionBufferLimitBytes: 0,
      type: "STATIC",
    });
    assert.deepEqual(decode("envoy.config.core.v3.DataSource", 'inline_string: ""'), {
      inlineString: "",
    });
  });

  it("null means not set", () => {
    assert.deepEqual(decode(CLUSTER, "name: null\nmetadata: ~\nhealth_checks:\n"), {});
  });
});

describe("durations and times", () => {
  const cases: [string, object][] = [
    ["1s", { seconds: 1, nanos: 0 }],
    ["0.25s", { seconds: 0, nanos: 250000000 }],
    ["1.000000001s", { seconds: 1, nanos: 1 }],
    ["-1.5s", { seconds: -1, nanos: -500000000 }],
    ["-0.5s", { seconds: 0, nanos: -500000000 }],
    ["{seconds: 3, nanos: 5}", { seconds: 3, nanos: 5 }],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${text}`, () => {
      assert.deepEqual(decode(CLUSTER, `cleanup_interval: ${text}`), { cleanupInterval: expected });
    });
  }

  const bad: [string, string][] = [
    ["5", 'Expected a duration, found 5 (write "5s")'],
    ["250ms", 'Expected a duration, found "250ms" (write "0.25s")'],
    ["2m", 'Expected a duration, found "2m" (write "120s")'],
    ["1h", 'Expected a duration, found "1h" (write "3600s")'],
    ["soon", 'Expected a duration, found "soon" (write seconds: "1.5s")'],
    [".5s", 'Expected a duration, found ".5s" (write seconds: "1.5s")'],
    ["1.0000000001s", 'Expected a duration, found "1.0000000001s" (write seconds: "1.5s")'],
    ["400000000000s", 'Expected a duration, found "400000000000s" (write seconds: "1.5s")'],
    ["[1s]", 'Expected a duration, found a list (write seconds: "1.5s")'],
  ];
  for (const [text, expected] of bad) {
    it(`refuses the duration ${text}`, () => {
      const found = problem(CLUSTER, `name: c\ncleanup_interval: ${text}`);
      assert.equal(found, `2:19 cleanup_interval: ${expected}`);
    });
  }

  it("reads and writes RFC 3339 times", () => {
    const type = "envoy.admin.v3.ClustersConfigDump.StaticCluster";
    const times: [string, object, string][] = [
      ["1970-01-01T00:00:01Z", { seconds: 1, nanos: 0 }, "1970-01-01T00:00:01Z"],
      [
        "2026-01-31T12:00:00.5+02:00",
        { seconds: 1769853600, nanos: 500000000 },
        "2026-01-31T10:00:00.500Z",
      ],
      ["1969-12-31T23:59:59Z", { seconds: -1, nanos: 0 }, "1969-12-31T23:59:59Z"],
    ];
    for (const [text, plain, written] of times) {
      assert.deepEqual(decode(type, `last_updated: "${text}"`), { lastUpdated: plain });
      assert.deepEqual(messages.toJson(type, { lastUpdated: plain }), { last_updated: written });
    }
    assert.match(problem(type, "last_updated: 2026-02-30T00:00:00Z"), /Expected a time/);
    assert.match(problem(type, "last_updated: yesterday"), /write RFC 3339/);
  });
});

describe("numbers", () => {
  const good: [string, number][] = [
    ["1000", 1000],
    ['"1000"', 1000],
    ["1000.0", 1000],
    ["1e3", 1000],
    ["0x10", 16],
    ['"0x10"', 16],
    ["010", 8],
    ["+8", 8],
    ["4294967295", 4294967295],
  ];
  for (const [text, expected] of good) {
    it(`reads the unsigned integer ${text}`, () => {
      assert.deepEqual(decode(CLUSTER, `per_connection_buffer_limit_bytes: ${text}`), {
        perConnectionBufferLimitBytes: expected,
      });
    });
  }

  const bad: [string, string][] = [
    ["-8", "-8 is out of range (use 0 to 4294967295)"],
    ["4294967296", "4294967296 is out of range (use 0 to 4294967295)"],
    ["1.5", 'Expected a whole number, found "1.5" (write digits only)'],
    ["true", "Expected a whole number, found true (write digits only)"],
    ['""', 'Expected a whole number, found "" (write digits only)'],
    ["[1]", "Expected a plain uint32, found a list (write one value)"],
  ];
  for (const [text, expected] of bad) {
    it(`refuses the unsigned integer ${text}`, () => {
      const found = problem(CLUSTER, `name: c\nper_connection_buffer_limit_bytes: ${text}`);
      assert.equal(found, `2:36 per_connection_buffer_limit_bytes: ${expected}`);
    });
  }

  it("64-bit integers are exact, and bigint only where a number is not", () => {
    const text = 'start: "-9223372036854775808"\nend: 9007199254740993';
    const plain = { start: -9223372036854775808n, end: 9007199254740993n };
    assert.deepEqual(decode(INT64_RANGE, text), plain);
    assert.deepEqual(decode(INT64_RANGE, "start: 5"), { start: 5 });
    assert.deepEqual(messages.toJson(INT64_RANGE, plain), {
      start: "-9223372036854775808",
      end: "9007199254740993",
    });
    assert.match(problem(INT64_RANGE, "end: 9223372036854775808"), /is out of range/);
  });

  it("doubles take fractions, exponents, NaN and infinities", () => {
    assert.deepEqual(decode(PERCENT, "value: .5"), { value: 0.5 });
    assert.deepEqual(decode(PERCENT, "value: 5e-1"), { value: 0.5 });
    assert.deepEqual(decode(PERCENT, 'value: "NaN"'), { value: Number.NaN });
    assert.deepEqual(decode(PERCENT, "value: -Infinity"), { value: Number.NEGATIVE_INFINITY });
    assert.deepEqual(messages.toJson(PERCENT, { value: Number.POSITIVE_INFINITY }), {
      value: "Infinity",
    });
    assert.match(problem(PERCENT, "value: .nan"), /Expected a number, found ".nan"/);
  });

  it("floats are rounded to 32 bits and written short", () => {
    const type = "google.protobuf.FloatValue";
    assert.equal(decode(type, "0.1"), Math.fround(0.1));
    assert.equal(messages.toJson(type, Math.fround(0.1)), 0.1);
    assert.match(problem(type, "1e40"), /too large for a float/);
  });

  it("proto2 fields keep a zero that was sent", () => {
    assert.deepEqual(decode(HISTOGRAM, "sample_count: 0"), { sampleCount: 0 });
  });
});

describe("booleans and strings", () => {
  it("unquoted words are booleans as in yaml-cpp", () => {
    for (const word of ["true", "True", "TRUE", "yes", "on", "y", '"true"', '"yes"', '"1"']) {
      assert.deepEqual(decode(CLUSTER, `respect_dns_ttl: ${word}`), { respectDnsTtl: true }, word);
    }
    for (const word of ["false", "No", "OFF", "n"]) {
      assert.deepEqual(decode(CLUSTER, `respect_dns_ttl: ${word}`), {}, word);
    }
    assert.match(problem(CLUSTER, "name: c\nrespect_dns_ttl: oN"), /Expected true or false/);
  });

  it("a string field refuses unquoted numbers and booleans, with the quotes to add", () => {
    assert.equal(
      problem(CLUSTER, "name: c\nalt_stat_name: 12"),
      '2:16 alt_stat_name: Expected a string, found number 12 (put it in quotes: "12")',
    );
    assert.match(problem(CLUSTER, "name: yes"), /found boolean yes \(put it in quotes: "yes"\)/);
  });

  it("fractions and large integers are strings, as in Envoy", () => {
    assert.deepEqual(decode(CLUSTER, "name: 1.5"), { name: "1.5" });
    assert.deepEqual(decode(CLUSTER, "name: 12345678901"), { name: "12345678901" });
  });
});

describe("enums", () => {
  it("are read by name, in any case, and by number", () => {
    for (const text of ["LEAST_REQUEST", "least_request", "1", '"1"']) {
      assert.deepEqual(decode(CLUSTER, `lb_policy: ${text}`), { lbPolicy: "LEAST_REQUEST" }, text);
    }
  });

  it("a wrong name is answered with the nearest one", () => {
    assert.equal(
      problem(CLUSTER, "name: c\nlb_policy: LEAST_REQUESTS"),
      '2:12 lb_policy: Unknown value "LEAST_REQUESTS" (did you mean LEAST_REQUEST?)',
    );
  });

  it("a number without a name stays a number", () => {
    assert.deepEqual(decode(CLUSTER, "lb_policy: 77"), { lbPolicy: 77 });
  });

  it("an unquoted boolean word is told apart from a name", () => {
    const type = "envoy.config.metrics.v3.StatsConfig";
    assert.match(problem(type, "stats_tags: [{tag_name: off}]"), /put it in quotes: "off"/);
  });
});

describe("bytes", () => {
  const type = "envoy.config.core.v3.DataSource";
  it("are base64 in both alphabets, padding optional", () => {
    const bytes = new Uint8Array([251, 255, 191]);
    assert.deepEqual(decode(type, "inline_bytes: +/+/"), { inlineBytes: bytes });
    assert.deepEqual(decode(type, "inline_bytes: -_-_"), { inlineBytes: bytes });
    assert.deepEqual(decode(type, "inline_bytes: YQ"), { inlineBytes: new Uint8Array([97]) });
    assert.deepEqual(messages.toJson(type, { inlineBytes: bytes }), { inline_bytes: "+/+/" });
  });

  it("refuse other text", () => {
    assert.match(problem(type, "inline_bytes: a!"), /Expected bytes in base64/);
    assert.match(problem(type, "inline_bytes: abcde"), /Expected bytes in base64/);
  });
});

describe("Struct", () => {
  it("keeps JSON values; fractions in YAML are text, as in Envoy", () => {
    const text = "filter_metadata: {x: {a: 1, b: [true, s, ~], c: {d: '5'}, f: 0.5}}";
    const plain = {
      filterMetadata: { x: { a: 1, b: [true, "s", null], c: { d: "5" }, f: "0.5" } },
    };
    assert.deepEqual(decode(METADATA, text), plain);
    assert.deepEqual(
      messages.decodeBinary(METADATA, messages.encodeBinary(METADATA, plain)).message,
      plain,
    );
  });

  it("a key named __proto__ is a key like others", () => {
    const plain = decode(METADATA, "filter_metadata: {__proto__: {a: 1}}") as {
      filterMetadata: object;
    };
    assert.deepEqual(Object.keys(plain.filterMetadata), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(plain.filterMetadata), Object.prototype);
  });
});

describe("Any", () => {
  const type = "envoy.config.core.v3.TypedExtensionConfig";
  const read = (content: string): unknown => decode(type, `typed_config: ${content}`);

  it("is decoded by its @type, wherever the @type stands", () => {
    const expected = {
      typedConfig: { typeUrl: "type.googleapis.com/envoy.type.v3.Percent", value: { value: 5 } },
    };
    assert.deepEqual(
      read('{value: 5, "@type": type.googleapis.com/envoy.type.v3.Percent}'),
      expected,
    );
  });

  it("holds types with a JSON form of their own in value", () => {
    assert.deepEqual(read('{"@type": a/google.protobuf.Duration, value: 5s}'), {
      typedConfig: { typeUrl: "a/google.protobuf.Duration", value: { seconds: 5, nanos: 0 } },
    });
    assert.deepEqual(read('{"@type": a/google.protobuf.Duration}'), {
      typedConfig: { typeUrl: "a/google.protobuf.Duration", value: { seconds: 0, nanos: 0 } },
    });
    assert.match(
      problem(type, 'name: x\ntyped_config: {"@type": a/google.protobuf.Struct, a: b}'),
      /Unknown field "a" in google.protobuf.Struct/,
    );
  });

  it("an unknown type is answered with the nearest one", () => {
    const url = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Ruter";
    assert.equal(
      problem(type, `name: x\ntyped_config:\n  "@type": ${url}`),
      "3:12 typed_config.@type: Unknown type envoy.extensions.filters.http.router.v3.Ruter " +
        "(did you mean type.googleapis.com/envoy.extensions.filters.http.router.v3.Router?)",
    );
  });

  it("a v2 type is answered with its successor", () => {
    const url = "type.googleapis.com/envoy.config.filter.http.router.v2.Router";
    assert.equal(
      problem(type, `name: x\ntyped_config: {"@type": ${url}}`),
      "2:25 typed_config.@type: Type envoy.config.filter.http.router.v2.Router belongs to Envoy's v2 API " +
        "(use type.googleapis.com/envoy.extensions.filters.http.router.v3.Router)",
    );
  });

  it("without @type, or with one that has no slash, is refused with what to write", () => {
    assert.match(
      problem(type, "name: x\ntyped_config: {value: 5}"),
      /^2:15 typed_config: Lacks "@type"/,
    );
    assert.match(
      problem(type, 'name: x\ntyped_config: {"@type": envoy.type.v3.Percent}'),
      /needs a slash .* \(write type.googleapis.com\/envoy.type.v3.Percent\)/,
    );
  });

  it("of a type that the descriptor lacks keeps its bytes", () => {
    const any = { typeUrl: "a/foo.Bar", bytes: new Uint8Array([8, 1]) };
    const bytes = messages.encodeBinary(type, { typedConfig: any });
    assert.deepEqual(messages.decodeBinary(type, bytes).message, {
      typedConfig: { ...any, value: undefined },
    });
    assert.deepEqual(messages.toJson(type, { typedConfig: any }), {
      typed_config: { "@type": "a/foo.Bar", value: "CAE=" },
    });
  });
});

describe("TypedStruct", () => {
  const type = "envoy.config.core.v3.TypedExtensionConfig";
  const router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
  for (const outer of ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"]) {
    const text = `
name: r
typed_config:
  "@type": type.googleapis.com/${outer}
  type_url: ${router}
  value:
    suppress_envoy_headers: true
`;
    it(`${outer} becomes its inner type`, () => {
      assert.deepEqual(decode(type, text), {
        name: "r",
        typedConfig: {
          typeUrl: router,
          value: { suppressEnvoyHeaders: true },
          typedStruct: {
            typeUrl: `type.googleapis.com/${outer}`,
            value: { suppress_envoy_headers: true },
          },
        },
      });
    });

    it(`${outer} is written as it came`, () => {
      const plain = decode(type, text);
      const expected = {
        "@type": `type.googleapis.com/${outer}`,
        type_url: router,
        value: { suppress_envoy_headers: true },
      };
      assert.deepEqual(messages.toJson(type, plain), { name: "r", typed_config: expected });
      const bytes = messages.encodeBinary(type, plain);
      assert.deepEqual(messages.decodeBinary(type, bytes).message, plain);
    });

    it(`${outer} in bytes becomes its inner type`, () => {
      // Built as a Struct inside an Any: field 1 type_url, field 2 value.
      const value = { typeUrl: router, value: { suppress_envoy_headers: true } };
      const inner = messages.encodeBinary(outer, value);
      const any = messages.encodeBinary("google.protobuf.Any", {
        typeUrl: `type.googleapis.com/${outer}`,
        bytes: inner,
      });
      assert.deepEqual(messages.decodeBinary("google.protobuf.Any", any).message, {
        typeUrl: router,
        value: { suppressEnvoyHeaders: true },
        typedStruct: {
          typeUrl: `type.googleapis.com/${outer}`,
          value: { suppress_envoy_headers: true },
        },
      });
    });

    it(`${outer} reports problems at their place in the text`, () => {
      const broken = text.replace("suppress_envoy_headers", "supress_envoy_headers");
      assert.equal(
        problem(type, broken),
        '7:5 typed_config.supress_envoy_headers: Unknown field "supress_envoy_headers" in ' +
          'envoy.extensions.filters.http.router.v3.Router (did you mean "suppress_envoy_headers"?)',
      );
    });
  }

  it("of an unknown inner type stays a TypedStruct", () => {
    const text = `typed_config: {"@type": a/xds.type.v3.TypedStruct, type_url: a/foo.Bar, value: {x: 1}}`;
    assert.deepEqual(decode(type, text), {
      typedConfig: {
        typeUrl: "a/xds.type.v3.TypedStruct",
        value: { typeUrl: "a/foo.Bar", value: { x: 1 } },
      },
    });
  });
});

describe("oneofs", () => {
  it("two members of one are refused by name", () => {
    assert.equal(
      problem(
        CLUSTER,
        "name: c\ntype: STATIC\ncluster_type: {name: x, typed_config: {'@type': a/google.protobuf.Empty}}",
      ),
      '3:1 cluster_type: Excludes "type": only one of the two may be set (cluster_discovery_type) ' +
        '(remove "type" or "cluster_type")',
    );
  });
});

describe("lists and maps", () => {
  it("refuse the wrong shape", () => {
    assert.match(
      problem(CLUSTER, "name: c\nhealth_checks: {}"),
      /Expected a list, found a map \(begin each item with -\)/,
    );
    assert.match(
      problem(CLUSTER, "name: c\nhealth_checks: [~]"),
      /health_checks\[0\]: An item of a list cannot be null/,
    );
    assert.match(
      problem(CLUSTER, "name: c\nmetadata: x"),
      /Expected a map, found "x" \(fields here: /,
    );
    assert.match(
      problem(METADATA, "filter_metadata: []"),
      /Expected a map, found a list \(write fields as name: value\)/,
    );
  });

  it("empty ones are the same as absent", () => {
    assert.deepEqual(
      decode(CLUSTER, "health_checks: []\ntyped_extension_protocol_options: {}"),
      {},
    );
  });

  it("a map entry without value is an empty message", () => {
    assert.deepEqual(decode(METADATA, "filter_metadata: {a: }"), { filterMetadata: { a: {} } });
  });

  it("map keys are written as they are", () => {
    const plain = { typedFilterMetadata: { "a.b": { typeUrl: "" } } };
    assert.deepEqual(messages.toJson(METADATA, plain), { typed_filter_metadata: { "a.b": {} } });
  });
});

describe("names in written JSON", () => {
  it("are snake case, or camel case when asked", () => {
    const plain = { header: { key: "a" }, keepEmptyValue: true };
    assert.deepEqual(messages.toJson(HEADER_MUTATION, plain), {
      header: { key: "a" },
      keep_empty_value: true,
    });
    assert.deepEqual(messages.toJson(HEADER_MUTATION, plain, "camel"), plain);
  });
});
