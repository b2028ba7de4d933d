/**
 * Fields of `PreserveCaseFormatterConfig` that are not obeyed: peers would see other text, so each
 * is refused.
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { PreserveCaseFormatterConfig } from "../../proto/generated/envoy/extensions/http/header_formatters/preserve_case/v3.ts";

export function reportPreserveCase(
  message: PreserveCaseFormatterConfig,
  context: CompileContext,
): void {
  if (message.forwardReasonPhrase === true) {
    context
      .at("forward_reason_phrase")
      .error("Reason phrases are not forwarded yet", "remove the field");
  }
  if (message.formatterTypeOnEnvoyHeaders === "PROPER_CASE") {
    context
      .at("formatter_type_on_envoy_headers")
      .error("Headers that the proxy adds are always in lower case", "remove the field");
  }
}
