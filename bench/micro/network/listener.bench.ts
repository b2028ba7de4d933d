// The life of a downstream connection without its socket: accept, filter chain match, filters, end.
import { CompileContext } from "../../../src/config/compile-context.ts";
import { tlsInspector } from "../../../src/extensions/listener-filters/tls-inspector/tls-inspector.ts";
import type { ActiveConnection } from "../../../src/network/active-connection.ts";
import { compileFilterChainMatches } from "../../../src/network/compile-filter-chain-match.ts";
import type { FilterChainMatcher } from "../../../src/network/filter-chain-match.ts";
import type { FilterManager } from "../../../src/network/filter-manager.ts";
import { Listener } from "../../../src/network/listener.ts";
import { compileListener } from "../../../src/network/listener-config.ts";
import type { ListenerFilterChain } from "../../../src/network/listener-filter-chain.ts";
import { ConnectionInfo, StreamInfo } from "../../../src/network/stream-info.ts";
import type { Listener as Message } from "../../../src/proto/generated/envoy/config/listener/v3.ts";
import { clientHello } from "../../../test/kit/client-hello.ts";
import {
  filterMessage,
  ListenerFixture,
  listenerMessage,
} from "../../../test/kit/listener-fixture.ts";
import {
  ECHO_MESSAGE,
  echoFilterType,
  type FilterScript,
  scriptedFilterType,
} from "../../../test/kit/scripted-network-filter.ts";
import { bench } from "../../kit/micro.ts";
import { StubSocket } from "../../kit/stub-socket.ts";

/** The parts of a connection's life that are measured together. */
export type Measured = ActiveConnection | FilterManager | ListenerFilterChain | FilterChainMatcher;

const script: FilterScript = {
  name: "pass",
  events: [],
  instances: [],
  atNewConnection: "continue",
  atData: "continue",
};
const { services } = new ListenerFixture({
  networkFilters: [echoFilterType(), scriptedFilterType(script, false)],
  listenerFilters: [tlsInspector()],
});

function listenerOf(message: Message): Listener {
  const config = compileListener(message, services.catalogue, new CompileContext());
  if (config === null) throw new Error("the listener of the bench is refused");
  return new Listener(config, services, () => null);
}

const ECHO = filterMessage(ECHO_MESSAGE);
const local = { ip: "127.0.0.1", port: 80 };
const request = Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n");

const plain = listenerOf(listenerMessage(80, [ECHO]));
bench("Listener: accept, one read, close", () => {
  const socket = new StubSocket();
  plain.accept(socket, local);
  socket.events.onBytes(request, request.length);
  socket.events.onClose(null);
});

const inspector = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
const inspecting = listenerOf(
  listenerMessage(80, [ECHO], { listenerFilters: [filterMessage(inspector)] }),
);
const hello = clientHello({ serverName: "a.example.com", protocols: ["h2"] });
bench("Listener: accept, inspect a ClientHello, close", () => {
  const socket = new StubSocket();
  inspecting.accept(socket, local);
  socket.events.onBytes(hello, hello.length);
  socket.events.onClose(null);
});

const two = listenerOf(listenerMessage(80, [filterMessage("test.Scripted.pass"), ECHO]));
const held = new StubSocket();
two.accept(held, local);
bench("FilterManager: one read through two filters", () => {
  held.events.onBytes(request, request.length);
  script.events.length = 0;
});

const selector = compileFilterChainMatches(
  Array.from({ length: 50 }, (_, index) => ({
    destinationPort: 8000 + (index % 5),
    serverNames: [`s${index}.example.com`],
    transportProtocol: "tls",
  })),
  true,
  new CompileContext(),
);
const info = new ConnectionInfo(1, { ip: "10.1.2.3", port: 4 }, { ip: "10.0.0.1", port: 8002 });
info.requestedServerName = "s47.example.com";
info.transportProtocol = "tls";
const streamInfo = new StreamInfo(info, 0, 0);
bench("FilterChainMatcher: one of 50 chains", () => selector?.select(streamInfo), {
  allocatedBytesMax: 0,
});
