// hot: per request
/**
 * headers_to_add and headers_to_remove of one level: removals first; then all values are computed
 * from the headers as they are; then overwrites; then additions. Envoy:
 * source/common/router/header_parser.cc.
 */
import { toByteString } from "../base/byte-string.ts";
import type { HeaderMap } from "../codec/header-map.ts";
import { type HeaderName, headerName } from "../codec/header-names.ts";
import { type HeaderDirection, isInlineHeader } from "../codec/inline-headers.ts";
import type { CompileContext } from "../config/compile-context.ts";
import type {
  HeaderValue,
  HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
} from "../proto/generated/envoy/config/core/v3.ts";
import type { FormatParser, Formatter, FormatterContext } from "./formatter.ts";
import { modernHeaderFormat } from "./legacy-header-format.ts";

const APPEND = 0;
const ADD_IF_ABSENT = 1;
const OVERWRITE_OR_ADD = 2;
const OVERWRITE_IF_EXISTS = 3;

const ACTIONS: Readonly<Record<HeaderValueOption_HeaderAppendAction, number>> = {
  APPEND_IF_EXISTS_OR_ADD: APPEND,
  ADD_IF_ABSENT,
  OVERWRITE_IF_EXISTS_OR_ADD: OVERWRITE_OR_ADD,
  OVERWRITE_IF_EXISTS,
};

/** One header to add, compiled. */
export class HeaderAddition {
  readonly name: HeaderName;
  readonly action: number;
  readonly keepEmpty: boolean;
  /** A further value goes into the line that is there. */
  readonly inline: boolean;
  /** The whole value, or null when `format` computes it. */
  readonly constant: string | null;
  readonly format: Formatter | null;
  /** The value for the request at hand; null: leave it out. Only set inside `apply`. */
  value: string | null = null;

  constructor(
    name: HeaderName,
    action: number,
    keepEmpty: boolean,
    inline: boolean,
    value: string | Formatter,
  ) {
    this.name = name;
    this.action = action;
    this.keepEmpty = keepEmpty;
    this.inline = inline;
    this.constant = typeof value === "string" ? value : null;
    this.format = typeof value === "string" ? null : value;
  }

  compute(headers: HeaderMap, context: FormatterContext): void {
    const value = this.constant ?? this.format!.format(context);
    const wanted = value !== "" || this.keepEmpty;
    this.value = wanted && this.applies(headers) ? value : null;
  }

  private applies(headers: HeaderMap): boolean {
    if (this.action === APPEND || this.action === OVERWRITE_OR_ADD) return true;
    return headers.has(this.name) === (this.action === OVERWRITE_IF_EXISTS);
  }
}

/** The mutations of one level, in one direction. */
export class HeaderMutations {
  private readonly removals: readonly HeaderName[];
  private readonly additions: readonly HeaderAddition[];

  constructor(removals: readonly HeaderName[], additions: readonly HeaderAddition[]) {
    this.removals = removals;
    this.additions = additions;
  }

  get empty(): boolean {
    return this.removals.length === 0 && this.additions.length === 0;
  }

  apply(headers: HeaderMap, context: FormatterContext): void {
    const { removals, additions } = this;
    for (let index = 0; index < removals.length; index++) headers.remove(removals[index]!);
    for (let index = 0; index < additions.length; index++) {
      additions[index]!.compute(headers, context);
    }
    for (let index = 0; index < additions.length; index++) {
      const { name, action, value } = additions[index]!;
      if (value === null || action < OVERWRITE_OR_ADD) continue;
      // Envoy: an overwritten header moves to the end.
      headers.remove(name);
      headers.add(name, value);
    }
    for (let index = 0; index < additions.length; index++) {
      const { name, action, inline, value } = additions[index]!;
      if (value === null || action >= OVERWRITE_OR_ADD) continue;
      if (inline) headers.append(name, value);
      else headers.add(name, value);
    }
  }
}

/** Compiles one level: `request_headers_to_add` and so on; problems are in the context. */
export function compileHeaderMutations(
  direction: HeaderDirection,
  toAdd: readonly HeaderValueOption[] | undefined,
  toRemove: readonly string[] | undefined,
  formats: FormatParser,
  context: CompileContext,
): HeaderMutations {
  const removals: HeaderName[] = [];
  for (const [index, name] of (toRemove ?? []).entries()) {
    const at = context.at(`${direction}_headers_to_remove`, index);
    if (isProtected(name)) at.error(`Header ${name} may not be removed`, PROTECTED_REMEDY);
    else removals.push(headerName(name));
  }
  const field = `${direction}_headers_to_add`;
  const additions = compileHeaderAdditions(direction, toAdd, formats, context, field);
  return new HeaderMutations(removals, additions);
}

/** Compiles a list of headers to add that stands in `field`. */
export function compileHeaderAdditions(
  direction: HeaderDirection,
  toAdd: readonly HeaderValueOption[] | undefined,
  formats: FormatParser,
  context: CompileContext,
  field: string,
): HeaderAddition[] {
  const additions: HeaderAddition[] = [];
  for (const [index, option] of (toAdd ?? []).entries()) {
    const addition = compileHeaderAddition(option, direction, formats, context.at(field, index));
    if (addition !== null) additions.push(addition);
  }
  return additions;
}

const PROTECTED_REMEDY = "use host and path rewrites for :-prefixed headers and host";

function isProtected(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

/** Null after reporting what is wrong. */
export function compileHeaderAddition(
  option: HeaderValueOption,
  direction: HeaderDirection,
  formats: FormatParser,
  context: CompileContext,
): HeaderAddition | null {
  const key = option.header?.key ?? "";
  if (key === "") return context.at("header").at("key").error("A header needs a name", "set key");
  if (isProtected(key)) {
    return context
      .at("header")
      .at("key")
      .error(`Header ${key} may not be modified`, PROTECTED_REMEDY);
  }
  const action = compileAction(option, context);
  const value = compileHeaderValue(option.header ?? {}, formats, context.at("header"));
  if (action === null || value === null) return null;
  const name = headerName(key);
  const inline = isInlineHeader(name, direction);
  return new HeaderAddition(name, action, option.keepEmptyValue === true, inline, value);
}

function compileAction(option: HeaderValueOption, context: CompileContext): number | null {
  const named = option.appendAction ?? "APPEND_IF_EXISTS_OR_ADD";
  if (option.append === undefined) return ACTIONS[named];
  if (named !== "APPEND_IF_EXISTS_OR_ADD") {
    return context.at("append").error("append and append_action are both set", "drop append");
  }
  return option.append ? APPEND : OVERWRITE_OR_ADD;
}

/**
 * A constant (as bytes), or a formatter when the text has commands. `raw_value` counts when `value`
 * is empty; it has no commands.
 */
function compileHeaderValue(
  { value: text = "", rawValue }: HeaderValue,
  formats: FormatParser,
  context: CompileContext,
): string | Formatter | null {
  if (rawValue !== undefined && rawValue.length > 0) {
    if (text === "") return Buffer.from(rawValue).toString("latin1");
    return context.at("raw_value").error("value and raw_value are both set", "keep one of them");
  }
  if (!text.includes("%")) return toByteString(text);
  const format = modernHeaderFormat(text);
  return formats.parseText(format, { omitEmptyValues: true }, context.at("value"));
}
