// Normalising paths and hosts of requests.
import type { PathSettings } from "../../../src/http/connection-manager-config.ts";
import { normalizeHost } from "../../../src/http/host-normalization.ts";
import { normalizePath } from "../../../src/http/path-normalization.ts";
import { bench } from "../../kit/micro.ts";

const settings: PathSettings = {
  normalizePath: true,
  mergeSlashes: true,
  escapedSlashes: "UNESCAPE_AND_FORWARD",
  stripTrailingHostDot: true,
  stripPort: "any",
};
const path = "/api/v1/users/123456/orders?page=2";
bench("normalizePath, nothing to do", () => normalizePath(path, settings).kind);
bench("normalizePath, a dot segment", () => normalizePath("/api/../v1/users", settings).kind);
bench("normalizeHost, nothing to do", () => normalizeHost("api.example.com", settings, 80), {
  allocatedBytesMax: 0,
});
bench("normalizeHost, a port", () => normalizeHost("api.example.com:80", settings, 80));
