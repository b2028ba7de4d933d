/**
 * The sections of /config_dump: which messages they are made of, and which resources of the store
 * fill their lists. Envoy: the callbacks of `Server::ConfigTracker`, in the order of their keys.
 */
import type { ConfigLoader } from "../../../config/config-loader.ts";
import { redact } from "../../../config/redact.ts";
import type { StoredResource } from "../../../config/resource-store.ts";
import type { JsonObject } from "../../../proto/plain.ts";
import { CLUSTER_TYPE, LISTENER_TYPE } from "../../dynamic-config.ts";
import { ROUTE_TYPE } from "../../named-subscriptions.ts";
import type { Server } from "../../server.ts";
import type { AdminHost } from "../admin-host.ts";
import { endpointLists } from "./endpoint-lists.ts";
import { dynamicListeners } from "./listener-states.ts";
import { inlineRoutes } from "./static-routes.ts";
import {
  type DumpItem,
  errorState,
  type ResourceReader,
  storedJson,
  timestamp,
} from "./stored-json.ts";

/** A repeated field of a section. */
export interface ResourceField {
  readonly field: string;
  /** Message type of the elements. */
  readonly elementType: string;
  /** The field of an element that holds the resource as an Any; "" when there is none. */
  readonly anyField: string;
  /** Message type of that resource. */
  readonly resourceType: string;
  items(read: ResourceReader): AsyncIterable<DumpItem>;
}

export interface DumpSection {
  /** `envoy.admin.v3.ClustersConfigDump`. */
  readonly typeName: string;
  /** Names of the fields that are no lists. */
  readonly singleFields: readonly string[];
  head(): Promise<JsonObject>;
  readonly lists: readonly ResourceField[];
}

export type DumpSections = readonly DumpSection[];

const ADMIN = "envoy.admin.v3";
const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret";
const SECRET_TYPE = `type.googleapis.com/${SECRET}`;

export async function dumpSections(
  { server }: AdminHost,
  matches: (name: string) => boolean,
  includeEndpoints: boolean,
): Promise<DumpSections> {
  const warming = new Set((await server.planes?.facts())?.warmingClusters);
  const stored = (typeUrl: string): StoredResource[] =>
    server.store.all(typeUrl).filter(({ name }) => matches(name));
  return [
    bootstrapSection(server),
    clusterSection(server, stored(CLUSTER_TYPE), warming),
    ...(includeEndpoints ? [endpointSection(server, matches)] : []),
    listenerSection(server, stored(LISTENER_TYPE), matches),
    section("ScopedRoutesConfigDump", [
      emptyList("inline_scoped_route_configs", "ScopedRoutesConfigDump.InlineScopedRouteConfigs"),
      emptyList("dynamic_scoped_route_configs", "ScopedRoutesConfigDump.DynamicScopedRouteConfigs"),
    ]),
    routeSection(server, stored(ROUTE_TYPE), matches),
    secretSection(server, stored(SECRET_TYPE)),
  ];
}

function section(name: string, lists: readonly ResourceField[], version?: string): DumpSection {
  return {
    typeName: `${ADMIN}.${name}`,
    singleFields: version === undefined ? [] : ["version_info"],
    head: async (): Promise<JsonObject> =>
      version === undefined || version === "" ? {} : { version_info: version },
    lists,
  };
}

async function* nothing(): AsyncGenerator<DumpItem> {}

function emptyList(field: string, elementType: string): ResourceField {
  return {
    field,
    elementType: `${ADMIN}.${elementType}`,
    anyField: "",
    resourceType: "",
    items: nothing,
  };
}

/** The message without its static resources, and those from the store, which has them anyway. */
function bootstrapSection(server: Server): DumpSection {
  return {
    typeName: `${ADMIN}.BootstrapConfigDump`,
    singleFields: ["bootstrap", "last_updated"],
    lists: [],
    head: async (): Promise<JsonObject> => {
      const { loader, store, bootstrapBytes, startedWallMs } = server;
      const source = { typeName: BOOTSTRAP, bytes: bootstrapBytes };
      const [written] = (await loader.toJson([source], "snake")) as [JsonObject];
      const resources: JsonObject = { ...(written["static_resources"] as JsonObject) };
      for (const [field, typeUrl] of STATIC_FIELDS) {
        const list: JsonObject[] = [];
        const items = store.all(typeUrl).filter(({ origin }) => origin === "static");
        for await (const { resource } of storedJson(loader, items)) {
          const { "@type": _, ...message } = resource;
          list.push(message);
        }
        if (list.length > 0) resources[field] = list;
      }
      const withStatic = Object.keys(resources).length > 0 ? { static_resources: resources } : {};
      const bootstrap = redact({ ...written, ...withStatic }) as JsonObject;
      return { bootstrap, last_updated: timestamp(startedWallMs) };
    },
  };
}

const STATIC_FIELDS: readonly (readonly [field: string, typeUrl: string])[] = [
  ["listeners", LISTENER_TYPE],
  ["clusters", CLUSTER_TYPE],
  ["secrets", SECRET_TYPE],
];

function clusterSection(
  server: Server,
  clusters: readonly StoredResource[],
  warming: ReadonlySet<string>,
): DumpSection {
  const { loader, store } = server;
  const dynamic = clusters.filter(({ origin }) => origin === "dynamic");
  const waits = ({ name, bytes }: StoredResource): boolean =>
    bytes.length === 0 || warming.has(name);
  const serving = dynamic.filter((one) => !waits(one));
  const message = "ClustersConfigDump.DynamicCluster";
  const list = { anyField: "cluster", resourceType: "envoy.config.cluster.v3.Cluster" };
  return section(
    "ClustersConfigDump",
    [
      {
        ...list,
        field: "static_clusters",
        elementType: `${ADMIN}.ClustersConfigDump.StaticCluster`,
        items: (read) => staticItems(read, loader, clusters, "cluster"),
      },
      {
        ...list,
        field: "dynamic_active_clusters",
        elementType: `${ADMIN}.${message}`,
        items: (read) => dynamicItems(read, loader, serving, "cluster"),
      },
      {
        ...list,
        field: "dynamic_warming_clusters",
        elementType: `${ADMIN}.${message}`,
        items: (read) => dynamicItems(read, loader, dynamic.filter(waits), "cluster"),
      },
    ],
    store.version(CLUSTER_TYPE),
  );
}

function endpointSection(server: Server, matches: (name: string) => boolean): DumpSection {
  const list = {
    anyField: "endpoint_config",
    resourceType: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  };
  return section("EndpointsConfigDump", [
    {
      ...list,
      field: "static_endpoint_configs",
      elementType: `${ADMIN}.EndpointsConfigDump.StaticEndpointConfig`,
      items: () => endpointLists(server, "static", matches),
    },
    {
      ...list,
      field: "dynamic_endpoint_configs",
      elementType: `${ADMIN}.EndpointsConfigDump.DynamicEndpointConfig`,
      items: () => endpointLists(server, "dynamic", matches),
    },
  ]);
}

function listenerSection(
  server: Server,
  listeners: readonly StoredResource[],
  matches: (name: string) => boolean,
): DumpSection {
  const resourceType = "envoy.config.listener.v3.Listener";
  return section(
    "ListenersConfigDump",
    [
      {
        field: "static_listeners",
        elementType: `${ADMIN}.ListenersConfigDump.StaticListener`,
        anyField: "listener",
        resourceType,
        items: (read) => staticItems(read, server.loader, listeners, "listener"),
      },
      {
        field: "dynamic_listeners",
        elementType: `${ADMIN}.ListenersConfigDump.DynamicListener`,
        anyField: "",
        resourceType,
        items: () => dynamicListeners(server, listeners, matches),
      },
    ],
    server.store.version(LISTENER_TYPE),
  );
}

function routeSection(
  server: Server,
  routes: readonly StoredResource[],
  matches: (name: string) => boolean,
): DumpSection {
  const list = {
    anyField: "route_config",
    resourceType: "envoy.config.route.v3.RouteConfiguration",
  };
  return section("RoutesConfigDump", [
    {
      ...list,
      field: "static_route_configs",
      elementType: `${ADMIN}.RoutesConfigDump.StaticRouteConfig`,
      items: () => inlineRoutes(server, matches),
    },
    {
      ...list,
      field: "dynamic_route_configs",
      elementType: `${ADMIN}.RoutesConfigDump.DynamicRouteConfig`,
      items: (read) => dynamicItems(read, server.loader, routes, "route_config"),
    },
  ]);
}

function secretSection({ loader }: Server, secrets: readonly StoredResource[]): DumpSection {
  return section("SecretsConfigDump", [
    {
      field: "static_secrets",
      elementType: `${ADMIN}.SecretsConfigDump.StaticSecret`,
      anyField: "secret",
      resourceType: SECRET,
      items: async function* (): AsyncGenerator<JsonObject> {
        for await (const { stored, resource } of storedJson(loader, secrets)) {
          const last_updated = timestamp(stored.updatedWallMs);
          yield { name: stored.name, last_updated, secret: resource };
        }
      },
    },
    emptyList("dynamic_active_secrets", "SecretsConfigDump.DynamicSecret"),
    emptyList("dynamic_warming_secrets", "SecretsConfigDump.DynamicSecret"),
  ]);
}

async function* staticItems(
  read: ResourceReader,
  loader: ConfigLoader,
  all: readonly StoredResource[],
  field: string,
): AsyncGenerator<DumpItem> {
  const items = all.filter(({ origin }) => origin === "static");
  for await (const { stored, resource } of read(loader, items)) {
    yield { [field]: resource, last_updated: timestamp(stored.updatedWallMs) };
  }
}

async function* dynamicItems(
  read: ResourceReader,
  loader: ConfigLoader,
  items: readonly StoredResource[],
  field: string,
): AsyncGenerator<DumpItem> {
  for await (const { stored, resource } of read(loader, items)) {
    const known = stored.bytes.length > 0;
    yield {
      ...(stored.version === "" ? {} : { version_info: stored.version }),
      ...(known ? { [field]: resource, last_updated: timestamp(stored.updatedWallMs) } : {}),
      ...(await errorState(loader, stored)),
    };
  }
}
