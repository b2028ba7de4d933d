/** What connection pools need from outside. */
import type { ClientConnection, ClientConnectionCallbacks } from "../../codec/codec.ts";
import type { Http1Settings } from "../../codec/h1/settings.ts";
import type { Connection } from "../../network/connection.ts";
import type { Dispatcher } from "../../platform/dispatcher.ts";
import type { SocketFactory } from "../../platform/sockets.ts";

/** Makes the client side of HTTP/1 on a connection. */
export type Http1ClientFactory = (
  connection: Connection,
  callbacks: ClientConnectionCallbacks,
  settings: Http1Settings,
) => ClientConnection;

/** Gives every upstream connection of one data plane a number. */
export class ConnectionIds {
  private last: number;
  private readonly step: number;

  /** Data planes count in steps of their number, each from its own place: no id comes twice. */
  constructor(dataPlane: number = 0, dataPlanes: number = 1) {
    this.step = dataPlanes;
    this.last = 1 + dataPlane - dataPlanes;
  }

  next(): number {
    this.last += this.step;
    return this.last;
  }
}

export interface PoolServices {
  readonly dispatcher: Dispatcher;
  readonly sockets: SocketFactory;
  readonly connectionIds: ConnectionIds;
  readonly createHttp1Client: Http1ClientFactory;
}
