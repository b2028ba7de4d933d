import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { bootstrap, socketAddress } from "../configs.ts";
import { ServerFixture } from "../server-fixture.ts";

const FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

let fixture: ServerFixture;
afterEach(() => fixture.close());

async function startWith(admin: object): Promise<void> {
  const address = socketAddress(9901);
  fixture = await ServerFixture.create(bootstrap({ more: { admin: { address, ...admin } } }));
  await fixture.start();
}

describe("the access log of the admin interface", () => {
  const format = { text_format_source: { inline_string: "%REQ(:PATH)% %RESPONSE_CODE%\n" } };

  it("gets a line per request", async () => {
    const typed_config = { "@type": FILE_LOG, path: "/log/admin", log_format: format };
    await startWith({ access_log: [{ name: "file", typed_config }] });
    await fixture.get("/ready?x");
    await fixture.get("/nope");
    assert.equal(fixture.files.logs.get("/log/admin"), "/ready?x 200\n/nope 404\n");
  });

  it("may be named by the older access_log_path", async () => {
    await startWith({ access_log_path: "/log/old" });
    await fixture.get("/ready");
    assert.match(fixture.files.logs.get("/log/old") ?? "", /"GET \/ready HTTP\/1\.1" 200 /);
  });

  it("with an unknown type refuses the bootstrap by its place", async () => {
    const access_log = [{ name: "x", typed_config: { "@type": FILE_LOG, path: "/log/admin" } }];
    const bad = { ...access_log[0], filter: { response_flag_filter: { flags: ["NOPE"] } } };
    const text = bootstrap({
      more: { admin: { address: socketAddress(9901), access_log: [...access_log, bad] } },
    });
    fixture = await ServerFixture.create(text);
    const diagnostics = await fixture.settled(fixture.server.start());
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    assert.match(errors[0]?.path ?? "", /^admin\.access_log\[1\]\.filter/);
  });
});

describe("allow_paths", () => {
  it("lets only what matches through, query included", async () => {
    await startWith({ allow_paths: [{ prefix: "/ready" }, { exact: "/listeners" }] });
    assert.equal((await fixture.get("/ready?x")).status, 200);
    assert.equal((await fixture.get("/listeners")).status, 200);
    const { status, body } = await fixture.get("/listeners?format=json");
    assert.deepEqual([status, body], [403, "request to path /listeners?format=json not allowed"]);
    assert.equal((await fixture.post("/quitquitquit")).status, 403);
    assert.equal(fixture.quits, 0);
  });
});

describe("fields of admin that have no effect", () => {
  it("are named", async () => {
    const admin = {
      address: socketAddress(9901),
      profile_path: "/p",
      socket_options: [{ level: 1, name: 2, int_value: 3 }],
    };
    fixture = await ServerFixture.create(bootstrap({ more: { admin } }));
    const diagnostics = await fixture.start();
    const warnings = diagnostics.map(({ path }) => path).sort();
    assert.deepEqual(warnings, ["admin.profile_path", "admin.socket_options"]);
  });
});

describe("an admin port that cannot be opened", () => {
  it("ends the start before anything listens", async () => {
    fixture = await ServerFixture.create(bootstrap({}));
    const problem = { severity: "error", path: "admin.address", message: "taken", remedy: "" };
    const diagnostics = await fixture.settled(
      fixture.server.start(async () => [problem as typeof problem & { severity: "error" }]),
    );
    assert.deepEqual(
      diagnostics.map(({ message, path }) => [path, message]),
      [["admin.address", "taken"]],
    );
    assert.deepEqual(fixture.network.listening(), []);
    assert.equal(fixture.server.state, "PRE_INITIALIZING");
  });
});
