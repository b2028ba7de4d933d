/**
 * `SubstitutionFormatString`, compiled. Envoy: `SubstitutionFormatStringUtils::fromProtoConfig`.
 */
import type { CompileContext } from "../../config/compile-context.ts";
import { messageNameOf } from "../../config/matcher/compile-match-tree.ts";
import type {
  DataSource,
  SubstitutionFormatString,
  TypedExtensionConfig,
} from "../../proto/generated/envoy/config/core/v3.ts";
import type { FormatOptions, FormatParser, Formatter } from "../../route/formatter.ts";

/** What compiling formats needs. */
export interface FormatServices {
  readonly formats: FormatParser;
  readData(source: DataSource, context: CompileContext): Uint8Array | null;
}

export interface SubstitutionFormat {
  readonly formatter: Formatter;
  /** Content type of a body made with the format. */
  readonly contentType: string;
}

/** Null after reporting what is wrong. */
export function compileSubstitutionFormat(
  message: SubstitutionFormatString,
  services: FormatServices,
  context: CompileContext,
): SubstitutionFormat | null {
  checkFormatters(message.formatters ?? [], context);
  const formatter = compileFormatter(message, services, context);
  if (formatter === null) return null;
  const usual = message.jsonFormat === undefined ? "text/plain" : "application/json";
  return { formatter, contentType: message.contentType || usual };
}

function compileFormatter(
  message: SubstitutionFormatString,
  services: FormatServices,
  context: CompileContext,
): Formatter | null {
  const options: FormatOptions = { omitEmptyValues: message.omitEmptyValues ?? false };
  const { formats } = services;
  if (message.jsonFormatOptions !== undefined) {
    context
      .at("json_format_options")
      .warn("It has no effect: the properties of JSON objects are always sorted");
  }
  if (message.jsonFormat !== undefined) {
    return formats.parseJson(message.jsonFormat, options, context.at("json_format"));
  }
  if (message.textFormat !== undefined) {
    return formats.parseText(message.textFormat, options, context.at("text_format"));
  }
  const at = context.at("text_format_source");
  if (message.textFormatSource === undefined) {
    return context.error("No format is given", "set text_format_source or json_format");
  }
  const text = services.readData(message.textFormatSource, at);
  if (text === null) return null;
  const place = message.textFormatSource.inlineString === undefined ? at : at.at("inline_string");
  return formats.parseText(Buffer.from(text).toString("utf8"), options, place);
}

/** Their commands are always there. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "envoy.extensions.formatter.metadata.v3.Metadata",
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
]);

function checkFormatters(
  extensions: readonly TypedExtensionConfig[],
  context: CompileContext,
): void {
  for (const [index, extension] of extensions.entries()) {
    const name = messageNameOf(extension.typedConfig?.typeUrl ?? "");
    if (BUILT_IN.has(name)) continue;
    context
      .at("formatters", index)
      .error(`Formatter ${name} is not supported`, "remove it and the commands that it adds");
  }
}
