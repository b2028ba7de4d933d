/** Help texts. */
import { FLAGS, type Flag } from "./options.ts";

const USAGE = `Outrigger: a sidecar proxy that speaks Envoy's configuration

  outrigger run -c FILE [-c FILE…]     serve; reload when a file changes; open admin and metrics
  outrigger validate -c FILE…          check a configuration, open nothing; exit 1 on errors
  outrigger -c FILE …                  as envoy would: open exactly what the file says
  outrigger bench [--help]             measure against other proxies
  outrigger version                    this version, and that of the runtime
  outrigger help [COMMAND]             this text

`;

const NOTES: Readonly<Record<string, string>> = {
  run: `outrigger run -c FILE [-c FILE…] [flags]

Serves the bootstrap, several files merged in their order, and reloads it when one of them changes;
a broken file is refused, and what runs goes on. Adds admin (15000), health (15021) and metrics
(15090) on the next free port. SIGTERM drains and ends; a second one ends at once; SIGUSR1 opens
logs anew.

`,
  validate: `outrigger validate -c FILE [-c FILE…] [flags]

Compiles everything as run would, and opens nothing. Each finding is a line on standard error,
file:line:column: severity: path: what is wrong (what to do). With --format json, one object on
standard output: { "valid": …, "diagnostics": [{ severity, path, message, remedy, source }] }.

`,
  version: `outrigger version

Prints one line: the version of Outrigger, of the Envoy API it reads, and of the runtime.

`,
};

const EXIT_CODES = `Exit codes:
  0  done: the configuration is good, or the proxy ended as it was told to
  1  the configuration is refused, or the proxy could not start, or it was ended at once
  2  the command line is wrong
`;

export function mainHelp(): string {
  return USAGE + flagTable(() => true) + EXIT_CODES;
}

/** A command without a help of its own gets that of the program. */
export function commandHelp(command: string): string {
  const note = NOTES[command];
  if (note === undefined) return mainHelp();
  if (command === "version") return note;
  return note + flagTable(({ only }) => only === undefined || only === command) + EXIT_CODES;
}

function flagTable(wanted: (flag: Flag) => boolean): string {
  const flags = FLAGS.filter(wanted);
  const rows = flags.filter((flag) => flag.ignored !== true).map(row);
  const ignored = flags.filter((flag) => flag.ignored === true).flatMap(({ names }) => names);
  return `Flags:\n${rows.join("")}\nAccepted without effect, for scripts written for Envoy:\n${lines(ignored)}\n`;
}

function row({ names, kind, help }: Flag): string {
  return `  ${names.join(", ")}${kind === "value" ? " VALUE" : ""}\n      ${help}\n`;
}

/** Words in lines of at most 100 columns. */
function lines(words: readonly string[]): string {
  const all: string[] = [];
  for (const word of words) {
    const last = all.at(-1);
    if (last !== undefined && last.length + word.length < 98) all.push(`${all.pop()} ${word}`);
    else all.push(`  ${word}`);
  }
  return all.map((line) => `${line}\n`).join("");
}
