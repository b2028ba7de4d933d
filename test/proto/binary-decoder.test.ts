// The wire format: merging, packing, unknown fields, malformed input.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../kit/seeded-random.ts";
import { messages } from "./decode-text.ts";
import { SampleMaker } from "./sample-message.ts";

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const ADDRESS = "envoy.config.core.v3.Address";

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function decode(typeName: string, hex: string): unknown {
  const decoded = messages.decodeBinary(typeName, bytes(hex));
  assert.deepEqual(decoded.diagnostics, []);
  return decoded.message;
}

function error(typeName: string, hex: string): string {
  const decoded = messages.decodeBinary(typeName, bytes(hex));
  assert.equal(decoded.message, null);
  return decoded.diagnostics.map(({ path, message }) => `${path}: ${message}`).join("; ");
}

describe("decoding bytes", () => {
  it("reads known encodings", () => {
    // Cluster { name: "c", connect_timeout: 1.5s, lb_policy: LEAST_REQUEST, buffer limit: 0 }
    assert.deepEqual(decode(CLUSTER, "0a0163" + "220808011080cab5ee01" + "2a00" + "3001"), {
      name: "c",
      connectTimeout: { seconds: 1, nanos: 500000000 },
      perConnectionBufferLimitBytes: 0,
      lbPolicy: "LEAST_REQUEST",
    });
  });

  it("merges a message that comes in parts, and lets the last scalar win", () => {
    assert.deepEqual(decode(ADDRESS, "0a03120161" + "0a021850"), {
      socketAddress: { address: "a", portValue: 80 },
    });
    assert.deepEqual(decode(CLUSTER, "0a0161" + "0a0162"), { name: "b" });
  });

  it("the last member of a oneof wins", () => {
    assert.deepEqual(decode(ADDRESS, "0a03120161" + "12030a0170"), { pipe: { path: "p" } });
  });

  it("a zero that is sent is the same as none, unless the field has presence", () => {
    assert.deepEqual(decode("envoy.config.core.v3.SocketAddress", "1201611200" + "1800"), {
      portValue: 0,
    });
  });

  it("lists of numbers may be packed or not", () => {
    const type = "envoy.config.metrics.v3.HistogramBucketSettings";
    const one = "000000000000f03f";
    assert.deepEqual(decode(type, `1210${one}${one}`), { buckets: [1, 1] });
    assert.deepEqual(decode(type, `11${one}11${one}`), { buckets: [1, 1] });
  });

  it("map entries without key or value have their zero values", () => {
    const type = "envoy.config.core.v3.Metadata";
    assert.deepEqual(decode(type, "0a00"), { filterMetadata: { "": {} } });
    assert.deepEqual(decode(type, "0a030a0161"), { filterMetadata: { a: {} } });
  });

  it("an enum number without a name stays a number", () => {
    assert.deepEqual(decode(CLUSTER, "3063"), { lbPolicy: 99 });
    assert.deepEqual(messages.encodeBinary(CLUSTER, { lbPolicy: 99 }), bytes("3063"));
  });

  it("negative enum numbers and int32 take ten bytes", () => {
    const type = "google.protobuf.Int32Value";
    assert.equal(decode(type, "08ffffffffffffffffff01"), -1);
    assert.deepEqual(messages.encodeBinary(type, -1), bytes("08ffffffffffffffffff01"));
  });

  it("strings of any length and script are read", () => {
    for (const name of ["", "x".repeat(31), "x".repeat(500), "häß", "𝔘".repeat(40)]) {
      const encoded = messages.encodeBinary(CLUSTER, { name: `${name}!` });
      assert.deepEqual(messages.decodeBinary(CLUSTER, encoded).message, { name: `${name}!` });
    }
  });

  it("copies bytes, so that nothing keeps the received message alive", () => {
    const type = "envoy.config.core.v3.DataSource";
    const encoded = messages.encodeBinary(type, { inlineBytes: new Uint8Array([1, 2, 3]) });
    const received = Buffer.from(encoded);
    const { inlineBytes } = messages.decodeBinary(type, received).message as {
      inlineBytes: Uint8Array;
    };
    assert.equal(inlineBytes.constructor, Uint8Array);
    assert.equal(inlineBytes.buffer.byteLength, 3);
  });
});

describe("unknown fields", () => {
  it("are skipped and listed by path, whatever their wire type", () => {
    const inner = "9aff7f0161"; // #262131 of unknown length-delimited kind
    const type = "envoy.config.core.v3.Address";
    const decoded = messages.decodeBinary(type, bytes(`0a05${inner}`));
    assert.deepEqual(decoded.message, { socketAddress: {} });
    assert.deepEqual(decoded.unknownFields, ["socket_address.#262131"]);
    for (const field of [
      "a00601",
      "a1060102030405060708",
      "a20600",
      "a306a001a406",
      "a50601020304",
    ]) {
      const hidden = field === "a306a001a406" ? "a306" + "08" + "01" + "a406" : field;
      assert.deepEqual(messages.decodeBinary(type, bytes(hidden)).unknownFields, ["#100"], field);
    }
  });
});

describe("malformed bytes", () => {
  const cases: [string, string, string][] = [
    ["a length beyond the end", "0a05", "name: Message is cut off"],
    ["an endless varint", "30ffffffffffffffffffffff", "lb_policy: Varint is longer than 10 bytes"],
    ["a cut varint", "30ff", "lb_policy: Message is cut off"],
    ["another wire type", "0801", "name: Wire type is 0 instead of 2"],
    ["field number zero", "0001", ": Field number is zero"],
    ["a string that is not UTF-8", "0a01ff", "name: String is not valid UTF-8"],
    [
      "a long string that is not UTF-8",
      `0a29${"61".repeat(40)}ff`,
      "name: String is not valid UTF-8",
    ],
    ["an unknown wire type", "a706", "#100: Unknown wire type 7"],
    ["a group that ends as another", "a306ac06", "#100: Group ends with another number"],
  ];
  for (const [what, hex, expected] of cases) {
    it(`refuses ${what}, with the path`, () => assert.equal(error(CLUSTER, hex), expected));
  }

  it("names the place inside an Any and a list", () => {
    const any = messages.encodeBinary("google.protobuf.Any", {
      typeUrl: "a/envoy.config.core.v3.SocketAddress",
      bytes: bytes("12ff"),
    });
    const response = messages.encodeBinary("envoy.service.discovery.v3.DiscoveryResponse", {
      resources: [
        { typeUrl: "a/google.protobuf.Empty", value: {} },
        { typeUrl: "a/unknown.Type", bytes: any },
      ],
    });
    assert.deepEqual(
      messages.decodeBinary("envoy.service.discovery.v3.DiscoveryResponse", response).diagnostics,
      [],
    );
    const broken = messages.decodeBinary("google.protobuf.Any", any);
    assert.equal(broken.diagnostics[0]?.path, "address");
  });

  it("nesting is limited", () => {
    const type = "google.protobuf.Any";
    let plain: { typeUrl: string; bytes: Uint8Array } = {
      typeUrl: "a/google.protobuf.Empty",
      bytes: bytes(""),
    };
    for (let level = 0; level < 20000; level++) {
      if (level > 150) break;
      plain = { typeUrl: "a/google.protobuf.Any", bytes: messages.encodeBinary(type, plain) };
    }
    const decoded = messages.decodeBinary(type, messages.encodeBinary(type, plain));
    assert.equal(decoded.message, null);
    assert.equal(decoded.diagnostics[0]?.message, "Messages are nested too deeply");
  });

  it("random and mutated bytes never throw", () => {
    const random = new SeededRandom();
    const maker = new SampleMaker(random);
    const names = messages.registry.messageNames();
    for (let round = 0; round < 3000; round++) {
      const name = random.pick(names);
      const type = messages.registry.require(name);
      const input =
        round % 2 === 0
          ? Uint8Array.from({ length: random.below(60) }, () => random.below(256))
          : messages.encodeBinary(name, maker.message(type));
      for (let flip = random.below(4); flip > 0 && input.length > 0; flip--) {
        input[random.below(input.length)] = random.below(256);
      }
      const decoded = messages.decodeBinary(name, input);
      const refused = decoded.diagnostics.some(({ severity }) => severity === "error");
      assert.equal(decoded.message === null, refused, `seed ${random.seed} round ${round} ${name}`);
      // What was accepted can be checked and written again.
      if (decoded.message === null) continue;
      messages.checkRules(name, decoded.message);
      messages.toJson(name, decoded.message);
      messages.encodeBinary(name, decoded.message);
    }
  });
});
