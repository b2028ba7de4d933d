/**
 * Writes src/proto/generated/: the stripped message descriptor and the TypeScript types of plain
 * messages. Sources: the Envoy v3 .proto files that the dev dependency @grpc/grpc-js-xds carries,
 * and our overlay of newer messages and fields. Run by `npm run generate` and on `npm ci`; nothing
 * of the output is committed.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packagedModel } from "./descriptor/packaged-model.ts";
import { descriptorText } from "./descriptor/write-descriptor.ts";
import { typeModules } from "./descriptor/write-types.ts";

const OUTPUT = join(import.meta.dirname, "../src/proto/generated");

const model = packagedModel();
rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });
writeFileSync(join(OUTPUT, "descriptor.json"), descriptorText(model));
for (const [path, text] of typeModules(model)) {
  const file = join(OUTPUT, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
console.log(`Generated ${model.messages.size} messages and ${model.enums.size} enums`);
