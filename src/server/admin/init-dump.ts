/**
 * /init_dump: what the start, or a listener that warms, still waits for. Envoy:
 * `Server::InitDumpHandler`.
 */
import type { AdminHost } from "./admin-host.ts";
import { type AdminEndpoint, prettyJson } from "./endpoint.ts";

interface UnreadyTargets {
  readonly name: string;
  readonly target_names: readonly string[];
}

export const initDump: AdminEndpoint = {
  path: "/init_dump",
  help: "dump current Envoy init manager information (experimental)",
  mutates: false,
  parameters: [
    {
      name: "mask",
      help: "The desired component to dump unready targets. The mask is parsed as a Protobuf::FieldMask. For example, get the unready targets of all listeners with /init_dump?mask=listener`",
      kind: "text",
    },
  ],
  handle: async ({ query }, host) => {
    const mask = query.get("mask") ?? "";
    const dumps = mask === "" || mask === "listener" ? await unreadyTargets(host) : [];
    return prettyJson(dumps.length === 0 ? {} : { unready_targets_dumps: dumps });
  },
};

async function unreadyTargets({ server }: AdminHost): Promise<UnreadyTargets[]> {
  const facts = await server.planes?.facts();
  if (facts === undefined) return [];
  const dumps: UnreadyTargets[] = [];
  const clusters = facts.warmingClusters.map((name) => `init target cluster ${name}`);
  if (clusters.length > 0) dumps.push({ name: "init manager Server", target_names: clusters });
  for (const { name: listener, state } of facts.listeners) {
    if (state !== "warming") continue;
    const name = `init manager Listener-local-init-manager ${listener}`;
    dumps.push({ name, target_names: [`init target listener ${listener}`] });
  }
  return dumps;
}
