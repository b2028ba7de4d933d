/** The complete model: .proto files of @grpc/grpc-js-xds, protobuf's own types, and the overlay. */
import { join } from "node:path";
import type { Model } from "./model.ts";
import { applyOverlay } from "./overlay.ts";
import { readProtos } from "./read-protos.ts";
import { addWellKnownTypes } from "./well-known.ts";

const DEPS = join(import.meta.dirname, "../../node_modules/@grpc/grpc-js-xds/deps");

export function packagedModel(): Model {
  const folders = ["envoy-api/envoy", "xds/xds", "xds/udpa", "googleapis/google"];
  const model = readProtos(
    folders.map((folder) => join(DEPS, folder)),
    (path) => !isWanted(path.slice(DEPS.length + 1)),
  );
  addWellKnownTypes(model);
  applyOverlay(model);
  refuseUndefinedTypes(model);
  return model;
}

/** Envoy's v2 API is not served, and of Google's packages only what v3 messages refer to. */
function isWanted(path: string): boolean {
  if (path.startsWith("googleapis/")) {
    return /google\/(rpc\/(status|error_details)|api\/expr\/v1alpha1\/(syntax|checked))\.proto$/.test(
      path,
    );
  }
  if (path.startsWith("xds/")) return !path.includes("/annotations/");
  return /\/v3\/[^/]*$/.test(path);
}

function refuseUndefinedTypes(model: Model): void {
  const undefinedTypes = [...model.messages.values()].flatMap((message) =>
    message.fields
      .filter((field) => field.type.includes(".") && !isDefined(model, field.type))
      .map((field) => `${message.name}.${field.name}: ${field.type}`),
  );
  if (undefinedTypes.length === 0) return;
  throw new Error(
    `Fields of undefined types, add the types to overlay/:\n${undefinedTypes.join("\n")}`,
  );
}

function isDefined(model: Model, type: string): boolean {
  return model.messages.has(type) || model.enums.has(type);
}
