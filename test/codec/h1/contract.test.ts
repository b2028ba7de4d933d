import { describe } from "node:test";
import { Http1ClientConnection } from "../../../src/codec/h1/client-connection.ts";
import { RequestParser } from "../../../src/codec/h1/request-parser.ts";
import { ResponseParser } from "../../../src/codec/h1/response-parser.ts";
import { Http1ServerConnection } from "../../../src/codec/h1/server-connection.ts";
import { DEFAULT_HTTP1_SETTINGS } from "../../../src/codec/h1/settings.ts";
import type { Connection } from "../../../src/network/connection.ts";
import { type CodecPairFactory, codecContract } from "../../contract/codec.ts";

/** The part of a connection that codecs use; what is written goes to the other codec. */
function pipe(dispatch: (bytes: Buffer) => void): Connection {
  return {
    open: true,
    dispatcher: { deferFlush: (item: { flush(): void }) => item.flush() },
    write: (text: string) => dispatch(Buffer.from(text, "latin1")),
    writeBytes: (bytes: Buffer) => dispatch(Buffer.from(bytes)),
    readDisable: () => undefined,
  } as unknown as Connection;
}

const http1: CodecPairFactory = (serverCallbacks, clientCallbacks) => {
  const settings = { ...DEFAULT_HTTP1_SETTINGS, enableTrailers: true };
  const observer = { onHeadersDropped: () => undefined, onUnderscoreRefused: () => undefined };
  const server: Http1ServerConnection = new Http1ServerConnection(
    pipe((bytes) => client.dispatch(bytes)),
    serverCallbacks,
    observer,
    new RequestParser(settings),
  );
  const client: Http1ClientConnection = new Http1ClientConnection(
    pipe((bytes) => server.dispatch(bytes)),
    clientCallbacks,
    new ResponseParser(settings),
  );
  const close = (): void => {
    server.onConnectionClose();
    client.onConnectionClose("connection termination", "");
  };
  return { client, server, close };
};

describe("the HTTP/1 codec", () => codecContract(http1));
