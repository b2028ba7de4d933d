// Questions about headers: a map of eleven, a cookie, an authority, whether a name is inline.
import { portStart } from "../../../src/codec/authority.ts";
import { cookieValue } from "../../../src/codec/cookie.ts";
import { RequestHeaderMap } from "../../../src/codec/header-map.ts";
import { Headers, headerName } from "../../../src/codec/header-names.ts";
import { isInlineHeader } from "../../../src/codec/inline-headers.ts";
import { bench } from "../../kit/micro.ts";

const headers = new RequestHeaderMap();
headers.path = "/p";
for (let index = 0; index < 9; index += 1) headers.add(headerName(`x-name-${index}`), "value");
headers.add(Headers.Cookie, "session=0123456789abcdef; theme=dark; visited=1");
headers.add(headerName("x-request-id"), "8c7d9a4e-1f2b-4c3d-9e8f-7a6b5c4d3e2f");

const last = headerName("x-request-id");
const absent = headerName("x-absent");
bench("HeaderMap.get, last of 11", () => headers.get(last), { allocatedBytesMax: 0 });
bench("HeaderMap.get, absent", () => headers.get(absent), { allocatedBytesMax: 0 });
bench("HeaderMap.set", () => headers.set(last, "new"), { allocatedBytesMax: 0 });
// Lower-casing makes a new string.
bench("headerName of a known name", () => headerName("x-request-id"), { allocatedBytesMax: 32 });
bench("cookieValue, second of three", () => cookieValue(headers, "theme"), {
  allocatedBytesMax: 32,
});
bench("portStart", () => portStart("products.default.svc.cluster.local:8080"), {
  allocatedBytesMax: 0,
});
bench("isInlineHeader", () => isInlineHeader(last, "request"), { allocatedBytesMax: 0 });
