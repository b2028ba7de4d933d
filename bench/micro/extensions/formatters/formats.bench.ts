// One access-log line: Envoy's default format, Istio's, JSON; and the pieces that cost most.
import { CompileContext } from "../../../../src/config/compile-context.ts";
import { DEFAULT_FORMAT } from "../../../../src/extensions/common/access-log/line-logger.ts";
import { ISO_FORMAT, TimeFormat } from "../../../../src/extensions/formatters/time-format.ts";
import { shortFlags } from "../../../../src/network/response-flags.ts";
import type { Formatter } from "../../../../src/route/formatter.ts";
import {
  sampleContext,
  testFormats,
} from "../../../../test/extensions/formatters/format-fixture.ts";
import { bench } from "../../../kit/micro.ts";

const ISTIO =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% ' +
  "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% " +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% ' +
  "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% " +
  "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

const JSON_FORMAT = {
  time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  code: "%RESPONSE_CODE%",
  flags: "%RESPONSE_FLAGS%",
  sent: "%BYTES_SENT%",
  ms: "%DURATION%",
  host: "%UPSTREAM_HOST%",
  request: { id: "%REQ(X-REQUEST-ID)%", agent: "%REQ(USER-AGENT)%" },
};

const options = { omitEmptyValues: false };
const context = sampleContext({
  "x-request-id": "0a1b2c3d-0000-4000-8000-000000000000",
  "x-forwarded-for": "203.0.113.9",
});

function text(format: string): Formatter {
  return testFormats().parseText(format, options, new CompileContext())!;
}

// Lines are collected as a log file collects them, so that joining and copying is in the number.
let waiting = "";
function append(line: string): number {
  waiting += line;
  if (waiting.length < 65_536) return 0;
  const bytes = Buffer.from(waiting, "latin1");
  waiting = "";
  return bytes.length;
}

const plain = text(DEFAULT_FORMAT);
bench("the default format", () => append(plain.format(context)));
const istio = text(ISTIO);
bench("Istio's format", () => append(istio.format(context)));
const json = testFormats().parseJson(JSON_FORMAT, options, new CompileContext())!;
bench("a JSON format", () => append(json.format(context)));

const iso = new TimeFormat(ISO_FORMAT, null);
bench("a time stamp", (i) => iso.format(1_795_162_297_000 + i));
const flags = { responseFlags: 0x8020, flagOrder: [0x8000, 0x20] };
bench("two response flags", () => shortFlags(flags));
