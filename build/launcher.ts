// The text of dist/outrigger: a shell script that starts the bundle on the pinned runtime, when it
// is installed beside the package, with the shipped flags. Exec, so the process is the proxy
// itself.
import { RUNTIME_FLAGS } from "../src/cli/runtime-flags.ts";

/** `bundle` is the file name of the entry beside the launcher. */
export function launcherText(bundle: string): string {
  return `#!/bin/sh
# Starts Outrigger with its flags, on the Node it was installed with when there is one.
self=$(readlink -f "$0")
here=\${self%/*}
for node in "$here/../node_modules/.bin/node" "$here/../../.bin/node"; do
  if [ -x "$node" ]; then
    exec "$node" ${RUNTIME_FLAGS.join(" ")} "$here/${bundle}" "$@"
  fi
done
exec node ${RUNTIME_FLAGS.join(" ")} "$here/${bundle}" "$@"
`;
}
