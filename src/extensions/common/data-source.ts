/**
 * Reads a `DataSource` while configuration is compiled: inline text or bytes, a file, an
 * environment variable. Envoy: `DataSource::read` (source/common/config/datasource.cc).
 */
import type { CompileContext } from "../../config/compile-context.ts";
import type { HostEnvironment } from "../../platform/host-environment.ts";
import type { DataSource } from "../../proto/generated/envoy/config/core/v3.ts";

/** The bytes; null after reporting what is wrong. */
export function readDataSource(
  source: DataSource,
  host: HostEnvironment,
  context: CompileContext,
): Uint8Array | null {
  if (source.inlineString !== undefined) return Buffer.from(source.inlineString, "utf8");
  if (source.inlineBytes !== undefined) return source.inlineBytes;
  if (source.filename !== undefined) return readFile(source.filename, host, context.at("filename"));
  if (source.environmentVariable !== undefined) {
    return readVariable(source.environmentVariable, host, context.at("environment_variable"));
  }
  return context.error(
    "No data is given",
    "set inline_string, inline_bytes, filename or environment_variable",
  );
}

function readFile(path: string, host: HostEnvironment, context: CompileContext): Uint8Array | null {
  const content = host.readFile(path);
  if (content.kind === "read") return content.bytes;
  return context.error(
    `File ${path} cannot be read: ${content.code}`,
    "give the path of a readable file",
  );
}

function readVariable(
  name: string,
  host: HostEnvironment,
  context: CompileContext,
): Uint8Array | null {
  const value = host.variable(name);
  if (value !== undefined && value !== "") return Buffer.from(value, "utf8");
  return context.error(`Environment variable ${name} is not set`, `set ${name}`);
}
