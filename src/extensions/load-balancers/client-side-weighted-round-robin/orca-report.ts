/**
 * Load reports that a host puts into its response: ORCA (xds.data.orca.v3.OrcaLoadReport) as text,
 * JSON or protobuf. Envoy: source/common/orca/orca_parser.cc.
 */
import type { HeaderMap } from "../../../codec/header-map.ts";
import { headerName } from "../../../codec/header-names.ts";

const LOAD_METRICS = headerName("endpoint-load-metrics");
const LOAD_METRICS_BIN = headerName("endpoint-load-metrics-bin");

/** Scalars by their name, entries of maps as `named_metrics.name`. */
export type OrcaReport = ReadonlyMap<string, number>;

/** Field numbers of doubles and of maps to doubles; `rps` is an integer nobody reads. */
const DOUBLES: Readonly<Record<number, string>> = {
  1: "cpu_utilization",
  2: "mem_utilization",
  6: "rps_fractional",
  7: "eps",
  9: "application_utilization",
};
const MAPS: Readonly<Record<number, string>> = {
  4: "request_cost",
  5: "utilization",
  8: "named_metrics",
};
const SCALAR_NAMES: readonly string[] = Object.values(DOUBLES);
const MAP_NAMES: readonly string[] = Object.values(MAPS);

/** Null without a report, or when it cannot be read. */
export function readOrcaReport(headers: HeaderMap): OrcaReport | null {
  const binary = headers.get(LOAD_METRICS_BIN);
  if (binary !== undefined) return fromBinary(binary);
  const value = headers.get(LOAD_METRICS);
  if (value === undefined) return null;
  const content = value.slice(value.indexOf(" ") + 1);
  if (value.startsWith("TEXT ")) return fromText(content);
  if (value.startsWith("JSON ")) return fromJson(content);
  return value.startsWith("BIN ") ? fromBinary(content) : null;
}

/** The largest of the named metrics; `named_metrics.*` stands for all of that map. */
export function maxUtilization(report: OrcaReport, names: readonly string[]): number {
  let most = 0;
  for (const name of names) {
    if (!name.endsWith(".*")) most = Math.max(most, report.get(name) ?? 0);
    else {
      const prefix = name.slice(0, -1);
      for (const [key, value] of report) if (key.startsWith(prefix)) most = Math.max(most, value);
    }
  }
  return most;
}

/** `name=value` pairs; one that is unknown, twice there or no number spoils the report. */
function fromText(text: string): OrcaReport | null {
  const report = new Map<string, number>();
  for (const pair of text.split(",")) {
    const [name = "", value = ""] = pair.split("=", 2).map((part) => part.trim());
    const number = value === "" ? Number.NaN : Number(value);
    if (!isKnown(name) || report.has(name) || !Number.isFinite(number)) return null;
    report.set(name, number);
  }
  return report;
}

function isKnown(name: string): boolean {
  if (SCALAR_NAMES.includes(name)) return true;
  const dot = name.indexOf(".");
  return dot > 0 && dot + 1 < name.length && MAP_NAMES.includes(name.slice(0, dot));
}

function fromJson(text: string): OrcaReport | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object") return null;
  const report = new Map<string, number>();
  for (const [key, item] of Object.entries(value)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (SCALAR_NAMES.includes(name)) report.set(name, Number(item));
    else if (MAP_NAMES.includes(name) && item !== null && typeof item === "object") {
      for (const [entry, number] of Object.entries(item))
        report.set(`${name}.${entry}`, Number(number));
    } else if (name !== "rps") return null;
  }
  return [...report.values()].every(Number.isFinite) ? report : null;
}

function fromBinary(base64: string): OrcaReport | null {
  const report = new Map<string, number>();
  try {
    new WireReader(Buffer.from(base64, "base64")).readAll((field, reader) => {
      const scalar = DOUBLES[field];
      const map = MAPS[field];
      if (scalar !== undefined) report.set(scalar, reader.double());
      else if (map !== undefined) readEntry(reader.message(), map, report);
      else reader.skip();
    });
  } catch {
    return null;
  }
  return report;
}

function readEntry(entry: WireReader, map: string, report: Map<string, number>): void {
  let name = "";
  let value = 0;
  entry.readAll((field, reader) => {
    if (field === 1) name = reader.text();
    else if (field === 2) value = reader.double();
    else reader.skip();
  });
  report.set(`${map}.${name}`, value);
}

/** As much of the protobuf wire format as a report needs. Throws a RangeError on broken bytes. */
class WireReader {
  private readonly bytes: Buffer;
  private at = 0;
  private wireType = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  readAll(read: (field: number, reader: WireReader) => void): void {
    while (this.at < this.bytes.length) {
      const tag = this.varint();
      this.wireType = tag & 7;
      read(tag >>> 3, this);
    }
  }

  double(): number {
    this.expect(1);
    this.at += 8;
    return this.bytes.readDoubleLE(this.at - 8);
  }

  text(): string {
    return this.chunk().toString("utf8");
  }

  message(): WireReader {
    return new WireReader(this.chunk());
  }

  skip(): void {
    if (this.wireType === 0) this.varint();
    else if (this.wireType === 1) this.at += 8;
    else if (this.wireType === 5) this.at += 4;
    else this.chunk();
    if (this.at > this.bytes.length) throw new RangeError("the report ends early");
  }

  private chunk(): Buffer {
    this.expect(2);
    const length = this.varint();
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError("the report ends early");
    return this.bytes.subarray(this.at - length, this.at);
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType) throw new RangeError("a field has another type");
  }

  /** Values beyond 53 bits lose their low bits: only integers that nobody reads have them. */
  private varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes.readUInt8(this.at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }
}
