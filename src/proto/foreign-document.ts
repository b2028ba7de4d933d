/**
 * Tells a Kubernetes or Istio document from a broken Envoy message: one diagnostic that says so, in
 * place of one for each of its fields.
 */
import type { Diagnostic } from "../base/diagnostic.ts";
import type { SourceText } from "./source-node.ts";

const API_VERSION = /^apiVersion:[ \t]*["']?([\w./-]+)/m;
const KIND = /^kind:[ \t]*["']?(\w+)/m;

/** To be asked when a text could not be decoded. */
export function foreignDocument(source: SourceText): Diagnostic | null {
  const apiVersion = API_VERSION.exec(source.text);
  const kind = KIND.exec(source.text);
  if (apiVersion === null || kind === null) return null;
  const [, group = ""] = apiVersion;
  const owner = group.includes("istio.io/") ? "Istio" : "Kubernetes";
  const position = source.positionOf(apiVersion.index);
  return {
    severity: "error",
    path: "",
    message: `This is a document of ${owner} (${kind[1]} of ${group}), not an Envoy configuration`,
    remedy:
      owner === "Istio"
        ? "Istio documents are not read yet: give the Envoy bootstrap that is made of them"
        : "give the Envoy configuration that is in it, as a file of its own",
    ...(position === undefined ? {} : { source: position }),
  };
}
