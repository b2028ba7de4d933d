// Both ConfigLoaders, the one in this process and the one in a child process, give the same
// answers.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type ConfigLoader, withPlaces } from "../../src/config/config-loader.ts";
import { ChildConfigLoader } from "../../src/config/config-loader-protocol.ts";
import { createLocalConfigLoader } from "../../src/config/local-config-loader.ts";
import { ChildRequestChannel } from "../../src/platform/node/child-requests.ts";
import { readWholeFile } from "../../src/platform/node/read-file.ts";
import { loadMessages } from "../../src/proto/messages.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const CLUSTER_URL = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const folder = mkdtempSync(join(tmpdir(), "config-loader-"));
const messages = await loadMessages();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const child = new ChildRequestChannel(new URL("../../src/server/config-child.ts", import.meta.url));
const loaders: Record<string, ConfigLoader> = {
  "in this process": await createLocalConfigLoader({ read: readWholeFile }),
  "in a child process": new ChildConfigLoader(child),
};

after(() => {
  for (const loader of Object.values(loaders)) loader.close();
  rmSync(folder, { recursive: true });
});

for (const [where, loader] of Object.entries(loaders)) {
  describe(`the config loader ${where}`, () => {
    const good = file("good.yaml", "static_resources:\n  clusters:\n  - name: one\n");

    it("gives the plain bootstrap and its resources in encoded form", async () => {
      const loaded = await loader.loadBootstrap({ files: [good] });
      assert.deepEqual(loaded.diagnostics, []);
      assert.deepEqual(loaded.bootstrap, { staticResources: { clusters: [{ name: "one" }] } });
      const [resource] = loaded.resources;
      assert.equal(resource?.name, "one");
      assert.equal(resource?.typeUrl, CLUSTER_URL);
      assert.deepEqual([...(resource?.bytes ?? [])], [0x0a, 3, 0x6f, 0x6e, 0x65]);
    });

    it("merges files and text", async () => {
      const other = file(
        "other.json",
        '{"node": {"id": "a"}, "static_resources": {"clusters": [{"name": "two"}]}}',
      );
      const encoded = messages.encodeBinary(BOOTSTRAP, { node: { cluster: "b" } });
      const binary = file("more.pb", encoded);
      const loaded = await loader.loadBootstrap({
        files: [good, other, binary],
        yaml: "node: {id: last}",
      });
      assert.deepEqual(loaded.diagnostics, []);
      assert.deepEqual(loaded.bootstrap, {
        node: { id: "last", cluster: "b" },
        staticResources: { clusters: [{ name: "one" }, { name: "two" }] },
      });
    });

    it("names a file that cannot be read", async () => {
      const path = join(folder, "missing.yaml");
      const loaded = await loader.loadBootstrap({ files: [path, good] });
      assert.equal(loaded.bootstrap, null);
      assert.deepEqual(loaded.diagnostics, [
        {
          severity: "error",
          path: "",
          message: "There is no such file",
          remedy: "check the path",
          source: { file: path, line: 1, column: 1 },
        },
      ]);
      const asFolder = await loader.loadBootstrap({ files: [folder] });
      assert.equal(asFolder.diagnostics[0]?.message, "Is a folder, not a file");
    });

    it("refuses or lists unknown fields", async () => {
      const path = file("unknown.yaml", "node: {id: a, idd: b}\n");
      const refused = await loader.loadBootstrap({ files: [path] });
      assert.equal(refused.bootstrap, null);
      assert.deepEqual(refused.diagnostics[0]?.source, { file: path, line: 1, column: 15 });
      const allowed = await loader.loadBootstrap({ files: [path], allowUnknownFields: true });
      assert.deepEqual(allowed.unknownFields, ["node.idd"]);
      assert.deepEqual(allowed.bootstrap, { node: { id: "a" } });
    });

    it("refuses unknown fields and malformed bytes in binary files", async () => {
      const unknown = file("unknown.pb", new Uint8Array([0xf8, 0x7f, 1]));
      const found = (await loader.loadBootstrap({ files: [unknown] })).diagnostics;
      assert.equal(found[0]?.path, "#2047");
      const broken = file("broken.pb", new Uint8Array([0x0a, 0x7f]));
      const [problem] = (await loader.loadBootstrap({ files: [broken] })).diagnostics;
      assert.equal(problem?.message, "Message is cut off");
      assert.equal(problem?.source?.file, broken);
    });

    it("warns of deprecated fields when asked", async () => {
      const yaml = "static_resources:\n  clusters:\n  - name: a\n    respect_dns_ttl: true\n";
      const silent = await loader.loadBootstrap({ files: [], yaml });
      assert.deepEqual(silent.diagnostics, []);
      const [warning] = (await loader.loadBootstrap({ files: [], yaml, warnDeprecated: true }))
        .diagnostics;
      assert.equal(warning?.severity, "warning");
      assert.equal(warning?.path, "static_resources.clusters[0].respect_dns_ttl");
      assert.deepEqual(warning?.source, { file: "--config-yaml", line: 4, column: 5 });
    });

    it("finds places for diagnostics of later steps", async () => {
      const source = { files: [good] };
      const placed = await withPlaces(loader, source, [
        { severity: "error", path: "static_resources.clusters[0].name", message: "m", remedy: "" },
        {
          severity: "error",
          path: "x",
          message: "m",
          remedy: "",
          source: { file: "f", line: 1, column: 1 },
        },
      ]);
      assert.deepEqual(
        placed.map((diagnostic) => diagnostic.source),
        [
          { file: good, line: 3, column: 5 },
          { file: "f", line: 1, column: 1 },
        ],
      );
    });

    it("gives the resources of a discovery file", async () => {
      const path = file(
        "cds.yaml",
        `version_info: "7"
resources:
- "@type": ${CLUSTER_URL}
  name: one
  future_field: 1
- "@type": type.googleapis.com/envoy.service.discovery.v3.Resource
  name: two
  resource:
    "@type": ${CLUSTER_URL}
    name: two
    connect_timeout: 0s
`,
      );
      const loaded = await loader.loadDiscovery({ file: path, typeUrl: CLUSTER_URL });
      assert.deepEqual(loaded.diagnostics, []);
      assert.deepEqual(loaded.unknownFields, ["resources[0].future_field"]);
      assert.equal(loaded.version, "7");
      const [one, two] = loaded.resources;
      assert.deepEqual(one?.message, { name: "one" });
      assert.deepEqual(one?.diagnostics, []);
      assert.equal(two?.name, "two");
      assert.equal(two?.path, "resources[1].resource");
      assert.deepEqual(
        two?.diagnostics.map(({ path: at, source }) => [at, source?.line]),
        [["resources[1].resource.connect_timeout", 11]],
      );
      const strict = { file: path, typeUrl: CLUSTER_URL, allowUnknownFields: false };
      assert.equal((await loader.loadDiscovery(strict)).diagnostics[0]?.source?.line, 5);
    });

    it("reads a discovery file in binary", async () => {
      const type = "envoy.service.discovery.v3.DiscoveryResponse";
      const response = { resources: [{ typeUrl: CLUSTER_URL, value: { name: "b" } }] };
      const path = file("cds.pb", messages.encodeBinary(type, response));
      const loaded = await loader.loadDiscovery({ file: path, typeUrl: CLUSTER_URL });
      assert.equal(loaded.resources[0]?.name, "b");
    });

    it("refuses a resource of another type", async () => {
      const path = file("lds.yaml", `resources:\n- "@type": ${CLUSTER_URL}\n  name: a\n`);
      const typeUrl = "type.googleapis.com/envoy.config.listener.v3.Listener";
      const loaded = await loader.loadDiscovery({ file: path, typeUrl });
      assert.deepEqual(loaded.resources, []);
      assert.equal(loaded.diagnostics[0]?.message, `Resource has type ${CLUSTER_URL}`);
      assert.equal(loaded.diagnostics[0]?.source?.line, 2);
    });

    it("writes plain and encoded messages as JSON", async () => {
      const typeName = "envoy.config.cluster.v3.Cluster";
      const bytes = messages.encodeBinary(typeName, { name: "a", altStatName: "b" });
      const sources = [
        { typeName, message: { name: "c" } },
        { typeName, bytes },
      ];
      assert.deepEqual(await loader.toJson(sources, "snake"), [
        { name: "c" },
        { name: "a", alt_stat_name: "b" },
      ]);
    });

    it("carries bigint and bytes", async () => {
      const yaml = `stats_server_version_override: 18446744073709551615
node: {metadata: {a: {b: 1}}}
static_resources: {secrets: [{name: s, generic_secret: {secret: {inline_bytes: AAEC}}}]}`;
      const loaded = await loader.loadBootstrap({ files: [], yaml });
      assert.deepEqual(loaded.diagnostics, []);
      assert.equal(loaded.bootstrap?.statsServerVersionOverride, 18446744073709551615n);
      const secret = loaded.bootstrap?.staticResources?.secrets?.[0]?.genericSecret?.secret;
      assert.deepEqual(secret?.inlineBytes, new Uint8Array([0, 1, 2]));
    });
  });
}
