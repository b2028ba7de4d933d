/**
 * Reads scalars of protobuf's JSON mapping from source nodes: ranges, 64-bit integers as text or
 * number, NaN and infinities, base64. A problem comes back as text with what to write instead.
 */
import { parseBase64 } from "./base64.ts";
import type { ScalarKind } from "./message-type.ts";
import type { ScalarNode } from "./source-node.ts";
import { narrow } from "./wire-reader.ts";

export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

export type Reading = { readonly value: unknown } | { readonly problem: Problem };

interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
}

const INT32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n };
const UINT32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n };
const INT64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const UINT64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n };

const RANGES: Readonly<Partial<Record<ScalarKind, IntegerRange>>> = {
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
};

/**
 * An integer, also with a zero fraction or an exponent (`1.0`, `1e3`), which the mapping allows.
 */
const INTEGER = /^-?\d+$/;
/** Booleans in quotes, as Envoy takes them. */
const TRUE_WORDS = /^(true|t|yes|y|1)$/i;
const FALSE_WORDS = /^(false|f|no|n|0)$/i;
const HEXADECIMAL = /^0x[0-9a-f]+$/i;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const FLOAT_MAX = 3.4028234663852886e38;

export function readScalar(kind: ScalarKind, node: ScalarNode): Reading {
  if (kind === "string") return readString(node);
  if (kind === "bool") return readBool(node);
  if (kind === "bytes") return readBytes(node);
  if (kind === "double" || kind === "float") return readFloat(kind, node);
  return readInteger(kind, node);
}

/** What was written, for messages: `true`, `12`, `"text"`. */
export function describe(node: ScalarNode): string {
  const text = node.text.length > 60 ? `${node.text.slice(0, 57)}...` : node.text;
  return typeof node.value === "string" ? `"${text}"` : text;
}

function problem(message: string, remedy: string): Reading {
  return { problem: { message, remedy } };
}

function readString(node: ScalarNode): Reading {
  if (typeof node.value === "string") return { value: node.value };
  return problem(
    `Expected a string, found ${typeof node.value} ${node.text}`,
    `put it in quotes: "${node.text}"`,
  );
}

function readBool(node: ScalarNode): Reading {
  if (typeof node.value === "boolean") return { value: node.value };
  if (typeof node.value === "string" && TRUE_WORDS.test(node.value)) return { value: true };
  if (typeof node.value === "string" && FALSE_WORDS.test(node.value)) return { value: false };
  return problem(`Expected true or false, found ${describe(node)}`, "write true or false");
}

function readBytes(node: ScalarNode): Reading {
  const bytes = typeof node.value === "string" ? parseBase64(node.value) : null;
  return bytes === null
    ? problem("Expected bytes in base64", "encode the bytes in base64")
    : { value: bytes };
}

function readFloat(kind: "double" | "float", node: ScalarNode): Reading {
  if (typeof node.value === "boolean")
    return problem(`Expected a number, found ${node.text}`, "write a number");
  const number = typeof node.value === "number" ? node.value : parseFloatText(node.text);
  if (number === null)
    return problem(`Expected a number, found ${describe(node)}`, "write a number");
  if (kind === "double") return { value: number };
  if (Number.isFinite(number) && Math.abs(number) > FLOAT_MAX) {
    return problem(`${node.text} is too large for a float`, `use ${FLOAT_MAX} or less`);
  }
  return { value: Math.fround(number) };
}

function parseFloatText(text: string): number | null {
  if (text === "NaN") return Number.NaN;
  if (text === "Infinity") return Number.POSITIVE_INFINITY;
  if (text === "-Infinity") return Number.NEGATIVE_INFINITY;
  if (!NUMBER.test(text)) return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

function readInteger(kind: ScalarKind, node: ScalarNode): Reading {
  const value = typeof node.value === "boolean" ? null : integerOf(node);
  if (value === null) {
    return problem(`Expected a whole number, found ${describe(node)}`, "write digits only");
  }
  const range = RANGES[kind] ?? INT64;
  if (value < range.min || value > range.max) {
    return problem(`${value} is out of range`, `use ${range.min} to ${range.max}`);
  }
  return { value: narrow(value) };
}

function integerOf(node: ScalarNode): bigint | null {
  if (typeof node.value === "number" && Number.isSafeInteger(node.value)) return BigInt(node.value);
  const text = typeof node.value === "string" ? node.value : node.text;
  if (INTEGER.test(text) || HEXADECIMAL.test(text)) return BigInt(text);
  if (!NUMBER.test(text)) return null;
  const number = Number(text);
  return Number.isInteger(number) ? BigInt(number) : null;
}
