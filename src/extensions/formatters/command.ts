// hot: per request
/**
 * One command of a format string, ready to be asked. Envoy: `FormatterProvider`
 * (envoy/formatter/substitution_formatter_base.h). Commands of one kind share a class, so a format
 * calls few shapes of objects.
 */
import { toByteString } from "../../base/byte-string.ts";
import type { FormatterContext } from "../../route/formatter.ts";
import { quoteJson, valueAsJson } from "./json-text.ts";

export interface Command {
  /** The value as bytes; null when there is none. */
  text(context: FormatterContext): string | null;
  /** The value as JSON; null when there is none. */
  json(context: FormatterContext): string | null;
}

/** Reads a text. Undefined and null both mean: no value. */
export type TextReader = (context: FormatterContext) => string | null | undefined;
/** Reads a number; null means: no value. */
export type NumberReader = (context: FormatterContext) => number | null;
/** Reads any JSON value; undefined means: no value. */
export type ValueReader = (context: FormatterContext) => unknown;

/** A byte string. */
export class TextCommand implements Command {
  private readonly read: TextReader;

  constructor(read: TextReader) {
    this.read = read;
  }

  text(context: FormatterContext): string | null {
    return this.read(context) ?? null;
  }

  json(context: FormatterContext): string | null {
    const text = this.read(context) ?? null;
    return text === null ? null : quoteJson(text);
  }
}

/** An integer: typed in JSON. */
export class NumberCommand implements Command {
  private readonly read: NumberReader;

  constructor(read: NumberReader) {
    this.read = read;
  }

  text(context: FormatterContext): string | null {
    const value = this.read(context);
    return value === null ? null : String(value);
  }

  json(context: FormatterContext): string | null {
    return this.text(context);
  }
}

/** A JSON value (metadata): strings stand bare in text, everything else is JSON. */
export class ValueCommand implements Command {
  private readonly read: ValueReader;

  constructor(read: ValueReader) {
    this.read = read;
  }

  text(context: FormatterContext): string | null {
    const value = this.read(context);
    if (value === undefined) return null;
    return typeof value === "string" ? toByteString(value) : valueAsJson(value);
  }

  json(context: FormatterContext): string | null {
    const value = this.read(context);
    return value === undefined ? null : valueAsJson(value);
  }
}

/** `%CMD():N%`: the first N bytes. */
export class TruncatedCommand implements Command {
  private readonly inner: Command;
  private readonly length: number;

  constructor(inner: Command, length: number) {
    this.inner = inner;
    this.length = length;
  }

  text(context: FormatterContext): string | null {
    const text = this.inner.text(context);
    return text === null || text.length <= this.length ? text : text.slice(0, this.length);
  }

  json(context: FormatterContext): string | null {
    const json = this.inner.json(context);
    if (json === null || !json.startsWith('"')) return json;
    return quoteJson(this.text(context) ?? "");
  }
}
