import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { DnsAnswer, DnsFamily, DnsResolver } from "../../../src/platform/dns.ts";
import { NodeDnsResolver } from "../../../src/platform/node/dns.ts";
import { parseHosts } from "../../../src/platform/node/hosts-file.ts";
import { candidates, parseResolvConf } from "../../../src/platform/node/resolv-conf.ts";

/**
 * Answers A questions for the names it knows, NXDOMAIN otherwise; SERVFAIL for names with "broken".
 */
class DnsServer {
  readonly asked: string[] = [];
  readonly socket: Socket = createSocket("udp4");
  private readonly names = new Map<string, { ip: string; ttl: number }>();

  set(name: string, ip: string, ttl: number): void {
    this.names.set(name, { ip, ttl });
  }

  start(): Promise<string> {
    this.socket.on("message", (question, from) => {
      this.socket.send(this.answer(question), from.port, from.address);
    });
    return new Promise((resolve) => {
      this.socket.bind(0, "127.0.0.1", () => {
        resolve(`127.0.0.1:${(this.socket.address() as AddressInfo).port}`);
      });
    });
  }

  private answer(question: Buffer): Buffer {
    let at = 12;
    const labels: string[] = [];
    while (question[at] !== 0) {
      const length = question[at]!;
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += length + 1;
    }
    const type = question.readUInt16BE(at + 1);
    const end = at + 5;
    const name = labels.join(".");
    this.asked.push(`${name} ${type === 1 ? "A" : "AAAA"}`);
    const record = type === 1 ? this.names.get(name) : undefined;
    const head = Buffer.from(question.subarray(0, end));
    head.writeUInt16BE(0x8180 | (record === undefined ? this.failure(name) : 0), 2);
    head.writeUInt16BE(record === undefined ? 0 : 1, 6);
    head.writeUInt16BE(0, 8);
    head.writeUInt16BE(0, 10);
    if (record === undefined) return head;
    const body = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    body.writeUInt32BE(record.ttl, 6);
    record.ip.split(".").forEach((part, index) => void body.writeUInt8(Number(part), 12 + index));
    return Buffer.concat([head, body]);
  }

  private failure(name: string): number {
    if (name.includes("broken")) return 2;
    return this.names.has(name) ? 0 : 3;
  }
}

describe("NodeDnsResolver", () => {
  const server = new DnsServer();
  let folder: string;
  let resolver: DnsResolver;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-"));
    await writeFile(
      join(folder, "hosts"),
      "127.0.0.1 localhost\n10.0.0.1 Fixed fixed.example # a comment\nfd00::1 fixed\n",
    );
    await writeFile(join(folder, "resolv.conf"), "search a.example b.example\noptions ndots:2\n");
    resolver = new NodeDnsResolver({
      hostsPath: join(folder, "hosts"),
      resolvConfPath: join(folder, "resolv.conf"),
      tries: 1,
    }).withServers([await server.start()]);
    server.set("web.b.example", "10.1.0.1", 30);
    server.set("x.y.z", "10.1.0.2", 60);
    server.set("bare", "10.1.0.3", 7);
  });

  after(async () => {
    server.socket.close();
    await rm(folder, { recursive: true });
  });

  function resolve(name: string, family: DnsFamily = "v4"): Promise<DnsAnswer> {
    return new Promise((done) => resolver.resolve(name, family, done));
  }

  it("answers from the hosts file, each family for itself, whatever the case", async () => {
    assert.deepEqual(await resolve("fixed"), {
      kind: "resolved",
      addresses: [{ ip: "10.0.0.1", ttlMs: 0 }],
    });
    assert.deepEqual(await resolve("FIXED", "v6"), {
      kind: "resolved",
      addresses: [{ ip: "fd00::1", ttlMs: 0 }],
    });
    assert.deepEqual(await resolve("fixed.example", "v6"), { kind: "not-found" });
    assert.deepEqual(server.asked, []);
  });

  it("reads the hosts file again when it changed", async () => {
    const hostsPath = join(folder, "changing");
    const changing = new NodeDnsResolver({ hostsPath, resolvConfPath: join(folder, "none") });
    const ask = (): Promise<DnsAnswer> =>
      new Promise((done) => changing.resolve("moving", "v4", done));
    for (const [seconds, ip] of [
      [1000, "10.0.0.8"],
      [2000, "10.0.0.9"],
    ] as const) {
      await writeFile(hostsPath, `${ip} moving\n`);
      await utimes(hostsPath, seconds, seconds);
      assert.deepEqual(await ask(), { kind: "resolved", addresses: [{ ip, ttlMs: 0 }] });
    }
  });

  it("takes search domains in order and gives the TTL of the answer", async () => {
    server.asked.length = 0;
    assert.deepEqual(await resolve("web"), {
      kind: "resolved",
      addresses: [{ ip: "10.1.0.1", ttlMs: 30_000 }],
    });
    assert.deepEqual(server.asked, ["web.a.example A", "web.b.example A"]);
  });

  it("asks for a name with enough dots as it is first", async () => {
    server.asked.length = 0;
    assert.equal((await resolve("x.y.z")).kind, "resolved");
    assert.deepEqual(server.asked, ["x.y.z A"]);
  });

  it("asks for the bare name after the search domains", async () => {
    server.asked.length = 0;
    assert.equal((await resolve("bare")).kind, "resolved");
    assert.deepEqual(server.asked, ["bare.a.example A", "bare.b.example A", "bare A"]);
  });

  it("does not search for a name with a trailing dot", async () => {
    server.asked.length = 0;
    assert.deepEqual(await resolve("web."), { kind: "not-found" });
    assert.deepEqual(server.asked, ["web A"]);
  });

  it("tells a name without address from a server that fails", async () => {
    assert.deepEqual(await resolve("x.y.z", "v6"), { kind: "not-found" });
    const answer = await resolve("a.broken.example.");
    assert.deepEqual(answer, { kind: "failure", code: "ESERVFAIL" });
  });

  it("answers IP addresses and localhost by itself", async () => {
    server.asked.length = 0;
    assert.deepEqual(await resolve("192.0.2.1"), {
      kind: "resolved",
      addresses: [{ ip: "192.0.2.1", ttlMs: 0 }],
    });
    assert.deepEqual(await resolve("192.0.2.1", "v6"), { kind: "not-found" });
    assert.deepEqual(await resolve("sub.localhost", "v6"), {
      kind: "resolved",
      addresses: [{ ip: "::1", ttlMs: 0 }],
    });
    assert.deepEqual(server.asked, []);
  });
});

describe("parseHosts", () => {
  it("leaves out comments, zones and what is no address", () => {
    const table = parseHosts("# 10.0.0.1 no\nfe80::1%lo0 zone\nnonsense name\n10.0.0.2 a b\n");
    assert.deepEqual([...table.keys()], ["a", "b"]);
  });
});

describe("parseResolvConf", () => {
  it("takes the last search line and ndots", () => {
    const conf = parseResolvConf(
      "domain old.example\nsearch one. two\noptions timeout:1 ndots:5\n",
    );
    assert.deepEqual(conf, { search: ["one", "two"], ndots: 5 });
  });

  it("has one dot as the default", () => {
    assert.deepEqual(candidates("a.b", parseResolvConf("search d\n")), ["a.b", "a.b.d"]);
    assert.deepEqual(candidates("a", parseResolvConf("search d\n")), ["a.d", "a"]);
  });
});
