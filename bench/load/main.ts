// Entry of the load harness, and of its helper processes: `@generator`, `@upstream`, `@hosts` and
// the npm proxies are this same script with a role as first argument, so that it bundles into one
// file.
import { argv } from "node:process";

const role = argv[2] ?? "";
if (role === "@upstream") (await import("./upstream.ts")).runUpstream();
else if (role === "@generator") (await import("./generator/main.ts")).runGenerator();
else if (role === "@metronome") (await import("./generator/metronome.ts")).runMetronome();
else if (role === "@hosts") (await import("./hosts.ts")).runHosts(argv.slice(3));
else if (role.startsWith("@target-")) {
  const { runNodeProxy } = await import("./targets/node-proxy-process.ts");
  await runNodeProxy(role.slice("@target-".length), argv.slice(3));
} else process.exitCode = await (await import("./command.ts")).runCommand(argv.slice(2));
