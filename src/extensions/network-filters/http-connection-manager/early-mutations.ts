/**
 * `early_header_mutation_extensions`: changes of request headers before routing and before the
 * connection manager's own. Envoy: source/extensions/http/early_header_mutation.
 */
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type { EarlyHeaderMutation } from "../../../http/early-header-mutation.ts";
import type { TypedExtensionConfig } from "../../../proto/generated/envoy/config/core/v3.ts";
import type { HeaderMutation } from "../../../proto/generated/envoy/extensions/http/early_header_mutation/header_mutation/v3.ts";
import type { FormatParser } from "../../../route/formatter.ts";
import { compileHeaderChanges } from "../../../route/header-changes.ts";

const HEADER_MUTATION =
  "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

/** In order; problems are in the context. */
export function compileEarlyMutations(
  extensions: readonly TypedExtensionConfig[],
  formats: FormatParser,
  context: CompileContext,
): EarlyHeaderMutation[] {
  return extensions.flatMap(({ typedConfig }, index) => {
    const at = context.at("early_header_mutation_extensions", index).at("typed_config");
    const name = messageNameOf(typedConfig?.typeUrl ?? "");
    if (name !== HEADER_MUTATION) {
      at.error(`Early header mutation ${name} is not supported`, `use ${HEADER_MUTATION}`);
      return [];
    }
    const { mutations = [] } = (typedConfig?.value ?? {}) as HeaderMutation;
    return compileHeaderChanges("request", mutations, formats, at, "mutations");
  });
}
