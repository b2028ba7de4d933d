import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const DRIVER = fileURLToPath(new URL("./interception-driver.ts", import.meta.url));

/** Runs a shell line in a network namespace of its own, as its root. */
function inNamespace(script: string): { status: number | null; stdout: string; stderr: string } {
  const args = ["--net", "--map-root-user", "sh", "-ec", script];
  return spawnSync("unshare", args, { encoding: "utf8", timeout: 60_000 });
}

const REDIRECT = "-t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 15001 --dport";

function firewall(ports: readonly number[]): string {
  const rules = ports.flatMap((port) =>
    ["iptables", "ip6tables"].map((command) => `${command} ${REDIRECT} ${port}`),
  );
  return ["ip link set lo up", ...rules].join("; ");
}

const possible = inNamespace(firewall([1])).status === 0;
if (!possible) console.error("SKIPPED: no network namespace with iptables can be made here");

/** A listener that answers with its name. */
function listener(name: string, ip: string, port: number, more: object = {}): object {
  const type = "type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config";
  return {
    name,
    address: { socket_address: { address: ip, port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "direct",
            typed_config: { "@type": type, response: { inline_string: name } },
          },
        ],
      },
    ],
    ...more,
  };
}

describe("interception by a firewall", { skip: !possible }, () => {
  it("hands redirected connections to the listener of their original destination", () => {
    const folder = mkdtempSync(join(tmpdir(), "outrigger-"));
    const config = join(folder, "envoy.json");
    const bootstrap = {
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: 15000 } } },
      static_resources: {
        listeners: [
          listener("outbound", "127.0.0.1", 15001, { use_original_dst: true }),
          listener("outbound6", "::1", 15001, { use_original_dst: true }),
          listener("exact", "127.0.0.1", 8001, { bind_to_port: false }),
          listener("wildcard", "0.0.0.0", 8002, { bind_to_port: false }),
          listener("wildcard6", "::", 8002, { bind_to_port: false }),
        ],
      },
    };
    writeFileSync(config, JSON.stringify(bootstrap));
    const expected = {
      "127.0.0.1:8001": "exact",
      "127.0.0.2:8002": "wildcard",
      "::1:8002": "wildcard6",
      "127.0.0.1:8003": "outbound",
      "::1:8003": "outbound6",
      "127.0.0.1:15001": "outbound",
    };
    const driver = [process.execPath, DRIVER, config, ...Object.keys(expected)].join(" ");
    const { stdout, stderr } = inNamespace(`${firewall([8001, 8002, 8003])}; ${driver}`);
    rmSync(folder, { recursive: true });
    assert.notEqual(stdout, "", stderr);
    assert.deepEqual(JSON.parse(stdout), expected);
  });
});
