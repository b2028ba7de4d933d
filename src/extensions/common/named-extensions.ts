/**
 * Small extensions that a message names: found by the type of their configuration, or by name where
 * they have none. Envoy: `Config::Utility::getAndCheckFactory`.
 */
import { nearestName } from "../../base/nearest-name.ts";
import type { CompileContext } from "../../config/compile-context.ts";
import { messageNameOf } from "../../config/matcher/compile-match-tree.ts";
import type { RetryExtensionMessage } from "../../route/retry-policy.ts";

export interface NamedExtension<Compiled> {
  readonly name: string;
  /** Message of its typed configuration, without the `type.googleapis.com/` prefix. */
  readonly messageType: string;
  /** Null after an error was reported. */
  compile(message: unknown, context: CompileContext): Compiled | null;
}

/** `kind` names the kind in messages: "retry host predicate". */
export function compileNamed<Compiled>(
  kind: string,
  types: readonly NamedExtension<Compiled>[],
  message: RetryExtensionMessage,
  context: CompileContext,
): Compiled | null {
  const { typedConfig, name = "" } = message;
  const wanted = typedConfig === undefined ? name : messageNameOf(typedConfig.typeUrl);
  const found = types.find((type) =>
    typedConfig === undefined ? type.name === wanted : type.messageType === wanted,
  );
  if (found !== undefined) {
    return found.compile(typedConfig?.value ?? {}, context.at("typed_config"));
  }
  const known = types.map((type) => (typedConfig === undefined ? type.name : type.messageType));
  const nearest = nearestName(wanted, known);
  return context.error(
    `No ${kind} is called ${wanted === "" ? '""' : wanted}`,
    nearest === null ? `use one of ${known.join(", ")}` : `use ${nearest}`,
  );
}
