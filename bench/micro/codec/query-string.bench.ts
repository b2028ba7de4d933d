// Parts of a request head that routes read: query parameters, cookies, the port of a host.
import { portStart } from "../../../src/codec/authority.ts";
import { cookieValue } from "../../../src/codec/cookie.ts";
import { RequestHeaderMap } from "../../../src/codec/header-map.ts";
import { Headers } from "../../../src/codec/header-names.ts";
import { pathLength, queryParameter } from "../../../src/codec/query-string.ts";
import { bench } from "../../kit/micro.ts";

const path = "/api/v1/users?first=1&second=2&user=abc";
bench("pathLength", () => pathLength(path), { allocatedBytesMax: 0 });
bench("queryParameter, third of three", () => queryParameter(path, "user"));
const headers = new RequestHeaderMap();
headers.add(Headers.Cookie, "session=abcdef0123456789; theme=dark; group=canary");
bench("cookieValue, third of three", () => cookieValue(headers, "group"));
bench("portStart", () => portStart("api.example.com:8443"), { allocatedBytesMax: 0 });
