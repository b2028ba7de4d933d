// Reading the first bytes of a connection.
import { detectHttp } from "../../../../src/extensions/listener-filters/http-inspector/request-line.ts";
import { parseProxyHeader } from "../../../../src/extensions/listener-filters/proxy-protocol/header.ts";
import { ClientHelloParser } from "../../../../src/extensions/listener-filters/tls-inspector/client-hello.ts";
import { clientHello } from "../../../../test/kit/client-hello.ts";
import { bench } from "../../../kit/micro.ts";

const parser = new ClientHelloParser();
const hello = clientHello({ serverName: "www.example.com", protocols: ["h2", "http/1.1"] });
bench("ClientHelloParser: name and two protocols", () => parser.parse(hello));

const request = Buffer.from("GET /some/path?with=query HTTP/1.1\r\nhost: example.com\r\n\r\n");
bench("detectHttp: a GET", () => detectHttp(request));

const v1 = Buffer.from("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n");
bench("parseProxyHeader: version 1", () => parseProxyHeader(v1));
const v2 = Buffer.from("0d0a0d0a000d0a515549540a2111000cc0a80001c0a8000bdc0401bb", "hex");
bench("parseProxyHeader: version 2", () => parseProxyHeader(v2));
