import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messages } from "./decode-text.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";

const FIRST = `node: {id: a}
staticResources:
  clusters:
  - name: one
  - name: two
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/xds.type.v3.TypedStruct
        type_url: type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        value:
          explicit_http_config: {http_protocol_options: {}}
`;
const SECOND = `node:
  cluster: b
static_resources:
  clusters:
  - name: three
`;

const decoded = messages.decodeInputs(
  BOOTSTRAP,
  [
    { file: "first.yaml", text: FIRST },
    { file: "second.yaml", text: SECOND },
  ],
  { unknownFields: "error" },
);

function place(path: string): string {
  const position = messages.locate(path, decoded.sources);
  return position === null ? "nowhere" : `${position.file}:${position.line}:${position.column}`;
}

describe("merged texts", () => {
  it("become one message: scalars replace, lists continue", () => {
    const bootstrap = decoded.message as {
      node: object;
      staticResources: { clusters: { name: string }[] };
    };
    assert.deepEqual(decoded.diagnostics, []);
    assert.deepEqual(bootstrap.node, { id: "a", cluster: "b" });
    const names = bootstrap.staticResources.clusters.map((cluster) => cluster.name);
    assert.deepEqual(names, ["one", "two", "three"]);
  });
});

describe("the place of a path", () => {
  it("is the key of a field, in either name style", () => {
    assert.equal(place("node.id"), "first.yaml:1:8");
    assert.equal(place("static_resources.clusters[0].name"), "first.yaml:4:5");
  });

  it("is in the text that the list item came from", () => {
    assert.equal(place("static_resources.clusters[1].name"), "first.yaml:5:5");
    assert.equal(place("static_resources.clusters[2].name"), "second.yaml:5:5");
  });

  it("is in the last text that sets a field", () => {
    assert.equal(place("node"), "second.yaml:1:1");
    assert.equal(place("node.cluster"), "second.yaml:2:3");
  });

  it("is the nearest parent's where the field is absent", () => {
    assert.equal(place("static_resources.clusters[0].connect_timeout"), "first.yaml:4:5");
    assert.equal(place("static_resources.clusters[9]"), "second.yaml:4:3");
    assert.equal(place("admin.address"), "second.yaml:1:1");
    assert.equal(place(""), "second.yaml:1:1");
  });

  it("is found through map keys with dots and through a TypedStruct", () => {
    const options =
      "static_resources.clusters[1].typed_extension_protocol_options" +
      "[envoy.extensions.upstreams.http.v3.HttpProtocolOptions]";
    assert.equal(place(options), "first.yaml:7:7");
    assert.equal(place(`${options}.explicit_http_config`), "first.yaml:11:11");
    assert.equal(
      place(`${options}.explicit_http_config.http_protocol_options`),
      "first.yaml:11:34",
    );
  });

  it("is nowhere without a text", () => assert.equal(messages.locate("a", []), null));
});
