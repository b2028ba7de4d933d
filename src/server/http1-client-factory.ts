/**
 * Joins pools and codec: the client side of HTTP/1 on an upstream connection, with one parser per
 * set of settings.
 */
import type { ClientConnection, ClientConnectionCallbacks } from "../codec/codec.ts";
import { Http1ClientConnection } from "../codec/h1/client-connection.ts";
import { ResponseParser } from "../codec/h1/response-parser.ts";
import type { Http1Settings } from "../codec/h1/settings.ts";
import type { Connection } from "../network/connection.ts";

const parsers = new WeakMap<Http1Settings, ResponseParser>();

export function createHttp1Client(
  connection: Connection,
  callbacks: ClientConnectionCallbacks,
  settings: Http1Settings,
): ClientConnection {
  let parser = parsers.get(settings);
  if (parser === undefined) {
    parser = new ResponseParser(settings);
    parsers.set(settings, parser);
  }
  return new Http1ClientConnection(connection, callbacks, parser);
}
