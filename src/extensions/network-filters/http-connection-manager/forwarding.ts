/** Compiles how clients are told apart: x-forwarded-for, address detection, internal addresses. */
import { type CidrRange, parseCidrRange } from "../../../base/cidr.ts";
import type { CompileContext } from "../../../config/compile-context.ts";
import { messageNameOf } from "../../../config/matcher/compile-match-tree.ts";
import type {
  ForwardingSettings,
  OriginalIpDetection,
} from "../../../http/connection-manager-config.ts";
import type {
  CidrRange as CidrMessage,
  TypedExtensionConfig,
} from "../../../proto/generated/envoy/config/core/v3.ts";
import type { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3.ts";
import type { CustomHeaderConfig } from "../../../proto/generated/envoy/extensions/http/original_ip_detection/custom_header/v3.ts";
import type { XffConfig } from "../../../proto/generated/envoy/extensions/http/original_ip_detection/xff/v3.ts";

/** The node's own facts that headers carry. */
export interface NodeFacts {
  readonly serviceCluster: string;
  readonly serviceNode: string;
  /** Stands in x-forwarded-for for a loopback peer. */
  readonly localAddress: string;
}

const XFF = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig";
const CUSTOM_HEADER =
  "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig";

export function compileForwarding(
  message: HttpConnectionManager,
  node: NodeFacts,
  context: CompileContext,
): ForwardingSettings {
  const internal = message.internalAddressConfig ?? {};
  return {
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffTrustedHops: message.xffNumTrustedHops ?? 0,
    skipXffAppend: message.skipXffAppend ?? false,
    detections: compileDetections(message, context),
    appendForwardedPort: message.appendXForwardedPort ?? false,
    internalRanges: compileRanges(internal.cidrRanges ?? [], context.at("internal_address_config")),
    internalUnixSockets: internal.unixSockets ?? false,
    keepsClientCert: message.forwardClientCertDetails === "ALWAYS_FORWARD_ONLY",
    schemeToOverwrite: message.schemeHeaderTransformation?.schemeToOverwrite ?? "",
    addUserAgent: message.addUserAgent ?? false,
    serviceCluster: node.serviceCluster,
    serviceNode: node.serviceNode,
    via: message.via ?? "",
    localAddress: node.localAddress,
  };
}

function compileDetections(
  message: HttpConnectionManager,
  context: CompileContext,
): OriginalIpDetection[] {
  const extensions = message.originalIpDetectionExtensions ?? [];
  if (extensions.length === 0) {
    return [{ kind: "xff", trustedHops: message.xffNumTrustedHops ?? 0, skipAppend: true }];
  }
  const at = context.at("original_ip_detection_extensions");
  if (message.useRemoteAddress === true) {
    at.error(
      "Detection extensions and use_remote_address exclude each other",
      "set use_remote_address to false",
    );
  }
  if ((message.xffNumTrustedHops ?? 0) > 0) {
    at.error(
      "Detection extensions and xff_num_trusted_hops exclude each other",
      "set the hops in the xff extension",
    );
  }
  return extensions.flatMap((extension, index) => {
    const detection = compileDetection(
      extension,
      context.at("original_ip_detection_extensions", index),
    );
    return detection === null ? [] : [detection];
  });
}

function compileDetection(
  extension: TypedExtensionConfig,
  context: CompileContext,
): OriginalIpDetection | null {
  const name = messageNameOf(extension.typedConfig?.typeUrl ?? "");
  const at = context.at("typed_config");
  if (name === XFF) return compileXff((extension.typedConfig?.value ?? {}) as XffConfig, at);
  if (name !== CUSTOM_HEADER) {
    return at.error(`Address detection ${name} is not supported`, `use ${XFF} or ${CUSTOM_HEADER}`);
  }
  const header = (extension.typedConfig?.value ?? {}) as CustomHeaderConfig;
  return {
    kind: "custom-header",
    headerName: header.headerName ?? "",
    trusted: header.allowExtensionToSetAddressAsTrusted ?? false,
    rejectStatus:
      header.rejectWithStatus === undefined ? 0 : rejectCode(header.rejectWithStatus.code),
  };
}

function compileXff(message: XffConfig, context: CompileContext): OriginalIpDetection | null {
  const skipAppend = message.skipXffAppend ?? true;
  const trusted = message.xffTrustedCidrs;
  if (trusted === undefined)
    return { kind: "xff", trustedHops: message.xffNumTrustedHops ?? 0, skipAppend };
  if ((message.xffNumTrustedHops ?? 0) > 0) {
    return context.error(
      "xff_num_trusted_hops and xff_trusted_cidrs exclude each other",
      "keep one of them",
    );
  }
  const ranges = compileRanges(trusted.cidrs ?? [], context.at("xff_trusted_cidrs").at("cidrs"));
  return { kind: "xff-cidrs", trusted: ranges, recurse: true, skipAppend };
}

/** Statuses below 400 are no refusal: Envoy answers 403 then. */
function rejectCode(code: string | number | undefined): number {
  const status = typeof code === "number" ? code : (HTTP_STATUS[code ?? ""] ?? 403);
  return status >= 400 ? status : 403;
}

const HTTP_STATUS: Readonly<Record<string, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
};

function compileRanges(messages: readonly CidrMessage[], context: CompileContext): CidrRange[] {
  return messages.flatMap((message, index) => {
    const range = parseCidrRange(message.addressPrefix ?? "", message.prefixLen ?? 0);
    if (range === null) {
      context
        .at("cidr_ranges", index)
        .at("address_prefix")
        .error(`"${message.addressPrefix}" is no IP address`, "write e.g. 10.0.0.0 or fd00::");
    }
    return range === null ? [] : [range];
  });
}
