/** Help texts. */
import { FLAGS } from "./options.ts";

const USAGE = `Outrigger: a sidecar proxy that speaks Envoy's configuration

  outrigger run -c FILE [-c FILE…]     serve, reload when a file changes, open admin, metrics and health ports
  outrigger validate -c FILE…          check a configuration, open nothing; exit 1 on errors
  outrigger -c FILE …                  as envoy would: open exactly what the file says
  outrigger bench [--help]             measure against other proxies (needs the source tree)
  outrigger version | help

`;

const NOTES: Readonly<Record<string, string>> = {
  run: "outrigger run: serve a bootstrap file and reload it when it changes. Adds admin (15000), health (15021) and metrics\n(15090) on the next free port when the file does not bind them.\n\n",
  validate:
    "outrigger validate: compile everything, open nothing, print file:line:column diagnostics; --format json for scripts.\n\n",
};

export function mainHelp(): string {
  return USAGE + flagTable();
}

export function commandHelp(command: string): string {
  return (NOTES[command] ?? USAGE) + flagTable();
}

function flagTable(): string {
  const rows = FLAGS.map(
    ({ names, kind, help }) =>
      [names.join(", ") + (kind === "value" ? " VALUE" : ""), help] as const,
  );
  return `Flags:\n${rows.map(([names, help]) => `  ${names}\n      ${help}\n`).join("")}`;
}
