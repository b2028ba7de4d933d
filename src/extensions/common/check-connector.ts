/** Connects to the address at which a host is checked; the cluster's socket settings hold. */
import { Connection, type ConnectionCallbacks } from "../../network/connection.ts";
import type { Socket } from "../../platform/sockets.ts";
import type { HealthProbeServices, HealthProbeTarget } from "../../upstream/health/health-probe.ts";
import { Connector, type ConnectorCallbacks } from "../../upstream/pool/connector.ts";

/** Begins to connect. Never calls back inside. */
export function connectForCheck(
  target: HealthProbeTarget,
  services: HealthProbeServices,
  callbacks: ConnectorCallbacks,
): Connector {
  const settings = target.cluster.connection;
  const addresses = { address: target.address(), additionalAddresses: [] };
  const { dispatcher, sockets } = services;
  const connector = new Connector(dispatcher, sockets, settings, addresses, callbacks);
  connector.start();
  return connector;
}

/** The connection over a socket that has connected. */
export function openCheckConnection(
  socket: Socket,
  target: HealthProbeTarget,
  services: HealthProbeServices,
  callbacks: ConnectionCallbacks,
): Connection {
  const { cluster } = target;
  const { keepalive } = cluster.connection;
  if (keepalive !== null) socket.setKeepAlive(true, keepalive.initialDelayMs);
  return new Connection(services.dispatcher, socket, callbacks, {
    bufferLimitBytes: cluster.perConnectionBufferLimitBytes,
    halfClose: false,
  });
}
