import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConnectionManagerRuntime } from "../../src/http/connection-manager-runtime.ts";
import type { HttpFilterEntry } from "../../src/http/stream-filters.ts";
import { chooseUpgrade } from "../../src/http/upgrades.ts";
import type { Route } from "../../src/route/route.ts";
import { managerConfig, request } from "./manager-fixture.ts";

const usual: readonly HttpFilterEntry[] = [];
const own: readonly HttpFilterEntry[] = [];

const choose = (
  how: {
    readonly byManager?: boolean;
    readonly byRoute?: boolean;
    readonly route?: boolean;
    readonly ownFilters?: boolean;
  },
  from = request({ upgrade: "WebSocket", connection: "upgrade" }),
  type = "websocket",
): readonly HttpFilterEntry[] | null => {
  const upgrades = new Map(how.byManager === undefined ? [] : [[type, how.byManager]]);
  const runtime = {
    config: managerConfig({ upgrades }),
    filters: usual,
    upgradeFilters: new Map(how.ownFilters === true ? [[type, own]] : []),
  } as unknown as ConnectionManagerRuntime;
  const byRoute = new Map(how.byRoute === undefined ? [] : [[type, how.byRoute]]);
  const route = { entry: { upgrades: byRoute } } as unknown as Route;
  return chooseUpgrade(from, how.route === false ? null : route, runtime);
};

describe("an upgrade", () => {
  it("is refused unless the manager or the route allows it", () => {
    assert.equal(choose({}), null);
    assert.equal(choose({ byManager: false }), null);
    assert.equal(choose({ byManager: true }), usual);
    assert.equal(choose({ byRoute: true }), usual);
  });

  it("is decided by the route before the manager", () => {
    assert.equal(choose({ byManager: true, byRoute: false }), null);
    assert.equal(choose({ byManager: false, byRoute: true }), usual);
  });

  it("takes the filters made for its type", () => {
    assert.equal(choose({ byManager: true, ownFilters: true }), own);
  });

  it("without a route is the router's to answer", () => {
    assert.equal(choose({ route: false }), usual);
  });

  it("by CONNECT counts as type connect", () => {
    const connect = request({}, "CONNECT", "");
    assert.equal(choose({ byManager: true }, connect), null);
    assert.equal(choose({ byManager: true }, connect, "connect"), usual);
  });
});
