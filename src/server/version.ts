/** Which program this is. */

/** Version of this package; a test compares it with package.json. */
export const VERSION = "0.1.0";

/** The Envoy API level whose behaviour is followed. */
export const ENVOY_API = "1.37.0";

/** In Envoy's form: revision/version/status/build type/TLS library. */
export const VERSION_LINE: string = `outrigger/${VERSION}/Clean/RELEASE/none`;

/** The number behind `server.version`: 0.1.0 is 100. */
export function versionNumber(text: string = VERSION): number {
  const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
  return major * 10_000 + minor * 100 + patch;
}
