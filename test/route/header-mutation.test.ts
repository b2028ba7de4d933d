import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseHeaderMap } from "../../src/codec/header-map.ts";
import type { HeaderValueOption } from "../../src/proto/generated/envoy/config/core/v3.ts";
import type { RouteConfiguration } from "../../src/proto/generated/envoy/config/route/v3.ts";
import {
  headerLines,
  oneHost,
  routeProblems,
  routeTable,
  TestRequest,
} from "../kit/route-request.ts";

type Action = NonNullable<HeaderValueOption["appendAction"]>;

function add(key: string, value: string, appendAction?: Action): HeaderValueOption {
  return { header: { key, value }, ...(appendAction === undefined ? {} : { appendAction }) };
}

/** What the upstream would see of a request with these headers. */
function forwarded(
  message: RouteConfiguration,
  headers: Record<string, string> | [string, string][],
): string[] {
  const request = new TestRequest("/p", { headers });
  const route = routeTable(message).match(request)!;
  route.entry!.finalizeRequestHeaders(request.headers, request.streamInfo, true);
  return request.lines();
}

function onRoute(...requestHeadersToAdd: HeaderValueOption[]): RouteConfiguration {
  return oneHost({ match: { prefix: "/" }, route: { cluster: "c" }, requestHeadersToAdd });
}

describe("header mutations of one level", () => {
  it("append, overwrite, add if absent, overwrite if exists", () => {
    const message = onRoute(
      add("x", "2"),
      add("y", "2", "OVERWRITE_IF_EXISTS_OR_ADD"),
      add("z", "2", "ADD_IF_ABSENT"),
      add("w", "2", "OVERWRITE_IF_EXISTS"),
    );
    assert.deepEqual(forwarded(message, {}), ["y: 2", "x: 2", "z: 2"]);
    assert.deepEqual(forwarded(message, { x: "1", y: "1", z: "1", w: "1" }), [
      "x: 1",
      "z: 1",
      "y: 2",
      "w: 2",
      "x: 2",
    ]);
  });

  it("take a raw_value byte for byte, without commands", () => {
    const rawValue = Uint8Array.of(0xe9, 0x25, 0x52, 0x45, 0x51);
    assert.deepEqual(forwarded(onRoute({ header: { key: "x", rawValue } }), {}), ["x: \xe9%REQ"]);
    const both = onRoute({ header: { key: "x", value: "v", rawValue } });
    assert.deepEqual(routeProblems(both), [
      "error virtual_hosts[0].routes[0].request_headers_to_add[0].header.raw_value: " +
        "value and raw_value are both set",
    ]);
  });

  it("know the deprecated append switch", () => {
    const message = onRoute(
      { ...add("x", "2"), append: false },
      { ...add("y", "2"), append: true },
    );
    assert.deepEqual(forwarded(message, { x: "1", y: "1" }), ["y: 1", "x: 2", "y: 2"]);
  });

  it("remove before they add, and compute all values before they change any", () => {
    const message = oneHost({
      match: { prefix: "/" },
      route: { cluster: "c" },
      requestHeadersToRemove: ["Gone", "x"],
      requestHeadersToAdd: [
        add("x", "new"),
        add("a", "%REQ(b)%", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("b", "%REQ(a)%", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("old", "%REQ(gone)%"),
      ],
    });
    assert.deepEqual(forwarded(message, { x: "1", a: "A", b: "B", gone: "1" }), [
      "a: B",
      "b: A",
      "x: new",
    ]);
  });

  it("leave empty values out unless told to keep them", () => {
    const message = onRoute(add("x", "%REQ(none)%"), { ...add("y", ""), keepEmptyValue: true });
    assert.deepEqual(forwarded(message, {}), ["y: "]);
  });

  it("append to one line where Envoy keeps one value", () => {
    const message = onRoute(add("via", "2"), add("cookie", "b=2"), add("x-plain", "2"));
    assert.deepEqual(forwarded(message, { via: "1", cookie: "a=1", "x-plain": "1" }), [
      "via: 1,2",
      "cookie: a=1",
      "x-plain: 1",
      "cookie: b=2",
      "x-plain: 2",
    ]);
  });

  it("write constants as bytes and %% as a percent sign", () => {
    assert.deepEqual(forwarded(onRoute(add("x", "é"), add("y", "1%%")), {}), [
      "x: \xc3\xa9",
      "y: 1%",
    ]);
  });

  it("may not touch pseudo headers and host", () => {
    const message = oneHost({
      match: { prefix: "/" },
      route: { cluster: "c" },
      requestHeadersToAdd: [add(":path", "/x"), add("Host", "h")],
      requestHeadersToRemove: [":method", "host"],
      responseHeadersToAdd: [add(":status", "200")],
    });
    const route = "error virtual_hosts[0].routes[0]";
    assert.deepEqual(routeProblems(message), [
      `${route}.request_headers_to_remove[0]: Header :method may not be removed`,
      `${route}.request_headers_to_remove[1]: Header host may not be removed`,
      `${route}.request_headers_to_add[0].header.key: Header :path may not be modified`,
      `${route}.request_headers_to_add[1].header.key: Header Host may not be modified`,
      `${route}.response_headers_to_add[0].header.key: Header :status may not be modified`,
    ]);
  });

  it("report both append switches, a bad format and a missing name", () => {
    const message = onRoute(
      { ...add("x", "1", "ADD_IF_ABSENT"), append: true },
      add("y", "%BAD%"),
      {},
    );
    const field = "error virtual_hosts[0].routes[0].request_headers_to_add";
    assert.deepEqual(routeProblems(message), [
      `${field}[0].append: append and append_action are both set`,
      `${field}[1].header.value: Bad format`,
      `${field}[2].header.key: A header needs a name`,
    ]);
  });
});

describe("header mutations of several levels", () => {
  function levels(mostSpecificHeaderMutationsWins: boolean): RouteConfiguration {
    return {
      mostSpecificHeaderMutationsWins,
      requestHeadersToRemove: ["x"],
      requestHeadersToAdd: [add("x", "c")],
      virtualHosts: [
        {
          name: "v",
          domains: ["*"],
          requestHeadersToAdd: [add("x", "v", "OVERWRITE_IF_EXISTS_OR_ADD")],
          routes: [
            {
              match: { prefix: "/" },
              route: { cluster: "c" },
              requestHeadersToAdd: [add("x", "r")],
            },
          ],
        },
      ],
    };
  }

  it("go from the route outwards, so that the configuration wins", () => {
    assert.deepEqual(forwarded(levels(false), { x: "1" }), ["x: c"]);
  });

  it("go from the configuration inwards with most_specific_header_mutations_wins", () => {
    assert.deepEqual(forwarded(levels(true), { x: "1" }), ["x: v", "x: r"]);
  });

  it("begin with the weighted cluster", () => {
    const clusters = [
      {
        name: "c",
        weight: 1,
        requestHeadersToAdd: [add("x", "w")],
        responseHeadersToAdd: [add("y", "w")],
      },
    ];
    const message = oneHost({
      match: { prefix: "/" },
      route: { weightedClusters: { clusters } },
      requestHeadersToAdd: [add("x", "r")],
      responseHeadersToAdd: [add("y", "%REQ(x)%%RESP(z)%")],
    });
    assert.deepEqual(forwarded(message, {}), ["x: w", "x: r"]);
    const request = new TestRequest("/p", { headers: { x: "1" } });
    const response = new ResponseHeaderMap();
    const { entry } = routeTable(message).match(request)!;
    entry!.finalizeResponseHeaders(response, request.headers, request.streamInfo);
    assert.deepEqual(headerLines(response), ["y: w", "y: 1"]);
  });
});
